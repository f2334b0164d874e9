"""A small reverse proxy before the service that writes down, in memory, what a scenario asks of it.

Each connection of the client gets one to the service, and all bytes are passed on as they come: only where messages
begin and end is looked at. What cannot be replayed (an upgrade to WebSocket, bodies that are too large) is passed on
all the same, and is the reason why there is no recording. It listens on 127.0.0.1, in a thread, while it is open.
"""

from __future__ import annotations

import asyncio
import contextlib
import statistics
import threading
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from urllib.parse import SplitResult, urlsplit

from perf_action.errors import LoadFailed
from perf_action.load.http1 import Head, Headers, Malformed, chunk_size, has_no_body, parse_head
from perf_action.load.recording import Recorded, Recording
from perf_action.load.session import Where

_HEAD_LIMIT = 1 << 20
_PIECE = 1 << 16
_BODY_LIMIT, _TOTAL_LIMIT = 4 << 20, 64 << 20
_MOST = 20_000
_STOP_TIMEOUT, _CLOSE_TIMEOUT = 10.0, 1.0
_BROKEN = (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, Malformed)


@dataclass(slots=True, kw_only=True, repr=False)
class _Entry:
    """A request that was asked, and answered if `status` is not 0. `pause_s` is how long its connection had rested,
    None for the first request.
    """

    method: str
    target: str
    head: Head
    connection: int
    pause_s: float | None = None
    body: bytes = b""
    status: int = 0


