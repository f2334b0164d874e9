"""The rows of a report, one kind for each table, and how each is made from the model.

Every number is formatted and every word chosen; foreign text is cleaned and bounded, not yet escaped.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass

from perf_action.model.change import FunctionChange, LeakChange, LeakState, MetricChange, Verdict
from perf_action.model.finding import Finding
from perf_action.model.metric import Metric
from perf_action.model.outcome import StageOutcome
from perf_action.model.report import Report
from perf_action.model.route import parts
from perf_action.model.tree import costs
from perf_action.render import escape, numbers, words
from perf_action.render.clauses import is_new_leak, name_of
from perf_action.render.sentence import Span

HOTTEST = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricRow:
    """`main`: belongs into the short table. `base` is empty where there is nothing to compare with."""

    icon: str
    verdict: str
    name: str
    label: Span
    base: str
    head: str
    change: str
    interval: str
    p: str
    detectable: str
    launches: str
    reason: str
    main: bool
    moved: bool
    gating: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionRow:
    """`added` is the cost on head less that on base, `share` of all cost on base and head, `sure` words or a reason."""

    icon: str
    verdict: str
    name: str
    place: str
    kind: str
    base: str
    head: str
    added: str
    change: str
    share: str
    sure: str
    moved_from: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LeakRow:
    """A series of head. `base` is how fast the same series grew on base."""

    icon: str
    label: Span
    state: str
    per_request: str
    per_minute: str
    interval: str
    base: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BudgetRow:
    icon: str
    state: str
    rule: str
    label: Span
    value: str
    limit: str
    message: str
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRow:
    icon: str
    name: str
    profiler: str
    launches: str
    cost: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HotRow:
    """One of the hottest functions of head in one stage, with the shares of the cost it has itself and with its calls."""

    stage: str
    kind: str
    name: str
    place: str
    self_share: str
    total_share: str


def metric_row(m: MetricChange) -> MetricRow:
    base, head = numbers.pair_of((m.base, m.head), m.unit)
    unjudged = not m.gating and m.p is None and m.verdict is Verdict.INCONCLUSIVE
    moved = m.verdict in (Verdict.REGRESSION, Verdict.IMPROVEMENT)
    return MetricRow(
        icon="ℹ️" if unjudged else words.ROW_ICONS[m.verdict],
        verdict="not judged" if unjudged else words.ROW_WORDS[m.verdict],
        name=escape.name(m.name),
        label=name_of(m.name),
        base=base,
        head=head,
        change=numbers.change(m.change),
        interval=_interval(m),
        p=numbers.p_value(m.p),
        detectable=numbers.share(m.minimum_detectable),
        launches=f"{m.launches:,}" if m.launches else numbers.MISSING,
        reason=escape.sentence(m.reason),
        main=m.name in words.MAIN_METRICS or moved or (m.gating and m.verdict is Verdict.INCONCLUSIVE),
        moved=moved,
        gating=m.gating,
    )


def _interval(m: MetricChange) -> str:
    """The interval of the change; of a count it has no width."""
    exact = m.interval is not None and m.interval[0] == m.interval[1]
    return "exact" if exact else numbers.interval(m.interval)


def lone_metric_row(m: Metric) -> MetricRow:
    """A metric of head where there is nothing to compare with: its median, and how far its samples reach."""
    finite = sorted(m.samples)
    reach = (finite[0], finite[-1]) if len(finite) > 1 else None
    return MetricRow(
        icon="",
        verdict="",
        name=escape.name(m.name),
        label=name_of(m.name),
        base="",
        head=numbers.quantity(statistics.median(finite), m.unit) if finite else numbers.MISSING,
        change=numbers.MISSING,
        interval=numbers.interval(reach, lambda v: numbers.quantity(v, m.unit)),
        p=numbers.MISSING,
        detectable=numbers.MISSING,
        launches=f"{len(set(m.launches)):,}" if m.launches else numbers.MISSING,
        reason="",
        main=m.name in words.MAIN_METRICS or (words.metric_label(m.name) is None and not parts(m.name)[1]),
        moved=False,
        gating=False,
    )


def _place(file: str, line: int) -> str:
    parts = file.split("/")
    place = escape.name("/".join(("…", *parts[-2:])) if len(parts) > 3 else file, 60)
    return f"{place}:{line}" if place and line else place


def function_row(f: FunctionChange) -> FunctionRow:
    base, head = numbers.pair_of(
        (f.base, f.head), f.unit.partition("/")[0] if words.per_of(f.unit) else f.unit
    )
    added = numbers.quantity(f.head - f.base, f.unit.partition("/")[0] if words.per_of(f.unit) else f.unit)
    kind = words.kind_words(f.kind).heading + words.per_of(f.unit)
    moved = f"moved from {escape.name(f.moved_from)}" if f.moved_from else ""
    settled = f.verdict in (Verdict.REGRESSION, Verdict.IMPROVEMENT)
    sure = numbers.interval(f.interval) if f.interval else words.certainty(f) if settled else ""
    return FunctionRow(
        icon=words.ROW_ICONS[f.verdict],
        verdict=words.ROW_WORDS[f.verdict],
        name=escape.name(f.name),
        place=_place(f.file, f.line),
        kind=kind + (", with all it calls" if f.value == "total" else ""),
        base=base,
        head=head,
        added=f"+{added}" if f.head > f.base else added,
        change=numbers.change(f.change) if f.change is not None else "new",
        share=f"{numbers.share(f.share_base)} → {numbers.share(f.share_head)}",
        sure="; ".join(part for part in (sure, escape.sentence(f.reason), moved) if part),
        moved_from=escape.name(f.moved_from) if f.moved_from else "",
    )


def leak_row(k: LeakChange, *, any_base: bool = True) -> LeakRow:
    icons = {LeakState.LEAKING: "🔴" if k.new or not any_base else "⚪", LeakState.STABLE: "⚪"}
    state = words.LEAK_WORDS[k.verdict]
    if k.verdict is LeakState.LEAKING and any_base and not is_new_leak(k):
        state = "leaking, as on base"
    return LeakRow(
        icon=icons.get(k.verdict, "🟡"),
        label=name_of(k.name),
        state=state,
        per_request=numbers.quantity(k.per_request, k.unit),
        per_minute=numbers.quantity(_minute(k.per_second), k.unit),
        interval=numbers.interval(k.interval_per_second, lambda v: numbers.quantity(_minute(v), k.unit)),
        base=numbers.quantity(_minute(k.base_per_second), k.unit),
        reason=escape.sentence(k.reason),
    )


def _minute(per_second: float | None) -> float | None:
    return None if per_second is None else per_second * 60


def budget_row(b: Finding) -> BudgetRow:
    value, limit = numbers.pair_of((b.value, b.limit), b.unit or "count")
    return BudgetRow(
        icon=words.STATE_ICONS[b.state],
        state=words.STATE_WORDS[b.state],
        rule=escape.name(b.rule),
        label=name_of(b.rule),
        value=value,
        limit=limit,
        message=escape.sentence("; ".join(part for part in (b.message, b.origin) if part)),
        evidence=tuple(map(escape.sentence, b.evidence[:5])),
    )


def stage_row(s: StageOutcome) -> StageRow:
    return StageRow(
        icon=words.STAGE_ICONS.get(s.state, ""),
        name=escape.name(s.name),
        profiler=escape.name(s.profiler) if s.profiler not in ("", "none") else "no profiler",
        launches=numbers.plural(s.launches, "launch", "launches"),
        cost=numbers.minutes(s.seconds),
        reason=escape.sentence(s.reason) or ("" if s.state == "done" else escape.sentence(s.state)),
    )


def hot_rows(report: Report) -> tuple[HotRow, ...]:
    rows: list[HotRow] = []
    for flame in report.flames:
        for i, kind in enumerate(flame.head.kinds[:1]):
            total = flame.head.total(i)
            found = sorted(costs(flame.head, i).items(), key=lambda item: (-item[1].self, item[0]))
            for key, cost in [item for item in found if item[1].self][:HOTTEST]:
                rows.append(
                    HotRow(
                        stage=escape.name(flame.stage),
                        kind=words.kind_words(kind.kind).heading,
                        name=escape.name(key.name),
                        place=_place(key.file, 0),
                        self_share=numbers.share(cost.self / total),
                        total_share=numbers.share(cost.total / total),
                    )
                )
    return tuple(rows)
