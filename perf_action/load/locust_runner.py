"""The child process that is the load: locust's engine and statistics behind a line protocol.

``python -m perf_action.load.locust_runner`` reads JSON lines from stdin and answers each on stdout:

    {"script": "/co/tests/load/locustfile.py", "directory": "/co", "url": "http://127.0.0.1:80", "users": 2,
     "args": [], "paths": []}                           -> {"ready": "2.47.0", "notes": []}
    {"begin": {"requests": 2000, "seconds": null, "seed": 1}} -> {"result": {"start_ns": …, "requests": 2000, …}}
    {"quit": true}                                      -> ends

or with ``{"error": "…"}``. It lives as long as a launch of the service; between slices its users rest in `Gate` with
their connections open. All that the script prints goes to stderr. It ends when stdin does, so that it never outlives
its parent. A process of its own because gevent patches sockets, threads and sleep for the whole interpreter.
"""

from __future__ import annotations

import contextlib
import gc
import json
import math
import os
import random
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import gevent
import locust
from gevent.fileobject import FileObject
from gevent.queue import Queue
from locust import log
from locust.argument_parser import get_parser
from locust.clients import HttpSession
from locust.contrib.fasthttp import FastHttpSession
from locust.env import Environment
from locust.util.load_locustfile import load_locustfile

from perf_action.load.gate import Gate
from perf_action.load.percentile import percentiles
from perf_action.load.recording import outcome
from perf_action.model.route import route_of

#: how often, in seconds, a running slice is looked after
_LOOK = 0.1
#: a script whose tasks raise so often without a single request between is broken
_EXCEPTIONS_IN_A_ROW = 100
_ROUTES = 100


class Broken(Exception):
    """No load can be made; the text says why."""


class Engine:
    """The user's script in locust's engine."""

    def __init__(self, order: dict[str, Any]) -> None:
        self._gate = Gate()
        self._times: dict[tuple[str, str], list[float]] = {}
        self._answers: Counter[tuple[str, str]] = Counter()
        self._exceptions: list[str] = []
        self._in_a_row = 0
        self._spawned = 0
        self.notes: list[str] = []
        self._users = int(order["users"])
        self._environment = self._prepare(order)
        self._runner = self._environment.create_local_runner()
        events = self._environment.events
        events.init.fire(environment=self._environment, runner=self._runner, web_ui=None)
        if log.unhandled_greenlet_exception:
            raise Broken("a listener of locust's init event raised")
        events.user_error.add_listener(self._on_exception)
        events.spawning_complete.add_listener(self._on_spawned)
        events.request.add_listener(self._on_request)  # the last one: it may rest
        for client in (FastHttpSession, HttpSession):
            client.request = self._gate.guard(client.request)

    def _prepare(self, order: dict[str, Any]) -> Environment:
        """Import the script and read the arguments, as ``locust -f script --headless`` would."""
        os.chdir(order["directory"])
        sys.path.extend(order["paths"])
        with _blaming(order["script"]):
            *_, classes, shapes = load_locustfile(order["script"])
        if shapes:
            names = ", ".join(type(shape).__name__ for shape in shapes)
            self.notes.append(f"the load shape {names} is ignored: slices are of a fixed amount")
        if not classes:
            raise Broken(f"{order['script']}: no User class in it")
        sys.argv = ["locust", *order["args"]]
        own = ["--headless", "--users", str(self._users), "--host", order["url"]]
        try:
            options = get_parser().parse_args(args=[*order["args"], *own])
        except SystemExit:
            raise Broken(f"locust does not accept args: {' '.join(order['args'])}") from None
        unknown = set(options.user_classes) - set(classes)
        if unknown:
            raise Broken(f"{order['script']}: no User class {', '.join(sorted(unknown))} in it")
        return Environment(
            user_classes=[c for name, c in classes.items() if name in (options.user_classes or classes)],
            events=locust.events,
            host=order["url"],
            parsed_options=options,
            locustfile=Path(order["script"]).name,
            stop_timeout=0,
        )

    def slice(self, requests: int | None, seconds: float | None, seed: int) -> dict[str, Any]:
        """Make the requests of one slice and say what came of them."""
        self._environment.stats.clear_all()
        self._times.clear()
        self._answers.clear()
        self._exceptions.clear()
        self._in_a_row = 0
        random.seed(seed)
        cpu, start = time.process_time_ns(), time.monotonic_ns()
        self._end = start
        self._gate.open(math.inf if requests is None else requests)
        self._spawn()
        until = math.inf if seconds is None else time.monotonic() + seconds
        while not self._gate.wait(max(0.0, min(_LOOK, until - time.monotonic()))):
            if time.monotonic() >= until:
                self._gate.close()
                until = math.inf
            if self._look():
                break
        return {**self._result(start), "cpu_ns": time.process_time_ns() - cpu}

    def _spawn(self) -> None:
        """See that all users are there: at first, or after some have left of themselves (StopUser)."""
        if self._runner.state == "ready" or self._runner.user_count < self._spawned:
            if self._runner.state != "ready":
                self._runner.stop()
            self._runner.start(self._users, spawn_rate=self._users)
            self._runner.spawning_greenlet.join()

    def _look(self) -> bool:
        """Whether the slice has to end early, because nobody is left to make requests."""
        if self._in_a_row >= _EXCEPTIONS_IN_A_ROW:
            raise Broken(f"tasks raise without making a request: {self._exceptions[-1]}")
        if self._runner.user_count:
            return False
        if not self._gate.completed:
            why = self._exceptions[-1] if self._exceptions else "they stopped of themselves"
            raise Broken(f"no user is left to make requests: {why}")
        self._gate.close()
        return True

    def _result(self, start: int) -> dict[str, Any]:
        stats = self._environment.stats
        if not stats.total.num_requests:
            raise Broken("no request was made" + (f": {self._exceptions[-1]}" if self._exceptions else ""))
        routes = _by_route(stats.entries.values(), self._times)
        failures = sorted(stats.errors.values(), key=lambda e: -e.occurrences)
        p50, p95, p99 = percentiles([t for route in self._times.values() for t in route])
        return {
            "start_ns": start,
            "end_ns": self._end,
            "requests": stats.total.num_requests,
            "errors": min(stats.total.num_requests, stats.total.num_failures + len(self._exceptions)),
            "p50_ns": p50,
            "p95_ns": p95,
            "p99_ns": p99,
            "routes": [
                [name, requests, failures, *percentiles(times)]
                for name, (requests, failures, times) in routes[:_ROUTES]
            ],
            "answers": [[route, got, n] for (route, got), n in self._answers.most_common(_ROUTES)],
            "failures": [f"{e.occurrences} × {e.method} {e.name}: {e.error}" for e in failures[:3]]
            + [f"{len(self._exceptions)} × a task raised {text}" for text in self._exceptions[-1:]],
        }

    def _on_request(
        self,
        request_type: str,
        name: str,
        response_time: float | None,
        response: object = None,
        exception: object = None,
        **_: object,
    ) -> None:
        self._end = time.monotonic_ns()
        self._in_a_row = 0
        self._answers[f"{request_type} {name}".strip(), _outcome(response, exception)] += 1
        if response_time is not None:
            self._times.setdefault((request_type, name), []).append(response_time * 1e6)
        self._gate.leave()

    def _on_exception(self, exception: BaseException, **_: object) -> None:
        self._in_a_row += 1
        self._exceptions.append(f"{type(exception).__name__}: {exception}"[:500])

    def _on_spawned(self, user_count: int) -> None:
        self._spawned = user_count

    def quit(self) -> None:
        """Let the users say good-bye (`on_stop`, `test_stop`), whose requests count for nothing."""
        self._gate.open()
        if self._runner.state != "ready":
            self._runner.quit()


