"""massif: how large the heap was over time, and who held it at its peak (https://valgrind.org/docs/manual/ms-manual.html).

Every snapshot names functions, since memory that only grows has no peak that massif would mark; the peak is exact
(``--peak-inaccuracy=0``), and time is in milliseconds. On a service in C neither made a difference that could be measured.
Files are ``massif.out.<pid>``, with the text of ms_print beside them.
"""

from __future__ import annotations

import signal
from pathlib import Path
from typing import ClassVar

from perf_action.model.trial import Stage
from perf_action.profilers import valgrind
from perf_action.profilers.plan import Plan, Report, Target, Traits
from perf_action.system import System

_FILES = "massif.out.*[0-9]"


class Massif:
    """Records from the start of the service to its end."""

    name: ClassVar[str] = "massif"
    traits: ClassVar[Traits] = Traits(counts=True, slowdown=20.0)

    def version(self, system: System) -> str:
        return valgrind.version(system)

    def plan(self, target: Target, stage: Stage, out: Path, system: System) -> Plan:
        options = (
            "--time-unit=ms",
            "--detailed-freq=1",
            "--peak-inaccuracy=0.0",
            "--threshold=0.1",
            f"--massif-out-file={valgrind.output(out, 'massif.out')}",
        )
        argv, notes = valgrind.wrapped("massif", options, target, stage, system, heap=True)
        return Plan(
            argv=argv,
            env=valgrind.python_env(target, heap=True),
            stop_profiler=signal.SIGTERM,
            artifacts=(_FILES,),
            text_artifacts=True,
            reports=(Report(pattern=_FILES, argv=("ms_print", "{file}"), suffix=".ms_print.txt"),),
            notes=notes,
        )

    def silence(self, out: Path) -> str:
        return valgrind.silence("massif", out, _FILES)
