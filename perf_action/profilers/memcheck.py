"""memcheck: what was not freed, and errors in the use of memory (https://valgrind.org/docs/manual/mc-manual.html).

Files are ``memcheck.xml.<pid>``; beside each is the log that valgrind would have printed, ``….valgrind-out.txt``: with
``--xml=yes`` its own log is empty.
"""

from __future__ import annotations

import json
import signal
import sys
from pathlib import Path
from typing import ClassVar, Final

from perf_action.model.trial import Stage
from perf_action.profilers import valgrind
from perf_action.profilers.plan import Plan, Report, Target, Traits
from perf_action.system import System

_FILES = "memcheck.xml.*[0-9]"
#: isolated (-I), so that nothing of the current directory is imported; with the parent's own import path
_LOG: Final = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from perf_action.formats.memcheck_log import main; sys.exit(main(sys.argv[2]))"
)


class Memcheck:
    """Watches from the start of the service to its end."""

    name: ClassVar[str] = "memcheck"
    traits: ClassVar[Traits] = Traits(counts=True, slowdown=50.0)

    def version(self, system: System) -> str:
        return valgrind.version(system)

    def plan(self, target: Target, stage: Stage, out: Path, system: System) -> Plan:
        options = (
            "--leak-check=full",
            "--show-leak-kinds=all",
            "--track-origins=yes",
            "--num-callers=40",
            "--xml=yes",
            f"--xml-file={valgrind.output(out, 'memcheck.xml')}",
        )
        argv, notes = valgrind.wrapped("memcheck", options, target, stage, system, heap=True)
        log = (sys.executable, "-I", "-c", _LOG, json.dumps(sys.path), "{file}")
        return Plan(
            argv=argv,
            env=valgrind.python_env(target, heap=True),
            stop_profiler=signal.SIGTERM,
            artifacts=(_FILES,),
            text_artifacts=True,
            reports=(Report(pattern=_FILES, argv=log, suffix=".valgrind-out.txt"),),
            notes=notes,
        )

    def silence(self, out: Path) -> str:
        return valgrind.silence("memcheck", out, _FILES)
