"""What got worse is measured a second time, and what the change touches is known."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from e2e.conftest import SETTINGS, Run, write_settings

pytestmark = pytest.mark.slow


@pytest.mark.timeout(700)
def test_a_regression_is_seen_again_in_the_function_that_was_edited(service: Path, perf_action: Run) -> None:
    write_settings(
        service,
        stages={"counts": {"profiler": "bytecodes", "requests": 40}},
        measure={**SETTINGS["measure"], "max-minutes": 8, "confirm": True},
    )
    out = service.parent / "run"
    done = perf_action("run", "--base", "HEAD^", "--out", str(out), seconds=560)
    assert done.returncode == 0, done.stderr
    assert "measuring again what got worse: counts" in done.stderr + done.stdout
    raw = json.loads((out / "run.json").read_text())
    assert any("canonicalise" in file["functions"] for file in raw["touched"])
    assert set(raw["confirmation"]["sides"]) == {"base", "head"}
    assert [s["name"] for s in raw["stages"]][-1] == "counts, again"
    assert perf_action("assess", str(out)).returncode == 0
    found = json.loads((out / "comparison.json").read_text())
    row = next(f for f in found["functions"] if f["name"] == "canonicalise" and f["verdict"] == "regression")
    assert row["touched"]
    raw["confirmation"] = {"sides": {}, "why_not": "the machine went away"}
    (out / "run.json").write_text(json.dumps(raw))
    assert perf_action("assess", str(out)).returncode == 0
    found = json.loads((out / "comparison.json").read_text())
    assert not any(row["verdict"] == "regression" for row in (*found["metrics"], *found["functions"]))
    assert any("the machine went away" in f["reason"] for f in found["functions"])
