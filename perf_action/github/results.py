"""What `assess` left in a run folder, read back for publishing: the documents as they are, the report as types.

The folder may have been an artifact in between, so its report is validated like any other input.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from perf_action.errors import InputError, UsageError, one_line
from perf_action.github.annotations import Annotation, in_repository
from perf_action.github.failures import Failure, document, note
from perf_action.model.change import Comparison, FunctionChange, Verdict
from perf_action.model.finding import Finding, State
from perf_action.model.outcome import StageOutcome
from perf_action.model.report import Baseline
from perf_action.model.suspect import Suspect
from perf_action.render import escape, sentence, words
from perf_action.render.accused import accusation, culprit, inside
from perf_action.render.clauses import function_clause, is_new_leak, leak_clause, metric_clause

SCHEMA: Final = 1
_MAX_BYTES: Final = 50_000_000
#: metrics whose change is an output of its own, as a share (0.06 is +6 %)
_SCALARS: Final = ("cpu.per_request", "latency.p95", "load.throughput", "memory.peak", "memory.rss.peak")


#: outputs that are paths
_FILES: Final = {"report-json": "report.json", "report-md": "summary.md", "comment-file": "comment.md"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """The part of `report.json` that is read: fields of the model's `Report`, and what it is about."""

    about: words.Variant
    headline: str
    baseline: Baseline
    comparison: Comparison | None
    budgets: tuple[Finding, ...]
    stages: tuple[StageOutcome, ...]
    fails: tuple[str, ...]
    suspects: tuple[Suspect, ...] = ()
    checklist: tuple[Finding, ...] = ()


_REPORT: Final = TypeAdapter(Published)


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """A run folder after `assess`. `comment` and `summary` are Markdown, without our marker.

    `failures` are steps of the action that went wrong; if `assess` never came to its end, they are all there is.
    """

    folder: Path
    comment: str
    summary: str
    report: Published
    failures: tuple[Failure, ...] = ()

    @property
    def verdict(self) -> str:
        """The comparison's verdict; without one ``no-baseline``, ``skipped`` or ``error``. Never a silent pass."""
        about = self.report.about
        if self.failures or about == "failed":
            return "error"
        if about == "skipped":
            return "skipped"
        return self.report.comparison.verdict.value if self.report.comparison else "no-baseline"

    @property
    def headline(self) -> str:
        """The headline as one plain line: an icon, a word, a sentence."""
        about = self.report.about
        return f"{words.ICONS[about]} {words.TITLES[about]}: {escape.sentence(self.report.headline)}"

    @property
    def broken_budgets(self) -> tuple[Finding, ...]:
        return tuple(b for b in self.report.budgets if b.state is State.FAIL)

    @property
    def alarming(self) -> bool:
        """A regression, a broken budget, or anything else that fails under the policy."""
        regressed = self.verdict == Verdict.REGRESSION.value
        return regressed or bool(self.broken_budgets or self.report.fails)


def read_results(folder: Path, failures: tuple[Failure, ...] = ()) -> Results:
    """UsageError if `assess` has not been there and no failure says why, InputError if a file is broken or newer."""
    report = folder / "report.json"
    if not report.is_file() and failures:
        return _nothing_but(failures, folder)
    if not report.is_file():
        raise UsageError(f"{folder}: has no report.json; run `perf-action assess {folder}` first")
    return Results(
        folder=folder,
        comment=_text(folder / "comment.md") + note(failures),
        summary=_text(folder / "summary.md") + note(failures),
        report=_parse(report),
        failures=failures,
    )


def _nothing_but(failures: tuple[Failure, ...], folder: Path) -> Results:
    report = Published(
        about="failed",
        headline=failures[0].reason,
        baseline=Baseline(how="none"),
        comparison=None,
        budgets=(),
        stages=(),
        fails=(),
    )
    text = document(failures)
    return Results(folder=folder, comment=text, summary=text, report=report, failures=failures)