class Recorder:
    """Passes on to the root of the service that `where.url` names; `where_recorded` is where a load tool finds it."""

    def __init__(self, where: Where) -> None:
        self._where = where
        self._service = urlsplit(where.url)
        if self._service.scheme != "http" or not self._service.hostname:
            raise LoadFailed(f"only plain http is recorded, not {self._service.scheme or 'nothing'}")
        self._entries: list[_Entry] = []
        self._bytes = 0
        self._connections = 0
        self._reason = ""
        self._loop = asyncio.new_event_loop()
        self._server: asyncio.Server = self._loop.run_until_complete(
            asyncio.start_server(self._serve, "127.0.0.1", 0, limit=_HEAD_LIMIT)
        )
        self.port = int(self._server.sockets[0].getsockname()[1])
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    @property
    def authority(self) -> str:
        return f"127.0.0.1:{self.port}"

    def where_recorded(self) -> Where:
        """Like the `where` it was made for, but through here."""
        url: SplitResult = self._service._replace(netloc=self.authority)
        return replace(self._where, url=url.geturl(), port=self.port)

    def restart(self) -> None:
        """Forget what was recorded: what counts begins now."""
        self._entries, self._bytes = [], 0

    def recording(self, seconds: float) -> Recording:
        """What was answered since `restart`. LoadFailed with the reason why it cannot be replayed."""
        if self._reason:
            raise LoadFailed(self._reason)
        answered = [entry for entry in self._entries[:_MOST] if entry.status]
        pauses = [entry.pause_s for entry in answered if entry.pause_s is not None]
        return Recording(
            requests=tuple(_recorded(entry, self.authority) for entry in answered),
            recorded_at=self.authority,
            seconds=seconds,
            pause_s=statistics.median(pauses) if pauses else 0.0,
        )

    def close(self) -> None:
        """Stop listening, end all connections and forget all."""
        if not self._loop.is_closed():
            asyncio.run_coroutine_threadsafe(self._end(), self._loop).result(_STOP_TIMEOUT)
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join(_STOP_TIMEOUT)
            self._loop.close()
        self.restart()

    async def _end(self) -> None:
        self._server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(0)  # transports that were aborted close in the next round of the loop

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection of the client, to its end."""
        number, self._connections = self._connections, self._connections + 1
        upstream: asyncio.StreamWriter | None = None
        try:
            answers, upstream = await asyncio.open_connection(
                self._service.hostname, self._service.port or 80, limit=_HEAD_LIMIT
            )
            rested_since = None
            while await self._exchange(number, (reader, writer), (answers, upstream), rested_since):
                rested_since = self._loop.time()
        except _BROKEN as error:
            if isinstance(error, Malformed):
                self._reason = self._reason or f"a message could not be read: {error}"
        except asyncio.CancelledError:
            pass  # the recorder is closed; asyncio's own callback would complain otherwise
        finally:
            for stream in (writer, upstream):
                if stream is not None:
                    await _closed(stream)

    async def _exchange(
        self, number: int, client: _Streams, service: _Streams, rested_since: float | None
    ) -> bool:
        """One request and its answer; whether another may follow on these connections."""
        raw = await client[0].readuntil(b"\r\n\r\n")
        pause = None if rested_since is None else self._loop.time() - rested_since
        head = parse_head(raw)
        words = head.first.split(" ")
        if len(words) != 3 or not words[1].startswith("/"):
            raise Malformed("a request without a path")
        entry = _Entry(method=words[0], target=words[1], head=head, connection=number, pause_s=pause)
        if len(self._entries) <= _MOST:
            self._entries.append(entry)
        service[1].write(raw)
        if head.get("upgrade"):
            self._reason = f"it upgrades connections to {head.get('upgrade')[:40]!r}"
            await _tunnel(client, service)
            return False
        if head.get("expect"):
            client[1].write(b"HTTP/1.1 100 Continue\r\n\r\n")
        entry.body = await self._pass_body(head, client[0], service[1], keep=True)
        raw, answer = await _answer(service[0])
        entry.status = answer.status  # before the client can see the end of it
        try:
            client[1].write(raw)
            ended = await self._pass_answer(entry.method, answer, service[0], client[1])
        except _BROKEN:
            entry.status = 0
            raise
        closing = "close" in f"{head.get('connection')} {answer.get('connection')}".lower()
        return not ended and not closing and answer.first.startswith("HTTP/1.1")

    async def _pass_answer(
        self, method: str, answer: Head, source: asyncio.StreamReader, sink: asyncio.StreamWriter
    ) -> bool:
        """Pass on the body of an answer; whether it ended with the connection."""
        if has_no_body(method, answer.status):
            await sink.drain()
            return False
        if answer.chunked or answer.length is not None:
            await self._pass_body(answer, source, sink)
            return False
        await _pass_all(source, sink)
        return True

    async def _pass_body(
        self, head: Head, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, keep: bool = False
    ) -> bytes:
        """Pass on a body with its framing; with `keep`, what is in it."""
        kept = bytearray()
        async for piece, content in _pieces(head, source):
            sink.write(piece)
            await sink.drain()
            if keep and content:
                kept += piece
                self._bytes += len(piece)
                if len(kept) > _BODY_LIMIT or self._bytes > _TOTAL_LIMIT:
                    self._reason = "its bodies are too large to be held in memory"
                    keep = False
        return bytes(kept)


_Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _pieces(head: Head, source: asyncio.StreamReader) -> AsyncIterator[tuple[bytes, bool]]:
    """The bytes of a body in pieces; whether a piece is content, not framing."""
    if not head.chunked:
        async for piece in _exactly(source, head.length or 0):
            yield piece, True
        return
    while True:
        line = await source.readuntil(b"\n")
        yield line, False
        size = chunk_size(line)
        if not size:
            break
        async for piece in _exactly(source, size):
            yield piece, True
        yield await source.readexactly(2), False
    while True:  # the trailer
        line = await source.readuntil(b"\n")
        yield line, False
        if line in (b"\r\n", b"\n"):
            return


async def _exactly(source: asyncio.StreamReader, size: int) -> AsyncIterator[bytes]:
    while size:
        piece = await source.read(min(size, _PIECE))
        if not piece:
            raise asyncio.IncompleteReadError(b"", size)
        size -= len(piece)
        yield piece


async def _answer(source: asyncio.StreamReader) -> tuple[bytes, Head]:
    """The head of the answer; interim ones are swallowed, since Expect was answered here."""
    while True:
        raw = await source.readuntil(b"\r\n\r\n")
        head = parse_head(raw)
        if head.status >= 200:
            return raw, head


async def _closed(stream: asyncio.StreamWriter) -> None:
    """Send what is left and close; somebody who does not read any more is not waited for."""
    stream.close()
    try:
        await asyncio.wait_for(stream.wait_closed(), _CLOSE_TIMEOUT)
    except (OSError, asyncio.TimeoutError):
        stream.transport.abort()


async def _pass_all(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while piece := await source.read(_PIECE):
        sink.write(piece)
        await sink.drain()


async def _tunnel(client: _Streams, service: _Streams) -> None:
    """Both ways until both ends are closed."""

    async def one_way(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            await _pass_all(source, sink)
            sink.write_eof()

    await asyncio.gather(one_way(client[0], service[1]), one_way(service[0], client[1]))


def _recorded(entry: _Entry, authority: str) -> Recorded:
    host = entry.head.get("host")
    return Recorded(
        method=entry.method,
        target=entry.target,
        headers=_kept(entry.head),
        body=entry.body,
        status=entry.status,
        connection=entry.connection,
        host="" if host == authority else host,
    )


def _kept(head: Head) -> Headers:
    return tuple((n, v) for n, v in head.end_to_end() if n.lower() not in ("host", "content-length"))
