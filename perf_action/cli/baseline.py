"""`baseline save|list|show|prune`: the store of earlier measurements."""

from __future__ import annotations

import json
import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from pydantic import ValidationError
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from perf_action import recording
from perf_action.config import BaselineOptions
from perf_action.config.inputs import overrides
from perf_action.errors import UsageError, one_line
from perf_action.github import read_context
from perf_action.model.metric import Metric
from perf_action.model.snapshot import Snapshot
from perf_action.model.trial import Side
from perf_action.pipeline.running import read_settings
from perf_action.render import numbers
from perf_action.store import EntryKey, Store, open_store
from perf_action.store import save as keep
from perf_action.system import System


class _Options:
    """Where the store is: --store and --branch over the action's inputs over perf.yml over the defaults."""

    def __init__(self, config: Path, store: str | None, branch: str | None) -> None:
        self.system = System()
        given = overrides(self.system.environ)
        chosen = {k.removeprefix("baseline."): v for k, v in given.items() if k.startswith("baseline.")}
        self.repository = Path.cwd()
        if config.exists():
            settings = read_settings(config, given, self.system)
            self.repository, chosen = settings.repository, settings.config.baseline.model_dump()
        if store in ("git", "none"):
            chosen["store"] = store
        elif store is not None:
            chosen |= {"store": "directory", "path": str(Path(store).resolve())}
        if branch is not None:
            chosen["branch"] = branch
        try:
            self.options = BaselineOptions.model_validate(chosen)
        except ValidationError as error:
            first = error.errors()[0]
            raise UsageError(
                f"baseline {first['loc'][0]}: {first['msg'].removeprefix('Value error, ')}"
            ) from None

    @contextmanager
    def open(self) -> Iterator[Store]:
        with open_store(self.options, self.system, self.repository) as store:
            yield store


def _with_store(command: click.decorators.FC) -> click.decorators.FC:
    """The options that say where the store is."""
    for option in (
        click.option("--branch", help="The branch, for a store on git; default: perf-data."),
        click.option("--store", metavar="DIR|git", help="A folder, or git for a branch of this repository."),
        click.option(
            "--config",
            type=click.Path(path_type=Path),
            default="perf.yml",
            show_default=True,
            help="Take `baseline:` from here, if it is there.",
        ),
    ):
        command = option(command)
    return command


_FORMAT = click.option(
    "--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True
)


@click.group()
def baseline() -> None:
    """Earlier measurements that changes are compared with."""


@baseline.command()
@click.argument("folder", metavar="RUN", type=click.Path(path_type=Path))
@_with_store
@_FORMAT
def save(folder: Path, config: Path, store: str | None, branch: str | None, form: str) -> None:
    """Keep the head side of a run folder as a baseline.

    Runs of pull requests keep nothing: they only read.
    """
    where = _Options(config, store, branch)
    context = read_context(where.system.environ)
    if context is not None and context.reads_only:
        click.echo(
            f"nothing kept: the event is {context.event}, and only runs of a branch write to the store"
        )
        return
    if where.options.store == "none":
        click.echo("nothing kept: baseline.store is none")
        return
    run = recording.read_run(folder)
    if Side.HEAD not in run.sides:
        click.echo(f"nothing kept: {run.skipped or run.identical or 'the head side was not measured'}")
        return
    with where.open() as opened:
        key = keep(
            opened,
            run.snapshot(Side.HEAD),
            recording.encode_snapshot,
            config_digest=run.config_digest,
            fingerprint=run.environment.fingerprint(),
            environ=where.system.environ,
            now_s=where.system.now(),
        )
        click.echo(json.dumps(_row(key)) if form == "json" else f"kept {key.path} in {opened.name}")


@baseline.command("list")
@_with_store
@_FORMAT
def list_(config: Path, store: str | None, branch: str | None, form: str) -> None:
    """List what the store has, the newest first."""
    with _Options(config, store, branch).open() as opened:
        keys = _newest_first(opened.entries())
        if form == "json":
            click.echo(json.dumps([_row(key) for key in keys], indent=1))
        elif not keys:
            click.echo(f"no baseline yet in {opened.name}")
        else:
            _print(_table(keys))


