"""Small services that misbehave in one way each, and git repositories to check out."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from perf_action.config import Ready
from perf_action.config import Service as ServiceConfig
from perf_action.machine.prepare import Prepared, prepare
from perf_action.machine.service import Service
from perf_action.machine.worktree import in_place
from perf_action.system import System

#: answers 200 with a path's name, 401 without the right X-Key if KEY is set; prints its key as a careless service does
SERVER = """
import http.server, os, sys

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        wanted = os.environ.get("KEY")
        self.send_response(200 if not wanted or self.headers.get("X-Key") == wanted else 401)
        self.end_headers()
        self.wfile.write(self.path.encode())
    def log_message(self, *args):
        pass

print("key", os.environ.get("KEY"), "checked", flush=True)
server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
print("listening", flush=True)
server.serve_forever()
"""


@pytest.fixture
def system(system: System) -> System:
    """`python` is the interpreter of the tests, without a version manager's start-up in between."""
    path = f"{Path(sys.executable).parent}:{system.environ['PATH']}"
    return System({**system.environ, "PATH": path, "API_KEY": "s3cret/of+mine"})


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "päth with spaces"
    folder.mkdir()
    (folder / "server.py").write_text(SERVER)
    return folder


@pytest.fixture
def prepared(checkout: Path, tmp_path: Path, system: System) -> Callable[..., Prepared]:
    def make(
        command: str | list[str], script: str = "", ready: Ready | None = None, **more: object
    ) -> Prepared:
        (checkout / "app.py").write_text(textwrap.dedent(script))
        config = ServiceConfig.model_validate({"command": command, "ready": ready, **more})
        return prepare(
            in_place(system, checkout),
            config,
            system,
            log=tmp_path / "setup.log",
            scratch=tmp_path / "scratch",
        )

    return make


@pytest.fixture
def launch(
    prepared: Callable[..., Prepared], tmp_path: Path, system: System
) -> Iterator[Callable[..., Service]]:
    """Starts a service; it is closed at the end."""
    services = []

    def start(
        command: str | list[str], script: str = "", ready: Ready | None = None, **more: object
    ) -> Service:
        service = Service(prepared(command, script, ready, **more), system, log=tmp_path / "service.log")
        services.append(service)
        service.start()
        return service

    yield start
    for service in services:
        service.close()


class Repository:
    """A git repository to be worked on by tests."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.mkdir(parents=True, exist_ok=True)
        self.git("init", "--quiet", "--initial-branch=main")

    def git(self, *args: str) -> str:
        env = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1"}
        who = ("-c", "user.name=T", "-c", "user.email=t@example.org")
        done = subprocess.run(
            ["git", *who, *args], cwd=self.path, env=env, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def commit(self, **files: str) -> str:
        for name, text in files.items():
            (self.path / name.replace("__", ".")).write_text(text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", "change")
        return self.git("rev-parse", "HEAD")


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    return Repository(tmp_path / "répo with spaces")
