"""What a profiler wants done, as data: the executor does it and knows no tool by name."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol

from perf_action.model.trial import Stage
from perf_action.system import System


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The service as it would be started without a profiler. `env` is its whole environment."""

    argv: tuple[str, ...]
    cwd: Path
    env: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How one launch is profiled.

    `argv` starts the service, wrapped where the profiler wraps; `env` is added to its environment. `attach` is the
    argv of a side-car started after warm-up (``{pid}`` is replaced by the pid of the service; None: nothing is
    attached); `attached` is a regular expression that the side-car's output matches once it records.
    `stop_profiler` is the signal that makes the side-car (or, where `attach` is None, the wrapper) write its file.
    `own_processes` are names of executables in the tree that belong to the profiler, not to the service.
    `artifacts` are glob patterns, relative to the output folder, of captures to be read; at least one must exist.
    """

    argv: tuple[str, ...]
    env: tuple[tuple[str, str], ...] = ()
    attach: tuple[str, ...] | None = None
    attached: str = ""
    stop_profiler: signal.Signals = signal.SIGINT
    own_processes: tuple[str, ...] = ()
    artifacts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class Profiler(Protocol):
    """One profiler. `counts`: exact counters (a stage subtracts two launches); else a time-line is cut into slices."""

    name: ClassVar[str]
    counts: ClassVar[bool]

    def version(self, system: System) -> str:
        """The version that will be used; ToolMissing with the remedy if it is not there."""
        ...

    def plan(self, target: Target, stage: Stage, out: Path, system: System) -> Plan:
        """How to profile `target` with captures in `out` (an existing folder). Raises CannotMeasure with the reason."""
        ...
