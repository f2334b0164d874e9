from __future__ import annotations

import hashlib
import platform
from pathlib import Path

import pytest

from perf_action.config import Service as ServiceConfig
from perf_action.machine.environment import environment
from perf_action.machine.prepare import Prepared, prepare
from perf_action.machine.toolchain import lock_files, toolchain
from perf_action.machine.worktree import in_place
from perf_action.system import System


@pytest.fixture
def side(tmp_path: Path, system: System):
    def make(files: dict[str, str], tools: dict[str, str] | None = None, **service: object) -> Prepared:
        for name, text in files.items():
            (tmp_path / "repo" / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "repo" / name).write_text(text)
        (tmp_path / "bin").mkdir(exist_ok=True)
        for name, text in (tools or {}).items():
            (tmp_path / "bin" / name).write_text(f"#!/bin/sh\n{text}\n")
            (tmp_path / "bin" / name).chmod(0o755)
        here = System({**system.environ, "PATH": f"{tmp_path / 'bin'}:{system.environ['PATH']}"})
        return prepare(
            in_place(here, tmp_path / "repo"),
            ServiceConfig.model_validate(service if "url" in service else {"command": "true", **service}),
            here,
            log=tmp_path / "log",
            scratch=tmp_path / "scratch",
        )

    return make


def test_the_interpreter_is_the_one_that_runs_the_service(side, system) -> None:
    assert toolchain(side({"app.py": ""}), system) == (("python", platform.python_version()),)


def test_compilers_are_asked_as_the_sides_own_commands_find_them(side, system) -> None:
    tools = {
        "rustc": "echo 'rustc 1.90.0-nightly (abc 2025-01-01)'",
        "go": "echo 'go version go1.24.1 linux/amd64'",
        "node": "echo v22.1.0",
        "cc": "echo 14.2.0",
        "java": "echo 'openjdk version \"21.0.4\"' >&2",
    }
    prepared = side(
        {"svc/Cargo.toml": "", "go.mod": "", "package.json": "{}", "main.c": "", "pom.xml": ""},
        tools,
        directory="svc",
    )
    assert dict(toolchain(prepared, system)) == {
        "rustc": "1.90.0-nightly",
        "go": "1.24.1",
        "node": "22.1.0",
        "cc": "14.2.0",
        "java": "21.0.4",
    }


def test_what_does_not_answer_is_left_out(side, system) -> None:
    prepared = side({"Cargo.toml": "", "go.mod": ""}, {"rustc": "exit 1", "go": "echo no version"})
    assert toolchain(prepared, system) == ()
    assert toolchain(side({"Gemfile": ""}, {"ruby": "echo"}), system) == ()


def test_lock_files_are_the_nearest_of_each_name(side) -> None:
    prepared = side(
        {"svc/uv.lock": "inner", "uv.lock": "outer", "Cargo.lock": "x", "notes.txt": "y"}, directory="svc"
    )
    digest = {name: hashlib.sha256(text).hexdigest()[:12] for name, text in (("i", b"inner"), ("x", b"x"))}
    assert lock_files(prepared) == (("Cargo.lock", digest["x"]), ("uv.lock", digest["i"]))


def test_a_service_that_runs_already_was_built_elsewhere(side, system) -> None:
    prepared = side({"app.py": "", "uv.lock": ""}, url="http://127.0.0.1:1")
    assert (toolchain(prepared, system), lock_files(prepared)) == ((), ())


def test_compilers_make_another_fingerprint_and_lock_files_do_not(system) -> None:
    def taken(tool: str, lock: str):
        return environment(system, tools=(("rustc", tool),), extra=(("Cargo.lock", lock),))

    one = taken("1.90.0", "aaa")
    assert one.fingerprint() != taken("1.91.0", "aaa").fingerprint()
    assert one.fingerprint() == taken("1.90.0", "bbb").fingerprint()
    assert one.differences(taken("1.91.0", "bbb")) == (
        "rustc: 1.90.0 in base, 1.91.0 in head",
        "Cargo.lock: aaa in base, bbb in head",
    )
