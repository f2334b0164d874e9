"""One kept-alive connection of the replaying client: sends prepared bytes, sees where the answer ends, drops its body.

As little as that is what makes the client cheap: some 30 µs of CPU a request, a tenth of what a general client takes.
"""

from __future__ import annotations

import contextlib
import socket

from perf_action.load.http1 import Malformed, chunk_size, has_no_body

_PIECE = 1 << 16
_HEAD_LIMIT = 1 << 20
_CONNECT_TIMEOUT = 10.0
#: framing of the answer being read: not known yet, chunks, until the service closes; else bytes that are left
_HEAD, _CHUNKS, _TO_THE_END = -1, -2, -3


class Gone(Exception):
    """The service closed or broke the connection; the text says how."""


class Connection:
    """To `address`; opened when it is needed. `fd` is -1 while it is closed."""

    def __init__(self, address: tuple[str, int]) -> None:
        self._address = address
        self._socket: socket.socket | None = None
        self._unsent: bytes | memoryview = b""
        self._method = ""
        self._buffer = b""
        self._framing = _HEAD
        self._keep = True
        self._fresh = True
        self._heard = False
        self.status = 0
        self.fd = -1

    def open(self) -> bool:
        """See that it is open, anew if the service has closed it meanwhile; whether it is another one now."""
        if self._socket is not None and not self._closed_meanwhile():
            return False
        self.close()
        try:
            self._socket = socket.create_connection(self._address, _CONNECT_TIMEOUT)
        except OSError as error:
            raise Gone(f"the connection failed: {error.strerror or error}") from None
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.setblocking(False)
        self.fd = self._socket.fileno()
        self._fresh = True
        return True

    def close(self) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.close()
        self._socket, self.fd = None, -1

    def ask(self, wire: bytes, method: str) -> bool:
        """Begin a request; whether all of it is sent already. Raises Gone."""
        self._unsent, self._method = wire, method
        self._buffer, self._framing, self._keep = b"", _HEAD, True
        self.status, self._heard = 0, False
        return self.send()

    def send(self) -> bool:
        """Send on; whether nothing is left. A service may answer, and close, before it has read all."""
        try:
            sent = self._open_socket.send(self._unsent)
        except BlockingIOError:
            return False
        except OSError as error:
            raise Gone(error.strerror or "the connection broke") from None
        if sent == len(self._unsent):
            self._unsent = b""
            return True
        self._unsent = memoryview(self._unsent)[sent:]
        return False

    def hear(self) -> bool:
        """Read what has come; whether the answer is complete. Raises Gone, Malformed."""
        try:
            piece = self._open_socket.recv(_PIECE)
        except BlockingIOError:
            return False
        except OSError as error:
            raise Gone(error.strerror or "the connection broke") from None
        if not piece:
            if self._framing == _TO_THE_END:
                return True
            raise Gone("the service closed the connection")
        self._heard = True
        return self._take(piece)

    @property
    def may_be_repeated(self) -> bool:
        """Whether a service that closes kept connections may never have seen the request that just failed."""
        return not self._fresh and not self._heard

    def done(self) -> None:
        """After a complete answer: keep it open if the service does."""
        self._fresh = False
        if not self._keep or self._unsent or self._framing == _TO_THE_END:
            self.close()

    @property
    def _open_socket(self) -> socket.socket:
        if self._socket is None:
            raise Gone("the connection is closed")
        return self._socket

    def _closed_meanwhile(self) -> bool:
        """Nothing is to be read between requests but the end."""
        try:
            self._open_socket.recv(1, socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True
        return True

    def _take(self, piece: bytes) -> bool:
        if self._framing == _HEAD:
            return self._take_head(self._buffer + piece if self._buffer else piece)
        if self._framing == _CHUNKS:
            return self._take_chunks(self._buffer + piece)
        if self._framing == _TO_THE_END:
            return False
        return self._take_length(len(piece))

    def _take_head(self, data: bytes) -> bool:
        end = data.find(b"\r\n\r\n")
        if end < 0:
            if len(data) > _HEAD_LIMIT:
                raise Malformed("its head does not end")
            self._buffer = data
            return False
        head, rest = data[:end].lower(), data[end + 4 :]
        if not head.startswith(b"http/1.") or not head[9:12].isdigit():
            raise Malformed("its answer is not HTTP/1.x")
        status = int(head[9:12])
        self._buffer = b""
        if status < 200:
            return bool(rest) and self._take_head(rest)
        self.status = status
        connection = _value(head, b"\r\nconnection:")
        self._keep = b"close" not in connection and (head[7:8] == b"1" or b"keep-alive" in connection)
        if has_no_body(self._method, status):
            self._framing = 0
        elif b"chunked" in _value(head, b"\r\ntransfer-encoding:"):
            self._framing = _CHUNKS
            return self._take_chunks(rest)
        else:
            length = _value(head, b"\r\ncontent-length:")
            if not length:
                self._framing = _TO_THE_END
                return False
            if not length.isdigit():
                raise Malformed("its Content-Length is no number")
            self._framing = int(length)
        return self._take_length(len(rest))

    def _take_length(self, count: int) -> bool:
        if count > self._framing:
            raise Malformed("its answer is longer than it says")
        self._framing -= count
        return self._framing == 0

    def _take_chunks(self, data: bytes) -> bool:
        """Skip whole chunks; what is left is kept."""
        place = 0
        while (end := data.find(b"\r\n", place)) >= 0:
            size = chunk_size(data[place:end])
            if size == 0:
                trailer = data.find(b"\r\n\r\n", end)
                if trailer < 0:
                    break
                if trailer + 4 != len(data):
                    raise Malformed("its answer is longer than it says")
                return True
            if end + 2 + size + 2 > len(data):
                break
            place = end + 2 + size + 2
        self._buffer = data[place:]
        return False


def _value(head: bytes, name: bytes) -> bytes:
    """The value of a header in a head in small letters, or empty."""
    start = head.find(name)
    if start < 0:
        return b""
    start += len(name)
    end = head.find(b"\r\n", start)
    return head[start : end if end >= 0 else len(head)].strip()