def _parse(path: Path) -> Published:
    try:
        raw: Any = json.loads(_text(path))
        if isinstance(raw, dict) and isinstance(raw.get("schema"), int) and raw["schema"] > SCHEMA:
            raise InputError(
                path, f"schema {raw['schema']} is newer than {SCHEMA}", remedy="update perf-action"
            )
        return _REPORT.validate_python(raw)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise InputError(
            path, str(first["msg"]), place=place, remedy="run `perf-action assess` again"
        ) from None
    except (ValueError, RecursionError) as error:
        raise InputError(
            path, f"not JSON: {one_line(error, 100)}", remedy="run `perf-action assess` again"
        ) from None


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise InputError(path, f"more than {_MAX_BYTES} bytes")
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(path, "missing", remedy="run `perf-action assess` again") from None
    except UnicodeDecodeError:
        raise InputError(path, "not UTF-8", remedy="run `perf-action assess` again") from None


def annotations_of(results: Results, roots: Sequence[Path]) -> tuple[Annotation, ...]:
    """Broken budgets as errors, then what got worse and checks that fail for it as warnings; placed on the changed lines that lead to it, else where
    the code is in the repository.
    """
    found = [_of_budget(b, roots) for b in results.broken_budgets]
    comparison = results.report.comparison
    if comparison is None:
        return tuple(found)
    worse = Verdict.REGRESSION
    suspects = results.report.suspects
    found += [_of_function(f, suspects, roots) for f in comparison.functions if f.verdict is worse]
    found += [a for check in results.report.checklist for a in _of_check(check, suspects)]
    found += [_regression(sentence.plain(leak_clause(k))) for k in comparison.leaks if is_new_leak(k)]
    found += [_regression(sentence.plain(metric_clause(m))) for m in comparison.metrics if m.verdict is worse]
    return tuple(found)


def _of_budget(budget: Finding, roots: Sequence[Path]) -> Annotation:
    file = in_repository(budget.file, roots)
    message = f"{budget.rule}: {budget.message or 'over its budget'}"
    return Annotation(level="error", title="Over budget", message=message, file=file, line=budget.line)


def _of_function(change: FunctionChange, suspects: Sequence[Suspect], roots: Sequence[Path]) -> Annotation:
    on_lines = _on_changed_lines("Regression", change, suspects)
    if on_lines is not None:
        return on_lines
    file = in_repository(change.file, roots)
    message = sentence.plain(function_clause(change))
    return Annotation(level="warning", title="Regression", message=message, file=file, line=change.line)


def _of_check(check: Finding, suspects: Sequence[Suspect]) -> Iterator[Annotation]:
    """Only where the pull request is known to have done it: the comment has the others."""
    on_lines = _on_changed_lines("Check fails", check, suspects)
    if on_lines is not None:
        yield on_lines


def _on_changed_lines(
    title: str, found: FunctionChange | Finding, suspects: Sequence[Suspect]
) -> Annotation | None:
    """On the changed lines that lead to it, if that is sure enough."""
    chief = culprit(found, suspects)
    if chief is None or not inside(chief.file):
        return None
    first, last = chief.lines[0]
    message = sentence.plain(accusation(found, chief))
    return Annotation(
        level="warning", title=title, message=message, file=inside(chief.file), line=first, end_line=last
    )


def _regression(message: str) -> Annotation:
    return Annotation(level="warning", title="Regression", message=message)


def outputs_of(results: Results) -> dict[str, str]:
    """The outputs that the results alone decide; empty where there is no such thing."""
    report, folder = results.report, results.folder
    changes = {m.name: m.change for m in report.comparison.metrics} if report.comparison else {}
    scalars = {
        f"{name.replace('.', '-').replace('_', '-')}-change": _number(changes.get(name)) for name in _SCALARS
    }
    return {
        "verdict": results.verdict,
        "headline": results.headline,
        "regression-detected": _flag(results.verdict == Verdict.REGRESSION.value),
        "failed-budgets": ",".join(b.rule for b in results.broken_budgets),
        **{name: _path(folder / file) for name, file in _FILES.items()},
        "baseline-sha": report.baseline.commit,
        "baseline-age-days": _number(report.baseline.days_old),
        "skipped-stages": ",".join(s.name for s in report.stages if s.state == "skipped"),
        **scalars,
    }


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.6g}"


def _path(path: Path) -> str:
    return str(path) if path.is_file() else ""


def _flag(value: bool) -> str:
    return "true" if value else "false"
