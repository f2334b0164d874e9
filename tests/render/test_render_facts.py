from __future__ import annotations

import json
from dataclasses import replace

import factories
import pytest
from hypothesis import given
from report_strategies import reports

from perf_action.model.change import Comparison, FunctionChange, LeakState, Verdict
from perf_action.model.check import Check
from perf_action.model.finding import State
from perf_action.model.metric import Metric
from perf_action.model.report import FlameGraph, Report
from perf_action.model.snapshot import Snapshot
from perf_action.render import escape, render
from perf_action.render.facts import facts
from perf_action.render.headline import settles, telling_functions
from perf_action.render.sentence import plain


def headline_of(report: Report) -> str:
    f = facts(report)
    return f"{f.word}: {plain(f.headline)}"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (
            "regression",
            "Regression: encode costs +31 % CPU per request (14.5 → 19.1 µs) and process memory leaks 1.09 kB per request.",
        ),
        ("improvement", "Improvement: encode costs −24 % CPU per request (19.1 → 14.5 µs)."),
        (
            "identical",
            "No change: nothing got measurably slower or bigger; a change of CPU time per request by 1.3 % would have shown.",
        ),
        ("noisy", "Cannot tell: CPU time per request may have changed by anything from −3.1 to +7.8 %."),
        ("first-run", "First run: there is nothing to compare with yet. This is what was measured."),
        ("skipped", "Skipped: nothing under src/** or perf.yml was changed."),
        (
            "failed",
            "Not measured: on head, the service ended with code 1 before it was ready; so there is nothing to compare.",
        ),
    ],
)
def test_the_headline_of_each_kind_of_report(name: str, text: str) -> None:
    assert headline_of(factories.ALL[name]()) == text


def test_the_first_lines_name_the_function_then_the_leak() -> None:
    texts = [plain(line.text) for line in facts(factories.regression()).lines]
    assert texts[0] == "encode costs +31 % CPU per request (14.5 → 19.1 µs), 99 % sure between +27 and +35 %."
    assert (
        texts[1]
        == "remember leaves behind 1.09 kB memory per request, up from 1.40 bytes; counted, not sampled."
    )
    assert texts[2].startswith(
        "Process memory leaks 1.09 kB per request, 13.1 MB per minute, 99 % sure between 12.2 and"
    )


@pytest.mark.parametrize(
    ("interval", "p", "said"),
    [
        ((0.31, 0.31), None, "; counted exactly."),
        ((0.3096, 0.3104), None, "; counted."),
        ((0.27, 0.35), None, "; counted, between +27 and +35 %."),
        ((0.27, 0.35), 1e-5, ", 99 % sure between +27 and +35 %."),
    ],
)
def test_what_was_counted_is_not_told_like_a_sample(
    interval: tuple[float, float], p: float | None, said: str
) -> None:
    row = factories.function_change(
        kind="allocated", unit="bytes/request", change=0.31, interval=interval, p=p
    )
    assert (
        plain(facts(factories.report(Comparison(functions=(row,)))).lines[0].text)
        .partition(")")[2]
        .startswith(said)
    )


def test_own_functions_are_named_before_those_of_libraries() -> None:
    def row(name: str, kind: str, *, own: bool) -> FunctionChange:
        unit = "ns/request" if kind == "cpu" else "bytes/request"
        return factories.function_change(name=name, kind=kind, unit=unit, own=own)

    rows = (
        row("malloc", "cpu", own=False),
        row("remember", "leaked", own=True),
        row("String::clone", "leaked", own=False),
    )
    texts = [plain(line.text) for line in facts(factories.report(Comparison(functions=rows))).lines]
    assert [text.partition(" ")[0] for text in texts] == ["remember", "malloc"]
    assert headline_of(factories.report(Comparison(functions=rows))).startswith(
        "Regression: remember leaves behind"
    )


def test_a_new_and_a_vanished_function() -> None:
    new = factories.function_change(base=0.0, head=3800.0, change=None, interval=None)
    gone = factories.function_change(
        base=3800.0, head=0.0, change=-1.0, verdict=Verdict.IMPROVEMENT, interval=None
    )
    assert headline_of(factories.report(Comparison(functions=(new,)))).endswith(
        "encode costs 3.80 µs CPU per request, nothing before."
    )
    assert headline_of(factories.report(Comparison(functions=(gone,)))).endswith(
        "encode costs nothing any more, it was 3.80 µs CPU per request."
    )


def test_rows_that_cannot_tell_give_their_reason() -> None:
    row = factories.function_change(verdict=Verdict.INCONCLUSIVE, interval=None, reason="too few samples.")
    one, two = Comparison(functions=(row,)), Comparison(functions=(row, row))
    assert headline_of(factories.report(one)) == "Cannot tell: encode: too few samples."
    assert headline_of(factories.report(two)) == "Cannot tell: encode and 1 more: too few samples."
    leak = Comparison(leaks=(factories.leak_change(verdict=LeakState.WARMING_UP),))
    assert headline_of(factories.report(leak)) == "Cannot tell: Process memory: still warming up."
    assert headline_of(factories.report(Comparison())) == "Cannot tell: nothing was measured on both sides."
    reasons = Comparison(not_comparable=True, reasons=("7 % of the requests failed",))
    assert headline_of(factories.report(reasons)) == "Cannot tell: 7 % of the requests failed."


