"""`assess`: judge and render what was measured. It imports nothing that measures, since people and steps wait for it."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from perf_action.cli.options import SET, overrides_of, policy_words
from perf_action.config import FailOn
from perf_action.errors import VerdictFailed
from perf_action.pipeline import assessing
from perf_action.pipeline.settings import read_settings
from perf_action.render import print_report
from perf_action.system import System


@click.command()
@click.argument("folder", metavar="RUN", type=click.Path(path_type=Path))
@click.option(
    "--baseline",
    type=click.Path(path_type=Path),
    help="Compare with this run folder or file instead of the run's own base or the store.",
)
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    help="Take budgets, policy and store from here instead of from the run.",
)
@SET
@click.option(
    "--fail-on",
    callback=lambda _c, _p, v: policy_words(v),
    help="Exit with 1 on: regression, budget, leak, inconclusive (comma-separated), or never.",
)
@click.option(
    "--verdict-only", is_flag=True, help="Only say what an earlier assess decided, with its exit code."
)
@click.option("--quiet", is_flag=True, help="No table.")
def assess(
    folder: Path,
    baseline: Path | None,
    config: Path | None,
    sets: tuple[str, ...],
    fail_on: list[FailOn] | None,
    *,
    verdict_only: bool,
    quiet: bool,
) -> None:
    """Compare, judge and render a run folder.

    Writes comment.md, summary.md, report.html, report.json, report.sarif, comparison.json, junit.xml and flame graphs into it.
    """
    if verdict_only:
        _fail_if(assessing.earlier_verdict(folder))
        return
    system = System()
    settings = read_settings(config, overrides_of(system.environ, sets), system) if config else None
    report = assessing.assess(folder, system, settings=settings, against=baseline, fail_on=fail_on)
    if not quiet:
        print_report(report, sys.stdout)
        click.echo(f"report: {folder / 'report.html'}")
    if fail_on:
        _fail_if(report.fails)


def _fail_if(reasons: tuple[str, ...]) -> None:
    if reasons:
        raise VerdictFailed("; ".join(reasons))
