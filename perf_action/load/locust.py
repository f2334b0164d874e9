"""locust, the load generator that is always there: the user's locustfile unchanged, in a child process of ours.

The child (`locust_runner`) lives as long as the session, so that connections stay open and `on_start` runs once. It is
started with our own interpreter; what the locustfile imports must be installed beside perf-action. Amounts are exact
for HttpUser and FastHttpUser: a slice of N requests is the first N that its seed gives, whoever makes them.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import os
import select
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from perf_action.config import Scenario
from perf_action.errors import LoadFailed, ToolMissing
from perf_action.load.output import Log, Secrets
from perf_action.load.processes import pin
from perf_action.load.session import Amount, LoadResult, LoadSession, Where
from perf_action.load.words import environment, fill, values
from perf_action.system import Process, System

_GOODBYE_S = 5.0


class LocustTool:
    """The embedded generator."""

    name = "locust"

    def version(self, system: System) -> str:  # noqa: ARG002 (other tools are asked by running them)
        try:
            return importlib.metadata.version("locust")
        except importlib.metadata.PackageNotFoundError:
            raise ToolMissing("locust", f"run {sys.executable} -m pip install locust") from None

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
        self._system, self._script = system, scenario.script
        self._log = Log(where.out / "locust.log", Secrets(scenario.env, env))
        self._buffer = b""
        self._busy = False
        self._notes: tuple[str, ...] = ()
        self._process: Process = system.start(
            [sys.executable, "-m", "perf_action.load.locust_runner"],
            cwd=where.out,
            env=env,
            log=self._log.path,
            pipes=True,
            cores=where.cores,
        )
        known = values(where)
        order = {"script": str(script), "directory": str(where.directory.resolve()), "url": where.url}
        self._send(
            {
                **order,
                "users": scenario.users,
                "args": [fill(a, known) for a in scenario.args],
                "paths": paths,
            }
        )

    def begin(self, amount: Amount) -> None:
        asked = {"requests": amount.requests, "seconds": amount.seconds, "seed": amount.seed}
        self._busy = True
        self._send({"begin": asked})

    def finish(self, timeout: float) -> LoadResult:
        until = self._system.monotonic_ns() + int(timeout * 1e9)
        while True:
            answer = self._receive(until, timeout)
            if "error" in answer:
                raise self._log.failed(f"locust: {_with_remedy(str(answer['error']))}")
            if "ready" in answer:
                self._notes = tuple(answer["notes"])
            else:
                self._busy = False
                return self._result(answer["result"])

    def pin(self, cores: Sequence[int]) -> None:
        pin(self._process.pid, cores)

    def close(self) -> None:
        if not self._busy and self._process.poll() is None:
            with contextlib.suppress(LoadFailed):
                self._send({"quit": True})
                self._process.wait(_GOODBYE_S)
        self._process.close()
        self._log.close()

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
            notes=(*self._notes, *(f"failed: {text}" for text in failures)),
        )

    def _send(self, order: dict[str, Any]) -> None:
        pipe = self._process.stdin
        if pipe is None:
            raise LoadFailed("locust: its input is closed")
        try:
            pipe.write(json.dumps(order).encode() + b"\n")
            pipe.flush()
        except OSError:
            raise self._log.failed(f"locust ended too early{self._ending()}") from None

    def _receive(self, until: int, timeout: float) -> dict[str, Any]:
        """The next line of the child; LoadFailed if it ends, or `until` (monotonic ns) comes first."""
        pipe = self._process.stdout
        if pipe is None:
            raise LoadFailed("locust: its output is closed")
        while b"\n" not in self._buffer:
            left = (until - self._system.monotonic_ns()) / 1e9
            if not select.select([pipe], [], [], max(0.0, left))[0]:
                raise self._log.failed(f"locust: the slice did not end within {timeout:g} s")
            chunk = os.read(pipe.fileno(), 1 << 16)
            if not chunk:
                self._process.wait(1.0)
                raise self._log.failed(f"locust ended in mid-slice{self._ending()}")
            self._buffer += chunk
        line, _, self._buffer = self._buffer.partition(b"\n")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _ending(self) -> str:
        code = self._process.poll()
        return "" if code is None else f" with exit code {code}"


def _with_remedy(error: str) -> str:
    if "ModuleNotFoundError" in error:
        return f"{error}; it runs in perf-action's own environment: run {sys.executable} -m pip install there"
    return error