def test_a_budget_that_is_broken_is_never_below_a_green_headline() -> None:
    report = replace(factories.identical(), budgets=factories.BUDGETS)
    assert headline_of(report) == "Over budget: hottest function is 17.3 %, its budget is 15.0 %."
    assert facts(replace(factories.first_run(), budgets=factories.BUDGETS)).variant == "over-budget"


def test_a_leak_that_base_has_too_is_no_regression() -> None:
    report = factories.report(
        Comparison(metrics=factories.unchanged_metrics(), leaks=(factories.leak_change(new=False),))
    )
    f = facts(report)
    assert f.variant == "unchanged"
    assert f.leaks[0].state == "leaking, as on base"
    assert not f.lines


def test_what_would_settle_an_open_row() -> None:
    report = factories.noisy()
    assert report.comparison is not None
    row = report.comparison.metrics[0]
    assert settles(row, report) == "about 18 more launches (1.6 min) would settle it"
    assert settles(row, replace(report, stages=())) == "about 18 more launches would settle it"
    assert settles(replace(row, more_launches=None), report) == ""


def test_baseline_and_distance() -> None:
    stored = facts(factories.noisy())
    assert plain(stored.baseline) == (
        "b81e04f7a against 3f2a9c1d0, a stored baseline, 12 commits behind, 4.2 days old. Note: older than 3 days."
    )
    assert plain(facts(factories.identical()).baseline) == (
        "b81e04f7a against 3f2a9c1d0, 3 commits before, measured side by side on this machine."
    )
    assert (
        facts(factories.noisy()).self_check
        == "Base was compared with itself 12 times: 1 of them raised an alarm"
    )


def test_commands_hold_nothing_but_commits() -> None:
    assert facts(factories.regression()).reproduce == (
        f"git checkout {factories.HEAD_COMMIT}",
        f"perf-action run --only cpu --only memory --only soak --base {factories.BASE_COMMIT}",
        "perf-action assess perf-run",
    )
    assert facts(factories.hostile()).reproduce == ("perf-action run", "perf-action assess perf-run")


def test_numbers_of_a_first_run_are_medians() -> None:
    head = Snapshot(
        label="x", metrics=(Metric(name="latency.p50", unit="ms", better="lower", samples=(1.0, 2.0, 9.0)),)
    )
    row = facts(factories.report(None, head=head)).metrics[0]
    assert (row.head, row.interval, row.base) == ("2.00 ms", "1.00 to 9.00 ms", "")


def text_flame_of(stacks: dict[tuple[str, ...], tuple[int, int]], *names: str) -> list[str]:
    sides = [factories.profile({stack: counts[side] for stack, counts in stacks.items()}) for side in (0, 1)]
    changes = tuple(factories.function_change(name, file="a.py") for name in names)
    flames = [FlameGraph(stage="cpu", base=sides[0], head=sides[1])]
    (flame,) = facts(factories.report(Comparison(functions=changes), flames=flames)).flames
    assert max(map(len, flame.text.split("\n"))) <= 96
    return flame.text.split("\n")[1:]


def test_text_flame_leaves_out_frames_that_only_pass_on() -> None:
    frames = tuple(f"f{i} a.py" for i in range(500))
    first, caller, leaf = text_flame_of({frames: (100, 150)}, "f499")
    assert first.startswith("f0 (a.py)  ")
    assert caller.startswith("└·f498 (a.py)  ")
    assert leaf.startswith("  └ f499 (a.py)  ")
    assert leaf.endswith("◀")


def test_text_flame_of_a_stack_that_branches_everywhere_is_short() -> None:
    frames = tuple(f"f{i} a.py" for i in range(60))
    stacks = {frames[: i + 1]: (2 ** (60 - i), 2 ** (60 - i)) for i in range(60)}
    assert len(text_flame_of(stacks, "f59")) == 10


def test_text_flame_shows_common_callers_once() -> None:
    stacks = {
        ("main a.py", "handle a.py", "slow a.py"): (10, 40),
        ("main a.py", "handle a.py", "slower a.py"): (20, 80),
        ("main a.py", "other a.py"): (100, 100),
    }
    names = [
        line.split("  █")[0].split("  ▓")[0].rstrip() for line in text_flame_of(stacks, "slow", "slower")
    ]
    assert names == ["main (a.py)", "└ handle (a.py)", "  └ slower (a.py)", "  └ slow (a.py)"]


