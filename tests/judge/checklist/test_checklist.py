"""The checklist as a whole, and its checks on metrics, series and conditions."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cases import captured, metric, profile, seen
from hypothesis import given, settings
from hypothesis import strategies as st

from perf_action.judge.categories import Categories
from perf_action.judge.checklist import Subject, checklist
from perf_action.judge.checklist.cpu import with_c_functions
from perf_action.judge.checklist.memory import fragmentation
from perf_action.judge.checklist.queries import slow_query
from perf_action.judge.checklist.targets import LIMITS, limits_of
from perf_action.model.category import CategoryCost
from perf_action.model.change import Comparison, FunctionChange, LeakChange, LeakState, Verdict
from perf_action.model.check import Check
from perf_action.model.finding import Budget, Finding, State
from perf_action.model.query import Query
from perf_action.model.snapshot import Snapshot

RULES = Categories.builtin()
EMPTY = Snapshot(label="head")


def found(subject: Subject) -> dict[str, Finding]:
    return {f.rule: f for f in checklist(subject)}


def leak(verdict: LeakState, name: str = "memory.rss") -> LeakChange:
    return LeakChange(
        name=name, unit="bytes", per_second=5e4, per_request=512.0, interval_per_second=None, verdict=verdict,
        new=False,
    )  # fmt: skip


def test_nothing_measured_is_never_a_pass() -> None:
    rows = checklist(Subject(head=EMPTY))
    assert {r.state for r in rows} == {State.CANNOT_TELL}
    assert all(r.message for r in rows)
    assert {*LIMITS, "memory.stable", "memory.leak"} <= {r.rule for r in rows}


def test_the_targets_of_the_guide() -> None:
    head = replace(
        captured(profile({"main app.py;encode app.py": 70, "main app.py;hash app.py": 930 // 15} | {
            f"main app.py;f{i} app.py": 62 for i in range(14)
        })),
        metrics=(
            metric("cpu.cores", "ratio", 2.5), metric("memory.rss.peak", "bytes", 400e6),
            metric("memory.allocated.per_request", "bytes", 50_000.0), metric("load.throughput", "1/s", 1000.0),
            metric("memory.allocations.per_request", "count", 2000.0),
        ),
    )  # fmt: skip
    rows = found(Subject(head=head))
    assert rows["cpu.cores"].state is State.FAIL
    assert rows["memory.total"].state is State.PASS
    assert (rows["memory.allocation_rate"].state, rows["memory.allocation_rate"].value) == (State.PASS, 50e6)
    assert "throughput of the clean launches" in rows["memory.allocation_rate"].message
    assert (rows["memory.allocations_per_second"].state, rows["memory.allocations_per_second"].value) == (
        State.FAIL,
        2e6,
    )
    hot = rows["cpu.hot_function"]
    assert (hot.state, "worth a look from 5% on" in hot.message) == (State.PASS, True)


def test_budgets_of_the_user_take_the_place_of_the_guides_limits() -> None:
    budgets = (
        Budget(rule="memory.rss.peak", limit=1e9, unit="bytes"),
        Budget(rule="memory.rss.peak", limit=0.05, unit="ratio", relative=True),
        Budget(rule="category locks", limit=0.5, unit="ratio", subject="category", pattern="locks", kind="cpu"),
        Budget(
            rule="category locks allocated", limit=0.9, unit="ratio", subject="category", pattern="locks",
            kind="allocated",
        ),
        Budget(rule="function encode", limit=0.01, unit="ratio", subject="function", pattern="encode", kind="cpu"),
    )  # fmt: skip
    assert limits_of(budgets) == {"memory.total": 1e9, "cpu.lock_contention": 0.5}
    head = replace(EMPTY, metrics=(metric("memory.rss.peak", "bytes", 700e6),))
    assert found(Subject(head=head))["memory.total"].state is State.FAIL
    assert found(Subject(head=head, budgets=budgets))["memory.total"].state is State.PASS


def test_serialization_is_an_issue_from_a_fifth_on() -> None:
    costs = tuple(
        CategoryCost(category=name, kind="cpu", stage="cpu", share=share, samples=5000 * share)
        for name, share in (("serialization", 0.3), ("other", 0.7))
    )
    row = found(Subject(head=EMPTY, categories=costs))["cpu.serialization"]
    assert (row.state, row.value) == (State.FAIL, 0.3)
    assert "an issue" in row.message


PASSING = Finding(rule="cpu.database", state=State.PASS, limit=0.2, value=0.0, unit="ratio")


def test_a_database_in_c_is_no_pass_because_python_does_not_see_it() -> None:
    python = captured(profile({"main app.py;get app.py": 500}))
    assert with_c_functions(PASSING, "database", python, RULES).state is State.CANNOT_TELL
    busy = replace(python, timelines=seen("query").timelines)
    row = with_c_functions(PASSING, "database", busy, RULES)
    assert (row.state, "native: true" in row.message) == (State.CANNOT_TELL, True)
    light = replace(python, timelines=seen("fine").timelines)
    row = with_c_functions(PASSING, "database", light, RULES)
    assert row.state is State.PASS
    assert row.value is not None
    assert 0 < row.value < 0.2
    native = captured(profile({"main app.py;get app.py": 500, "main;sqlite3_step": 1}))
    assert with_c_functions(PASSING, "database", native, RULES) == PASSING


@pytest.mark.parametrize(
    ("sample", "state"), [("fine", State.PASS), ("query", State.CANNOT_TELL), ("threaded", State.PASS)]
)
def test_queries_in_a_time_line(sample: str, state: State) -> None:
    """A stretch of many fast queries looks like a slow one, so that a time-line never fails."""
    row = slow_query(seen(sample), RULES, {})
    assert (row.state, row.limit) == (state, 50e6)
    if sample == "query":
        assert "only the database can tell" in row.message
        assert "query" in row.evidence[0]


@pytest.mark.parametrize(
    ("verdict", "state"),
    [
        (LeakState.LEAKING, State.FAIL),
        (LeakState.STABLE, State.PASS),
        (LeakState.WARMING_UP, State.CANNOT_TELL),
        (LeakState.INCONCLUSIVE, State.CANNOT_TELL),
    ],
)
def test_series_say_whether_the_heap_is_stable(verdict: LeakState, state: State) -> None:
    rows = found(Subject(head=EMPTY, leaks=(leak(LeakState.STABLE), leak(verdict))))
    assert rows["memory.stable"].state is rows["memory.leak"].state is state
    assert (rows["memory.leak"].value, rows["memory.leak"].unit) == (512.0, "bytes/request")


def test_a_leak_of_objects_is_a_leak_of_a_stable_heap() -> None:
    rows = found(Subject(head=EMPTY, leaks=(leak(LeakState.STABLE), leak(LeakState.LEAKING, "threads"))))
    assert (rows["memory.stable"].state, rows["memory.leak"].state) == (State.PASS, State.FAIL)


def test_who_holds_leaked_memory_is_the_evidence() -> None:
    held = captured(profile({"main app.py;remember cache.py": 5000, "main app.py": 10}, "leaked", "bytes"))
    row = found(Subject(head=held, leaks=(leak(LeakState.LEAKING),)))["memory.leak"]
    assert "remember holds 5,000 bytes" in row.evidence


@pytest.mark.parametrize(
    ("leaks", "state"),
    [((), State.FAIL), ((LeakState.INCONCLUSIVE,), State.FAIL), ((LeakState.STABLE,), State.PASS)],
)
def test_what_is_left_behind_by_count_is_a_leak_unless_time_tells(leaks, state: State) -> None:
    row = FunctionChange(
        name="shop::keep::h0123456789abcdef", file="shop.rs", kind="leaked", unit="bytes/request", base=10.0,
        head=2010.0, change=200.0, share_base=0.0, share_head=0.9, verdict=Verdict.REGRESSION,
    )  # fmt: skip
    told = Comparison(functions=(row,))
    finding = found(Subject(head=EMPTY, comparison=told, leaks=tuple(map(leak, leaks))))["memory.leak"]
    assert finding.state is state
    if state is State.FAIL:
        assert (finding.value, finding.unit) == (2000.0, "bytes/request")
        assert "2,000 bytes per request" in finding.evidence[0]
    same = Comparison(functions=(replace(row, verdict=Verdict.UNCHANGED),))
    assert found(Subject(head=EMPTY, comparison=same))["memory.leak"].state is State.CANNOT_TELL


def test_lost_memory_is_a_leak_without_any_soak() -> None:
    lost = replace(EMPTY, metrics=(metric("memory.leak.definite", "bytes", 4096.0),))
    assert found(Subject(head=lost))["memory.leak"].state is State.FAIL
    none = replace(EMPTY, metrics=(metric("memory.leak.definite", "bytes", 0.0),))
    assert found(Subject(head=none))["memory.leak"].state is State.PASS


def test_fragmentation_says_what_it_is_from() -> None:
    told = (metric("memory.fragmentation", "ratio", 0.35),)
    row = fragmentation(replace(EMPTY, metrics=told), {})
    assert (row.state, row.value) == (State.FAIL, 0.35)
    assert "from glibc's malloc_info" in row.message
    row = fragmentation(replace(EMPTY, metrics=(*told, metric("memory.heap.active", "bytes", 9e6))), {})
    assert "from jemalloc's own statistics" in row.message
    peaks = (metric("memory.peak", "bytes", 90e6), metric("memory.rss.peak", "bytes", 100e6))
    row = fragmentation(replace(EMPTY, metrics=peaks), {})
    assert (row.state, row.value) == (State.PASS, pytest.approx(0.1))
    assert "at most" in row.message
    wide = (peaks[0], metric("memory.rss.peak", "bytes", 200e6))
    assert fragmentation(replace(EMPTY, metrics=wide), {}).state is State.CANNOT_TELL


def test_the_lists_before_during_and_after() -> None:
    checks = (
        Check(
            name="warmed up", topic="before profiling", state=State.FAIL, evidence="+20 %", remedy="longer"
        ),
        Check(name="long enough", topic="during profiling", state=State.PASS, evidence="40 s"),
        Check(name="cores", topic="machine", state=State.PASS, evidence="2"),
    )
    budget = Budget(rule="cpu.cores", limit=3.0, unit="ratio")
    rows = found(Subject(head=EMPTY, checks=checks, comparison=Comparison(), budgets=(budget,)))
    assert (rows["before.warmed up"].state, rows["before.warmed up"].message) == (State.FAIL, "+20 %; longer")
    assert rows["during.long enough"].state is State.PASS
    assert not [rule for rule in rows if "cores" in rule and rule != "cpu.cores"]
    assert rows["after.compared with a baseline"].state is State.PASS
    assert rows["after.budgets are set"].state is State.PASS


NAMES = st.text(min_size=1, max_size=12).map(lambda t: t.replace(";", ":").replace(" ", "_"))
FILES = st.sampled_from(
    ["", "app.py", "asyncio/events.py", "asyncio/runners.py", "uvloop/__init__.py", "x.c"]
)
FRAMES = st.tuples(NAMES | st.sampled_from(["_run", "run", "recv", "read", "sqlite3_step"]), FILES)


@settings(max_examples=60)
@given(
    st.dictionaries(
        st.lists(FRAMES, min_size=1, max_size=8).map(tuple), st.integers(0, 10**12), min_size=1, max_size=8
    )
)
def test_any_profile_is_judged(stacks: dict[tuple[tuple[str, str], ...], int]) -> None:
    made = profile(
        {";".join(f"{n} {f}" for n, f in stack): value for stack, value in stacks.items()}, unit="ns"
    )
    head = replace(captured(made), timelines=captured(made).captures)
    rows = checklist(Subject(head=head))
    assert len({r.rule for r in rows}) == len(rows)
    assert all(r.message or r.value is not None for r in rows)


def test_what_the_database_counts_is_believed() -> None:
    def told(*queries: Query) -> Finding:
        return slow_query(replace(seen("query"), queries=queries), RULES, {})

    quick = Query(text="select a from t where b = $1", calls=500, total_ns=5e8, longest_ns=60e6)
    slow = Query(text="select * from t order by c", calls=3, total_ns=300e6)
    row = told(quick)
    assert (row.state, row.value, "60 ms" in row.message) == (State.PASS, 1e6, True)
    row = told(quick, slow)
    assert (row.state, row.value) == (State.FAIL, 100e6)
    assert row.evidence == ("select * from t order by c (3 calls, 100 ms each)",)
    assert told().state is State.CANNOT_TELL, "who counts nothing does not look"
