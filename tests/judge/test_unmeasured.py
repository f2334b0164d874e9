"""What is said of a quantity that nobody measured: a stage to add, or what became of the one that was to measure it."""

from __future__ import annotations

import pytest

from perf_action.judge.budgets import judge
from perf_action.judge.checklist import Subject, checklist
from perf_action.model.finding import Budget, State
from perf_action.model.outcome import StageOutcome
from perf_action.model.snapshot import Snapshot


def outcome(name, profiler, state="skipped", reason="no time was left for it"):
    return StageOutcome(name=name, profiler=profiler, state=state, launches=0, seconds=0, reason=reason)


HOT = Budget(rule="cpu.hot_function", limit=0.1, unit="ratio")
FUNCTION = Budget(
    rule="function f", limit=0.1, unit="ratio", subject="function", pattern="f", kind="allocated"
)
LOCKS = Budget(
    rule="category locks", limit=0.1, unit="ratio", subject="category", pattern="locks", kind="cpu"
)


@pytest.mark.parametrize(
    ("budget", "advice"),
    [
        (HOT, "add a stage with a CPU profiler, such as py-spy"),
        (FUNCTION, "add a stage with a memory profiler, such as memray or heaptrack"),
        (LOCKS, "add a stage with a CPU profiler, such as py-spy"),
    ],
)
def test_a_stage_that_is_not_there_is_advised(budget, advice):
    other = outcome("counts", "callgrind")
    (found,) = judge([budget], Snapshot(label="head", unmeasured=(other,)), None)
    assert found.state is State.CANNOT_TELL
    assert found.message == f"it was not measured; {advice}"


@pytest.mark.parametrize(
    ("stage", "said"),
    [
        (outcome("cpu", "py-spy"), "stage cpu was to tell, but no time was left for it; raise measure.max-minutes"),
        (outcome("cpu", "perf", "failed", "perf wrote nothing"), "stage cpu was to tell, but failed: perf wrote nothing"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("budget", [HOT, LOCKS])
def test_a_stage_that_came_to_nothing_is_not_advised_again(budget, stage, said):
    (found,) = judge([budget], Snapshot(label="head", unmeasured=(stage,)), None)
    assert found.message == f"it was not measured; {said}"


def test_the_checklist_says_the_same():
    stages = (outcome("cpu", "py-spy"), outcome("soak", "none"), outcome("heap", "jemalloc"))
    head = Snapshot(label="head", unmeasured=stages)
    said = {found.rule: found.message for found in checklist(Subject(head=head))}
    for rule, stage in (
        ("cpu.hot_function", "cpu"), ("cpu.blocking_in_async", "cpu"), ("database.slow_query", "cpu"),
        ("memory.stable", "soak"), ("memory.leak", "soak"), ("memory.fragmentation", "heap"),
    ):  # fmt: skip
        assert f"stage {stage} was to tell, but no time was left for it" in said[rule]