def test_long_names_keep_their_end_in_a_text_flame() -> None:
    line = text_flame_of({("x" * 300 + ".tail a.py",): (1, 2)}, "x" * 300 + ".tail")[0]
    assert line.startswith("…xxxx")
    assert ".tail  " in line


def test_the_nearest_callers_are_named() -> None:
    stack = ("main", "handle", "route", "encode", "dumps", "encode")
    change = factories.function_change("encode", stack=stack)
    (line,) = facts(factories.report(Comparison(functions=(change,)))).lines
    assert plain(line.text).endswith(" Called by handle › route › dumps.")


def test_text_flame_fits_its_width() -> None:
    for columns in (80, 96, 120):
        for flame in facts(factories.regression(), columns=columns).flames:
            assert max(map(len, flame.text.split("\n"))) <= columns
    assert facts(factories.hostile()).flames


def test_text_flame_without_costs_shows_shares() -> None:
    change = factories.function_change(share_base=0.0, share_head=0.0)
    flames = [FlameGraph(stage="cpu", base=factories.side_profile(0), head=factories.side_profile(1))]
    (flame,) = facts(factories.report(Comparison(functions=(change,)), flames=flames)).flames
    assert flame.heading == "Share of CPU"
    assert "100 → 100 %" in flame.text


@given(reports())
def test_the_headline_never_contradicts_the_rows(report: Report) -> None:
    f = facts(report)
    text = plain(f.headline)
    assert text.strip()
    bad = [r for r in (*f.metrics, *f.functions) if r.verdict == "worse"]
    bad += [r for r in f.leaks if r.state == "leaking"]  # type: ignore[misc]
    broken = [b for b in f.budgets if b.state == "exceeded"]
    if report.skipped:
        assert f.variant == "skipped"
        return
    assert (f.variant == "regression") == bool(bad)
    if bad or broken:
        assert f.variant not in ("improvement", "unchanged", "first-run") or f.variant == "failed"
    if f.variant == "regression":
        assert report.comparison is not None
        assert report.comparison.verdict is Verdict.REGRESSION
        assert len(f.lines) >= 1
        assert f.lines[0].icon == "🔴"
    if f.variant in ("improvement", "unchanged"):
        assert report.comparison is not None
        assert report.comparison.verdict.value == f.variant
        gating = [r for r in f.metrics if r.gating]
        assert "cannot tell" not in [r.verdict for r in (*gating, *f.functions)]
        assert not {"still warming up", "cannot tell"} & {r.state for r in f.leaks}
    if f.variant == "inconclusive":
        assert report.comparison is not None
        assert report.comparison.verdict is Verdict.INCONCLUSIVE


def test_conditions_stand_with_the_environment_those_of_the_machine_only_if_they_are_bad() -> None:
    def check(name: str, state: State, evidence: str, topic: str = "before profiling") -> Check:
        return Check(name=name, topic=topic, state=state, evidence=evidence)  # type: ignore[arg-type]

    report = replace(
        factories.ALL["regression"](),
        checklist=(),
        checks=(
            check("warmed up", State.PASS, "+1 %"),
            check("optimised build", State.CANNOT_TELL, "stripped"),
            check("debug assertions off", State.FAIL, "<b>on</b>"),
            check("SMT", State.PASS, "off", "machine"),
            check("turbo", State.FAIL, "on", "machine"),
        ),
    )
    plain_rows = facts(replace(report, checks=())).environment
    assert facts(report).environment[len(plain_rows) :] == (
        ("Warmed up", "✓ +1 %"),
        ("Optimised build", "? stripped"),
        ("Debug assertions off", "✗ " + escape.sentence("<b>on</b>", 99)),
        ("Turbo", "✗ on"),
    )
    told = facts(replace(report, checklist=factories.CHECKLIST)).environment
    assert told[len(plain_rows) :] == (("Turbo", "✗ on"),), "the others are lists of the checklist"


def test_a_leak_of_a_first_run_is_told_and_is_no_verdict() -> None:
    report = replace(
        factories.first_run(), head_leaks=(factories.leak_change(new=False, base_per_second=None),)
    )
    told = facts(report)
    assert (told.variant, told.lines[0].icon) == ("first-run", "🔴")
    assert "leaks 1.09 kB per request" in plain(told.lines[0].text)
    assert (told.leaks[0].state, told.leaks[0].icon, told.leaks_summary) == ("leaking", "🔴", "1 leaking")
    document = json.loads(render(report, "comparison"))
    assert (document["verdict"], document["leaks"][0]["verdict"]) == ("inconclusive", "leaking")


def test_a_function_whose_own_and_total_cost_rose_is_named_once() -> None:
    total = factories.function_change(value="total", base=0.0, head=212e3, change=None)
    own = factories.function_change(base=0.0, head=83e3, change=None)
    other = factories.function_change(name="decode", base=0.0, head=10e3, change=None)
    found = telling_functions(Comparison(functions=(total, own, other)), Verdict.REGRESSION)
    assert found == [total, other]
