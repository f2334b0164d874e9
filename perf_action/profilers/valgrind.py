"""What massif, DHAT, memcheck and callgrind have in common: valgrind runs the service on a processor of its own making
(https://valgrind.org/docs/manual/manual-core.html).

* Every process writes its own file: ``%p`` in a name is its number, also in a child that was forked.
* SIGTERM and SIGINT end a program as they would without valgrind, and the files are written; SIGKILL leaves none (of
  memcheck's XML, half of it).
* Without ``--trace-children`` a script, a shell or a launcher that executes the service would be all that is seen.
* Sums repeat only if the program does: Python gets a fixed hash seed, and for memory its allocator is ``malloc``, since
  valgrind does not see into arenas.
* The gdb server is left out: nobody asks it, and it costs files in /tmp.
* What valgrind 3.19 cannot follow: a program that executes /proc/self/exe starts valgrind's own file, and never comes up.
"""

from __future__ import annotations

import signal
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

from perf_action.errors import CannotMeasure, ToolMissing, one_line
from perf_action.model.trial import Stage
from perf_action.profilers.elf import built_in_allocators
from perf_action.profilers.plan import Plan, Report, Target, Traits
from perf_action.profilers.subject import Subject, look
from perf_action.system import System

_REMEDY = "sudo apt-get install valgrind libc6-dbg"


class Valgrind:
    """A tool of valgrind. Subclasses say what is particular to it: its files are ``FILE.<pid>``, written where
    `file_option` says; `options` are the rest of its options; `heap`: it watches malloc; `printer` prints a file as text,
    kept beside it with `suffix`.
    """

    name: ClassVar[str]
    traits: ClassVar[Traits]
    file: ClassVar[str]
    file_option: ClassVar[str]
    options: ClassVar[tuple[str, ...]] = ()
    heap: ClassVar[bool] = True
    printer: ClassVar[tuple[str, ...]] = ()
    suffix: ClassVar[str] = ""

    def version(self, system: System) -> str:
        """The version of valgrind, such as ``3.19.0``."""
        said = system.run([program(system), "--version"], timeout=60)
        return said.stdout.strip().removeprefix("valgrind-") or "unknown"

    def plan(self, target: Target, stage: Stage, out: Path, system: System) -> Plan:
        """CannotMeasure where valgrind cannot do it, with the reason and what to use instead."""
        files = f"{self.file}.*[0-9]"
        options = (*self.options, f"{self.file_option}={output(out, self.file)}")
        argv, notes = wrapped(self.name, options, target, stage, system, heap=self.heap)
        report = Report(pattern=files, argv=self.printer, suffix=self.suffix)
        return Plan(
            argv=argv,
            env=python_env(target, heap=self.heap),
            stop_profiler=signal.SIGTERM,
            artifacts=(files,),
            text_artifacts=True,
            reports=(report,) if self.printer else (),
            notes=notes,
        )

    def silence(self, out: Path) -> str:
        """Why there is no capture."""
        empty = sorted(path.name for path in out.glob(f"{self.file}.*[0-9]"))
        if empty:
            return (
                f"{self.name} wrote only {one_line(', '.join(empty[:3]), 100)}, which is empty: the service was killed before it "
                "had ended; raise service.stop-timeout"
            )
        return (
            f"{self.name} wrote nothing: valgrind could not run the service, or it was killed before it had ended. See the "
            "service's log; raise service.stop-timeout if it does not end on SIGTERM"
        )


def program(system: System) -> str:
    """Where valgrind is. ToolMissing with the command that installs it."""
    found = system.which("valgrind")
    if found is None:
        raise ToolMissing("valgrind", _REMEDY)
    return found


def wrapped(
    tool: str, options: Sequence[str], target: Target, stage: Stage, system: System, *, heap: bool
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The argv that starts `target` under a tool, and notes. `heap`: the tool watches malloc.

    CannotMeasure where valgrind cannot do it, with the reason and what to use instead.
    """
    if target.pid is not None:
        raise CannotMeasure(f"{tool} has to start the service, which runs already; give service.command")
    valgrind, subject = program(system), look(target, system)
    notes = tuple(_examined(tool, subject, heap=heap))
    direct = subject is not None and subject.program is not None and _starts(target, subject.program, system)
    children = "yes" if stage.subprocesses or not direct else "no"
    common = [f"--tool={tool}", "--vgdb=no", f"--trace-children={children}"]
    if children == "no":  # a child that goes on to execute something else would leave half a report
        common.append("--child-silent-after-fork=yes")
    return (valgrind, *common, *options, *target.argv), notes


def _examined(tool: str, subject: Subject | None, *, heap: bool) -> list[str]:
    """Notes on what is told of the program. CannotMeasure for what valgrind cannot run or see into."""
    if subject is None:
        return []
    if subject.language == "go":
        raise CannotMeasure(
            f"{tool} cannot follow a Go program ({subject.evidence}): goroutines have stacks of their own and memory "
            "does not come from malloc; use profiler: pprof"
        )
    notes = []
    if heap and subject.program is not None and subject.elf is not None:
        if subject.elf.static:
            raise CannotMeasure(
                f"{tool} cannot see the memory of {subject.program.name}: it is linked statically, and valgrind puts "
                "its own malloc in place of the one in a shared library; link it dynamically, or use callgrind"
            )
        notes += [
            f"{tool}: {allocator} is built into {subject.program.name}; what it hands out is not seen"
            for allocator in built_in_allocators(subject.program)
        ]
    if subject.language == "other":
        notes.append(f"{tool}: code that a runtime makes while it runs has no names ({subject.evidence})")
    return notes


def _starts(target: Target, found: Path, system: System) -> bool:
    """Whether the command's first word is the program itself, with nothing in between."""
    first = target.argv[0]
    path = target.cwd / first if "/" in first else Path(system.which(first) or first)
    return path.resolve() == found


def output(out: Path, name: str) -> str:
    """A path as an option of valgrind, with one file for each process: ``%p`` becomes its number."""
    return str(out.resolve() / name).replace("%", "%%") + ".%p"


def python_env(target: Target, *, heap: bool) -> tuple[tuple[str, str], ...]:
    """What makes Python repeat itself, and show what it allocates; variables of the service are left as they are."""
    env = dict(target.env)
    wanted = {"PYTHONHASHSEED": "0", **({"PYTHONMALLOC": "malloc"} if heap else {})}
    return tuple((name, env.get(name, value)) for name, value in wanted.items())
