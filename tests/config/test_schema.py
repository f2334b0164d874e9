from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from perf_action.config.schema import schema_text


def test_the_kept_schema_is_what_the_types_say(repository: Path, update_golden: bool) -> None:
    kept = repository / "perf_action" / "resources" / "perf.schema.json"
    if update_golden:
        kept.write_text(schema_text())
    assert kept.read_text() == schema_text(), "run pytest tests/config --update-golden"


def test_the_schema_takes_what_the_program_takes_and_refuses_a_typo() -> None:
    schema = json.loads(schema_text())
    good = yaml.safe_load(
        """
        service: {command: [python, app.py], ready: {log: listening, timeout: 60s}, env: {A: $B}}
        load: {baseline: {tool: k6, script: a.js}, stress: {tool: command, command: wrk -d 5}}
        stages: {cpu: {profiler: py-spy, rate: 250}}
        measure: {launches: 8..24, max-minutes: 5, soak: 30s}
        budgets: {memory.peak: 500MB}
        fail-on: [budget]
        """
    )
    jsonschema.validate(good, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**good, "budget": {}}, schema)
