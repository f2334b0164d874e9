"""As much of HTTP/1.1 as is needed to see where messages on a connection begin and end (RFC 9112, sections 2 to 7).

For the recorder, which passes on what it sees byte by byte, and for the client that replays it. Nothing is corrected:
what cannot be read is Malformed, and the connection is given up.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

#: headers that are about one connection (RFC 9110, 7.6.1), and those that a client makes anew for each
HOP_BY_HOP = frozenset(
    {
        "connection",
        "expect",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)

Headers = tuple[tuple[str, str], ...]


class Malformed(Exception):
    """Not HTTP/1.1; the text says what is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Head:
    """The first line and the headers of a message. Never shown: headers hold secrets."""

    first: str
    headers: Headers

    def get(self, name: str) -> str:
        """The value of a header (small letters), or empty."""
        return next((value for key, value in self.headers if key.lower() == name), "")

    @property
    def chunked(self) -> bool:
        return "chunked" in self.get("transfer-encoding").lower()

    @property
    def length(self) -> int | None:
        """Content-Length, or None without one."""
        text = self.get("content-length")
        if not text:
            return None
        if not (text.isascii() and text.isdigit()):
            raise Malformed("its Content-Length is no number")
        return int(text)

    @property
    def status(self) -> int:
        """Of an answer: its status code."""
        words = self.first.split(" ", 2)
        if len(words) < 2 or not words[0].startswith("HTTP/1.") or not words[1].isdigit():
            raise Malformed("its answer is not HTTP/1.x")
        return int(words[1])

    def end_to_end(self) -> Iterator[tuple[str, str]]:
        """The headers without those that are about one connection."""
        named = {name.strip().lower() for name in self.get("connection").split(",")}
        for name, value in self.headers:
            if name.lower() not in HOP_BY_HOP and name.lower() not in named:
                yield name, value


def parse_head(raw: bytes) -> Head:
    """`raw` ends with the empty line."""
    first, *lines = raw.decode("latin-1").rstrip("\r\n").split("\r\n")
    headers = []
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise Malformed("a header without a name")
        headers.append((name, value.strip()))
    return Head(first=first, headers=tuple(headers))


def chunk_size(line: bytes) -> int:
    """How many bytes a chunk has, from the line before it."""
    try:
        size = int(line.split(b";", 1)[0].strip(), 16)
    except ValueError:
        raise Malformed("a chunk without a size") from None
    if size < 0:
        raise Malformed("a chunk of a negative size")
    return size


def has_no_body(method: str, status: int) -> bool:
    """Whether an answer ends with its head, whatever its headers say."""
    return method == "HEAD" or status in (204, 304) or 100 <= status < 200
