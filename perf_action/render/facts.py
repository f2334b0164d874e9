"""The report as rows ready to print: every number formatted, every word chosen, nothing escaped yet.

Templates and tables only lay these out; they compute nothing. Foreign text in here is cleaned (visible characters,
bounded length), and each medium still escapes it in its own way.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from perf_action.model.change import Comparison, FunctionChange, Verdict
from perf_action.model.report import Report
from perf_action.render import escape, numbers, words
from perf_action.render.again import commands
from perf_action.render.causes import AdviceRow, CategoryRow, advice_rows, categories_summary, category_rows
from perf_action.render.checklist import Checklist, checklist_facts
from perf_action.render.context import baseline, conditions, environment, self_check
from perf_action.render.flamegraph import Drawings
from perf_action.render.headline import Line, headline, lines, telling_functions, variant
from perf_action.render.rows import (
    BudgetRow,
    FunctionRow,
    HotRow,
    LeakRow,
    MetricRow,
    StageRow,
    budget_row,
    function_row,
    hot_rows,
    leak_row,
    lone_metric_row,
    metric_row,
    stage_row,
)
from perf_action.render.sentence import Sentence
from perf_action.render.text_flame import TextFlame, text_flame
from perf_action.render.words import Variant

TOP_FUNCTIONS = 3
#: topics of checks that are told as lists of the guide
_IN_CHECKLIST = ("before profiling", "during profiling")


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that a document may say, in the order in which people want it."""

    variant: Variant
    compared: bool
    icon: str
    word: str
    title: str
    headline: Sentence
    lines: tuple[Line, ...]
    fails: tuple[str, ...]
    metrics: tuple[MetricRow, ...]
    functions: tuple[FunctionRow, ...]
    top_functions: tuple[FunctionRow, ...]
    hottest: tuple[HotRow, ...]
    flames: tuple[TextFlame, ...]
    leaks: tuple[LeakRow, ...]
    budgets: tuple[BudgetRow, ...]
    checklist: Checklist
    categories: tuple[CategoryRow, ...]
    advice: tuple[AdviceRow, ...]
    categories_summary: str
    functions_summary: str
    leaks_summary: str
    budgets_summary: str
    baseline: Sentence
    reasons: tuple[str, ...]
    failed_sides: tuple[tuple[str, str], ...]
    environment: tuple[tuple[str, str], ...]
    environment_differences: tuple[str, ...]
    self_check: str
    stages: tuple[StageRow, ...]
    cost: str
    reproduce: tuple[str, ...]
    artifact_url: str
    run_url: str
    notes: tuple[str, ...]
    drawings: Drawings = field(compare=False)

    @property
    def main_metrics(self) -> tuple[MetricRow, ...]:
        """The rows of the short table: what changed first."""
        return tuple(sorted((m for m in self.metrics if m.main), key=lambda m: not m.moved))


def facts(report: Report, *, columns: int = 96) -> Facts:
    """Everything there is to say about `report`; text flame drawings for a code block of so many columns."""
    c = report.comparison or Comparison()
    kind = variant(report)
    top = _top(c)
    drawings = Drawings()
    return Facts(
        variant=kind,
        compared=bool(c.metrics or c.functions or c.leaks),
        icon=words.ICONS[kind],
        word=words.TITLES[kind],
        title=escape.sentence(report.title, 120),
        headline=headline(report),
        lines=lines(report),
        fails=_sentences(report.fails),
        metrics=_metrics(report),
        functions=tuple(map(function_row, c.functions)),
        top_functions=tuple(map(function_row, top)),
        hottest=hot_rows(report),
        flames=_flames(report, top, columns, drawings),
        leaks=tuple(leak_row(k, any_base=report.comparison is not None) for k in report.leaks),
        budgets=tuple(map(budget_row, report.budgets)),
        checklist=checklist_facts(report),
        categories=category_rows(report),
        advice=advice_rows(report),
        categories_summary=categories_summary(report),
        functions_summary=_summary([words.ROW_WORDS[x.verdict] for x in c.functions]),
        leaks_summary=_summary([words.LEAK_WORDS[k.verdict] for k in report.leaks]),
        budgets_summary=_summary([words.STATE_WORDS[b.state] for b in report.budgets]),
        baseline=baseline(report),
        reasons=_sentences(c.reasons),
        failed_sides=tuple((side.value, reason) for side, reason in report.failed_sides),
        environment=(
            *environment(report.environment or report.head.environment),
            *conditions([c for c in report.checks if not report.checklist or c.topic not in _IN_CHECKLIST]),
        ),
        environment_differences=_sentences(c.environment_differences),
        self_check=self_check(c),
        stages=tuple(map(stage_row, report.stages)),
        cost=numbers.minutes(sum(s.seconds for s in report.stages)) if report.stages else "",
        reproduce=commands(report),
        artifact_url=escape.url(report.artifact_url),
        run_url=escape.url(report.run_url),
        notes=_sentences(tuple(dict.fromkeys((*report.notes, *c.notes)))),
        drawings=drawings,
    )


def _metrics(report: Report) -> tuple[MetricRow, ...]:
    if report.comparison is not None and report.comparison.metrics:
        return tuple(map(metric_row, report.comparison.metrics))
    return tuple(map(lone_metric_row, report.head.metrics))


def _summary(states: list[str]) -> str:
    """``1 worse, 2 same``, in the order of the rows."""
    return ", ".join(f"{n:,} {state}" for state, n in Counter(states).items())


def _sentences(texts: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(escape.sentence(t) for t in texts if t)


def _top(c: Comparison) -> list[FunctionChange]:
    """The three changed functions to show: those that got worse first."""
    worse = telling_functions(c, Verdict.REGRESSION)
    return (worse + telling_functions(c, Verdict.IMPROVEMENT))[: max(TOP_FUNCTIONS, min(len(worse), 5))]


def _flames(
    report: Report, top: list[FunctionChange], columns: int, drawings: Drawings
) -> tuple[TextFlame, ...]:
    out: list[TextFlame] = []
    for kind in dict.fromkeys(f.kind for f in top):
        of_kind = [f for f in top if f.kind == kind]
        drawn = (text_flame(flame, of_kind, drawings.shapes, columns=columns) for flame in report.flames)
        found = next((d for d in drawn if d is not None), None)
        if found is not None:
            out.append(found)
    return tuple(out)
