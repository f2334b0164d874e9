"""Which scenarios are replayed, with real load tools on a real service; and which are not, with the reason."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from perf_action import formats
from perf_action.config.groups import Config
from perf_action.errors import CannotMeasure, LoadFailed
from perf_action.load.session import Amount
from perf_action.measure.loads import Loads
from perf_action.measure.schedule import CALIBRATION, RECORDING
from perf_action.model.trial import SOAK, Side, Slice, Stage, Trial, TrialRecord
from perf_action.system import System

LOCUST = """
import os, random
from locust import FastHttpUser, task

class Client(FastHttpUser):
    @task(3)
    def read(self):
        self.client.get(f"/read/{random.randrange(50)}?v=1", headers={"X-API-Key": os.environ["API_KEY"]})

    @task
    def write(self):
        self.client.post("/write", json={"value": random.randrange(9)})
"""
ONCE = LOCUST.replace('"/write"', 'f"/once/{next(numbers)}"').replace(
    "import os", "import itertools, os\nnumbers = itertools.count()\nimport os"
)
K6 = """
import http from 'k6/http';
export const options = { OPTIONS };
export default function () { http.get(`${__ENV.BASE_URL}/read/${__ITER % 7}`); }
"""
OPEN = "scenarios: { a: { executor: 'constant-arrival-rate', rate: 9, duration: '1s', preAllocatedVUs: 2 } }"
STAGE = Stage(
    name=CALIBRATION,
    profiler="none",
    load="main",
    placement="alone",
    min_launches=1,
    max_launches=1,
    seconds=0.3,
)
TRIAL = Trial(number=0, stage=STAGE, pair=0, sides=(Side.HEAD,))


@dataclass
class Calls:
    """Carries trials out on the bench's server, as `measure.execute` does on a launch."""

    bench: Any
    loads: Loads
    stages: list[str] = field(default_factory=list)
    tools: list[str] = field(default_factory=list)

    def perform(self, trial: Trial) -> TrialRecord:
        self.stages.append(trial.stage.name)
        try:
            session = self.loads.open(trial.stage, self.bench.where())
        except CannotMeasure as error:
            return TrialRecord(trial=trial, failure=str(error))
        self.tools.append(type(session).__name__)
        try:
            session.begin(Amount(requests=20, seed=1))
            session.finish(30)
            session.begin(Amount(seconds=trial.stage.seconds, seed=2))
            result = session.finish(30)
        except CannotMeasure as error:
            return TrialRecord(trial=trial, failure=str(error))
        finally:
            session.close()
        numbers = dict.fromkeys(("latency_p50_ns", "latency_p95_ns", "latency_p99_ns"), 0.0)
        zeros = dict.fromkeys(
            ("cpu_ns", "user_ns", "system_ns", "rss_bytes", "pss_bytes", "read_bytes", "written_bytes"), 0
        )
        one = Slice(
            side=Side.HEAD,
            launch=0,
            pair=0,
            index=0,
            core=None,
            start_ns=result.start_ns,
            end_ns=result.end_ns,
            requests=result.requests,
            errors=result.errors,
            load_cpu_ns=result.cpu_ns,
            **numbers,
            **zeros,
        )
        return TrialRecord(trial=trial, slices=(one,))

    def calibrate(self) -> TrialRecord:
        return self.loads.execute(TRIAL, perform=self.perform)


@pytest.fixture
def loads(bench) -> Callable[..., Calls]:
    bench.system = System(
        {**bench.system.environ, "PATH": f"{Path(sys.executable).parent}:{bench.system.environ['PATH']}"}
    )

    def make(text: str, **scenario: Any) -> Calls:
        tool = "locust" if "locust" in text else "k6"
        if text:
            scenario |= {
                "script": bench.script(text, "script." + ("py" if tool == "locust" else "js")),
                "tool": tool,
            }
        scenario = {"replay": "auto", "env": {"API_KEY": "k-12345"}, **scenario}
        config = Config.model_validate(
            {"service": {"command": "x {port}"}, "load": {"main": scenario}, "budgets": {"latency.p95": "1s"}}
        )
        return Calls(bench, Loads(config, bench.folder, bench.system, bench.read))

    return make


@pytest.mark.slow
def test_a_repeatable_scenario_is_recorded_once_and_replayed(loads, server):
    calls = loads(LOCUST, users=3)
    record = calls.calibrate()
    assert record.slices[0].errors == 0
    assert record.slices[0].load_cpu_ns > 0
    assert calls.tools == ["RecordedSession", "ReplaySession"]
    assert calls.calibrate().failure is None  # asked again, nothing is recorded again
    assert calls.stages == [RECORDING, CALIBRATION, CALIBRATION]
    (closed, note) = calls.loads.notes
    assert "closed loop of 3 users" in closed
    assert "coordinated omission" in closed
    assert (
        "requests of its locust scenario were recorded and are replayed in a closed loop of 3 connections"
        in note
    )
    assert {
        h.get("x-api-key") for h, (m, *_) in zip(server.headers, server.seen, strict=True) if m == "GET"
    } == {"k-12345"}
    writes = sum(method == "POST" for method, *_ in server.seen)
    assert 0.1 < writes / len(server.seen) < 0.4