def _by_route(
    entries: Iterable[Any], times: Mapping[tuple[str, str], Sequence[float]]
) -> list[tuple[str, tuple[int, int, list[float]]]]:
    """Requests, failures and times of each route, busiest first: ``/items/1`` and ``/items/2`` are one."""
    found: dict[str, tuple[int, int, list[float]]] = {}
    for e in entries:
        name = route_of(f"{e.method} {e.name}")
        requests, failures, ns = found.get(name, (0, 0, []))
        mine = times.get((e.method, e.name), ())
        found[name] = (requests + e.num_requests, failures + e.num_failures, [*ns, *mine])
    return sorted(found.items(), key=lambda item: -item[1][0])


def _outcome(response: object, exception: object) -> str:
    """How a request ended: by the class of its status, or by the script's own check."""
    status = getattr(response, "status_code", None)
    if exception and (not isinstance(status, int) or 0 < status < 400):
        return "failed"
    return outcome(status) if isinstance(status, int) else "answered"


@contextlib.contextmanager
def _blaming(script: str) -> Iterator[None]:
    """Whatever the import of the script raises becomes one line that names the place."""
    try:
        yield
    except BaseException as error:  # noqa: BLE001 (a script may also call sys.exit)
        traceback.print_exc()
        lines = [f.lineno for f in traceback.extract_tb(error.__traceback__) if f.filename == script]
        line = error.lineno if isinstance(error, SyntaxError) else lines[-1] if lines else None
        place = f"{script}:{line}" if line else script
        raise Broken(f"{place}: {type(error).__name__}: {error}") from None


def main() -> None:
    orders, answers = _take_over_pipes()
    log.setup_logging("WARNING")

    def answer(data: dict[str, Any]) -> None:
        os.write(answers, json.dumps(data).encode() + b"\n")

    try:
        engine = Engine(json.loads(orders.get()))
        # what was imported stays; the collector need not look at it in every slice
        gc.collect()
        gc.freeze()
        answer({"ready": locust.__version__, "notes": engine.notes})
        for order in iter(lambda: json.loads(orders.get()), {"quit": True}):
            answer({"result": engine.slice(**order["begin"])})
        engine.quit()
    except Broken as error:
        answer({"error": str(error)})
    except Exception as error:  # noqa: BLE001 (whatever it is, the parent is told)
        traceback.print_exc()
        answer({"error": f"{type(error).__name__}: {error}"})


def _take_over_pipes() -> tuple[Queue, int]:
    """Orders and the descriptor for answers; whatever the script reads or prints goes elsewhere.

    A greenlet reads on, so that the end of stdin ends this process in mid-slice too.
    """
    orders: Queue = Queue()
    source, answers = os.dup(0), os.dup(1)
    for descriptor in (source, answers):
        os.set_inheritable(descriptor, False)
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.dup2(2, 1)

    def read() -> None:
        with FileObject(source, "rb") as lines:
            for line in lines:
                orders.put(line)
        os._exit(0)

    gevent.spawn(read)
    return orders, answers


if __name__ == "__main__":
    main()
