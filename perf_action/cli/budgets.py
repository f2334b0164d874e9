"""`budgets`: limits that the history suggests, and those in force."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from fnmatch import fnmatchcase
from pathlib import Path

import click

from perf_action.cli.stores import BRANCH, CONFIG, StoreOptions
from perf_action.compare.change_points import detector
from perf_action.errors import PerfActionError, UsageError
from perf_action.judge.budgets.ratchet import ratcheted
from perf_action.judge.budgets.suggest import suggestions
from perf_action.model.trend import Trend
from perf_action.pipeline.accepting import today
from perf_action.pipeline.history import read_past, trend_of
from perf_action.pipeline.settings import read_settings
from perf_action.render.suggest import budget_lines, suggestion_block
from perf_action.system import System

_STORE = click.argument("store", required=False, metavar="[STORE]")


@click.group()
def budgets() -> None:
    """Limits that perf.yml sets on what a service may cost."""


@budgets.command()
@_STORE
@BRANCH
@CONFIG
@click.option("--metric", "pattern", default="*", help="Only metrics of this name; * stands for anything.")
@click.option("--configuration", default="", metavar="DIGEST", help="Of another perf.yml than this one.")
@click.option(
    "--environment", default="", metavar="FINGERPRINT", help="Times on other hardware than the latest run's."
)
@click.option("--format", "form", type=click.Choice(["yaml", "json"]), default="yaml", show_default=True)
def suggest(
    *,
    store: str | None,
    branch: str | None,
    config: Path,
    pattern: str,
    configuration: str,
    environment: str,
    form: str,
) -> None:
    """Propose limits from the history that STORE keeps, as a block to paste into perf.yml.

    \b
    perf-action budgets suggest                         the store of perf.yml
    perf-action budgets suggest .perf-baseline          a store in a folder
    perf-action budgets suggest --metric 'memory.*'
    """
    past = _history(StoreOptions(config, store, branch), configuration, environment)
    found = tuple(s for s in suggestions(past) if fnmatchcase(s.name, pattern))
    if form == "json":
        click.echo(json.dumps([asdict(s) for s in found], indent=1))
        return
    click.echo(suggestion_block(found, past), nl=False)


@budgets.command()
@_STORE
@BRANCH
@CONFIG
def show(store: str | None, branch: str | None, config: Path) -> None:
    """Show the limits in force: those of perf.yml, its presets, and what a ratchet made of them."""
    system = System()
    if not config.exists():
        raise UsageError(f"{config}: no such file; name yours with --config")
    limits = read_settings(config, {}, system).config.limits
    past: Trend | None = None
    if any(b.ratchet is not None for b in limits):
        try:
            past = _history(StoreOptions(config, store, branch), "", "")
        except PerfActionError as error:
            click.echo(f"the history could not be read: {error}", err=True)
    for line in budget_lines(ratcheted(limits, past, today=today(system))):
        click.echo(line)
    if not limits:
        click.echo(f"{config} has no budgets; perf-action budgets suggest proposes some")


def _history(where: StoreOptions, configuration: str, environment: str) -> Trend:
    """All lines of the store, with their steps where those can be found."""
    with where.open() as opened:
        past = read_past(opened, configuration=configuration, likely=where.configuration)
    return replace(
        trend_of(past, environment=environment, detect=detector()), configuration=past.configuration
    )
