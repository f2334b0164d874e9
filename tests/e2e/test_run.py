"""The installed command on a real service under real load."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from e2e.conftest import BIN, ENVIRON, KEY, SETTINGS, Run, git, write_settings

pytestmark = pytest.mark.slow


def verdict(run: Path) -> dict:
    return json.loads((run / "comparison.json").read_text())


def strays() -> list[str]:
    """Services of these tests that are still there."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("E2E_MARK") == ENVIRON["E2E_MARK"]:
                found.append(" ".join(process.cmdline()))
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def test_base_and_head_side_by_side(service: Path, perf_action: Run) -> None:
    write_settings(
        service,
        stages={
            "cpu": {"profiler": "py-spy", "launches": 1, "slices": 1, "requests": 1000},
            "memory": {"profiler": "memray", "requests": 60},
        },
        budgets={"memory.rss.peak": "500MB", "load.error_rate": "1%", "cpu.hot_function": "1%"},
    )
    out = service.parent / "run"
    done = perf_action("run", "--base", "HEAD^", "--out", str(out))
    assert done.returncode == 0, done.stderr
    assessed = perf_action("assess", str(out))
    assert assessed.returncode == 0, assessed.stderr
    assert strays() == []
    raw = json.loads((out / "run.json").read_text())
    assert raw["sides"]["base"]["commit"] == git(service, "rev-parse", "HEAD^").strip()
    assert [s["state"] for s in raw["stages"]] == ["done"] * 3
    for name in ("comment.md", "summary.md", "report.html", "junit.xml", "report.json", "comparison.json"):
        assert (out / name).stat().st_size > 0
    for name in ("base", "head", "difference"):
        assert (out / name / "cpu" / "flamegraph.svg").is_file()
    found = verdict(out)
    blamed = {(f["name"], f["kind"]) for f in found["functions"] if f["verdict"] == "regression"}
    assert ("canonicalise", "allocated") in blamed
    assert ("record_request", "leaked") in blamed
    assert all(not f["file"].startswith("/") for f in found["functions"])
    assert {b["rule"]: b["state"] for b in found["budgets"]} == {
        "memory.rss.peak": "pass",
        "load.error_rate": "pass",
        "cpu.hot_function": "fail",
    }
    secret = KEY.encode()
    assert [str(f) for f in out.rglob("*") if f.is_file() and secret in f.read_bytes()] == []
    assert KEY not in done.stdout + done.stderr + assessed.stdout
    failed = perf_action("assess", str(out), "--fail-on", "budget")
    assert failed.returncode == 1
    assert failed.stderr.startswith("error: ")
    moved = out.rename(service.parent / "moved")
    assert perf_action("assess", str(moved), "--verdict-only").returncode == 1


def test_the_same_files_are_nothing_to_compare(service: Path, perf_action: Run) -> None:
    git(service, "commit", "-q", "--allow-empty", "-m", "nothing")
    out = service.parent / "run"
    assert perf_action("run", "--base", "HEAD^", "--out", str(out)).returncode == 0
    assert perf_action("assess", str(out)).returncode == 0
    assert "same files" in (out / "comment.md").read_text()


def test_a_base_that_cannot_start_leaves_head_measured_alone(service: Path, perf_action: Run) -> None:
    git(service, "checkout", "-q", "-b", "broken", "HEAD^")
    (service / "registry" / "app.py").write_text("raise SystemExit('no database here')\n")
    git(service, "commit", "-q", "-am", "broken")
    git(service, "checkout", "-q", "main")
    out = service.parent / "run"
    done = perf_action("run", "--base", "broken", "--out", str(out))
    assert done.returncode == 0, done.stderr
    raw = json.loads((out / "run.json").read_text())
    assert list(raw["sides"]) == ["head"]
    assert "before it was ready" in raw["failed"]["base"]
    assert perf_action("assess", str(out)).returncode == 0
    assert "no database here" in (out / "comment.md").read_text()


