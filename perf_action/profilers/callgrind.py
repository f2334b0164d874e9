"""callgrind: instructions by function, the count that does not shake (https://valgrind.org/docs/manual/cl-manual.html).

The whole launch is counted, and two launches of different length are subtracted, so that start-up cancels. Counting
only while requests are served (``--instr-atstart=no`` and callgrind_control) would lose the callers of whatever runs
when it is switched on. Who called whom is known for pairs only: stacks are put together from them (formats/callgrind.py).
Files are ``callgrind.out.<pid>``, with the table of callgrind_annotate beside them.
"""

from __future__ import annotations

import signal
from pathlib import Path
from typing import ClassVar

from perf_action.model.trial import Stage
from perf_action.profilers import valgrind
from perf_action.profilers.plan import Plan, Report, Target, Traits
from perf_action.system import System

_FILES = "callgrind.out.*[0-9]"


class Callgrind:
    """Counts from the start of the service to its end."""

    name: ClassVar[str] = "callgrind"
    traits: ClassVar[Traits] = Traits(counts=True, slowdown=50.0)

    def version(self, system: System) -> str:
        return valgrind.version(system)

    def plan(self, target: Target, stage: Stage, out: Path, system: System) -> Plan:
        options = (
            "--separate-recs=1",  # else a function that calls itself is two, f and f'2
            f"--callgrind-out-file={valgrind.output(out, 'callgrind.out')}",
        )
        argv, notes = valgrind.wrapped("callgrind", options, target, stage, system, heap=False)
        annotate = ("callgrind_annotate", "--auto=no", "{file}")
        return Plan(
            argv=argv,
            env=valgrind.python_env(target, heap=False),
            stop_profiler=signal.SIGTERM,
            artifacts=(_FILES,),
            text_artifacts=True,
            reports=(Report(pattern=_FILES, argv=annotate, suffix=".callgrind_annotate.txt"),),
            notes=notes,
        )

    def silence(self, out: Path) -> str:
        return valgrind.silence("callgrind", out, _FILES)
