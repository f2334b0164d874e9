"""Settings without secrets: whatever is in env and headers, none of it is in what a run folder keeps."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf_action.config import parse
from perf_action.config.shareable import shareable, variables

SETTINGS: dict[str, Any] = {
    "service": {
        "command": "python app.py --port {port}",
        "ready": {"url": "http://127.0.0.1:{port}/health", "headers": {"X-API-Key": "$API_KEY"}},
        "env": {
            "API_KEY": "${API_KEY}",
            "DB": "{work}/shop.db",
            "TOKEN": "s3cret",
            "URL": "postgres://u:s3cret@db/x",
        },
    },
    "needs": {"db": {"command": "postgres -p {port}", "env": {"PGPASSWORD": "s3cret"}}},
    "load": {
        "baseline": {
            "script": "l.py",
            "host": "http://user:s3cret@localhost:{port}",
            "env": {"API_KEY": "Bearer $API_KEY"},
        }
    },
    "stages": {"cpu": {"profiler": "pprof", "headers": {"Authorization": "s3cret"}, "launches": "2..4"}},
    "measure": {"launches": "3..9", "soak": "20s"},
    "budgets": {"memory.peak": "500MB"},
}


def test_references_and_our_own_folders_are_kept_and_the_rest_is_a_reference() -> None:
    data = shareable(parse(SETTINGS, "perf.yml"))
    assert "s3cret" not in json.dumps(data)
    assert data["service"]["env"] == {
        "API_KEY": "${API_KEY}",
        "DB": "{work}/shop.db",
        "TOKEN": "$TOKEN",
        "URL": "$URL",
    }
    assert data["stages"]["cpu"]["headers"] == {"Authorization": "$AUTHORIZATION"}
    assert data["load"]["baseline"]["host"] == "http://localhost:{port}"
    assert "budgets" not in data
    assert variables(data) == ("API_KEY", "AUTHORIZATION", "PGPASSWORD", "TOKEN", "URL")


def test_what_is_kept_is_read_back_as_it_was() -> None:
    config = parse(SETTINGS, "perf.yml")
    again = parse(json.loads(json.dumps(shareable(config))), "again")
    assert (again.measure, again.stages["cpu"].launches) == (config.measure, config.stages["cpu"].launches)
    assert again.service.ready == config.service.ready
    assert shareable(again) == shareable(config)


@given(st.dictionaries(st.text(min_size=1, max_size=8), st.from_regex(r"[a-z0-9]{8}\Z"), max_size=3))
def test_no_literal_value_is_kept(env: dict[str, str]) -> None:
    service = {**SETTINGS["service"], "env": env}
    kept = shareable(parse({**SETTINGS, "service": service}, "perf.yml"))
    assert all(value not in json.dumps(kept) for name, value in env.items() if value not in name)
    assert len(kept["service"].get("env", {})) == len(env)


@pytest.mark.parametrize(
    "value", ["$A; rm -rf /", "$(id)", "a$B", "{work}/$(id)", "{work}/x y", "Bearer s3cret", "{port}s3cret"]
)
def test_what_only_looks_like_a_reference_is_none(value: str) -> None:
    service = {**SETTINGS["service"], "env": {"V": value}}
    assert shareable(parse({**SETTINGS, "service": service}, "perf.yml"))["service"]["env"] == {"V": "$V"}
