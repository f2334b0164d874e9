"""What a profiler wants done, as data: the executor does it and knows no tool by name.

Words in an `attach` or `timeline` that are replaced when a slice begins: ``{pid}``, the service's first process;
``{tree}``, all its processes, separated by commas; ``{slice}``, the number of the slice; ``{seconds}``, how long it
lasts, in whole seconds (stages of a `timed` profiler); ``{port}``, where the service listens.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Protocol

from perf_action.model.trial import Stage
from perf_action.system import System


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The service as it would be started without a profiler. `env` is its whole environment; `pid` the process of a
    service that runs already, so that nothing can be wrapped round it (None: it will be started).
    """

    argv: tuple[str, ...]
    cwd: Path
    env: tuple[tuple[str, str], ...]
    pid: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Traits:
    """What the schedule has to know of a profiler before it plans a launch.

    `counts`: exact counters of whole launches (a stage subtracts two of different length); else samples, slice by
    slice. `slowdown`: how many times slower the service runs under it; amounts of load are divided and time-outs
    multiplied by it. `timed`: a slice lasts a number of seconds that must be known when it begins, not of requests.
    """

    counts: bool = False
    slowdown: float = 1.0
    timed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What the tool's own printer says about its files: for each file of a launch that matches `pattern`, the output of
    `argv` (``{file}`` is replaced) is kept beside it, under its name with `suffix` added. One that fails is noted.
    """

    pattern: str
    argv: tuple[str, ...]
    suffix: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How one launch is profiled.

    `argv` starts the service, wrapped where the profiler wraps; `env` is added to its environment. `attach` is the
    argv of a recorder that runs during each slice, on another core where there is one (None: nothing is attached, the
    whole launch is recorded), `recorder_env` is added to its environment; `timeline` is the argv of one more such
    recording, of one slice in the first launch, that says when what ran and waited, into `timeline_artifact`. `attached` is a regular expression that the
    recorder's output matches once it records; `stop_profiler` the signal that makes it write its file (None: it ends by
    itself, and has failed if its exit code is not 0). `own_processes` are names of executables in the tree that belong
    to the profiler, not to the service. `artifacts` are glob patterns, relative to the output folder, of captures to be
    read; at least one must exist; `text_artifacts`: they are text, in which the command line stands with its secrets.
    `supersedes` is a regular expression for names of artifacts that replace each other, such as dumps of one process: of
    those with the same first group, the one with the highest number in the second is read, and the others are removed.
    `reports` are made of files in that folder for people who open them.
    """

    argv: tuple[str, ...]
    env: tuple[tuple[str, str], ...] = ()
    attach: tuple[str, ...] | None = None
    timeline: tuple[str, ...] | None = None
    timeline_artifact: str = ""
    attached: str = ""
    recorder_env: tuple[tuple[str, str], ...] = ()
    stop_profiler: signal.Signals | None = signal.SIGINT
    own_processes: tuple[str, ...] = ()
    artifacts: tuple[str, ...] = ()
    text_artifacts: bool = False
    supersedes: str = ""
    reports: tuple[Report, ...] = ()
    notes: tuple[str, ...] = ()


class Profiler(Protocol):
    """One profiler."""

    name: ClassVar[str]
    traits: ClassVar[Traits]

    def version(self, system: System) -> str:
        """The version that will be used; ToolMissing with the remedy if it is not there."""
        ...

    def plan(self, target: Target, stage: Stage, out: Path, system: System) -> Plan:
        """How to profile `target` with captures in `out` (an existing folder). Raises CannotMeasure with the reason."""
        ...

    def silence(self, out: Path) -> str:
        """Why there is no capture in `out`, in words that say what to do."""
        ...