@baseline.command()
@click.argument("entry", default="", metavar="[COMMIT|PATH]")
@_with_store
@_FORMAT
def show(entry: str, config: Path, store: str | None, branch: str | None, form: str) -> None:
    """Show one entry: that path, or the newest of that commit; without either the newest of all."""
    with _Options(config, store, branch).open() as opened:
        key = _find(opened, entry)
        snapshot = recording.decode_snapshot(opened.read(key), f"{opened.name}: {key.path}")
    if form == "json":
        click.echo(json.dumps({**_row(key), **_describe(snapshot)}, indent=1))
        return
    click.echo(key.path)
    for name, value in _facts(snapshot):
        click.echo(f"  {name}: {one_line(value)}")
    _print(_metrics(snapshot))


@baseline.command()
@click.option(
    "--keep", "number", type=click.IntRange(min=1), required=True, help="How many of each series stay."
)
@_with_store
@_FORMAT
def prune(number: int, config: Path, store: str | None, branch: str | None, form: str) -> None:
    """Remove all but the newest N entries of each configuration and environment.

    On a branch this replaces the history by one commit, so that the removed files take no space either.
    """
    where = _Options(config, store, branch)
    context = read_context(where.system.environ)
    if context is not None and context.reads_only:
        raise UsageError(f"the event is {context.event}, and only runs of a branch write to the store")
    with where.open() as opened:
        gone = _newest_first(opened.prune(number))
        if form == "json":
            click.echo(json.dumps([_row(key) for key in gone], indent=1))
        else:
            click.echo(f"removed {numbers.plural(len(gone), 'entry', 'entries')} from {opened.name}")


def _newest_first(keys: tuple[EntryKey, ...]) -> list[EntryKey]:
    return sorted(keys, key=lambda key: (key.age_order, key.path), reverse=True)


def _find(store: Store, text: str) -> EntryKey:
    keys = _newest_first(store.entries())
    wanted = text.lower()
    found = [key for key in keys if key.path == wanted or key.commit.startswith(wanted)]
    if not keys:
        raise UsageError(f"no baseline yet in {store.name}")
    if not found:
        raise UsageError(
            f"{text}: no entry of that commit or path in {store.name}; see perf-action baseline list"
        )
    return found[0]


def _row(key: EntryKey) -> dict[str, str | int]:
    return {**asdict(key), "path": key.path}


def _table(keys: list[EntryKey]) -> Table:
    table = Table("commit", "run", "attempt", "configuration", "environment", box=SIMPLE_HEAD)
    for key in keys:
        table.add_row(key.commit[:12], str(key.run_id), str(key.attempt), key.config_digest, key.fingerprint)
    return table


def _metrics(snapshot: Snapshot) -> Table:
    table = Table("metric", "median", "samples", box=SIMPLE_HEAD)
    for metric in snapshot.metrics:
        table.add_row(
            one_line(metric.name), numbers.quantity(_median(metric), metric.unit), str(len(metric.samples))
        )
    return table


def _facts(snapshot: Snapshot) -> list[tuple[str, object]]:
    environment = snapshot.environment
    known = (
        [] if environment is None else [(k, v) for k, v in asdict(environment).items() if v and k != "extra"]
    )
    tools = [(k, " ".join(map(" ".join, v)) if k == "tools" else v) for k, v in known]
    return [*tools, ("profiles", len(snapshot.captures)), ("profile slices", len(snapshot.slices))]


def _describe(snapshot: Snapshot) -> dict[str, Any]:
    return {
        "label": snapshot.label,
        "environment": asdict(snapshot.environment) if snapshot.environment else None,
        "metrics": [
            {"name": m.name, "unit": m.unit, "samples": len(m.samples), "median": _median(m)}
            for m in snapshot.metrics
        ],
        "profiles": len(snapshot.captures),
        "slices": len(snapshot.slices),
    }


def _median(metric: Metric) -> float | None:
    return statistics.median(metric.samples) if metric.samples else None


def _print(table: Table) -> None:
    Console(soft_wrap=True, markup=False, highlight=False).print(table)
