"""`compare`: two of anything, in any of the documents."""

from __future__ import annotations

import json
from pathlib import Path

import click

from perf_action.errors import UsageError, VerdictFailed
from perf_action.model.finding import Budget
from perf_action.model.report import Baseline, Report

#: name on the command line -> name of the renderer; json is the contract's own document
_MEDIA = {"table": "terminal", "markdown": "markdown", "html": "html", "junit": "junit", "sarif": "sarif"}


@click.command()
@click.argument("base", type=click.Path(path_type=Path))
@click.argument("head", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "medium",
    type=click.Choice(["table", "json", "markdown", "html", "junit", "sarif"]),
    default="table",
    show_default=True,
    help="What to print.",
)
@click.option("--output", type=click.Path(path_type=Path), help="Write to this file instead.")
@click.option(
    "--fail-on",
    default="never",
    show_default=True,
    metavar="WORDS",
    help="Exit with 1 on any of regression, budget, leak, inconclusive.",
)
@click.option(
    "--budget",
    "limits",
    multiple=True,
    metavar="RULE=LIMIT",
    help="A limit, such as memory.peak=500MB or cpu.per_request=+5%; may be repeated.",
)
def compare(
    *,
    base: Path,
    head: Path,
    medium: str,
    output: Path | None,
    fail_on: str,
    limits: tuple[str, ...],
) -> None:
    """Say what changed from BASE to HEAD: run folders, metric files, or profiles of any tool.

    \b
    perf-action compare base.metrics.json head.metrics.json
    perf-action compare old.folded new.folded --format markdown
    perf-action compare base/ head/ --fail-on regression,budget --budget memory.peak=500MB
    """
    words = _words(fail_on)
    budgets = [_budget(text) for text in limits]
    report = _report(base, head, budgets, words)
    _write(_document(report, medium), output)
    if report.fails:
        raise VerdictFailed("; ".join(report.fails))


def _words(text: str) -> list[str]:
    if text == "never":
        return []
    from perf_action.cli.options import policy_words  # noqa: PLC0415  # pydantic takes a quarter of a second

    return [word.value for word in policy_words(text) or ()]


def _budget(text: str) -> Budget:
    from perf_action.config import parse_budget  # noqa: PLC0415  # pydantic takes a quarter of a second

    rule, equals, limit = text.partition("=")
    if not equals or not rule.strip() or not limit.strip():
        raise UsageError(f"--budget {text!r}: write RULE=LIMIT, such as memory.peak=500MB")
    try:
        return parse_budget(rule.strip(), limit.strip())
    except ValueError as error:
        raise UsageError(f"--budget {rule.strip()}: {error}") from None


def _report(base_path: Path, head_path: Path, budgets: list[Budget], words: list[str]) -> Report:
    from dataclasses import replace  # noqa: PLC0415

    from perf_action.compare import CompareOptions  # noqa: PLC0415
    from perf_action.compare import compare as compared  # noqa: PLC0415
    from perf_action.judge import fails, judge  # noqa: PLC0415
    from perf_action.judge.blame import foreign_files  # noqa: PLC0415
    from perf_action.pipeline import load_snapshot  # noqa: PLC0415
    from perf_action.system import System  # noqa: PLC0415

    system = System()
    base, head = load_snapshot(base_path, system), load_snapshot(head_path, system)
    two_runs = base_path.is_dir() or head_path.is_dir()  # each numbered its pairs for itself
    comparison = compared(base, head, CompareOptions(paired=not two_runs))
    report = Report(
        title=f"{base_path.name} and {head_path.name}",
        head=head,
        base=base,
        baseline=Baseline(how="stored", commit=base.commit, note=f"from {base_path.name}"),
        comparison=comparison,
        budgets=judge(budgets, head, comparison),
        environment=head.environment,
        notes=comparison.notes,
        foreign_files=foreign_files(comparison),
    )
    return replace(report, fails=fails(report, words))


def _document(report: Report, medium: str) -> str:
    if medium == "json":
        from perf_action.render.comparison_json import comparison_json  # noqa: PLC0415

        assert report.comparison is not None
        document = comparison_json(report.comparison, report.budgets)
        return json.dumps(document, ensure_ascii=True, allow_nan=False, indent=2) + "\n"
    from perf_action.render import render  # noqa: PLC0415

    return render(report, _MEDIA[medium])


def _write(text: str, output: Path | None) -> None:
    if output is None:
        click.echo(text, nl=False)
        return
    from perf_action.system import write_text  # noqa: PLC0415

    write_text(output, text)
