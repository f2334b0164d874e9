"""A git repository with two commits of the example service, and the installed command."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import pytest
import yaml

KEY = "a-key-that-must-not-show"
BIN = Path(sys.executable).parent
ENVIRON = {k: v for k, v in os.environ.items() if not k.startswith(("GITHUB_", "PERF_"))} | {
    "API_KEY": KEY,
    "PATH": f"{BIN}:{os.environ['PATH']}",
    "NO_COLOR": "1",
    "E2E_MARK": str(os.getpid()),  # tells services of these tests from those of another run
}

SETTINGS = {
    "service": {
        "command": "python -m uvicorn registry.app:app --port {port} --no-access-log",
        "before-launch": "python -m registry.seed {work}/registry.db",
        "ready": {
            "url": "http://127.0.0.1:{port}/health",
            "headers": {"X-API-Key": "$API_KEY"},
            "timeout": "30s",
        },
        "env": {"API_KEY": "$API_KEY", "REGISTRY_DB": "{work}/registry.db"},
    },
    "load": {
        "baseline": {"script": "tests/load/locustfile.py", "requests": 100, "env": {"API_KEY": "$API_KEY"}}
    },
    "measure": {"launches": 2, "slices": 2, "warm-up": 20, "soak": 0, "max-minutes": 5},
}

Run = Callable[..., subprocess.CompletedProcess[str]]


def git(repository: Path, *args: str) -> str:
    who = ["-c", "user.name=t", "-c", "user.email=t@localhost"]
    return subprocess.run(
        ["git", *who, *args], cwd=repository, check=True, capture_output=True, text=True
    ).stdout


def write_settings(repository: Path, **changes: object) -> None:
    (repository / "perf.yml").write_text(yaml.safe_dump({**SETTINGS, **changes}))


@pytest.fixture
def service(tmp_path: Path) -> Path:
    """A repository at a path with a space and a letter that is not ASCII; HEAD is slower and leaks."""
    material = Path(str(files("perf_action.resources") / "demo"))
    repository = tmp_path / "schéma registry"
    shutil.copytree(
        material / "schema-registry-python",
        repository,
        ignore=shutil.ignore_patterns("__pycache__", "perf.yml"),
    )
    write_settings(repository)
    git(repository, "init", "-q", "-b", "main")
    git(repository, "add", "-A")
    git(repository, "commit", "-q", "-m", "base")
    git(repository, "apply", str(material / "slower-and-leaking.patch"))
    git(repository, "add", "-A")
    git(repository, "commit", "-q", "-m", "head")
    return repository


@pytest.fixture
def perf_action(service: Path) -> Run:
    def call(*args: str, seconds: float = 200) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [BIN / "perf-action", *args],
            cwd=service,
            env=ENVIRON,
            capture_output=True,
            text=True,
            timeout=seconds,
        )

    return call
