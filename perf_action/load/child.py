"""A child process of ours that makes load, at the other end of a line protocol: a JSON order a line, a JSON answer each.

Orders are ``{…}`` once, ``{"begin": amount}`` for each slice and ``{"quit": true}``; answers ``{"ready": …}``,
``{"result": …}`` or ``{"error": "why"}``.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from perf_action.errors import LoadFailed
from perf_action.load.output import Log
from perf_action.load.processes import pin
from perf_action.load.session import Amount, LoadResult
from perf_action.model.route import RouteResult
from perf_action.system import Process, System

_GOODBYE_S = 5.0


class Child:
    """``python -m module`` with `order` as its first one. `name` is what errors call it, `explain` adds a remedy to the
    child's own; `notes` are what it said when it was ready.
    """

    def __init__(
        self,
        name: str,
        module: str,
        order: Mapping[str, Any],
        system: System,
        *,
        cwd: Path,
        env: Mapping[str, str],
        log: Log,
        cores: Sequence[int],
        explain: Callable[[str], str] = str,
    ) -> None:
        self.notes: tuple[str, ...] = ()
        self._explain = explain
        self._name, self._system, self._log = name, system, log
        self._buffer = b""
        self._busy = False
        self._process: Process = system.start(
            [sys.executable, "-m", module], cwd=cwd, env=env, log=log.path, pipes=True, cores=cores
        )
        self._send(order)

    def begin(self, amount: Amount) -> None:
        self._busy = True
        self._send({"begin": {"requests": amount.requests, "seconds": amount.seconds, "seed": amount.seed}})

    def said(self, timeout: float) -> dict[str, Any]:
        """What came of the slice; LoadFailed with the child's reason, if it ends, or after `timeout` seconds."""
        until = self._system.monotonic_ns() + int(timeout * 1e9)
        while True:
            found: dict[str, Any] = json.loads(self._line(until, timeout))
            if "ready" in found:
                self.notes = tuple(found.get("notes", ()))
                continue
            self._busy = False
            if "error" in found:
                raise self._log.failed(f"{self._name}: {self._explain(str(found['error']))}")
            result: dict[str, Any] = found["result"]
            return result

    def result(self, said: Mapping[str, Any], notes: Sequence[str]) -> LoadResult:
        """What a child said of a slice, without the secrets of its routes."""
        mask = self._log.mask
        return LoadResult(
            start_ns=said["start_ns"],
            end_ns=said["end_ns"],
            requests=said["requests"],
            errors=said["errors"],
            latency_p50_ns=said["p50_ns"],
            latency_p95_ns=said["p95_ns"],
            latency_p99_ns=said["p99_ns"],
            routes=tuple(RouteResult(mask(name), *rest) for name, *rest in said["routes"]),
            answers=tuple((mask(name), got, n) for name, got, n in said["answers"]),
            cpu_ns=said["cpu_ns"],
            notes=tuple(notes),
        )

    def pin(self, cores: Sequence[int]) -> None:
        pin(self._process.pid, cores)

    def close(self) -> None:
        if not self._busy and self._process.poll() is None:
            with contextlib.suppress(LoadFailed):
                self._send({"quit": True})
                self._process.wait(_GOODBYE_S)
        self._process.close()
        self._log.close()

    def _send(self, order: Mapping[str, Any]) -> None:
        pipe = self._process.stdin
        if pipe is None:
            raise LoadFailed(f"{self._name}: its input is closed")
        try:
            pipe.write(json.dumps(order).encode() + b"\n")
            pipe.flush()
        except OSError:
            raise self._log.failed(f"{self._name} ended too early{self._ending()}") from None

    def _line(self, until: int, timeout: float) -> bytes:
        pipe = self._process.stdout
        if pipe is None:
            raise LoadFailed(f"{self._name}: its output is closed")
        while b"\n" not in self._buffer:
            left = (until - self._system.monotonic_ns()) / 1e9
            if not select.select([pipe], [], [], max(0.0, left))[0]:
                raise self._log.failed(f"{self._name}: the slice did not end within {timeout:g} s")
            chunk = os.read(pipe.fileno(), 1 << 16)
            if not chunk:
                self._process.wait(1.0)
                raise self._log.failed(f"{self._name} ended in mid-slice{self._ending()}")
            self._buffer += chunk
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line

    def _ending(self) -> str:
        code = self._process.poll()
        return "" if code is None else f" with exit code {code}"


class ChildSession:
    """What every `LoadSession` of a child does alike; what it makes of the answers is in `finish`."""

    def __init__(self, child: Child) -> None:
        self._child = child

    def begin(self, amount: Amount) -> None:
        self._child.begin(amount)

    def pin(self, cores: Sequence[int]) -> None:
        self._child.pin(cores)

    def close(self) -> None:
        self._child.close()
