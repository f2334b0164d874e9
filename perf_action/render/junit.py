"""JUnit XML, for every tool that shows test results: one test case a budget and one a row that gates the headline.

A row that cannot tell is a skipped test with its reason, never a passed one.
"""

from __future__ import annotations

from junit_xml import TestCase, TestSuite, to_xml_report_string

from perf_action.model.report import Report
from perf_action.render.facts import Facts, facts
from perf_action.render.rows import BudgetRow, FunctionRow, LeakRow, MetricRow
from perf_action.render.sentence import plain

_BAD = ("worse", "exceeded", "leaking")
_OPEN = ("cannot tell", "still warming up")


def junit(report: Report, known: Facts | None = None) -> str:
    """The report as one JUnit document with a suite for budgets and one for what was compared."""
    f = known or facts(report)
    suites = [TestSuite("budgets", [_budget(r) for r in f.budgets]), TestSuite("comparison", _compared(f))]
    text: str = to_xml_report_string([s for s in suites if s.test_cases])
    return text


def _compared(f: Facts) -> list[TestCase]:
    if f.variant in ("skipped", "failed", "first-run") or not f.compared:
        return [_case("comparison", "cannot tell", plain(f.headline)), *map(_leak, f.leaks)]
    cases = [_metric(m) for m in f.metrics if m.gating]
    cases += [_function(r) for r in f.functions if r.verdict != "same"]
    cases += [_leak(r) for r in f.leaks]
    if f.reasons:
        cases.append(_case("comparison", "cannot tell", "; ".join(f.reasons[:5])))
    return cases


def _case(name: str, state: str, message: str, *, classname: str = "perf-action", file: str = "") -> TestCase:
    case = TestCase(name, classname=classname, file=file or None)
    if state in _BAD:
        case.add_failure_info(message=message or state)
    elif state in _OPEN:
        case.add_skipped_info(message=message or state)
    return case


def _budget(r: BudgetRow) -> TestCase:
    message = f"{r.value}, limit {r.limit}" + (f": {r.message}" if r.message else "")
    return _case(r.rule, r.state, message, classname="perf-action.budget")


def _metric(m: MetricRow) -> TestCase:
    message = f"{m.base} → {m.head}, {m.change} (99 %: {m.interval})" + (f": {m.reason}" if m.reason else "")
    return _case(m.name, m.verdict, message, classname="perf-action.metric")


def _function(r: FunctionRow) -> TestCase:
    message = f"{r.kind}: {r.base} → {r.head}, {r.change}" + (f" ({r.sure})" if r.sure else "")
    return _case(f"{r.name} {r.place}".strip(), r.verdict, message, classname="perf-action.function")


def _leak(r: LeakRow) -> TestCase:
    state = r.state if r.state != "leaking, as on base" else "same"
    message = f"{r.per_minute} per minute (99 %: {r.interval})" + (f": {r.reason}" if r.reason else "")
    return _case(plain((r.label,)), state, message, classname="perf-action.leak")
