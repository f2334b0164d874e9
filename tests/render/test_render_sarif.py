"""report.sarif: valid by the official schema, within GitHub's limits, with results on the changed lines."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import factories
import jsonschema_rs
import pytest
from hypothesis import given, settings
from report_strategies import reports

from perf_action.model.advice import Advice
from perf_action.model.change import Verdict
from perf_action.model.finding import Finding, State
from perf_action.model.report import Report
from perf_action.model.suspect import Confidence, Suspect
from perf_action.render.sarif import MAX_RESULTS, sarif

SCHEMA = Path(__file__).with_name("sarif-schema-2.1.0.json")


@cache
def validator() -> Any:
    return jsonschema_rs.Draft4Validator(json.loads(SCHEMA.read_text()), validate_formats=True)


def run_of(report: Report) -> dict[str, Any]:
    """The run of the log, which is valid by the schema and by what GitHub asks for besides."""
    log = json.loads(sarif(report))
    problems = [
        f"{'/'.join(map(str, e.instance_path))}: {e.message[:300]}" for e in validator().iter_errors(log)
    ]
    assert problems == []
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert len(result["locations"]) == 1
        assert result["partialFingerprints"]["primaryLocationLineHash"].endswith(":1")
    assert len({r["id"] for r in rules}) == len(rules)
    return run


SUSPECT = Suspect(
    function="encode",
    kind="cpu",
    change=0.31,
    relation="calls it",
    changed="serialize_all",
    file="shop/my views.py",
    lines=((40, 47), (52, 52)),
    confidence=Confidence.HIGH,
    path=("serialize_all", "encode"),
    function_file="codec.py",
)


def suspected(suspect: Suspect = SUSPECT, **more: Any) -> Report:
    report = factories.regression()
    row = report.comparison.functions[0]
    suspect = replace(suspect, function=row.name, kind=row.kind, function_file=row.file)
    return replace(report, suspects=(suspect,), **more)


@pytest.mark.parametrize("name", factories.ALL)
def test_every_report_is_valid(name: str) -> None:
    run_of(factories.ALL[name]())


@settings(max_examples=40)
@given(reports())
def test_any_report_is_valid(report: Report) -> None:
    run_of(report)


def test_a_regression_is_shown_on_the_changed_line_with_the_function_beside_it() -> None:
    report = suspected()
    row = report.comparison.functions[0]
    result = run_of(report)["results"][1]
    assert result["ruleId"] == "regression/function:cpu"
    assert result["message"]["text"].startswith(
        "encode costs +31 % CPU per request (14.5 → 19.1 µs); called from serialize_all, changed in this pull request"
    )
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "shop/my%20views.py", "uriBaseId": "%SRCROOT%"}
    assert place["region"] == {"startLine": 40, "endLine": 47}
    related = [r["physicalLocation"]["region"]["startLine"] for r in result["relatedLocations"]]
    assert related == [52, row.line]


def test_what_is_only_possible_stays_beside_the_function() -> None:
    result = run_of(suspected(replace(SUSPECT, confidence=Confidence.LOW)))["results"][1]
    uris = [
        loc["physicalLocation"]["artifactLocation"]["uri"]
        for loc in (result["locations"][0], result["relatedLocations"][0])
    ]
    assert uris[0].endswith("codec.py")
    assert uris[1] == "shop/my%20views.py"
    assert "costs" in result["message"]["text"]


def test_fingerprints_do_not_move_with_lines_and_numbers() -> None:
    def prints(report: Report) -> set[str]:
        return {r["partialFingerprints"]["perfActionFinding/v1"] for r in run_of(report)["results"]}

    report = suspected()
    first, *rest = report.comparison.functions
    moved = replace(first, line=first.line + 90, head=first.head * 2, change=2.0, name=f"{first.name}.isra.0")
    again = replace(
        report,
        comparison=replace(report.comparison, functions=(moved, *rest)),
        suspects=(replace(SUSPECT, lines=((140, 150),)),),
    )
    assert prints(report) == prints(again)
    assert len(prints(report)) == len(run_of(report)["results"])


def test_advice_is_help_and_ends_the_message() -> None:
    advice = Advice(
        rule="json-twice", title="Serialize once", symptom="s", solutions=("keep the bytes",), links=("https://example.com/a",),
        language="python", kind="cpu", share=0.2, function="encode",
    )  # fmt: skip
    run = run_of(suspected(advice=(advice,)))
    (rule,) = [r for r in run["tool"]["driver"]["rules"] if r["id"] == "regression/function:cpu"]
    assert rule["help"]["text"] == "Serialize once: keep the bytes\nhttps://example.com/a"
    (result,) = [r for r in run["results"] if r["properties"].get("function") == "encode"]
    assert result["message"]["text"].endswith("Serialize once: keep the bytes")


def test_budgets_and_failed_checks_are_results_and_passed_ones_are_none() -> None:
    def finding(rule: str, state: State) -> Finding:
        return Finding(
            rule=rule,
            state=state,
            limit=0.1,
            value=0.2,
            unit="ratio",
            message="too much",
            file="a.py",
            line=3,
        )

    report = factories.report(
        None,
        budgets=(finding("memory.peak", State.FAIL), finding("latency.p95", State.CANNOT_TELL)),
        checklist=(finding("cpu.serialization", State.FAIL), finding("cpu.locks", State.PASS)),
    )
    results = run_of(report)["results"]
    assert [(r["ruleId"], r["level"]) for r in results] == [
        ("budget:memory.peak", "error"), ("checklist:cpu.serialization", "warning"),
    ]  # fmt: skip
    assert results[0]["locations"][0]["physicalLocation"]["region"]["startLine"] == 3


@pytest.mark.parametrize(
    "file", ["/etc/passwd", "../x.py", "a/../../x", "C:\\x.py", "http://evil.example/a.py", "python3.12/json/encoder.py", "<frozen os>", ""]
)  # fmt: skip
def test_what_is_not_in_the_repository_is_shown_at_perf_yml(file: str) -> None:
    row = factories.function_change("f", file=file, verdict=Verdict.REGRESSION)
    report = factories.report(factories.Comparison(functions=(row,)))
    (result,) = run_of(report)["results"]
    assert result["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "perf.yml", "uriBaseId": "%SRCROOT%"}
    }


def test_more_findings_than_github_shows_are_cut_and_small_enough() -> None:
    row = factories.function_change(
        "f" * 300, file="a.py", verdict=Verdict.REGRESSION, stack=("frame" * 40,) * 64
    )
    rows = tuple(replace(row, name=f"{row.name}{i}") for i in range(MAX_RESULTS + 10))
    report = factories.report(factories.Comparison(functions=rows), budgets=(factories.BUDGETS[1],))
    text = sarif(report)
    results = json.loads(text)["runs"][0]["results"]
    assert len(results) == MAX_RESULTS
    assert results[0]["level"] == "error"
    assert len(gzip.compress(text.encode(), 6)) < 10_000_000


def test_a_name_is_no_link() -> None:
    row = factories.function_change("[click](https://evil.example)", verdict=Verdict.REGRESSION)
    (result,) = run_of(factories.report(factories.Comparison(functions=(row,))))["results"]
    assert "](" not in result["message"]["text"]


def test_a_file_of_a_library_is_no_place() -> None:
    row = factories.function_change("ref", file="jsonschema/_keywords.py", verdict=Verdict.REGRESSION)
    report = factories.report(factories.Comparison(functions=(row,)))
    for foreign, uri in (((), row.file), ((row.file,), "perf.yml")):
        (result,) = run_of(replace(report, foreign_files=foreign))["results"]
        assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == uri


def test_a_check_stands_on_the_changed_lines_that_made_it_fail() -> None:
    report = factories.regression()
    (found,) = [r for r in run_of(report)["results"] if r["ruleId"] == "checklist:cpu.blocking_in_async"]
    assert found["message"]["text"].endswith("changed in this pull request, line 17 of cache.py (sure)")
    assert found["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "cache.py"
    assert found["properties"]["function"] == "remember"
