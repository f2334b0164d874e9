"""`baseline save|list|show|prune`: the store of earlier measurements."""

from __future__ import annotations

import json
import statistics
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from perf_action import recording
from perf_action.cli.stores import StoreOptions, with_store
from perf_action.errors import UsageError, one_line
from perf_action.github import read_context
from perf_action.model.metric import Metric
from perf_action.model.snapshot import Snapshot
from perf_action.model.trial import Side
from perf_action.pipeline.assessing import earlier_accepted
from perf_action.pipeline.history import keep
from perf_action.render import numbers
from perf_action.store import EntryKey, Store

_FORMAT = click.option(
    "--format", "form", type=click.Choice(["table", "json"]), default="table", show_default=True
)


@click.group()
def baseline() -> None:
    """Earlier measurements that changes are compared with."""


@baseline.command()
@click.argument("folder", metavar="RUN", type=click.Path(path_type=Path))
@with_store
@_FORMAT
@click.option("--reference", is_flag=True, help="Hold later runs against this one, so that slow creep shows.")
def save(
    *, folder: Path, config: Path, store: str | None, branch: str | None, form: str, reference: bool
) -> None:
    """Keep the head side of a run folder as a baseline, and what the history keeps of it for good.

    Runs of pull requests keep nothing: they only read.
    """
    where = StoreOptions(config, store, branch)
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
        accepted = earlier_accepted(folder)
        key = keep(run, opened, where.system, reference=reference, accepted=accepted)
        click.echo(json.dumps(_row(key)) if form == "json" else f"kept {key.path} in {opened.name}")


@baseline.command("list")
@with_store
@_FORMAT
def list_(config: Path, store: str | None, branch: str | None, form: str) -> None:
    """List what the store has, the newest first."""
    with StoreOptions(config, store, branch).open() as opened:
        keys = _newest_first(opened.entries())
        if form == "json":
            click.echo(json.dumps([_row(key) for key in keys], indent=1))
        elif not keys:
            click.echo(f"no baseline yet in {opened.name}")
        else:
            _print(_table(keys))


@baseline.command()
@click.argument("entry", default="", metavar="[COMMIT|PATH]")
@with_store
@_FORMAT
def show(entry: str, config: Path, store: str | None, branch: str | None, form: str) -> None:
    """Show one entry: that path, or the newest of that commit; without either the newest of all."""
    with StoreOptions(config, store, branch).open() as opened:
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
@with_store
@_FORMAT
def prune(number: int, config: Path, store: str | None, branch: str | None, form: str) -> None:
    """Remove all but the newest N entries of each configuration and environment.

    What the history keeps of each run, a kilobyte or two, stays. On a branch this replaces the history by one commit, so that the removed files take no space either.
    """
    where = StoreOptions(config, store, branch)
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
    row = asdict(key)
    del row["part"]
    return {**row, "path": key.path}


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
