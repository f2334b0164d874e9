"""The checklist, advice, suspects and categories in the documents for people."""

from __future__ import annotations

from dataclasses import replace

import factories
import pytest

from perf_action.model.change import Verdict
from perf_action.model.finding import Finding, State
from perf_action.render import numbers, render
from perf_action.render.checklist import checklist_facts
from perf_action.render.facts import facts
from perf_action.render.markdown import COMMENT, comment, markdown


def test_the_lists_of_the_guide_in_its_words() -> None:
    text = comment(factories.regression())
    assert "<summary>Checklist: 6 pass, 5 fail, 2 cannot tell</summary>" in text
    assert "- ❌ No single function over 10 % CPU time: **17.3 %**;".replace("17.3 %", "17.3\u00a0%") in text
    assert "- ❔ Fragmentation under 20 %: it was not measured; add a stage with jemalloc" in text
    assert "| ✅ | CPU usage | < 2\u00a0cores | 0.93\u00a0cores |" in text
    assert "<summary>How it was profiled: 2 pass, 1 fail</summary>" in text
    assert "`remember sleeps: handle;route;remember;time_sleep;clock_nanosleep`" in text


def test_it_is_open_only_for_what_did_not_fail_before() -> None:
    report = factories.regression()
    assert checklist_facts(report).open
    rows = {r.rule: r for group in checklist_facts(report).lists for r in group.rows}
    assert (rows["cpu.hot_function"].new, rows["memory.leak"].new) == (False, True)
    same = replace(report, base_checklist=report.checklist)
    assert not checklist_facts(same).open
    assert "<details><summary>Checklist:" in comment(same)
    assert "<details open><summary>Checklist:" in comment(report)


def test_a_failing_condition_of_the_measurement_opens_nothing() -> None:
    rows = (
        Finding(rule="cpu.cores", state=State.PASS, limit=2.0, value=1.0, unit="ratio"),
        Finding(rule="before.warmed up", state=State.FAIL, message="+20 %"),
    )
    found = checklist_facts(replace(factories.first_run(), checklist=rows))
    assert (found.open, found.summary, found.conditions_summary) == (False, "1 pass", "1 fail")


def test_the_headline_stays_what_the_comparison_says() -> None:
    report = replace(factories.identical(), checklist=factories.CHECKLIST, base_checklist=factories.CHECKLIST)
    assert comment(report).startswith("### ✅ No change: nothing got measurably slower")


def test_a_suspect_stands_below_what_it_explains() -> None:
    text = comment(factories.regression()).split("\n")
    at = next(i for i, line in enumerate(text) if "serialize_all" in line)
    assert text[at].startswith("  - ↳ called from ")
    assert text[at - 1].startswith("- 🔴 `encode` costs")


def test_a_check_that_fails_for_the_change_is_told_below_the_headline() -> None:
    report = factories.regression()
    head, _, folded = comment(report).partition("<details")
    assert "- ⚠️ `remember` sleeps in an event loop's callback: 12% of the time of all callbacks." in head
    assert "  - ↳ changed in this pull request, line 17 of `cache.py` (sure)" in head
    assert "  - ↳ changed in this pull request, line 17 of `cache.py` (sure)" in folded
    before = replace(report, base_checklist=report.checklist)
    assert "remember sleeps" not in comment(before).partition("<details")[0]


def test_three_pieces_of_advice_at_most() -> None:
    rows = facts(factories.regression()).advice
    assert [r.title for r in rows] == ["Serialize less", "Validate once", "Pool connections"]
    assert rows[0].saves == "up to 21 % of CPU"
    slow = replace(factories.ADVICE[0], kind="database.slow_query")
    assert facts(replace(factories.regression(), advice=(slow,))).advice[0].saves == ""
    text = comment(factories.regression())
    assert "The fourth is too many" not in text
    assert "[docs.python.org](https://docs.python.org/3/library/json.html)" in text


def test_categories_with_what_base_spent() -> None:
    text = comment(factories.regression())
    assert "| CPU | serialization | 17\u00a0% | 21\u00a0% | `encode`, `iter_errors` |" in text
    assert "tls" not in text, "too small to be told"
    assert "What it was spent on: serialization 21 % of CPU" in text


@pytest.mark.parametrize("medium", ["html", "terminal", "summary"])
def test_every_medium_for_people_has_them(medium: str) -> None:
    text = render(factories.regression(), medium)
    for said in (
        "6 pass, 5 fail, 2 cannot tell",
        "Serialize less",
        "serialize_all",
        "Lock contention under 5 %",
    ):
        assert said in text, said


def test_sections_that_explain_go_before_those_that_tell() -> None:
    """The checklist is the first to go of what says whether something is wrong; budgets and advice outlive it."""
    report = factories.regression()
    for max_bytes in range(len(comment(report).encode()), 1500, -100):
        text, _, said = markdown(report, replace(COMMENT, max_bytes=max_bytes)).partition(
            "Left out to fit here"
        )
        if "checklist" in said:
            break
    assert "Checklist" not in text
    assert "<summary>Budgets" in text
    assert "What could be done" in text


def test_a_hostile_checklist_stays_in_its_rows() -> None:
    found = checklist_facts(factories.hostile())
    rows = [r for group in (*found.lists, *found.conditions) for r in group.rows]
    assert max(len(r.message) for r in rows) <= 300
    assert max(len(e) for r in rows for e in r.evidence) <= 160
    assert all(len(r.links) == 0 for r in facts(factories.hostile()).advice)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [(0.1, "ratio", "10 %"), (0.15, "ratio", "15 %"), (5e8, "bytes", "500 MB"), (1e8, "ns", "100 ms"),
     (0.1234, "ratio", "12.34 %"), (1e8, "bytes/s", "100 MB/s"), (None, "ns", "–")],
)  # fmt: skip
def test_limits_have_no_digits_that_say_nothing(value: float | None, unit: str, text: str) -> None:
    assert numbers.limit(value, unit) == text


@pytest.mark.parametrize("title", factories.HOSTILE)
def test_no_title_of_advice_or_category_opens_a_tag_in_the_summary_of_a_section(title: str) -> None:
    report = factories.regression()
    advice = (replace(factories.ADVICE[0], title=title),)
    costs = (replace(factories.CATEGORIES[1], category=title),)
    text = comment(replace(report, advice=advice, categories=costs))
    for line in text.split("\n"):
        if line.startswith("<details"):
            inner = line.partition("<summary>")[2].removesuffix("</summary>")
            assert "<" not in inner
            assert "@octocat" not in inner
            assert "#1 " not in inner


def test_what_waits_explains_a_metric_that_no_function_does() -> None:
    report = factories.regression()
    assert report.comparison is not None
    slow = factories.metric_change(
        "latency.p95", base=3.6e-3, head=0.124, change=33.3, verdict=Verdict.REGRESSION
    )
    waiting = replace(report, comparison=replace(report.comparison, functions=(), leaks=(), metrics=(slow,)))
    assert comment(waiting).startswith(
        "### 🔴 Regression: latency p95 **×34** (3.60 → 124 ms) and `remember` sleeps in an event loop's callback.\n"
    )
