"""jemalloc: who holds how much of the heap, and how fragmented it is (https://jemalloc.net/jemalloc.3.html).

Its own allocator does the profiling: one that is built into the service with it (Rust: tikv-jemallocator with the feature
``profiling``), else Debian's libjemalloc2, which is put in place of the C library's. What was found with 5.3.0:

* ``lg_prof_sample:0``: every allocation is recorded. The default, one in 512 KiB, gave three totals in three runs. It is
  slow (a program that does little else took 57 times as long), and more than that with the deep stacks of Python, which
  writes dumps of 20 MB; so Python is sampled, once in 4 KiB.
* SIGTERM that is not handled, and SIGKILL, end a process without its last dump (``prof_final``). For these there is a dump
  at every 1 MiB that was allocated; the newest one of each process counts, and is that much behind at most.
* ``prof_gdump`` would dump at every new high of mapped pages: thousands of files.
* Bytes are usable sizes: 1,000 asked for are 1,024. Sums are those of the service with this allocator.
* Statistics go to stderr only: a line of them at every dump and at the end is picked out on its way to the log, where it
  stays, too.

Captures are ``jemalloc.<pid>.<n>.f.heap`` (``i``: at an interval) and ``jemalloc.stats.txt``, with jeprof's text beside the former.
"""

from __future__ import annotations

import signal
from pathlib import Path
from typing import ClassVar, Final

from perf_action.errors import CannotMeasure, ToolMissing
from perf_action.model.trial import Stage
from perf_action.profilers import valgrind
from perf_action.profilers.elf import contains
from perf_action.profilers.plan import Plan, Report, Target, Traits
from perf_action.profilers.preload import check_malloc, check_start, with_library
from perf_action.profilers.subject import Subject, look
from perf_action.system import System

_LIBRARY: Final = "libjemalloc.so.2"
_FOLDERS: Final = ("usr/lib/*-linux-gnu", "usr/lib64", "usr/lib", "usr/local/lib")
_REMEDY: Final = "sudo apt-get install libjemalloc2"
#: how often it is sampled and dumped, as powers of two bytes: every allocation, and the most that a killed service loses
_ALL: Final = (0, 20)
_DEEP: Final = (12, 24)
#: what is left out of the statistics: all but the totals
_STATISTICS: Final = "gmdablxeh"
#: one variable for jemalloc as it is, one for the prefix that Rust's crates give it
_VARIABLES: Final = ("MALLOC_CONF", "_RJEM_MALLOC_CONF")
_DUMPS: Final = "jemalloc.*.heap"
_STATS_FILE: Final = "jemalloc.stats.txt"
#: bash, since sh cannot redirect to a process; the service takes the place of the shell
_PICK_OUT: Final = (
    'exec "$@" 2> >(unset LD_PRELOAD MALLOC_CONF _RJEM_MALLOC_CONF; exec tee >('
    'exec grep --line-buffered -a "^Allocated: [0-9]*, active: " >"$0") >&2)'
)


