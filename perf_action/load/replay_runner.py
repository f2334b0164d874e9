"""The child process that replays recorded requests, behind the line protocol of `child`.

``python -m perf_action.load.replay_runner`` reads JSON lines from stdin and answers each on stdout:

    {"address": ["127.0.0.1", 80], "users": 2, "requests": [["R0VUIC8…", "GET", 0, "2xx", "GET /"], …]}
                                                              -> {"ready": 1000}
    {"begin": {"requests": 2000, "seconds": null, "seed": 1}} -> {"result": {"start_ns": …, "requests": 2000, …}}
    {"quit": true}                                            -> ends

A request is its bytes (base64), its method, the connection it was recorded on, the outcome that is expected, its route.
One thread, one `epoll`. A closed loop: each of `users` connections makes the next request when its last one was
answered, in the recorded order, but never one before the answer to the last of the same recorded connection has come.
"""

from __future__ import annotations

import base64
import gc
import json
import os
import select
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any, NamedTuple

from perf_action.load.http1 import Malformed
from perf_action.load.percentile import percentiles
from perf_action.load.recording import in_rounds, outcome
from perf_action.load.replay_connection import Connection, Gone

_IN, _OUT = select.EPOLLIN, select.EPOLLIN | select.EPOLLOUT
_ROUTES = 100
_EXAMPLES = 3


class Prepared(NamedTuple):
    wire: bytes
    method: str
    recorded_on: int
    expected: str
    route: str


class Client:
    """`users` connections to `address`, and the requests that they make. `parent` is a descriptor whose other end is
    closed when nobody waits for the answer any more.
    """

    def __init__(
        self, address: tuple[str, int], users: int, requests: list[Prepared], parent: int | None = None
    ) -> None:
        self._requests = requests
        self._idle = [Connection(address) for _ in range(users)]
        self._poll = select.epoll()
        self._parent = parent
        if parent is not None:
            self._poll.register(parent, 0)  # its end is always told
        self._busy: dict[int, tuple[Connection, int, int]] = {}  # by descriptor: request, when it began (ns)
        self._held: set[int] = set()  # recorded connections with a request under way
        self._times: list[tuple[int, int]] = []  # (request, ns)
        self._answers: Counter[tuple[int, str]] = Counter()
        self._end = 0

    def slice(self, requests: int | None, seconds: float | None, seed: int) -> dict[str, Any]:
        """Make the requests of one slice and say what came of them."""
        self._times, self._answers = [], Counter()
        cpu, start = time.process_time_ns(), time.monotonic_ns()
        self._end = start
        until = None if seconds is None else start + int(seconds * 1e9)
        self._run(in_rounds(len(self._requests), requests, seed), until)
        return self._result(start, time.process_time_ns() - cpu)

    def _run(self, order: Iterator[int], until: int | None) -> None:
        following = next(order, None)
        while following is not None or self._busy:
            while (
                following is not None
                and self._idle
                and self._requests[following].recorded_on not in self._held
            ):
                if until is not None and time.monotonic_ns() >= until:
                    following = None
                    break
                self._ask(self._idle.pop(), following)
                following = next(order, None)
            for fd, event in self._poll.poll() if self._busy else ():
                self._attend(fd, event)

    def _ask(self, connection: Connection, index: int, *, again: bool = False) -> None:
        request = self._requests[index]
        start = time.monotonic_ns()
        try:
            if connection.open():
                self._poll.register(connection.fd, _IN)
                start = time.monotonic_ns()
            sent = connection.ask(request.wire, request.method)
        except Gone:
            self._failed(connection, index, start, again=again)
            return
        if not sent:
            self._poll.modify(connection.fd, _OUT)
        self._held.add(request.recorded_on)
        self._busy[connection.fd] = (connection, index, start)

    def _attend(self, fd: int, event: int) -> None:
        if fd == self._parent:
            os._exit(0)
        connection, index, start = self._busy[fd]
        try:
            if event & select.EPOLLOUT and connection.send():
                self._poll.modify(fd, _IN)
            if not event & ~select.EPOLLOUT or not connection.hear():
                return
        except (Gone, Malformed):
            del self._busy[fd]
            self._held.discard(self._requests[index].recorded_on)
            self._failed(connection, index, start)
            return
        self._end = time.monotonic_ns()
        del self._busy[fd]
        self._held.discard(self._requests[index].recorded_on)
        self._times.append((index, self._end - start))
        self._answers[index, outcome(connection.status)] += 1
        connection.done()
        self._idle.append(connection)

    def _failed(self, connection: Connection, index: int, start: int, *, again: bool = False) -> None:
        """A request without an answer; once more, on a new connection, where the service closed a kept one."""
        repeat = connection.may_be_repeated and not again
        connection.close()
        if repeat:
            self._ask(connection, index, again=True)
            return
        self._end = time.monotonic_ns()
        self._times.append((index, self._end - start))
        self._answers[index, outcome(0)] += 1
        self._idle.append(connection)

    def _result(self, start: int, cpu: int) -> dict[str, Any]:
        p50, p95, p99 = percentiles([ns for _, ns in self._times])
        by_route: defaultdict[str, list[int]] = defaultdict(list)
        for index, ns in self._times:
            by_route[self._requests[index].route].append(ns)
        answers: Counter[tuple[str, str]] = Counter()
        wrong: Counter[tuple[str, str, str]] = Counter()
        for (index, got), count in self._answers.items():
            request = self._requests[index]
            answers[request.route, got] += count
            if got != request.expected:
                wrong[request.route, request.expected, got] += count
        errors: Counter[str] = Counter()
        for (route, _, _), count in wrong.items():
            errors[route] += count
        busiest = sorted(by_route, key=lambda route: -len(by_route[route]))[:_ROUTES]
        return {
            "start_ns": start,
            "end_ns": self._end,
            "requests": len(self._times),
            "errors": wrong.total(),
            "p50_ns": p50,
            "p95_ns": p95,
            "p99_ns": p99,
            "routes": [
                [route, len(by_route[route]), errors[route], *percentiles(by_route[route])]
                for route in busiest
            ],
            "answers": [[route, got, count] for (route, got), count in answers.items()],
            "failures": [
                f"{count} × {route}: {got} instead of {expected}"
                for (route, expected, got), count in wrong.most_common(_EXAMPLES)
            ],
            "cpu_ns": cpu,
        }


def client_of(order: dict[str, Any], parent: int | None = None) -> Client:
    """From the first order."""
    host, port = order["address"]
    prepared = [Prepared(base64.b64decode(wire), *rest) for wire, *rest in order["requests"]]
    return Client((host, port), int(order["users"]), prepared, parent)


def main() -> None:
    source = os.fdopen(os.dup(0), "rb")
    answers = os.dup(1)
    os.dup2(2, 1)

    def answer(data: dict[str, Any]) -> None:
        os.write(answers, json.dumps(data).encode() + b"\n")

    client = client_of(json.loads(source.readline()), source.fileno())
    # nothing here makes circles; the collector would only stop the loop
    gc.collect()
    gc.freeze()
    gc.disable()
    answer({"ready": True})
    for line in source:
        order = json.loads(line)
        if "quit" in order:
            return
        answer({"result": client.slice(**order["begin"])})


if __name__ == "__main__":
    main()
