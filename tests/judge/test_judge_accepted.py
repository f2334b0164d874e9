"""Accepting a regression: what is said, what counts, and that nothing hostile does."""

from __future__ import annotations

import datetime as dt
import time
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf_action.judge import fails
from perf_action.judge.accepted import accepted
from perf_action.model.accepted import Accepted, AcceptedState, Spoken
from perf_action.model.change import Comparison, FunctionChange, LeakChange, LeakState, MetricChange, Verdict
from perf_action.model.finding import Finding, State
from perf_action.model.report import Baseline, Report
from perf_action.model.snapshot import Snapshot

TODAY = dt.date(2026, 6, 1)
LINE = "Perf-accept: encode cpu.per_request until 2026-12-31 because signatures are checked"


def metric(name: str, verdict: Verdict = Verdict.REGRESSION) -> MetricChange:
    return MetricChange(name=name, unit="s", better="lower", base=1.0, head=2.0, change=1.0, verdict=verdict)


def function(name: str, file: str = "registry/codec.py") -> FunctionChange:
    return FunctionChange(
        name=name,
        file=file,
        kind="cpu",
        unit="ns/request",
        base=1,
        head=2,
        change=1.0,
        share_base=0.1,
        share_head=0.2,
        verdict=Verdict.REGRESSION,
    )


LEAK = LeakChange(
    name="memory.rss",
    unit="bytes",
    per_second=1.0,
    per_request=None,
    interval_per_second=None,
    verdict=LeakState.LEAKING,
    new=True,
)
WORSE = Comparison(
    metrics=(metric("cpu.per_request"), metric("memory.peak", Verdict.UNCHANGED)),
    functions=(function("encode"),),
    leaks=(LEAK,),
)


def said(text: str, source="commit", **more) -> Spoken:
    return Spoken(source=source, text=text, where=more.pop("where", "commit abc"), **more)


def found(
    *spoken: Spoken, allowed=("label", "commit"), comparison=WORSE, budgets=(), today=TODAY
) -> tuple[Accepted, ...]:
    return accepted(spoken, comparison, budgets, allowed=allowed, today=today)


def test_a_line_of_a_message_names_what_why_and_until_when():
    first, second = found(said(f"Check signatures\n\nIt costs.\n{LINE}\nSigned-off-by: x", by="alice"))
    assert (first.subject, first.rows) == ("encode", ("function encode",))
    assert (second.subject, second.rows) == ("cpu.per_request", ("metric cpu.per_request",))
    assert {a.state for a in (first, second)} == {AcceptedState.HONOURED}
    assert (first.reason, first.until, first.by) == ("signatures are checked", "2026-12-31", "alice")


@pytest.mark.parametrize(
    ("label", "description", "rows"),
    [
        ("perf-accepted", "", ("metric cpu.per_request", "function encode", "leak memory.rss")),
        ("Perf-Accepted", "", ("metric cpu.per_request", "function encode", "leak memory.rss")),
        ("perf-accept: cpu.per_request", "agreed in the review", ("metric cpu.per_request",)),
        ("perf-accept: registry.codec.*", "", ("function encode",)),
        ("perf-accept: memory.rss until 2026-07-01", "", ("leak memory.rss",)),
    ],
)
def test_a_label_needs_no_more_than_a_name(label, description, rows):
    (one,) = found(said(label, "label", description=description), allowed=("label",))
    assert (one.state, one.rows, one.reason) == (AcceptedState.HONOURED, rows, description)


