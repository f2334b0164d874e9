from __future__ import annotations

import sys
from pathlib import Path

import pytest

from perf_action.errors import CannotMeasure
from perf_action.profilers import Target
from perf_action.profilers.interpreters import interpreters
from perf_action.system import System


@pytest.fixture
def bin_folder(tmp_path) -> Path:
    """A PATH of our own, with a Python 3.98 that can only say what it is, and the shell."""
    folder = tmp_path / "bin"
    folder.mkdir()
    script(folder / "python", 'echo cpython-398 3.98.0 - "$0"')
    (folder / "sh").symlink_to("/bin/sh")
    return folder


def script(path: Path, body: str, first: str = "#!/bin/sh") -> Path:
    path.write_text(f"{first}\n{body}\n")
    path.chmod(0o755)
    return path


def tags(argv: tuple[str, ...], folder: Path) -> list[str]:
    env = {"PATH": str(folder)}
    target = Target(argv=argv, cwd=folder, env=tuple(env.items()))
    return [python.tag for python in interpreters(target, System(env))]


OTHER = 'echo cpython-397 3.97.1 1.20.0 "$0"'


def test_a_python_is_what_it_says_it_is(bin_folder):
    target = Target(argv=(sys.executable, "-m", "app"), cwd=bin_folder, env=(("PATH", str(bin_folder)),))
    (python,) = interpreters(target, System({"PATH": str(bin_folder)}))
    assert python.tag == sys.implementation.cache_tag
    assert python.version == ".".join(map(str, sys.version_info[:3]))


@pytest.mark.parametrize(
    "argv",
    [
        ("python3.97", "app.py"),
        ("./python3.97", "-m", "app"),
        ("server", "--port", "1"),
        ("long-server",),
        ("env-server",),
        ("sh", "-c", "exec env A=1 server --port $PORT"),
        ("sh", "-c", "cd /tmp && python3.97 app.py | tee log"),
        ("env", "A=1", "python3.97", "app.py"),
        ("uv", "run", "server"),
        ("poetry", "run", "python", "app.py"),
    ],
    ids=" ".join,
)
def test_the_python_of_a_command_is_found(bin_folder, argv):
    other = script(bin_folder / "python3.97", OTHER)
    script(bin_folder / "server", "import app", f"#!{other}")
    script(bin_folder / "long-server", f"'''exec' \"{other}\" \"$0\" \"$@\"\n' '''", "#!/bin/sh")
    script(bin_folder / "env-server", "import app", "#!/usr/bin/env python3.97")
    for runner in ("uv", "poetry"):
        script(bin_folder / runner, OTHER)
    assert tags(argv, bin_folder) == ["cpython-397"]


@pytest.mark.parametrize(
    "argv", [("make", "serve"), ("sh", "-c", "unclosed 'quote"), ("./run.sh",), ("no-such",)]
)
def test_a_command_that_hides_its_python_is_taken_to_use_that_of_the_path(bin_folder, argv):
    script(bin_folder / "make", "python app.py")
    script(bin_folder / "run.sh", "python app.py")
    assert tags(argv, bin_folder) == ["cpython-398"]


def test_a_machine_without_python_cannot_run_memray(tmp_path):
    target = Target(argv=("./service",), cwd=tmp_path, env=(("PATH", str(tmp_path)),))
    with pytest.raises(CannotMeasure) as error:
        interpreters(target, System({"PATH": str(tmp_path)}))
    assert (
        str(error.value) == "no Python was found for ./service; memray measures services that run in Python"
    )


def test_a_python_that_does_not_work_is_passed_over(bin_folder):
    script(bin_folder / "python3.96", "exit 1")
    assert tags(("python3.96", "app.py"), bin_folder) == ["cpython-398"]
