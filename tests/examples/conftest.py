"""The example service in this process (through ASGI, without a network), and copies of it with the demo's patch."""

from __future__ import annotations

import asyncio
import importlib
import json
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from perf_action.system import System

EXAMPLE = Path(__file__).resolve().parents[2] / "examples/schema-registry-python"
DEMO = Path(__file__).resolve().parents[2] / "perf_action/resources/demo"
KEY = "k-tests"


def _forget() -> None:
    for name in [n for n in sys.modules if n == "registry" or n.startswith("registry.")]:
        del sys.modules[name]


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Iterator[SimpleNamespace]:
    """The modules of the example's package `registry`; nothing of them stays."""
    monkeypatch.syspath_prepend(EXAMPLE)
    _forget()
    names = ("audit", "canonical", "compatibility", "references", "samples", "seed", "service")
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
