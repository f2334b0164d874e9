"""Targets to profile: small Python programs, run by the interpreter of the tests."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from perf_action.machine.tree import Tree
from perf_action.model.trial import Stage
from perf_action.profilers import Plan, Target
from perf_action.system import Process, System


@pytest.fixture
def system(system: System) -> System:
    """`python` is the interpreter of the tests, without a version manager's start-up in between."""
    return System({**system.environ, "PATH": f"{Path(sys.executable).parent}:{system.environ['PATH']}"})


@pytest.fixture
def stage() -> Callable[..., Stage]:
    def make(profiler: str, **options: object) -> Stage:
        return Stage(
            name="s",
            profiler=profiler,
            load="l",
            placement="alone",
            min_launches=1,
            max_launches=1,
            **options,
        )

    return make


@pytest.fixture
def target(tmp_path: Path, system: System) -> Callable[..., Target]:
    """A program `app.py` in an empty folder, and the command that starts it."""

    def make(script: str, *argv: str, python: str = sys.executable) -> Target:
        folder = tmp_path / "service"
        folder.mkdir(exist_ok=True)
        (folder / "app.py").write_text(script)
        return Target(argv=argv or (python, "app.py"), cwd=folder, env=tuple(system.environ.items()))

    return make


def newest_python(version: str) -> str | None:
    """An interpreter of that version on this machine: on the PATH, or under a version manager's root."""
    roots = [
        Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions",
        Path("/opt/hostedtoolcache/Python"),
    ]
    found = [
        p
        for root in roots
        for p in root.glob(f"{version}.*/**/bin/python")
        if len(p.relative_to(root).parts) <= 4
    ]
    found += [
        p
        for p in (Path(d) / f"python{version}" for d in os.environ["PATH"].split(":"))
        if "shims" not in p.parts
    ]
    return next((str(p) for p in found if os.access(p, os.X_OK)), None)


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program in C that allocates in functions of known names, built here."""
    program = tmp_path_factory.mktemp("busy") / "busy"
    source = Path(__file__).with_name("busy.c")
    argv = ["gcc", "-g", "-O1", "-fno-inline", "-o", str(program), str(source)]
    assert System().run(argv).code == 0
    return program


@contextmanager
def started(plan: Plan, target: Target, log: Path, *, seconds: float) -> Iterator[tuple[Process, Tree]]:
    """The service under `plan`, once it has said that it is up, which it must within `seconds`."""
    process = System().start(plan.argv, cwd=target.cwd, env={**dict(target.env), **dict(plan.env)}, log=log)
    try:
        deadline = time.monotonic() + seconds
        while "up\n" not in log.read_text():
            assert time.monotonic() < deadline, log.read_text()
            assert process.poll() is None or "up\n" in log.read_text(), log.read_text()
            time.sleep(0.02)
        tree = Tree(process.pid, "", plan.own_processes)
        tree.pids()
        yield process, tree
    finally:
        process.close()
