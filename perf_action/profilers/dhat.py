"""DHAT: every allocation with its stack, what lived at the peak and at the end, what was read and written
(https://valgrind.org/docs/manual/dh-manual.html).

Files are ``dhat.out.<pid>``; the viewer that comes with valgrind opens them (dh_view.html, in /usr/libexec/valgrind).
"""

from __future__ import annotations

import signal
from pathlib import Path
from typing import ClassVar

from perf_action.model.trial import Stage
from perf_action.profilers import valgrind
from perf_action.profilers.plan import Plan, Target, Traits
from perf_action.system import System

_FILES = "dhat.out.*[0-9]"


class Dhat:
    """Records from the start of the service to its end."""

    name: ClassVar[str] = "dhat"
    traits: ClassVar[Traits] = Traits(counts=True, slowdown=40.0)

    def version(self, system: System) -> str:
        return valgrind.version(system)

    def plan(self, target: Target, stage: Stage, out: Path, system: System) -> Plan:
        options = ("--num-callers=40", f"--dhat-out-file={valgrind.output(out, 'dhat.out')}")
        argv, notes = valgrind.wrapped("dhat", options, target, stage, system, heap=True)
        return Plan(
            argv=argv,
            env=valgrind.python_env(target, heap=True),
            stop_profiler=signal.SIGTERM,
            artifacts=(_FILES,),
            text_artifacts=True,
            notes=notes,
        )

    def silence(self, out: Path) -> str:
        return valgrind.silence("dhat", out, _FILES)
