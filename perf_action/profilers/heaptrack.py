"""heaptrack: every allocation through malloc with its stack, and when it was freed (https://github.com/KDE/heaptrack).

What was found with 1.4.0, and why it is called as it is:

* Its preloaded library takes itself out of the environment, so that only the program that heaptrack starts is recorded, and
  no child: it is put right before the service's program, inside of a shell line or behind a launcher.
* SIGTERM goes to the service. The script around it waits until all is written; told to end itself, it would leave half
  a file. A service that SIGTERM kills loses what was last in a buffer of 4 KiB; one that ends by itself loses nothing.
* It attaches to a running service with gdb. Its script, told to end, kills its own compressor; so the service is let go
  first (`heaptrack_attach`).
* Python allocates through malloc with PYTHONMALLOC=malloc only, and repeats itself with a fixed hash seed only.

Captures are ``heaptrack.<n>.zst`` (``.gz`` where zstd is not there), with the text of heaptrack_print beside them.
"""

from __future__ import annotations

import re
import signal
from pathlib import Path
from typing import ClassVar, Final

from perf_action.errors import CannotMeasure, ToolMissing, one_line
from perf_action.model.trial import Stage
from perf_action.profilers import valgrind
from perf_action.profilers.elf import built_in_allocators
from perf_action.profilers.plan import Plan, Report, Target, Traits
from perf_action.profilers.subject import Subject, look
from perf_action.profilers.wrapping import wrapped
from perf_action.system import System, isolated

RECORDING: Final = "recording"
_REMEDY: Final = "sudo apt-get install heaptrack"
_FILES: Final = ("heaptrack.*.zst", "heaptrack.*.gz")
_REPORT: Final = ("heaptrack_print", "--print-leaks=1", "{file}")
_OWN: Final = ("heaptrack", "heaptrack_interpret", "zstd", "gzip")
_RECORDER: Final = Path(__file__).with_name("heaptrack_attach.py")


class Heaptrack:
    """Starts the service and records it from its start to its end, or attaches to one that runs."""

    name: ClassVar[str] = "heaptrack"
    traits: ClassVar[Traits] = Traits(counts=True, slowdown=4.0)

    def version(self, system: System) -> str:
        said = system.run([_program(system), "--version"], timeout=60).stdout.split()
        return said[-1] if said else "unknown"

    def plan(self, target: Target, stage: Stage, out: Path, system: System) -> Plan:  # noqa: ARG002
        heaptrack = _program(system)
        folder = str(out.resolve())
        if re.search(r"[\s%*?\[]", folder):
            raise CannotMeasure(
                f"heaptrack's script cannot write to {folder!r}; name a folder without spaces, % and *"
            )
        notes = _examined(look(target, system))
        if target.pid is not None:
            return _attached(target, folder, notes, system)
        return Plan(
            argv=wrapped((heaptrack, "-o", f"{folder}/heaptrack.service"), target, system),
            env=valgrind.python_env(target, heap=True),
            stop_profiler=signal.SIGTERM,
            own_processes=_OWN,
            artifacts=_FILES,
            text_artifacts=True,
            reports=_reports(),
            notes=notes,
        )

    def silence(self, out: Path) -> str:
        """Why there is no capture."""
        empty = [path.name for pattern in _FILES for path in sorted(out.glob(pattern))]
        if empty:
            return f"heaptrack wrote only {one_line(empty[0], 100)}, which is empty: the service was killed with it"
        return "heaptrack wrote nothing: it could not start the service; see the service's log"


def _attached(target: Target, folder: str, notes: tuple[str, ...], system: System) -> Plan:
    if system.which("gdb") is None:
        raise ToolMissing("gdb, which heaptrack attaches with,", "sudo apt-get install gdb")
    suffix = "zst" if system.which("zstd") else "gz"
    output = f"{folder}/heaptrack.{{slice}}.{suffix}"
    return Plan(
        argv=target.argv,
        attach=isolated(_RECORDER, "{pid}", output),
        attached=f"(?m)^{RECORDING}$",
        stop_profiler=signal.SIGINT,
        artifacts=_FILES,
        reports=_reports(),
        notes=(
            *notes,
            "heaptrack attached to the service: what it had allocated before is not in the numbers",
        ),
    )


def _reports() -> tuple[Report, ...]:
    return tuple(Report(pattern=pattern, argv=_REPORT, suffix=".txt") for pattern in _FILES)


def _program(system: System) -> str:
    found = system.which("heaptrack")
    if found is None:
        raise ToolMissing("heaptrack", _REMEDY)
    return found


def _examined(subject: Subject | None) -> tuple[str, ...]:
    """Notes on what is told of the program. CannotMeasure if heaptrack would see nothing."""
    if subject is None:
        return ()
    if subject.language == "go":
        raise CannotMeasure(
            f"heaptrack sees malloc, and Go does not allocate with it ({subject.evidence}); use profiler: pprof"
        )
    if subject.program is None or subject.elf is None:
        return ()
    if subject.elf.static:
        raise CannotMeasure(
            f"heaptrack cannot see the memory of {subject.program.name}: it is linked statically, and nothing can be "
            "put between it and its malloc; link it dynamically"
        )
    return tuple(
        f"heaptrack: {allocator} is built into {subject.program.name}; what it hands out is not seen"
        for allocator in built_in_allocators(subject.program)
    )
