"""A service with a Redis that it needs, both sides at once, and budgets on routes, functions and categories."""

from __future__ import annotations

import json
from pathlib import Path

import psutil
import pytest

from e2e.conftest import ENVIRON, SETTINGS, Run, write_settings

pytestmark = pytest.mark.slow

NEEDS = {
    "redis": {
        "command": "redis-server --port {port} --bind 127.0.0.1 --dir {work} --save '' --appendonly no",
        "ready": {"log": "Ready to accept connections"},
        "reset": "redis-cli -p {port} flushall",
    }
}
#: fails unless nobody has counted since the last reset
COUNT = 'test "$(redis-cli -p {needs.redis.port} incr launches)" = 1'
BUDGETS = {
    "preset": "python-web",
    "route GET /schemas/:id": {"p50": "10s"},
    "route /nowhere": "1s",
    "function encode*": "99%",
    "category serialization": "1%",
    "site registry.*": "1kB",
}


def ours() -> list[str]:
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("E2E_MARK") == ENVIRON["E2E_MARK"]:
                found.append(" ".join(process.cmdline()))
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


@pytest.mark.timeout(900)
def test_each_side_has_a_redis_of_its_own_that_is_reset_before_every_launch(
    service: Path, perf_action: Run
) -> None:
    before = f"python -m registry.seed {{work}}/registry.db && {COUNT}"
    write_settings(
        service,
        needs=NEEDS,
        service={**SETTINGS["service"], "before-launch": before},
        stages={"cpu": {"profiler": "py-spy", "launches": 1, "slices": 1, "requests": 1500}},
        budgets=BUDGETS,
        measure={**SETTINGS["measure"], "max-minutes": 8},
    )
    out = service.parent / "run"
    done = perf_action("run", "--base", "HEAD^", "--out", str(out), seconds=700)
    assert done.returncode == 0, done.stderr
    assert "base: starting needs.redis" in done.stderr
    assert ours() == []
    raw = json.loads((out / "run.json").read_text())
    assert [s["state"] for s in raw["stages"]] == ["done"] * 2
    for side in ("base", "head"):
        assert "bye bye" in (out / "logs" / f"needs-redis-{side}.log").read_text()
    assert perf_action("assess", str(out)).returncode == 0
    found = {b["rule"]: b for b in json.loads((out / "comparison.json").read_text())["budgets"]}
    assert found["latency.p50{GET /schemas/:id}"]["state"] == "pass"
    assert found["latency.p95{/nowhere}"]["state"] == "cannot-tell"
    assert found["function encode*"]["state"] == "pass"
    assert found["category serialization"]["state"] == "fail"
    assert found["site registry.*"]["state"] == "cannot-tell"  # nothing recorded allocations
    assert found["memory.rss.peak"]["origin"] == "preset python-web"


def test_a_need_that_does_not_start_is_one_line(service: Path, perf_action: Run) -> None:
    broken = {"redis": {"command": "redis-server --port {port} --no-such-option 1"}}
    write_settings(service, needs=broken)
    done = perf_action("run", "--out", str(service.parent / "run"))
    assert done.returncode == 3
    assert done.stderr.splitlines()[-1].startswith(
        "error: needs.redis ended with exit code 1 before it was ready"
    )
    assert not (service.parent / "run").exists()
    assert ours() == []