@pytest.mark.slow
def test_what_succeeds_only_once_is_not_replayed(loads):
    calls = loads(ONCE)
    record = calls.calibrate()
    assert calls.tools == ["RecordedSession", "ReplaySession", "LocustSession"]
    assert record.failure is None
    assert "the scenario itself is used, not a replay of its requests: " in calls.loads.notes[-1]
    assert "requests were not answered as when they were recorded" in calls.loads.notes[-1]
    calls.perform(TRIAL)
    assert calls.tools[-1] == "LocustSession"


@pytest.mark.slow
def test_always_replays_whatever_is_answered_and_counts_the_errors(loads):
    calls = loads(ONCE, replay="always")
    record = calls.calibrate()
    assert record.slices[0].errors > 0.1 * record.slices[0].requests
    assert calls.tools == ["RecordedSession", "ReplaySession"]


@pytest.mark.slow
def test_users_that_pause_are_not_replayed_unless_asked(loads):
    script = LOCUST.replace("    @task(3)", "    wait_time = lambda self: 0.02\n\n    @task(3)")
    calls = loads(script)
    assert calls.calibrate().failure is None
    assert calls.tools == ["RecordedSession", "LocustSession"]
    assert "its users pause for 2" in calls.loads.notes[-1]
    assert loads(script, replay="always").calibrate().failure is None


@pytest.mark.slow
def test_a_scenario_that_asks_for_something_new_each_time_is_not_replayed_unless_asked(loads):
    script = LOCUST.replace("randrange(50)", "getrandbits(40)")
    calls = loads(script)
    assert calls.calibrate().failure is None
    assert calls.tools == ["RecordedSession", "LocustSession"]
    assert re.search(r"only \d+% of its requests come again", calls.loads.notes[-1])
    always = loads(script, replay="always")
    assert always.calibrate().failure is None
    assert always.tools == ["RecordedSession", "ReplaySession"]


@pytest.mark.slow
def test_a_soak_is_made_by_the_scenario(loads):
    calls = loads(LOCUST)
    calls.calibrate()
    calls.perform(replace(TRIAL, stage=replace(STAGE, name=SOAK)))
    assert calls.tools == ["RecordedSession", "ReplaySession", "LocustSession"]


@pytest.mark.slow
def test_requests_that_go_elsewhere_are_missed(loads, server):
    calls = loads(LOCUST.replace('f"/read', f'f"{server.url}/read'))
    assert calls.calibrate().failure is None
    assert "requests did not go to the service" in calls.loads.notes[-1]
    always = loads(LOCUST.replace('f"/read', f'f"{server.url}/read'), replay="always")
    with pytest.raises(LoadFailed, match=r"load.main cannot be replayed: \d+ of \d+ requests did not go"):
        always.calibrate()


@pytest.mark.slow
def test_a_scenario_that_fails_is_measured_as_it_is(loads):
    calls = loads(LOCUST.replace('"/write"', '"/fail"'))
    assert calls.calibrate().slices[0].errors > 0
    assert "requests failed while they were recorded" in calls.loads.notes[-1]


@pytest.mark.slow
def test_a_broken_scenario_fails_as_it_does_without_a_recorder(loads):
    calls = loads(LOCUST.replace("random.randrange(50)", "nobody"))
    assert "NameError" in calls.calibrate().failure or "nobody" in calls.calibrate().failure


@pytest.mark.slow
def test_a_closed_loop_of_k6_is_replayed_and_an_open_one_is_not(loads, bench):
    bench.read = partial(formats.read, system=bench.system)
    closed = loads(K6.replace("OPTIONS", "vus: 2, iterations: 9"))
    assert closed.calibrate().slices[0].errors == 0
    assert closed.tools == ["RecordedSession", "ReplaySession"]
    opened = loads(K6.replace("OPTIONS", OPEN))
    assert opened.calibrate().failure is None
    assert opened.tools == ["InvocationSession"]
    assert "k6's constant-arrival-rate is an open loop" in opened.loads.notes[-1]


def test_never_and_commands_are_not_recorded(loads, bench):
    calls = loads("", tool="command", command="true")
    assert calls.calibrate().failure is None
    assert calls.tools == ["InvocationSession"]
    assert "what a command sends, and when, is its own business" in calls.loads.notes[-1]


def test_no_tool_of_the_scenario_is_still_its_own_error(loads, bench):
    calls = loads("", script="nowhere.py", tool="locust")
    assert "nowhere.py: no such locustfile" in calls.calibrate().failure
