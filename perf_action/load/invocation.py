"""Load tools that are started anew for every slice: any command, k6.

The tool decides what an `Invocation` is; starting it, waiting for it and reading what it left is the same for all.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from perf_action.errors import InputError, LoadFailed
from perf_action.load.output import Log, Secrets
from perf_action.load.processes import pin
from perf_action.load.session import Amount, LoadResult, Where
from perf_action.model import route
from perf_action.model.metric import Metric
from perf_action.model.route import RouteResult
from perf_action.model.snapshot import Capture
from perf_action.model.units import to_canonical
from perf_action.system import Process, System

#: reads a result file of any format; raises InputError. Given from outside: this room knows no formats.
Read = Callable[[Path], Capture]


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """One start of a tool. `result` is the file it writes (None: it writes none), `success` the exit codes that are
    no error, `counted` whether a result without requests means that none was made, `telling` matches the lines of its
    output that an error should quote.
    """

    argv: Sequence[str]
    env: Mapping[str, str]
    result: Path | None = None
    success: Sequence[int] = (0,)
    counted: bool = False
    telling: str = ""


class InvocationSession:
    """`plan(amount, folder)` says how to start the tool for a slice whose files go into `folder`."""

    def __init__(
        self,
        tool: str,
        plan: Callable[[Amount, Path], Invocation],
        where: Where,
        system: System,
        *,
        read: Read,
        secrets: Secrets,
    ) -> None:
        self._tool, self._plan, self._where, self._system, self._read = tool, plan, where, system, read
        self._secrets, self._cores = secrets, tuple(where.cores)
        self._slices = 0
        self._running: _Running | None = None

    def begin(self, amount: Amount) -> None:
        folder = self._where.out / f"slice-{self._slices:03d}"
        self._slices += 1
        folder.mkdir(parents=True, exist_ok=True)
        invocation = self._plan(amount, folder)
        log = Log(folder / f"{self._tool}.log", self._secrets, invocation.telling)
        self._running = _Running(invocation, log, self._where.directory, self._cores, self._system)

    def finish(self, timeout: float) -> LoadResult:
        running = self._running
        if running is None:
            raise LoadFailed(f"{self._tool}: no slice was begun")
        try:
            end, code = running.wait(timeout)
            if code is None:
                raise running.log.failed(f"{self._tool}: the slice did not end within {timeout:g} s")
            if code not in running.invocation.success:
                raise running.log.failed(f"{self._tool} ended with exit code {code}")
            return self._result(running, end)
        finally:
            self.close()

    def pin(self, cores: Sequence[int]) -> None:
        self._cores = tuple(cores)
        if self._running is not None:
            pin(self._running.process.pid, cores)

    def close(self) -> None:
        if self._running is not None:
            self._running.process.close()
            self._running.log.close()
            self._running = None

    def _result(self, running: _Running, end: int) -> LoadResult:
        invocation, log = running.invocation, running.log
        if invocation.result is None:
            return LoadResult(start_ns=running.start, end_ns=end, requests=None, errors=0)
        if not invocation.result.is_file():
            raise log.failed(f"{self._tool} wrote no result {invocation.result.name}")
        try:
            capture = self._read(invocation.result)
        except InputError as error:
            raise log.failed(f"{self._tool}: {error}") from None
        result = load_result(capture, running.start, end)
        if result.requests == 0 or (result.requests is None and invocation.counted):
            raise log.failed(f"{self._tool}: no request was made")
        if result.requests is not None and result.errors >= result.requests:
            raise log.failed(f"{self._tool}: all {result.requests} requests failed")
        return result


class _Running:
    """A started tool. A thread notes when it ends, because nobody may be waiting at that moment."""

    def __init__(
        self, invocation: Invocation, log: Log, cwd: Path, cores: Sequence[int], system: System
    ) -> None:
        self.invocation, self.log = invocation, log
        self._end = 0
        self.start = system.monotonic_ns()
        self.process: Process = system.start(
            invocation.argv, cwd=cwd, env=invocation.env, log=log.path, cores=cores
        )
        self._watch = threading.Thread(target=self._note_end, args=(system,), daemon=True)
        self._watch.start()

    def _note_end(self, system: System) -> None:
        while self.process.wait(3600) is None:
            pass
        self._end = system.monotonic_ns()

    def wait(self, seconds: float) -> tuple[int, int | None]:
        """When it ended (monotonic ns), and its exit code or None."""
        self._watch.join(seconds)
        return self._end, None if self._watch.is_alive() else self.process.poll()


def load_result(capture: Capture, start: int, end: int) -> LoadResult:
    """What a tool's own result says of a slice that lay between `start` and `end`.

    A tool that also says its throughput was busy for requests ÷ throughput: the rest, at the beginning, was start-up.
    """
    metrics = {metric.name: metric for metric in capture.metrics if metric.samples}
    requests, rate = _canonical(metrics, "load.requests"), _canonical(metrics, "load.throughput")
    if requests and rate:
        start = max(start, end - int(requests / rate * 1e9))
    share = _canonical(metrics, "load.error_rate") or 0.0
    return LoadResult(
        start_ns=start,
        end_ns=end,
        requests=None if requests is None else round(requests),
        errors=round((requests or 0) * share),
        latency_p50_ns=_canonical(metrics, "latency.p50"),
        latency_p95_ns=_canonical(metrics, "latency.p95"),
        latency_p99_ns=_canonical(metrics, "latency.p99"),
        routes=_routes(metrics),
        notes=capture.notes,
    )


def _routes(metrics: Mapping[str, Metric]) -> tuple[RouteResult, ...]:
    """Of each route what is known of it; nobody says how many requests it had."""
    names = dict.fromkeys(r for name in metrics if (r := route.parts(name)[1]))
    return tuple(
        RouteResult(
            name,
            0,
            0,
            *(
                _canonical(metrics, route.metric_name(p, name))
                for p in ("latency.p50", "latency.p95", "latency.p99")
            ),
        )
        for name in names
    )


def _canonical(metrics: Mapping[str, Metric], name: str) -> float | None:
    """The last sample in canonical units, or None."""
    metric = metrics.get(name)
    if metric is None:
        return None
    return to_canonical(metric.samples[-1], metric.unit)
