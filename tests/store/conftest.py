from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from perf_action.store import EntryKey
from perf_action.system import System

# the rig is a package, which importlib mode does not make reachable
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from rig.git_server import GitServer
from rig.tokens import Token

TOKENS = (
    Token(secret="reader-token", permissions={"contents": "read"}),
    Token(secret="writer-token", permissions={"contents": "write"}),
)


class GitHelper:
    """git for tests: in one folder, with a fixed identity and nobody's configuration."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, *args: str, stdin: bytes | None = None, env: dict[str, str] | None = None) -> str:
        done = subprocess.run(
            ["git", *args],
            cwd=self.folder,
            input=stdin,
            capture_output=True,
            check=False,
            timeout=60,
            env={**_environ(), **(env or {})},
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout.decode().strip()

    def commit(self, message: str, *, when: int = 1_700_000_000) -> str:
        date = {f"GIT_{who}_DATE": f"@{when} +0000" for who in ("AUTHOR", "COMMITTER")}
        self("commit", "--quiet", "--allow-empty", "-m", message, env=date)
        return self("rev-parse", "HEAD")


def _environ() -> dict[str, str]:
    identity = {
        f"GIT_{who}_{k}": v for who in ("AUTHOR", "COMMITTER") for k, v in (("NAME", "T"), ("EMAIL", "t@t"))
    }
    return {
        "PATH": os.environ["PATH"],
        "HOME": "/nonexistent",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "init.defaultBranch",
        "GIT_CONFIG_VALUE_0": "main",
        **identity,
    }


@pytest.fixture
def git_in() -> Callable[[Path], GitHelper]:
    return GitHelper


@pytest.fixture
def system() -> System:
    """The real world, less the identity and configuration of whoever runs the tests."""
    return System({"PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1"})


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """An empty repository to push to, at a path that has to be quoted."""
    path = tmp_path / "o w n é r" / "my répo.git"
    path.mkdir(parents=True)
    git = GitHelper(path)
    git("init", "--quiet", "--bare")
    git("config", "uploadpack.allowFilter", "true")
    git("config", "uploadpack.allowAnySHA1InWant", "true")
    git("config", "http.receivepack", "true")
    return path


@pytest.fixture
def server(bare: Path) -> Iterator[GitServer]:
    """The same repository over HTTP, at /my%20r%C3%A9po.git."""
    with GitServer(bare.parent, TOKENS) as running:
        yield running


@pytest.fixture
def key() -> Callable[..., EntryKey]:
    def make(
        n: int = 1, *, config: str = "c" * 12, fingerprint: str = "f" * 12, run: int = 1, attempt: int = 1
    ) -> EntryKey:
        return EntryKey(
            config_digest=config, fingerprint=fingerprint, commit=f"{n:040x}", run_id=run, attempt=attempt
        )

    return make


@pytest.fixture
def full_disk() -> Iterator[None]:
    """No file can grow over 64 KiB meanwhile: a write stops half-way, as on a full disk, but without root."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (64 * 1024, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
