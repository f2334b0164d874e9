"""What all tests share: a golden-file option and a System with a clean environment."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import settings

from perf_action.cli import run
from perf_action.system import System

from .programs import Compiler

# no test fails because the machine is busy, and every run tries the same examples: what fails was broken by the change
settings.register_profile("same", deadline=None, derandomize=True)
# `make fuzz` looks for new ones
settings.register_profile("search", deadline=None, database=None, max_examples=2000, print_blob=True)
settings.load_profile("same")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="write golden files anew instead of comparing"
    )


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--update-golden"))


@pytest.fixture
def system() -> System:
    keep = ("PATH", "HOME", "LANG", "TMPDIR", "XDG_CACHE_HOME", "PIP_INDEX_URL", "PIP_CONFIG_FILE")
    return System({k: os.environ[k] for k in keep if k in os.environ})


@pytest.fixture
def repository() -> Path:
    """The root of the project's checkout."""
    return Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def compiler(tmp_path_factory: pytest.TempPathFactory) -> Compiler:
    """Makes programs of C, C++, Rust and Go."""
    return Compiler(tmp_path_factory.mktemp("programs"))


@dataclass(frozen=True)
class Done:
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """The command line in this process, with an environment and a folder of its own: a start takes half a second."""

    def call(*argv: str, cwd: Path, env: Mapping[str, str]) -> Done:
        with monkeypatch.context() as patch:
            for name in os.environ.keys() - {"PATH", "PYTEST_CURRENT_TEST"}:
                patch.delenv(name)
            for name, value in env.items():
                patch.setenv(name, value)
            patch.chdir(cwd)
            capfd.readouterr()
            code = run(argv)
        said = capfd.readouterr()
        return Done(code, said.out, said.err)

    return call
