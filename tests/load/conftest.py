"""A tiny HTTP server that remembers what it was asked, scripts for it, and sessions on it that are closed at the end."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from perf_action.config.groups import Scenario
from perf_action.load import tool
from perf_action.load.session import Amount, LoadResult, LoadSession, Where
from perf_action.model.metric import Metric
from perf_action.model.snapshot import Capture
from perf_action.system import System


@dataclass
class Server:
    """Keep-alive HTTP/1.1 on asyncio (which sets TCP_NODELAY, unlike http.server). ``/fail…`` answers 500, ``/slow…``
    after 0.2 s, ``/hang…`` never, ``/once…`` 409 from the second time on.
    """

    port: int = 0
    seen: list[tuple[str, str, bytes]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    connections: int = 0
    under_way: int = 0
    idle_timeout: float | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def mix(self, since: int = 0) -> Counter[tuple[str, str, bytes]]:
        return Counter(self.seen[since:])

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(
            ConnectionError,
            asyncio.IncompleteReadError,
            asyncio.TimeoutError,
            asyncio.CancelledError,
            ValueError,  # of a message that is no HTTP
        ):
            while head := await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), self.idle_timeout):
                await self._answer(head.decode(), reader, writer)
        writer.close()

    @staticmethod
    async def _body(headers: dict[str, str], reader: asyncio.StreamReader) -> bytes:
        if headers.get("transfer-encoding") != "chunked":
            return await reader.readexactly(int(headers.get("content-length", 0)))
        body = b""  # geventhttpclient 2.4, the newest for Python 3.10, sends no body in chunks
        while size := int(await reader.readline(), 16):
            body += (await reader.readexactly(size + 2))[:-2]
        await reader.readline()
        return body

    async def _answer(self, head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first, *lines = head.strip().split("\r\n")
        method, path, _ = first.split(" ")
        headers = {k.lower(): v for k, v in (line.split(": ", 1) for line in lines)}
        body = await self._body(headers, reader)
        self.under_way += 1
        self.seen.append((method, path, body))
        self.headers.append(headers)
        if path.startswith("/slow"):
            await asyncio.sleep(0.2)
        if path.startswith("/hang"):
            await asyncio.sleep(3600)
        status = "500 Broken" if path.startswith("/fail") else "200 OK"
        if path.startswith("/once") and sum(asked == path for _, asked, _ in self.seen) > 1:
            status = "409 Conflict"
        self.under_way -= 1  # before the client can know, who may look at once
        writer.write(f"HTTP/1.1 {status}\r\ncontent-length: 2\r\n\r\nok".encode())
        await writer.drain()


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()
    loop = asyncio.new_event_loop()
    listening = threading.Event()

    async def run() -> None:
        listener = await asyncio.start_server(state._serve, "127.0.0.1", 0)
        state.port = listener.sockets[0].getsockname()[1]
        listening.set()
        await stopped.wait()
        listener.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)

    stopped = asyncio.Event()
    thread = threading.Thread(target=lambda: loop.run_until_complete(run()))
    thread.start()
    listening.wait()
    yield state
    loop.call_soon_threadsafe(stopped.set)
    thread.join()
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()


def read_json_metrics(path: Path) -> Capture:
    """A reader for tests: {"name": [value, unit]}."""
    data: dict[str, Any] = json.loads(path.read_text())
    return Capture(
        format="test",
        metrics=tuple(Metric(name=n, unit=u, better="neither", samples=(v,)) for n, (v, u) in data.items()),
    )


@dataclass
class Bench:
    """Opens sessions of any tool in a folder of its own."""

    folder: Path
    server: Server
    system: System
    sessions: list[LoadSession] = field(default_factory=list)
    read: Callable[[Path], Capture] = read_json_metrics
    env: dict[str, str] = field(default_factory=dict)

    def script(self, text: str, name: str = "locustfile.py") -> str:
        (self.folder / name).write_text(text)
        return name

    def where(self, **other: Any) -> Where:
        given: dict[str, Any] = {
            "url": self.server.url,
            "port": self.server.port,
            "directory": self.folder,
            "env": {**self.system.environ, **self.env},
            "out": self.folder / "out",
        }
        return Where(**{**given, **other})

    def open(self, tool_name: str, *, where: Where | None = None, **scenario: Any) -> LoadSession:
        settings = Scenario.model_validate({"tool": tool_name, **scenario})
        session = tool(tool_name, self.read).open(settings, where or self.where(), self.system)
        self.sessions.append(session)
        return session

    def locust(self, text: str, **scenario: Any) -> LoadSession:
        return self.open("locust", script=self.script(text), **scenario)


@pytest.fixture
def bench(tmp_path: Path, server: Server, system: System) -> Iterator[Bench]:
    made = Bench(folder=tmp_path, server=server, system=system)
    yield made
    for session in made.sessions:
        session.close()


def run(session: LoadSession, timeout: float = 30, **amount: Any) -> LoadResult:
    session.begin(Amount(**amount))
    return session.finish(timeout)


@pytest.fixture
def slice_of() -> Callable[..., LoadResult]:
    return run
