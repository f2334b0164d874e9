"""malloc-info: how fragmented the heap of a service is that allocates with glibc's own malloc.

A small library (`resources/native/malloc_info.c`) is compiled with the machine's C compiler and put in front of the
service. Its thread writes what ``malloc_info`` says ten times a second; the last word of each process counts.

Captures are ``malloc-info.<pid>.xml``.
"""

from __future__ import annotations

import hashlib
import os
from importlib import resources
from pathlib import Path
from typing import ClassVar, Final

from perf_action.errors import CannotMeasure, ToolMissing, one_line
from perf_action.model.trial import Stage
from perf_action.profilers.plan import Plan, Target, Traits
from perf_action.profilers.preload import check_malloc, check_start, with_library
from perf_action.profilers.subject import look
from perf_action.system import System

_COMPILER: Final = "cc"
_FOLDER: Final = "PERF_ACTION_MALLOC_INFO"


class MallocInfo:
    """Records from the start of the service to its end."""

    name: ClassVar[str] = "malloc-info"
    traits: ClassVar[Traits] = Traits(counts=True)

    def version(self, system: System) -> str:
        """Of the C library, which does the counting."""
        _compiler(system)
        name, _, number = (os.confstr("CS_GNU_LIBC_VERSION") or "").partition(" ")
        if name != "glibc":
            raise CannotMeasure("malloc_info is of the GNU C library, which this system does not have")
        return number

    def plan(self, target: Target, stage: Stage, out: Path, system: System) -> Plan:  # noqa: ARG002
        check_start(target, self.name)
        check_malloc(look(target, system), "nothing can be put in front of its malloc", "link it dynamically")
        library = _library((system.own_cache or out).resolve(), system)
        return Plan(
            argv=target.argv,
            env=(("LD_PRELOAD", with_library(dict(target.env), library)), (_FOLDER, str(out.resolve()))),
            artifacts=("malloc-info.*.xml",),
        )

    def silence(self, out: Path) -> str:  # noqa: ARG002
        """Why there is no capture."""
        return (
            "malloc_info was not written: the service held less than 1 MiB of malloc's memory, ended at once, "
            "or has an allocator of its own"
        )


def _compiler(system: System) -> str:
    found = system.which(_COMPILER)
    if found is None:
        raise ToolMissing(_COMPILER, "sudo apt-get install gcc libc6-dev")
    return found


def _library(folder: Path, system: System) -> Path:
    """The library in `folder`, compiled if it is not there. CannotMeasure if it cannot be."""
    source = resources.files("perf_action").joinpath("resources", "native", "malloc_info.c").read_bytes()
    library = folder / f"malloc-info-{hashlib.sha256(source).hexdigest()[:16]}.so"
    if any(character in str(library) for character in " :"):
        raise CannotMeasure(
            f"LD_PRELOAD cannot name {str(library)!r}; set XDG_CACHE_HOME to a path without blank and colon"
        )
    if library.is_file():
        return library
    compiler = _compiler(system)
    folder.mkdir(parents=True, exist_ok=True)
    part = library.with_suffix(f".{os.getpid()}.part")
    argv = [compiler, "-O2", "-shared", "-fPIC", "-pthread", "-x", "c", "-o", str(part), "-"]
    done = system.run(argv, stdin=source, timeout=60)
    if done.code != 0:
        raise CannotMeasure(f"malloc_info.c could not be compiled: {one_line(done.stderr, 300)}")
    part.rename(library)
    return library
