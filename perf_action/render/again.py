"""How to see a regression again: the smallest command that measures it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from perf_action.model.change import Comparison, Verdict
from perf_action.model.report import Report
from perf_action.model.trial import CLEAN, SOAK
from perf_action.render import escape
from perf_action.render.clauses import is_new_leak

#: what perf.yml lets a stage be called: it is put into commands that people copy
_PLAIN = re.compile(r"[a-z0-9][a-z0-9_-]{0,40}")


def stages_to_repeat(report: Report) -> tuple[str, ...]:
    """The stages that measure what got worse, in their order: as few as show all of it. None if nothing got worse.

    Metrics are asked only where no function got worse: a function's stage shows its metric as well.
    """
    comparison = report.comparison
    if comparison is None:
        return ()
    wanted = set(_of_functions(report, comparison))
    if not wanted:
        wanted |= set(_of_metrics(report, comparison))
    if any(map(is_new_leak, comparison.leaks)):
        wanted.add(SOAK)
    return tuple(
        s.name for s in report.stages if s.name in wanted and s.state == "done" and _PLAIN.fullmatch(s.name)
    )


def _of_functions(report: Report, comparison: Comparison) -> Iterator[str]:
    for kind in dict.fromkeys(f.kind for f in comparison.functions if f.verdict is Verdict.REGRESSION):
        stages = [f.stage for f in report.flames if f.head.find_kind(kind) is not None]
        yield from stages[:1]


def _of_metrics(report: Report, comparison: Comparison) -> Iterator[str]:
    sources = {m.name: m.source for m in report.head.metrics}
    for metric in comparison.metrics:
        if metric.verdict is Verdict.REGRESSION:
            if sources.get(metric.name) == "clean":
                yield CLEAN
            else:
                yield from (f.stage for f in report.flames if f.head.fidelity == "exact")


def commands(report: Report) -> tuple[str, ...]:
    """What to type in a clone of the repository."""
    if report.skipped or not report.stages:
        return ()
    head, base = commits(report)
    words = ["perf-action run"]
    words += [f"--only {stage}" for stage in stages_to_repeat(report)]
    words += [f"--base {base}"] if base else []
    return (*((f"git checkout {head}",) if head else ()), " ".join(words), "perf-action assess perf-run")


def commits(report: Report) -> tuple[str, str]:
    """Head's and base's, each empty where it is not known."""
    base = report.baseline.commit or (report.base.commit if report.base else "")
    return escape.commit(report.head.commit), escape.commit(base)
