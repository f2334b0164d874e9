"""Reports of every shape, possible or not, for hypothesis."""

from __future__ import annotations

import factories
from hypothesis import strategies as st

from perf_action.model.change import Comparison, FunctionChange, LeakChange, LeakState, MetricChange, Verdict
from perf_action.model.finding import Finding, State
from perf_action.model.report import Baseline, Report
from perf_action.model.trial import Side

VERDICTS = st.sampled_from(Verdict)
SMALL = st.floats(-0.9, 20) | st.sampled_from([0.0, float("nan"), float("inf")])
VALUES = st.none() | st.floats(0, 1e9) | st.just(float("nan"))


@st.composite
def metrics(draw: st.DrawFn) -> MetricChange:
    return factories.metric_change(
        draw(st.sampled_from(["cpu.per_request", "latency.p95", "memory.peak", "mine"])),
        base=draw(VALUES),
        head=draw(VALUES),
        change=draw(st.none() | SMALL),
        interval=draw(st.none() | st.tuples(SMALL, SMALL)),
        p=draw(st.none() | st.floats(0, 1)),
        verdict=draw(VERDICTS),
        gating=draw(st.booleans()),
        reason=draw(st.text(max_size=20)),
        more_launches=draw(st.none() | st.integers(0, 100)),
    )


@st.composite
def functions(draw: st.DrawFn) -> FunctionChange:
    return factories.function_change(
        draw(st.text(max_size=10)),
        kind=draw(st.sampled_from(["cpu", "allocated", "leaked", "strange"])),
        unit=draw(st.sampled_from(["ns/request", "bytes/request", "samples", "count"])),
        value=draw(st.sampled_from(["self", "total"])),
        base=draw(st.floats(0, 1e6)),
        head=draw(st.floats(0, 1e6)),
        change=draw(st.none() | SMALL),
        interval=draw(st.none() | st.tuples(SMALL, SMALL)),
        verdict=draw(VERDICTS),
    )


@st.composite
def leaks(draw: st.DrawFn) -> LeakChange:
    return factories.leak_change(
        verdict=draw(st.sampled_from(LeakState)),
        new=draw(st.booleans()),
        per_second=draw(st.none() | st.floats(-1e6, 1e6)),
        per_request=draw(st.none() | st.floats(-1e6, 1e6)),
        interval_per_second=draw(st.none() | st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))),
    )


@st.composite
def comparisons(draw: st.DrawFn) -> Comparison:
    return Comparison(
        metrics=tuple(draw(st.lists(metrics(), max_size=5))),
        functions=tuple(draw(st.lists(functions(), max_size=5))),
        leaks=tuple(draw(st.lists(leaks(), max_size=3))),
        reasons=tuple(draw(st.lists(st.text(max_size=10), max_size=2))),
        not_comparable=draw(st.booleans()),
    )


@st.composite
def reports(draw: st.DrawFn) -> Report:
    states = draw(st.lists(st.sampled_from(State), max_size=3))
    return factories.report(
        draw(st.none() | comparisons()),
        budgets=tuple(
            Finding(rule="memory.peak", state=s, limit=1e6, value=2e6, unit="bytes", message="peak")
            for s in states
        ),
        baseline=Baseline(how=draw(st.sampled_from(["side-by-side", "stored", "none"]))),
        skipped=draw(st.sampled_from(["", "", "nothing changed"])),
        flames=draw(st.sampled_from([(), factories.regression().flames])),
        failed_sides=draw(st.sampled_from([(), (), ((Side.BASE, "did not start"),)])),
    )
