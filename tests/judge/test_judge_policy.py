"""The policy: which words of `fail-on` make a report fail, and what they name."""

from __future__ import annotations

from dataclasses import replace

import pytest

from perf_action.config import FailOn
from perf_action.judge import fails
from perf_action.model.change import Comparison, LeakChange, LeakState, MetricChange, Verdict
from perf_action.model.finding import Finding, State
from perf_action.model.report import Baseline, Report
from perf_action.model.snapshot import Snapshot


def row(verdict: Verdict, name: str = "cpu.per_request") -> MetricChange:
    return MetricChange(name=name, unit="s", better="lower", base=1.0, head=2.0, change=1.0, verdict=verdict)


def leak(*, new: bool) -> LeakChange:
    return LeakChange(
        name="memory.rss",
        unit="bytes",
        per_second=1e5,
        per_request=None,
        interval_per_second=None,
        verdict=LeakState.LEAKING,
        new=new,
    )


def report(comparison: Comparison | None, *budgets: State, skipped: str = "") -> Report:
    return Report(
        title="",
        head=Snapshot(label="head"),
        base=None,
        baseline=Baseline(how="none"),
        comparison=comparison,
        budgets=tuple(Finding(rule=f"rule {i}", state=s) for i, s in enumerate(budgets)),
        skipped=skipped,
    )


SLOWER = Comparison(metrics=(row(Verdict.REGRESSION),))
UNSURE = Comparison(metrics=(row(Verdict.INCONCLUSIVE),))
SAME = Comparison(metrics=(row(Verdict.UNCHANGED),))


@pytest.mark.parametrize(
    ("about", "word", "expected"),
    [
        (report(SLOWER), "regression", ("regression: cpu.per_request",)),
        (report(SLOWER), "leak", ()),
        (report(SLOWER), "never", ()),
        (report(UNSURE), "regression", ()),
        (report(UNSURE), "inconclusive", ("inconclusive: cpu.per_request",)),
        (report(SAME), "inconclusive", ()),
        (report(SAME, State.CANNOT_TELL), "inconclusive", ("inconclusive: rule 0",)),
        (report(SAME, State.CANNOT_TELL), "budget", ()),
        (report(SAME, State.PASS, State.FAIL), "budget", ("budget: rule 1",)),
        (report(None, State.FAIL), "budget", ("budget: rule 0",)),
        (report(None), "inconclusive", ("inconclusive: nothing to compare with",)),
        (report(None, skipped="no file of these paths changed"), "inconclusive", ()),
        (report(None), "regression", ()),
        (report(Comparison(leaks=(leak(new=True),))), "leak", ("leak: memory.rss",)),
        (report(Comparison(leaks=(leak(new=True),))), "regression", ("regression: memory.rss",)),
        (report(Comparison(leaks=(leak(new=False),))), "leak", ()),
    ],
)
def test_each_word(about, word, expected):
    assert fails(about, [word]) == expected
    assert fails(about, {FailOn(word)}) == expected


def test_several_words_and_many_rows():
    many = Comparison(metrics=tuple(row(Verdict.REGRESSION, f"m{i}") for i in range(8)))
    assert fails(report(many, State.FAIL), ["budget", "regression"]) == (
        "regression: m0, m1, m2, m3, m4 and 3 more",
        "budget: rule 0",
    )


def test_a_policy_of_nothing_never_fails():
    assert fails(report(SLOWER, State.FAIL), []) == ()


def test_a_leak_of_a_first_run_counts() -> None:
    first = replace(report(None), head_leaks=(leak(new=False),))
    assert fails(first, ["leak"]) == ("leak: memory.rss",)
    assert fails(first, ["regression"]) == ()
    assert fails(report(Comparison(leaks=(leak(new=False),))), ["leak"]) == ()
