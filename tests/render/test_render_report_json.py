"""report.json against its schema, which is kept and made from the types; and what is in it for programs that act on it."""

from __future__ import annotations

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
from perf_action.model.report import Report
from perf_action.model.suspect import Confidence, Suspect
from perf_action.render.report_json import report_json
from perf_action.render.report_schema import schema_text


@cache
def validator() -> Any:
    return jsonschema_rs.Draft202012Validator(json.loads(schema_text()))


def document(report: Report) -> dict[str, Any]:
    made = json.loads(report_json(report))
    problems = [
        f"{'/'.join(map(str, e.instance_path))}: {e.message[:300]}" for e in validator().iter_errors(made)
    ]
    assert problems == []
    return made


def test_the_kept_schema_is_what_the_types_say(repository: Path, update_golden: bool) -> None:
    kept = repository / "perf_action" / "resources" / "report.schema.json"
    if update_golden:
        kept.write_text(schema_text())
    assert kept.read_text() == schema_text(), (
        "run pytest tests/render/test_render_report_json.py --update-golden"
    )


@pytest.mark.parametrize("name", factories.ALL)
def test_every_report_is_valid(name: str) -> None:
    document(factories.ALL[name]())


@settings(max_examples=40)
@given(reports())
def test_any_report_is_valid(report: Report) -> None:
    document(report)


@pytest.mark.parametrize("key", ["headline", "findings", "comparison", "suspects", "advice", "checklist"])
def test_the_schema_misses_what_is_missing(key: str) -> None:
    made = document(factories.regression())
    del made[key]
    assert not validator().is_valid(made)
    assert not validator().is_valid({**made, key: 3})


SUSPECT = Suspect(
    function="encode", kind="cpu", change=0.31, relation="calls it", changed="serialize_all", file="shop/views.py",
    lines=((40, 47), (52, 52)), confidence=Confidence.HIGH,
    function_file="codec.py",
)  # fmt: skip


def test_a_finding_says_place_cause_evidence_and_next_step() -> None:
    report = factories.regression()
    row = report.comparison.functions[0]
    made = document(replace(report, suspects=(replace(SUSPECT, function_file=row.file),), advice=()))
    finding = next(f for f in made["findings"] if f["rule"] == "regression/function:cpu")
    assert finding["place"] == {"file": "shop/views.py", "line": 40, "end_line": 47, "why": ""}
    assert finding["message"].startswith(
        "encode costs +31 % CPU per request (14.5 → 19.1 µs); called from serialize_all, changed in this pull request"
    )
    assert finding["evidence"]["change"] == row.change
    assert finding["evidence"]["confidence"] == "high"
    assert (
        finding["next_step"]
        == "look at what serialize_all does differently in shop/views.py, lines 40–47, 52"
    )
    assert made["reproduce"][1].startswith("perf-action run --only cpu")


def test_advice_is_the_next_step_where_there_is_some() -> None:
    advice = Advice(
        rule="json-twice", title="Serialize once", symptom="s", solutions=("keep the bytes",), links=(), language="python",
        kind="cpu", share=0.2, function="encode",
    )  # fmt: skip
    made = document(replace(factories.regression(), advice=(advice,)))
    finding = next(f for f in made["findings"] if f["evidence"].get("function") == "encode")
    assert finding["next_step"] == "Serialize once: keep the bytes"


def test_every_finding_has_a_next_step() -> None:
    found = document(factories.hostile())["findings"]
    assert found
    assert all(f["next_step"].strip() and f["place"]["file"] for f in found)


def test_the_example_of_the_documentation_is_a_finding(repository: Path) -> None:
    text = (repository / "docs" / "report.md").read_text()
    example = json.loads(text.split("```json\n")[1].split("```")[0])
    schema = json.loads(schema_text())
    finding = schema["properties"]["findings"]["items"]
    jsonschema_rs.validate({**finding, "$defs": schema["$defs"]}, example)
    assert set(example) == set(finding["properties"])