def test_a_service_that_runs_already_is_profiled_and_left_alone(service: Path, perf_action: Run) -> None:
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    env = {**ENVIRON, "REGISTRY_DB": str(service.parent / "registry.db")}
    subprocess.run(
        [BIN / "python", "-m", "registry.seed", env["REGISTRY_DB"]], cwd=service, env=env, check=True
    )
    argv = [BIN / "python", "-m", "uvicorn", "registry.app:app", "--port", str(port), "--no-access-log"]
    with subprocess.Popen(argv, cwd=service, env=env) as running:
        try:
            for _ in range(200):
                with socket.socket() as s:
                    if s.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.05)
            write_settings(
                service,
                service={"pid": running.pid},
                stages={
                    "cpu": {"profiler": "py-spy", "launches": 1, "slices": 1, "requests": 300},
                    "memory": {"profiler": "memray"},
                },
            )
            out = service.parent / "run"
            done = perf_action("run", "--out", str(out))
            assert done.returncode == 0, done.stderr
            raw = json.loads((out / "run.json").read_text())
            stages = {s["name"]: (s["state"], s["reason"]) for s in raw["stages"]}
            assert stages["clean"][0] == stages["cpu"][0] == "done"
            assert stages["memory"][0] == "failed"
            assert "service.pid names one that runs already" in stages["memory"][1]
            names = {m["name"] for m in raw["sides"]["head"]["metrics"]}
            assert "cpu.per_request" in names
            assert "service.start_up" not in names
            assert any("ran already" in note for note in raw["notes"])
            assert running.poll() is None
            refused = perf_action("run", "--base", "HEAD^", "--out", str(out.with_name("other")))
            assert refused.returncode == 2
            assert "there is no base to start" in refused.stderr
        finally:
            running.kill()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"service": {**SETTINGS["service"], "command": "python -c 'raise SystemExit(3)'"}}, "exit code 3"),
        ({"service": {**SETTINGS["service"], "command": "no-such-program --port {port}"}}, "no-such-program"),
        (
            {
                "service": {
                    "command": "sleep 60",
                    "ready": {"tcp": "127.0.0.1:{port}", "timeout": "1s"},
                }
            },
            "not ready within 1 s",
        ),
        ({"load": {"baseline": {"script": "nowhere.py"}}}, "nowhere.py"),
        ({"load": {"baseline": {"tool": "command", "command": "exit 7"}}}, "7"),
    ],
    ids=["dies at the start", "is not there", "never ready", "no script", "load fails"],
)
def test_what_cannot_be_measured_is_one_line_and_exit_3(
    service: Path, perf_action: Run, changes: dict, reason: str
) -> None:
    write_settings(service, **changes)
    out = service.parent / "run"
    done = perf_action("run", "--out", str(out))
    assert done.returncode == 3, done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("error: ")
    assert reason in last
    assert "Traceback" not in done.stderr
    assert not out.exists()
    assert strays() == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["SIGINT", "SIGTERM"])
def test_a_signal_leaves_nothing_behind(service: Path, number: int) -> None:
    out = service.parent / "run"
    process = subprocess.Popen(
        [BIN / "perf-action", "run", "--base", "HEAD^", "--out", str(out)],
        cwd=service,
        env=ENVIRON,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # a shell ignores SIGINT for what it starts in the background, and so would all that these tests start
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
    )
    assert process.stderr is not None
    for line in process.stderr:
        if "times: launch 1" in line:
            break
    time.sleep(1.0)
    os.kill(process.pid, number)
    _, rest = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "error: interrupted" in rest
    assert not out.exists()
    assert [p.name for p in service.parent.iterdir()] == [service.name]
    assert git(service, "worktree", "list").count("\n") == 1
    assert strays() == []


def test_a_plan_says_what_would_run_and_measures_nothing(service: Path, perf_action: Run) -> None:
    done = perf_action("run", "--base", "HEAD^", "--dry-run")
    assert done.returncode == 0
    assert "clean" in done.stdout
    assert "min of measuring" in done.stdout
    assert not (service / "perf-run").exists()
