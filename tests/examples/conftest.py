"""The example service in this process (through ASGI, without a network), copies of it with the demo's patch, and all the
example services as processes, started as their perf.yml says.
"""

from __future__ import annotations

import asyncio
import http.client
import importlib
import json
import os
import shutil
import signal
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from perf_action import config
from perf_action.machine.commands import Places, argv_of
from perf_action.system import Process, System

EXAMPLE = Path(__file__).resolve().parents[2] / "examples/schema-registry-python"
DEMO = Path(__file__).resolve().parents[2] / "perf_action/resources/demo"
KEY = "k-tests"
# at the end: what is installed comes first
sys.path.append(str(EXAMPLE.parents[1]))


def _forget() -> None:
    for name in [n for n in sys.modules if n == "registry" or n.startswith("registry.")]:
        del sys.modules[name]


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    """The modules of the example's package `registry`; nothing of them stays."""
    monkeypatch.syspath_prepend(EXAMPLE)
    _forget()
    names = (
        "audit",
        "canonical",
        "compatibility",
        "faults",
        "references",
        "samples",
        "seed",
        "service",
        "validation",
    )
    yield SimpleNamespace(**{name: importlib.import_module(f"registry.{name}") for name in names})
    _forget()


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


async def ask(app: Any, method: str, path: str, body: bytes, key: str | None) -> Answer:
    """One request through ASGI."""
    headers = [(b"host", b"test")] + ([(b"x-api-key", key.encode())] if key else [])
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": headers,
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return Answer(
        status=sent[0]["status"],
        headers={k.decode(): v.decode() for k, v in sent[0]["headers"]},
        body=b"".join(m.get("body", b"") for m in sent[1:]),
    )


@pytest.fixture
def service(registry: SimpleNamespace, tmp_path: Path) -> Callable[..., Answer]:
    """`service(method, path, body)` on a freshly seeded registry; the application is `service.app`."""
    db = tmp_path / "registry.db"
    registry.seed.seed(db)
    app = registry.service.create_app(db, KEY)

    @asynccontextmanager
    async def running():
        async with app.router.lifespan_context(app):
            yield

    def call(method: str, path: str, body: Any = None, *, raw: bytes = b"", key: str | None = KEY) -> Answer:
        async def one() -> Answer:
            async with running():
                return await ask(app, method, path, raw if body is None else json.dumps(body).encode(), key)

        return asyncio.run(one())

    call.app = app
    return call


@pytest.fixture
def copies(tmp_path: Path, system: System) -> tuple[Path, Path]:
    """The example as the demo's two commits: base, and head with the patch."""
    base, head = tmp_path / "base", tmp_path / "head"
    for folder in (base, head):
        shutil.copytree(EXAMPLE, folder, ignore=shutil.ignore_patterns("__pycache__", "*.db*"))
    applied = system.run(["git", "apply", str(DEMO / "slower-and-leaking.patch")], cwd=head)
    assert applied.code == 0, applied.stderr
    return base, head


@dataclass(frozen=True)
class Built:
    """An example service that was built. `argv` of a launch on a port with a work folder; the same for what runs before."""

    service: config.Service
    loads: Mapping[str, config.Scenario]
    folder: Path
    env: Mapping[str, str]
    python: str

    def argv(self, command: str | list[str], port: int, work: Path) -> tuple[str, ...]:
        places = Places(checkout=self.folder.parents[1], python=self.python, port=port, work=work)
        return argv_of(command, places, key="service")


@dataclass
class Client:
    """A running example service, and one connection to it that stays open."""

    process: Process
    port: int
    start: Callable[[], Process]
    connection: http.client.HTTPConnection

    def ask(
        self, method: str, path: str, body: Any = None, *, raw: bytes = b"", key: str | None = KEY
    ) -> Answer:
        headers = {"X-API-Key": key} if key is not None else {}
        sent = raw if body is None else json.dumps(body).encode()
        self.connection.request(method, path, sent or None, headers)
        response = self.connection.getresponse()
        said = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, said, response.read())

    @contextmanager
    def another(self) -> Iterator[Client]:
        """The same service on a connection of its own."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        yield replace(self, connection=connection)
        connection.close()

    def restart(self) -> None:
        self.connection.close()
        self.process.signal(signal.SIGTERM)
        assert self.process.wait(30) is not None
        self.process = self.start()


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Built]:
    """`built("rust")`: the service as its perf.yml builds it, in a copy; the Python one in the Python of the tests."""
    examples = tmp_path_factory.mktemp("services") / "examples"
    ignored = shutil.ignore_patterns("__pycache__", "*.db*", "target", "build", "schema-registry")
    shutil.copytree(EXAMPLE.parent, examples, ignore=ignored)
    system = System({**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"})
    done: dict[str, Built] = {}

    def build(language: str) -> Built:
        if language not in done:
            folder = examples / f"schema-registry-{language}"
            settings = config.read_config(folder / "perf.yml")
            service = settings.service
            if service.build:
                made = system.run(service.build.split(), cwd=folder)
                assert made.code == 0, made.stderr
            env = {**system.environ, "API_KEY": KEY}
            done[language] = Built(service, settings.load, folder, env, sys.executable)
        return done[language]

    return build


@pytest.fixture(scope="session")
def launched(
    built: Callable[[str], Built], tmp_path_factory: pytest.TempPathFactory
) -> Callable[..., AbstractContextManager[Client]]:
    """`with launched("rust", {"REGISTRY_FAULT": "slow"}) as client`: the service, freshly seeded, in the argv `wrap`."""

    @contextmanager
    def launch(
        language: str, env: Mapping[str, str] | None = None, wrap: tuple[str, ...] = ()
    ) -> Iterator[Client]:
        one, work = built(language), tmp_path_factory.mktemp("launch")
        system = System({**one.env, "REGISTRY_DB": str(work / "registry.db"), **(env or {})})
        port, log = system.free_port(), work / "service.log"
        seeded = system.run(
            one.argv(one.service.before_launch, port, work), cwd=one.folder, env=system.environ
        )
        assert seeded.code == 0, seeded.stderr

        def start() -> Process:
            argv = (*wrap, *one.argv(one.service.command, port, work))
            process = system.start(argv, cwd=one.folder, env=system.environ, log=log)
            for _ in range(1500):
                with socket.socket() as probe:
                    if probe.connect_ex(("127.0.0.1", port)) == 0:
                        return process
                assert process.poll() is None, log.read_text()
                system.sleep(0.02)
            raise AssertionError(log.read_text())

        client = Client(start(), port, start, http.client.HTTPConnection("127.0.0.1", port, timeout=60))
        try:
            yield client
        finally:
            client.connection.close()
            client.process.close()

    return launch