@pytest.mark.parametrize(
    ("text", "state", "note"),
    [
        ("Perf-accept: encode until 2026-05-31 because x", AcceptedState.EXPIRED, "it ended on 2026-05-31"),
        ("Perf-accept: encode until 2026-06-01 because x", AcceptedState.HONOURED, ""),
        ("Perf-accept: encode because x", AcceptedState.INVALID, "it has no last day"),
        ("Perf-accept: encode until 2026-12-31", AcceptedState.INVALID, "it has no reason"),
        ("Perf-accept: encode until 2026-02-30 because x", AcceptedState.INVALID, "is no day"),
        ("Perf-accept: encode until because x", AcceptedState.INVALID, "is no day"),
        ("Perf-accept:", AcceptedState.INVALID, "names nothing"),
        ("Perf-accept: encod until 2026-12-31 because x", AcceptedState.UNKNOWN, "the nearest is 'encode'"),
        ("Perf-accept: memory.peak until 2026-12-31 because x", AcceptedState.NOT_NEEDED, "not got worse"),
        ("perf-accept: `encode` until 2026-12-31 because x", AcceptedState.HONOURED, ""),
    ],
)
def test_what_does_not_count_is_shown_with_the_reason(text, state, note):
    (one,) = found(said(text))
    assert one.state is state
    assert note in one.note


def test_a_message_counts_only_where_perf_yml_says_so():
    (one, _) = found(said(LINE), allowed=("label",))
    assert one.state is AcceptedState.NOT_ALLOWED
    assert "does not accept by commit" in one.note
    (one,) = found(said("perf-accepted", "label"), allowed=())
    assert one.state is AcceptedState.NOT_ALLOWED


def test_words_in_the_middle_of_a_line_are_no_statement():
    assert found(said("we could write Perf-accept: encode until 2026-12-31 because x")) == ()
    assert found(said("needs-perf-accepted", "label")) == ()
    assert found(said("perf", "label"), said("", "label"), said("")) == ()


def test_budgets_on_what_changed_are_covered_and_limits_of_perf_yml_are_not():
    budgets = (
        Finding(rule="cpu.per_request", state=State.FAIL, against_past=True),
        Finding(rule="memory.peak", state=State.FAIL),
    )
    (one,) = found(said("perf-accepted", "label"), comparison=None, budgets=budgets)
    assert one.rows == ("budget cpu.per_request",)


def report(spoken: Spoken | None) -> Report:
    budgets = (
        Finding(rule="cpu.per_request", state=State.FAIL, against_past=True),
        Finding(rule="memory.peak", state=State.FAIL),
    )
    made = Report(
        title="",
        head=Snapshot(label="head"),
        base=None,
        baseline=Baseline(how="none"),
        comparison=WORSE,
        budgets=budgets,
    )
    return replace(made, accepted=found(spoken, budgets=budgets) if spoken else ())


WORDS = ("regression", "budget", "leak")


@pytest.mark.parametrize(
    ("spoken", "expected"),
    [
        (
            None,
            (
                "regression: encode, cpu.per_request, memory.rss",
                "budget: cpu.per_request, memory.peak",
                "leak: memory.rss",
            ),
        ),
        (said(LINE), ("regression: memory.rss", "budget: memory.peak", "leak: memory.rss")),
        (said("perf-accepted", "label"), ("budget: memory.peak",)),
        (
            said("Perf-accept: * until 2026-05-01 because x"),
            (
                "regression: encode, cpu.per_request, memory.rss",
                "budget: cpu.per_request, memory.peak",
                "leak: memory.rss",
            ),
        ),
    ],
)
def test_what_is_accepted_fails_no_policy_and_stays_a_regression(spoken, expected):
    about = report(spoken)
    assert fails(about, WORDS) == expected
    assert about.comparison is not None
    assert about.comparison.verdict is Verdict.REGRESSION


@given(st.text(max_size=300), st.sampled_from(["label", "commit"]))
def test_any_text_is_taken(text, source):
    for one in found(said(f"Perf-accept: {text}", source)):
        assert len(one.subject) <= 200
        assert len(one.reason) <= 300


def test_a_hostile_text_takes_no_time():
    lines = "\n".join(["Perf-accept: " + "*a" * 240] * 10_000)
    many = Comparison(functions=tuple(function("a" * 500, f"{i}.py") for i in range(500)))
    began = time.process_time()
    found(said(lines), comparison=many)
    assert time.process_time() - began < 5
