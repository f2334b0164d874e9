"""locust, the load generator that is always there: the user's locustfile unchanged, in a child process of ours.

The child (`locust_runner`) lives as long as the session, so that connections stay open and `on_start` runs once. It is
started with our own interpreter; what the locustfile imports must be installed beside perf-action. Amounts are exact
for HttpUser and FastHttpUser: a slice of N requests is the first N that its seed gives, whoever makes them.
"""

from __future__ import annotations

import importlib.metadata
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from perf_action.config import Scenario
from perf_action.errors import LoadFailed, ToolMissing
from perf_action.load.child import Child
from perf_action.load.output import Log, Secrets
from perf_action.load.session import Amount, LoadResult, LoadSession, Where
from perf_action.load.words import environment, fill, values
from perf_action.system import System

_MODULE = "perf_action.load.locust_runner"


class LocustTool:
    """The embedded generator."""

    name = "locust"

    def version(self, system: System) -> str:  # noqa: ARG002 (other tools are asked by running them)
        try:
            return importlib.metadata.version("locust")
        except importlib.metadata.PackageNotFoundError:
            raise ToolMissing("locust", f"run {sys.executable} -m pip install locust") from None

    def not_recorded(self, scenario: Scenario, where: Where, system: System) -> str:  # noqa: ARG002
        return ""  # locust's users are a closed loop, always

    def open(self, scenario: Scenario, where: Where, system: System) -> LoadSession:
        self.version(system)
        script = where.directory / (scenario.script or "")
        if not script.is_file():
            raise LoadFailed(
                f"{scenario.script}: no such locustfile in {where.directory}; load.script names it"
            )
        return LocustSession(scenario, script.resolve(), where, system)


class LocustSession:
    """One child on one service."""

    def __init__(self, scenario: Scenario, script: Path, where: Where, system: System) -> None:
        env = environment(scenario.env, where, {"PYTHONHASHSEED": "0"})
        # the user's modules must not hide ours while the child starts: it appends them before it imports the script
        paths = [str(where.directory / p) for p in env.pop("PYTHONPATH", "").split(os.pathsep) if p]
        for name in ("PYTHONHOME", "PYTHONSTARTUP", "PYTHONSAFEPATH"):
            env.pop(name, None)
        where.out.mkdir(parents=True, exist_ok=True)
        self._system = system
        self._log = Log(where.out / "locust.log", Secrets(scenario.env, env))
        self._notes: tuple[str, ...] = ()
        known = values(where)
        order = {
            "script": str(script),
            "directory": str(where.directory.resolve()),
            "url": where.url,
            "users": scenario.users,
            "args": [fill(a, known) for a in scenario.args],
            "paths": paths,
        }
        self._child = Child(
            "locust", _MODULE, order, system, cwd=where.out, env=env, log=self._log, cores=where.cores
        )

    def begin(self, amount: Amount) -> None:
        self._child.begin(amount)

    def finish(self, timeout: float) -> LoadResult:
        until = self._system.monotonic_ns() + int(timeout * 1e9)
        while True:
            answer = self._child.answer(until, timeout)
            if "error" in answer:
                raise self._log.failed(f"locust: {_with_remedy(str(answer['error']))}")
            if "ready" in answer:
                self._notes = tuple(answer["notes"])
            else:
                return self._result(answer["result"])

    def pin(self, cores: Sequence[int]) -> None:
        self._child.pin(cores)

    def close(self) -> None:
        self._child.close()

    def _result(self, said: dict[str, Any]) -> LoadResult:
        failures = [self._log.mask(text) for text in said["failures"]]
        if said["errors"] == said["requests"]:
            raise self._log.failed(f"locust: all {said['requests']} requests failed: {'; '.join(failures)}")
        return LoadResult(
            start_ns=said["start_ns"],
            end_ns=said["end_ns"],
            requests=said["requests"],
            errors=said["errors"],
            latency_p50_ns=said["p50_ns"],
            latency_p95_ns=said["p95_ns"],
            latency_p99_ns=said["p99_ns"],
            routes=tuple((self._log.mask(n), r, e, p95) for n, r, e, p95 in said["routes"]),
            answers=tuple((self._log.mask(route), got, n) for route, got, n in said["answers"]),
            cpu_ns=said["cpu_ns"],
            notes=(*self._notes, *(f"failed: {text}" for text in failures)),
        )


def _with_remedy(error: str) -> str:
    if "ModuleNotFoundError" in error:
        return f"{error}; it runs in perf-action's own environment: run {sys.executable} -m pip install there"
    return error
