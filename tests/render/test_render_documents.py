from __future__ import annotations

import io
import json
import xml.etree.ElementTree as ET
from dataclasses import replace

import factories
import pytest
from hypothesis import given, settings
from report_strategies import reports

from perf_action.errors import UsageError
from perf_action.model.report import Report
from perf_action.render import MEDIA, documents, print_report, render


@pytest.mark.parametrize("name", factories.ALL)
def test_every_report_has_every_document(name: str) -> None:
    found = documents(factories.ALL[name]())
    assert {path for path in found if not path.endswith(".svg")} == {
        "comparison.json",
        "comment.md",
        "summary.md",
        "report.html",
        "junit.xml",
        "report.json",
        "report.sarif",
    }
    assert all(text.endswith("\n") for file, text in found.items() if file != "junit.xml")
    for text in found.values():
        text.encode("utf-8")


@settings(max_examples=25)
@given(reports())
def test_any_report_has_every_document(report: Report) -> None:
    for medium in MEDIA:
        text = render(report, medium)
        assert " nan" not in text
        assert " inf" not in text
        assert "None" not in text


@pytest.mark.parametrize("name", factories.ALL)
@pytest.mark.parametrize("medium", MEDIA)
def test_documents_do_not_depend_on_anything_else(name: str, medium: str) -> None:
    assert render(factories.ALL[name](), medium) == render(factories.ALL[name](), medium)


def pictures_of(report: Report) -> dict[str, str]:
    return {path: text for path, text in documents(report).items() if path.endswith(".svg")}


def test_pictures_of_each_stage_and_side() -> None:
    found = pictures_of(factories.regression())
    sides = ("head", "base", "difference")
    assert set(found) == {f"{side}/{stage}/flamegraph.svg" for stage in ("cpu", "memory") for side in sides}
    assert all(ET.fromstring(text).get("class") == "flame" for text in found.values())
    assert set(pictures_of(factories.first_run())) == {"head/cpu/flamegraph.svg"}


@pytest.mark.parametrize("stage", ["../x", "a/b", "..", "", ".hidden", "a\nb"])
def test_no_picture_leaves_the_run_folder(stage: str) -> None:
    flame = replace(factories.regression().flames[0], stage=stage)
    assert pictures_of(replace(factories.regression(), flames=(flame,))) == {}


def test_an_unknown_medium_is_refused() -> None:
    with pytest.raises(UsageError, match="pdf: no such format; use one of markdown, summary, "):
        render(factories.identical(), "pdf")


def test_report_json_is_complete_and_versioned() -> None:
    document = json.loads(render(factories.regression(), "json"))
    assert document["schema"] == 1
    assert document["verdict"] == document["about"] == "regression"
    assert document["headline"].startswith("encode costs +31 %")
    assert document["comparison"]["functions"][0]["name"] == "encode"
    assert document["comparison"]["metrics"][0]["interval"] == [0.069, 0.085]
    assert document["budgets"][1]["state"] == "fail"
    assert document["head"]["metrics"][0]["samples"]
    assert document["environment"]["cores"] == 4
    assert "flames" not in document
    assert len(render(factories.hostile(), "json")) < 1_000_000


def test_report_json_of_a_first_run_has_no_verdict() -> None:
    document = json.loads(render(factories.first_run(), "json"))
    assert (document["verdict"], document["about"], document["comparison"]) == (None, "first-run", None)


def test_numbers_that_json_does_not_know_are_null() -> None:
    row = factories.metric_change(base=float("nan"), head=float("inf"))
    document = json.loads(render(factories.report(factories.Comparison(metrics=(row,))), "json"))
    assert document["comparison"]["metrics"][0]["base"] is None
    assert document["comparison"]["metrics"][0]["head"] is None


def test_comparison_json_without_a_comparison_says_why() -> None:
    document = json.loads(render(factories.failed(), "comparison"))
    assert document["verdict"] == "inconclusive"
    assert document["reasons"] == [
        "on head, the service ended with code 1 before it was ready; so there is nothing to compare."
    ]
    assert document["metrics"] == document["functions"] == document["leaks"] == document["budgets"] == []


def cases(xml: str) -> dict[str, str]:
    """Name -> passed, failure or skipped."""
    root = ET.fromstring(xml)
    return {case.get("name", ""): next((c.tag for c in case), "passed") for case in root.iter("testcase")}


def test_junit_has_a_case_for_each_budget_and_gating_row() -> None:
    found = cases(render(factories.regression(), "junit"))
    assert found == {
        "memory.peak": "passed",
        "cpu.hot_function": "failure",
        "load.error_rate": "passed",
        "latency.p99": "skipped",
        "cpu.per_request": "failure",
        "memory.rss.peak": "failure",
        "memory.allocations": "passed",
        "encode codec.py:41": "failure",
        "remember cache.py:17": "failure",
        "Process memory": "failure",
    }


@pytest.mark.parametrize("name", ["noisy", "first-run", "failed", "skipped"])
def test_no_data_is_never_a_pass(name: str) -> None:
    root = ET.fromstring(render(factories.ALL[name](), "junit"))
    skipped = list(root.iter("skipped"))
    assert skipped
    assert all(s.get("message") for s in skipped)


def test_junit_survives_hostile_names() -> None:
    assert len(cases(render(factories.hostile(), "junit"))) > 20


@pytest.mark.parametrize("name", factories.ALL)
def test_terminal_is_plain_and_fits_80_columns(name: str) -> None:
    text = render(factories.ALL[name](), "terminal")
    assert "\x1b" not in text
    assert max(map(len, text.split("\n"))) <= 80
    assert not any(line != line.rstrip() for line in text.split("\n"))


def test_terminal_says_what_counts() -> None:
    text = render(factories.regression(), "terminal")
    assert text.startswith("Regression: encode costs +31 % CPU per request")
    for part in (
        "CPU time per request",
        "+7.7 %",
        "encode codec.py:41",
        "exceeded",
        "▓",
        "Measuring took 4.0 min.",
    ):
        assert part in text


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_colour_only_where_somebody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    seen, file = Terminal(), io.StringIO()
    print_report(factories.regression(), seen)
    print_report(factories.regression(), file)
    assert "\x1b[" in seen.getvalue()
    assert "\x1b[" not in file.getvalue()
