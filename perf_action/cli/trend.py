"""`trend`: the history of the service, from the store."""

from __future__ import annotations

import sys
from dataclasses import replace
from fnmatch import fnmatchcase
from pathlib import Path

import click

from perf_action.cli.stores import BRANCH, CONFIG, StoreOptions
from perf_action.compare.change_points import detector
from perf_action.errors import UsageError
from perf_action.model.route import parts
from perf_action.model.trend import Trend
from perf_action.pipeline.history import LIMIT, read_past, trend_of
from perf_action.render.trend import print_trend, terminal_trend
from perf_action.render.trend_html import trend_html
from perf_action.render.trend_json import trend_json
from perf_action.system import write_text

_NO_OTAVA = "change points of values need Apache Otava: pip install 'perf-action[trend]'"


@click.command()
@click.argument("store", required=False, metavar="[STORE]")
@BRANCH
@CONFIG
@click.option(
    "--format", "form", type=click.Choice(["table", "json", "html"]), default="table", show_default=True
)
@click.option("--output", type=click.Path(path_type=Path), help="Write to this file instead.")
@click.option(
    "--metric",
    "pattern",
    default="*",
    help="Only metrics of this name; * stands for anything, latency.p95{*} for every route.",
)
@click.option(
    "--configuration", default="", metavar="DIGEST", help="Of another perf.yml than this one or the latest."
)
@click.option(
    "--environment", default="", metavar="FINGERPRINT", help="Times on other hardware than the latest run's."
)
@click.option(
    "--limit", type=click.IntRange(min=2), default=LIMIT, show_default=True, help="How many runs to go back."
)
def trend(
    *,
    store: str | None,
    branch: str | None,
    config: Path,
    form: str,
    output: Path | None,
    pattern: str,
    configuration: str,
    environment: str,
    limit: int,
) -> None:
    """Show how each metric went over the runs that STORE keeps: a folder, or git for a branch of this repository.

    \b
    perf-action trend                                  the store of perf.yml, as a table
    perf-action trend --format html --output t.html    a plot for each metric
    perf-action trend .perf-baseline --metric 'cpu.*'  a store in a folder

    Hold the history against a run of your choice with: perf-action baseline save RUN --reference
    """
    where = StoreOptions(config, store, branch)
    with where.open() as opened:
        past = read_past(opened, configuration=configuration, likely=where.configuration, limit=limit)
        if not past.points and form == "table":
            click.echo("\n".join((*past.warnings, f"no history yet in {opened.name}")))
            return
    detect = detector()
    found = trend_of(past, environment=environment, detect=detect)
    notes = found.notes if detect else (*found.notes, _NO_OTAVA)
    if past.others:
        notes = (*notes, f"other configurations: {', '.join(past.others)}; see --configuration")
    _write(_only(replace(found, notes=notes), pattern), form, output)


def _only(found: Trend, pattern: str) -> Trend:
    lines = tuple(k for k in found.lines if fnmatchcase(k.name, pattern) and _is_asked_for(k.name, pattern))
    if found.lines and not lines:
        names = dict.fromkeys(line.name for line in found.lines)
        raise UsageError(f"--metric {pattern}: no such metric; there is {', '.join(names)}")
    return replace(found, lines=lines)


def _is_asked_for(name: str, pattern: str) -> bool:
    """Latencies of single routes are many, and shown only to who names them."""
    return not parts(name)[1] or "{" in pattern


def _write(found: Trend, form: str, output: Path | None) -> None:
    if form == "table" and output is None:
        print_trend(found, sys.stdout)
        return
    text = {"table": terminal_trend, "json": trend_json, "html": trend_html}[form](found)
    if output is None:
        click.echo(text, nl=False)
    else:
        write_text(output, text)
