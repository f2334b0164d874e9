"""A load generator at work on one service: warm up, then slices of load on demand.

A session lives as long as a launch. `begin` returns at once so that two sessions can run side by side; `finish`
waits. Between slices no request is under way.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from perf_action.config import Scenario
from perf_action.model.route import RouteResult
from perf_action.system import System


@dataclass(frozen=True, slots=True, kw_only=True)
class Amount:
    """How much load a slice is: exactly one of the two is given. `seed` makes the mix of requests the same again."""

    requests: int | None = None
    seconds: float | None = None
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadResult:
    """What the load tool says of one slice. Times are ns, `start_ns`/`end_ns` of the monotonic clock.

    `requests` None: the tool does not count; latencies None: it gave none. `routes` are busiest first. `answers` are (route, outcome, requests) where the tool says how each was answered:
    the class of the status (``2xx``), ``failed`` (by the script's own check) or ``no answer``. `cpu_ns` is what the
    generator itself spent, None where nobody looked. `notes` are for people: what was ignored, what failed most.
    """

    start_ns: int
    end_ns: int
    requests: int | None
    errors: int
    latency_p50_ns: float | None = None
    latency_p95_ns: float | None = None
    latency_p99_ns: float | None = None
    routes: tuple[RouteResult, ...] = ()
    answers: tuple[tuple[str, str, int], ...] = ()
    cpu_ns: int | None = None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """What a session is opened on. `url` is the root of the service, `directory` the checkout the script is in,
    `env` the whole environment, `out` a folder for logs and results, `cores` what the generator is pinned to.
    """

    url: str
    port: int
    directory: Path
    env: Mapping[str, str]
    out: Path
    cores: Sequence[int] = ()


class LoadSession(Protocol):
    """One generator on one service. Every method raises LoadFailed with the reason and the tail of the tool's output."""

    def begin(self, amount: Amount) -> None:
        """Start a slice; nothing may be under way."""
        ...

    def finish(self, timeout: float) -> LoadResult:
        """Wait for the slice to end; LoadFailed after `timeout` seconds."""
        ...

    def pin(self, cores: Sequence[int]) -> None:
        """Move the generator to other cores, between slices."""
        ...

    def close(self) -> None:
        """End the generator and all it started."""
        ...


class LoadTool(Protocol):
    """One kind of load generator."""

    name: str

    def not_recorded(self, scenario: Scenario, where: Where, system: System) -> str:
        """Why the requests of a scenario are not to be recorded and replayed in a closed loop; empty: they may be."""
        ...

    def version(self, system: System) -> str:
        """The version that will be used; ToolMissing with the remedy if it is not there."""
        ...

    def open(self, scenario: Scenario, where: Where, system: System) -> LoadSession:
        """Start a generator that waits for `begin`."""
        ...
