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
    argv of a recorder that runs during each slice, on another core where there is one (``{pid}`` is replaced by the pid
    of the service, ``{slice}`` by the number of the slice; None: nothing is attached, the whole launch is recorded);
    `timeline` is the argv of one more such recording, of one slice in the first launch, that says when what ran.
    `attached` is a regular expression that the recorder's output matches once it records; `stop_profiler` the signal
    that makes it write its file. `own_processes` are names of executables in the tree that belong to the profiler, not
    to the service. `artifacts` are glob patterns, relative to the output folder, of captures to be read; at least one
    must exist.
    """

    argv: tuple[str, ...]
    env: tuple[tuple[str, str], ...] = ()
    attach: tuple[str, ...] | None = None
    timeline: tuple[str, ...] | None = None
    attached: str = ""
    stop_profiler: signal.Signals = signal.SIGINT
    own_processes: tuple[str, ...] = ()
    artifacts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


class Profiler(Protocol):
    """One profiler. `counts`: exact counters of whole launches (a stage subtracts two); else samples, slice by slice."""

    name: ClassVar[str]
    counts: ClassVar[bool]

    def version(self, system: System) -> str:
        """The version that will be used; ToolMissing with the remedy if it is not there."""
        ...

    def plan(self, target: Target, stage: Stage, out: Path, system: System) -> Plan:
        """How to profile `target` with captures in `out` (an existing folder). Raises CannotMeasure with the reason."""
        ...

    def silence(self, out: Path) -> str:
        """Why there is no capture in `out`, in words that say what to do."""
        ...
