"""`run`, `assess` and `demo`: measure, judge, and both on an example."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import FrameType
from typing import NoReturn

import click

from perf_action.cli.options import overrides_of, policy_words
from perf_action.cli.progress import listener
from perf_action.config import FailOn
from perf_action.config.only import only
from perf_action.errors import VerdictFailed
from perf_action.git import access_of
from perf_action.machine.sysctl import Kernel
from perf_action.machine.tools_needed import service_target
from perf_action.measure import job
from perf_action.model.trial import Side
from perf_action.pipeline import assessing, running
from perf_action.profilers.auto import resolve
from perf_action.render import print_report
from perf_action.system import System

_CONFIG = click.option(
    "--config",
    type=click.Path(path_type=Path),
    default="perf.yml",
    show_default=True,
    help="The settings; keys can be overridden with --set.",
)
_SET = click.option(
    "--set",
    "sets",
    multiple=True,
    metavar="KEY=VALUE",
    help="Override a key of perf.yml, such as measure.max-minutes=2.",
)


@click.command()
@_CONFIG
@_SET
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
    settings = running.read_settings(config, overrides_of(system.environ, sets), system)
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
@_SET
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
    settings = running.read_settings(config, overrides_of(system.environ, sets), system) if config else None
    report = assessing.assess(folder, system, settings=settings, against=baseline, fail_on=fail_on)
    if not quiet:
        print_report(report, sys.stdout)
        click.echo(f"report: {folder / 'report.html'}")
    if fail_on:
        _fail_if(report.fails)


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


def _show_plan(settings: running.Settings, base: str, system: System) -> None:
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


def _fail_if(reasons: tuple[str, ...]) -> None:
    if reasons:
        raise VerdictFailed("; ".join(reasons))
