"""locust, the load generator that is always there: the user's locustfile unchanged, in a child process of ours.

The child (`locust_runner`) lives as long as the session, so that connections stay open and `on_start` runs once. It is
started with our own interpreter; what the locustfile imports must be installed beside perf-action. Amounts are exact
for HttpUser and FastHttpUser: a slice of N requests is the first N that its seed gives, whoever makes them.
"""

from __future__ import annotations

import importlib.metadata
import os
import sys
from pathlib import Path

from perf_action.config import Scenario
from perf_action.errors import LoadFailed, ToolMissing
from perf_action.load.child import Child, ChildSession
from perf_action.load.output import Log, Secrets
from perf_action.load.session import LoadResult, LoadSession, Where
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


class LocustSession(ChildSession):
    """One child on one service."""

    def __init__(self, scenario: Scenario, script: Path, where: Where, system: System) -> None:
        env = environment(scenario.env, where, {"PYTHONHASHSEED": "0"})
        # the user's modules must not hide ours while the child starts: it appends them before it imports the script
        paths = [str(where.directory / p) for p in env.pop("PYTHONPATH", "").split(os.pathsep) if p]
        for name in ("PYTHONHOME", "PYTHONSTARTUP", "PYTHONSAFEPATH"):
            env.pop(name, None)
        where.out.mkdir(parents=True, exist_ok=True)
        self._log = Log(where.out / "locust.log", Secrets(scenario.env, env))
        known = values(where)
        order = {
            "script": str(script),
            "directory": str(where.directory.resolve()),
            "url": where.url,
            "users": scenario.users,
            "args": [fill(a, known) for a in scenario.args],
            "paths": paths,
        }
        super().__init__(
            Child(
                "locust",
                _MODULE,
                order,
                system,
                cwd=where.out,
                env=env,
                log=self._log,
                cores=where.cores,
                explain=_with_remedy,
            )
        )

    def finish(self, timeout: float) -> LoadResult:
        said = self._child.said(timeout)
        failures = [self._log.mask(text) for text in said["failures"]]
        if said["errors"] == said["requests"]:
            raise self._log.failed(f"locust: all {said['requests']} requests failed: {'; '.join(failures)}")
        return self._child.result(said, [*self._child.notes, *(f"failed: {text}" for text in failures)])


def _with_remedy(error: str) -> str:
    if "ModuleNotFoundError" in error:
        return f"{error}; it runs in perf-action's own environment: run {sys.executable} -m pip install there"
    return error
