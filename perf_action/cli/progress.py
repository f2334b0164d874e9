"""Progress of long work: a bar on a terminal, plain lines elsewhere, folded groups on GitHub."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from perf_action.measure.listener import Listener


class Lines:
    """One line for each step, with the seconds since the start: for logs."""

    def __init__(self, *, github: bool) -> None:
        self._github = github
        self._started = time.monotonic()

    @contextlib.contextmanager
    def group(self, title: str) -> Iterator[None]:
        click.echo(f"::group::{title}" if self._github else title, err=not self._github)
        try:
            yield
        finally:
            if self._github:
                click.echo("::endgroup::")

    def step(self, text: str, fraction: float) -> None:  # noqa: ARG002
        self.say(text)

    def say(self, text: str) -> None:
        click.echo(f"[{time.monotonic() - self._started:6.1f} s] {text}", err=not self._github)


class Bar:
    """A bar that says what is being measured; groups are headings."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._progress: Progress | None = None

    @contextlib.contextmanager
    def group(self, title: str) -> Iterator[None]:
        columns = (TextColumn("{task.description}"), BarColumn(bar_width=24), TimeElapsedColumn())
        with Progress(*columns, console=self._console, transient=True) as progress:
            progress.add_task(title, total=1.0)
            self._progress = progress
            yield
        self._progress = None
        self._console.print(f"[green]✓[/green] {title}", highlight=False)

    def step(self, text: str, fraction: float) -> None:
        if self._progress is not None:
            self._progress.update(self._progress.task_ids[0], description=text, completed=fraction)

    def say(self, text: str) -> None:
        self._console.print(text, highlight=False, markup=False)


def listener(environ: Mapping[str, str]) -> Listener:
    """What fits where the output goes."""
    if environ.get("GITHUB_ACTIONS") == "true":
        return Lines(github=True)
    console = Console(stderr=True)
    return Bar(console) if console.is_terminal else Lines(github=False)
