"""The action as a whole where it does not get as far as measuring: installation, its traces, and every kind of failure."""

from __future__ import annotations

import pytest

from rig.workflows import workflow
from rig.world import COMMENTING, READING, World, Worlds

pytestmark = pytest.mark.slow

#: what a job has besides what changes from step to step
STATE = (
    "env | grep -vE '^(ACTIONS_|GITHUB_ACTION|_=|SHLVL=)' | sort >../{0}; command -v python python3 pip >>../{0} || true; "
    "git status --porcelain >>../{0}; git config --list --local >>../{0}"
)
NO_COMMAND = "service: {}\nload: {a: {script: locustfile.py}}\n"


def comments(world: World, pull: int = 7) -> list[str]:
    return [c.body for c in world.repository.comments_of(pull)]


def test_it_installs_itself_and_is_back_from_the_cache_the_next_time(make_world: Worlds) -> None:
    """How quickly is measured by `python -m benchmarks install`."""
    world = make_world({".github/workflows/perf.yml": workflow(), "perf.yml": NO_COMMAND})
    world.variables["UV_CACHE_DIR"] = str(world.folder / "uv")  # empty, as on a new runner
    cold = world.run_push()
    assert ", fresh, in " in cold.log
    cached = world.run_push()
    assert ", from the cache, in " in cached.log
    assert cached.outcome("Keep the installation") == ""


def test_it_leaves_the_job_as_it_was(make_world: Worlds) -> None:
    files = {
        ".github/workflows/perf.yml": workflow(before=STATE.format("before"), after=STATE.format("after")),
        "perf.yml": NO_COMMAND,
    }
    world = make_world(files)
    run = world.run_push()
    assert run.outcome("After") == "success"
    traces = [next(world.folder.rglob(name)).read_text(encoding="utf-8") for name in ("before", "after")]
    assert "GITHUB_WORKSPACE" in traces[0]
    assert traces[0] == traces[1]


def test_a_wrong_config_is_said_on_the_pull_request_and_turns_the_last_step_red(make_world: Worlds) -> None:
    world = make_world({".github/workflows/perf.yml": workflow(), "perf.yml": NO_COMMAND})
    world.push_pull(7, {"a.txt": "a"}, "Change")
    run = world.run_pull(7)
    assert not run.green
    assert run.steps[-1].outcome == "failure"
    assert [s.name for s in run.steps if s.outcome == "failure"] == ["Verdict", "org/perf-action@v1"]
    assert len(comments(world)) == 1
    assert "command: missing" in comments(world)[0]
    assert "command: missing" in run.summary
    assert run.outputs["verdict"] == "error"
    assert any(level == "error" and "command: missing" in text for level, text in run.annotations)
    assert world.api.violations == []


def test_a_service_that_does_not_start_is_said_too_and_a_token_that_reads_does_no_harm(
    make_world: Worlds,
) -> None:
    perf = "service: {command: 'false', ready: {tcp: '127.0.0.1:{port}', timeout: 5s}}\nload: {a: {script: locustfile.py}}\n"
    world = make_world({".github/workflows/perf.yml": workflow(), "perf.yml": perf, "locustfile.py": LOCUST})
    world.push_pull(7, {"a.txt": "a"}, "Change")
    run = world.run_pull(7, READING)
    assert not run.green
    assert run.outputs["verdict"] == "error"
    assert run.outcome("Publish") == "success"
    assert comments(world) == []
    assert any(level == "warning" and "comment" in text for level, text in run.annotations)
    assert "could not measure" in run.summary
    assert COMMENTING.secret not in run.log + run.summary
    assert READING.secret not in run.log + run.summary
    assert world.api.violations == []


LOCUST = """
from locust import HttpUser, task

class Visitor(HttpUser):
    @task
    def get(self):
        self.client.get("/")
"""
