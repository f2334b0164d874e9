"""`run` and `demo`: measure a service, and an example."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import FrameType
from typing import NoReturn

import click

from perf_action.cli.options import SET, overrides_of
from perf_action.cli.progress import listener
from perf_action.config.only import only
from perf_action.git import access_of
from perf_action.machine.sysctl import Kernel
from perf_action.machine.tools_needed import service_target
from perf_action.measure import job
from perf_action.model.trial import Side
from perf_action.pipeline import running
from perf_action.pipeline.settings import Settings, read_settings
from perf_action.profilers.auto import resolve
from perf_action.system import System

_CONFIG = click.option(
    "--config",
    type=click.Path(path_type=Path),
    default="perf.yml",
    show_default=True,
    help="The settings; keys can be overridden with --set.",
)


@click.command()
@_CONFIG
@SET
@click.option(
    "--base",
    default="none",
    show_default=True,
    help="Measure against this revision side by side; auto finds it, none measures head alone.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default="perf-run",
    show_default=True,
    help="The run folder; an earlier one there is replaced.",
)
@click.option(
    "--only",
    "stages",
    multiple=True,
    metavar="STAGE",
    help="Measure this stage alone: clean, soak, or one of perf.yml's; may be repeated.",
)
@click.option("--dry-run", is_flag=True, help="Say what would run and how many minutes it takes, and stop.")
def run(
    config: Path, sets: tuple[str, ...], base: str, out: Path, stages: tuple[str, ...], *, dry_run: bool
) -> None:
    """Measure the service of perf.yml under load.

    \b
    perf-action run                        head alone, as it lies here
    perf-action run --base origin/main     base and head side by side, in two worktrees
    perf-action run --dry-run --base auto  what would run, and how long it takes
    perf-action run --only cpu --base main one stage of perf.yml, to see a regression again
    """
    system = System()
    settings = read_settings(config, overrides_of(system.environ, sets), system)
    settings = replace(settings, config=only(settings.config, stages))
    if dry_run:
        _show_plan(settings, base, system)
        return
    with stopping_cleanly():
        running.run(
            settings, system, listener(system.environ), out=out, base=base, access=access_of(system.environ)
        )
    click.echo(f"{out}: measured; perf-action assess {out} judges and renders it", err=True)


@click.command()
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default="perf-run",
    show_default=True,
    help="Where the run folder goes.",
)
def demo(out: Path) -> None:
    """Measure two commits of an example service side by side, and print the comment that a pull request would get.

    The second commit is slower in one function and leaks in another. Takes about three minutes; changes nothing but
    the run folder.
    """
    from perf_action.cli.demo import run_demo  # noqa: PLC0415

    with stopping_cleanly():
        run_demo(out, System())


@contextmanager
def stopping_cleanly() -> Iterator[None]:
    """SIGTERM ends the program as Ctrl-C does: services are stopped, half-written folders removed."""

    def stop(_number: int, _frame: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _show_plan(settings: Settings, base: str, system: System) -> None:
    sides = (Side.HEAD,) if base == "none" else (Side.BASE, Side.HEAD)
    total = 0.0
    target = partial(service_target, settings.config, settings.repository, system)
    config, notes = resolve(settings.config, target, system, Kernel(system=system).expected_events)
    for note in notes:
        click.echo(note)
    for stage, seconds in job.plan(config, sides, system):
        total += seconds
        launches = f"{stage.min_launches}" + (
            f" to {stage.max_launches}" if stage.max_launches > stage.min_launches else ""
        )
        click.echo(
            f"{stage.name:12} {stage.profiler:8} load {stage.load}, {launches} launches "
            f"({stage.placement}), {stage.slices} slices each: about {seconds / 60:.1f} min"
        )
    click.echo(
        f"in all about {total / 60:.1f} min of measuring, at most {settings.config.measure.max_minutes:g}, besides set-up and build"
    )
