"""Requests that a user's scenario made, as they can be made again. Held in memory only: they hold secrets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from perf_action.load.http1 import Headers
from perf_action.model.route import template

#: more routes than this are no routes: then only the beginning of a path is one
_ROUTES = 60
#: recordings are cut to one of these numbers, so that two runs replay as many
_STEPS = tuple(step * 10**power for power in (1, 2, 3) for step in (1, 2, 5))
_NO_LENGTH = ("GET", "HEAD", "DELETE", "OPTIONS", "TRACE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """One request and the status of its answer. `connection` numbers the client's connections; `headers` are without
    those of the connection, Host and Content-Length; `host` is the Host header where the script chose it, else empty.
    """

    method: str
    target: str = field(repr=False)
    headers: Headers = field(repr=False)
    body: bytes = field(repr=False)
    status: int
    connection: int
    host: str = field(default="", repr=False)

    def wire(self, authority: str, recorded_at: str) -> bytes:
        """The request for the service at `authority` (host:port). Where it speaks of itself as it was `recorded_at`
        (Origin, Referer, a link in a body), it says the new address.
        """
        lines = [
            f"{self.method} {self.target} HTTP/1.1",
            *(f"{name}: {value}" for name, value in self.headers),
        ]
        body = self.body.replace(recorded_at.encode(), authority.encode())
        if body or self.method not in _NO_LENGTH:
            lines.append(f"Content-Length: {len(body)}")
        lines = [line.replace(recorded_at, authority) for line in lines]
        lines.insert(1, f"Host: {self.host or authority}")
        return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """The requests of one stretch of load in the order in which they began. `recorded_at` is the host:port that the
    script was told, `seconds` how long it took, `pause_s` how long a user waited between an answer and the next
    request (median).
    """

    requests: tuple[Recorded, ...] = field(repr=False)
    recorded_at: str
    seconds: float
    pause_s: float = 0.0

    def whole_steps(self) -> Recording:
        """As many from the first on as the largest round number that there are."""
        count = max((step for step in _STEPS if step <= len(self.requests)), default=len(self.requests))
        return replace(self, requests=self.requests[:count])

    def repeats(self) -> float:
        """Which share of the second half had been asked in the first half too, with the same body: how far the scenario
        repeats itself. One that asks for something new each time meets cold caches, its replay would not.
        """
        asked = [(r.method, r.target, r.body) for r in self.requests]
        half = len(asked) // 2
        known = set(asked[:half])
        return sum(one in known for one in asked[half:]) / max(1, len(asked) - half)

    def routes(self) -> tuple[str, ...]:
        """Of each request: its method and path without a query, with ``{id}`` for what names one thing out of many."""
        names = [f"{r.method} {template(r.target)}" for r in self.requests]
        if len(set(names)) > _ROUTES:
            names = ["/".join(name.split("/")[:2]) + "/…" for name in names]
        if len(set(names)) > _ROUTES:
            names = [name.split(" ")[0] for name in names]
        return tuple(names)


def in_rounds(available: int, wanted: int | None, seed: int) -> Iterator[int]:
    """Which of the `available` requests a slice makes: whole rounds of the first ones, in their order, from a place
    that the seed gives. So all slices of one size have the same mix, to the request. Without end where `wanted` is None.
    """
    length = available if wanted is None else max(1, wanted // -(-wanted // available))
    # neighbouring seeds begin far apart: by the golden section of the round
    place = int(seed * 0.6180339887498949 % 1.0 * length)
    made = 0
    while wanted is None or made < wanted:
        yield (place + made) % length
        made += 1


def outcome(status: int) -> str:
    """The class of a status: ``2xx``; ``no answer`` for 0."""
    return f"{status // 100}xx" if status else "no answer"


def error_share(requests: Sequence[Recorded]) -> float:
    """Which share was answered 4xx or 5xx."""
    return sum(r.status >= 400 for r in requests) / max(1, len(requests))