class Jemalloc:
    """Records from the start of the service to its end. `root` is where libraries are looked for."""

    name: ClassVar[str] = "jemalloc"
    traits: ClassVar[Traits] = Traits(counts=True, slowdown=20.0)

    def __init__(self, root: Path = Path("/")) -> None:
        self._root = root

    def version(self, system: System) -> str:
        """Of the library; what is built into a service may be another."""
        bash = system.which("bash")
        library = self._library()
        if bash is None or library is None:
            raise ToolMissing(
                _LIBRARY if library is None else "bash",
                _REMEDY if library is None else "apt-get install bash",
            )
        env = {
            **system.environ,
            "LD_PRELOAD": str(library),
            "MALLOC_CONF": "stats_print:true,stats_print_opts:mdablxeh",
        }
        said = system.run([bash, "-c", ":"], env=env, timeout=60).stderr
        return next(
            (
                line.split('"')[1].partition("-")[0]
                for line in said.splitlines()
                if line.startswith("Version: ")
            ),
            "unknown",
        )

    def plan(self, target: Target, stage: Stage, out: Path, system: System) -> Plan:  # noqa: ARG002
        check_start(target, self.name)
        folder = str(out.resolve())
        if "," in folder:
            raise CannotMeasure(f"jemalloc cannot be told of {folder!r}; name a folder without a comma")
        env = dict(target.env)
        subject = look(target, system)
        if not _has_its_own(subject):
            env["LD_PRELOAD"] = with_library(env, self._preloaded(subject))
        deep = subject is not None and subject.language == "python"
        ours = _settings(f"{folder}/jemalloc", *(_DEEP if deep else _ALL))
        added = {name: ",".join(filter(None, (env.get(name), ours))) for name in _VARIABLES}
        if "LD_PRELOAD" in env:
            added["LD_PRELOAD"] = env["LD_PRELOAD"]
        bash = system.which("bash")
        argv = (bash, "-c", _PICK_OUT, f"{folder}/{_STATS_FILE}", *target.argv) if bash else target.argv
        return Plan(
            argv=argv,
            env=(*added.items(), *valgrind.python_env(target, heap=True)),
            stop_profiler=signal.SIGTERM,
            own_processes=("tee", "grep"),
            artifacts=(_DUMPS, _STATS_FILE),
            supersedes=r"jemalloc\.(\d+)\.(\d+)\.[a-z]\d*\.heap",
            reports=_reports(subject, system),
            notes=()
            if bash
            else ("bash is not installed: jemalloc's statistics (fragmentation) are left out",),
        )

    def silence(self, out: Path) -> str:  # noqa: ARG002
        """Why there is no capture."""
        return (
            "jemalloc wrote no dump: SIGTERM killed the service before it had allocated 1 MiB. A service that handles "
            "SIGTERM and ends by itself leaves one; if it does, see its log for what jemalloc says"
        )

    def _library(self) -> Path | None:
        found = (path for folder in _FOLDERS for path in sorted(self._root.glob(f"{folder}/{_LIBRARY}")))
        return next(found, None)

    def _preloaded(self, subject: Subject | None) -> Path:
        """The library. CannotMeasure if the service would not use it, or it does not profile."""
        check_malloc(subject, "jemalloc cannot take the place of its malloc", "build it in")
        library = self._library()
        if library is None:
            raise ToolMissing(_LIBRARY, _REMEDY)
        if not contains(library, b"jeprof")[0]:
            raise CannotMeasure(f"{library} is built without profiling (--enable-prof); {_REMEDY}")
        return library


def _has_its_own(subject: Subject | None) -> bool:
    """Whether jemalloc is in the program itself. CannotMeasure if it is there without profiling."""
    if subject is None or subject.program is None:
        return False
    own, profiled = contains(subject.program, b"<jemalloc>", b"jeprof")
    if own and not profiled:
        raise CannotMeasure(
            f"{subject.program.name} has a jemalloc of its own, built without profiling; turn on the feature `profiling` of "
            "tikv-jemallocator, or build jemalloc with --enable-prof"
        )
    return own


def _settings(prefix: str, lg_sample: int, lg_interval: int) -> str:
    return ",".join(
        (
            "prof:true",
            "prof_active:true",
            f"lg_prof_sample:{lg_sample}",
            "prof_accum:true",
            "prof_final:true",
            "prof_leak:false",
            f"lg_prof_interval:{lg_interval}",
            f"prof_prefix:{prefix}",
            "stats_print:true",
            f"stats_print_opts:{_STATISTICS}",
            f"stats_interval:{1 << lg_interval}",
            f"stats_interval_opts:{_STATISTICS}",
        )
    )


def _reports(subject: Subject | None, system: System) -> tuple[Report, ...]:
    program = subject.program if subject is not None else None
    if program is None or system.which("jeprof") is None:
        return ()
    argv = ("jeprof", "--text", "--show_bytes", str(program), "{file}")
    return (Report(pattern=_DUMPS, argv=argv, suffix=".txt"),)
