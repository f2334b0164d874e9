"""Whether the service's program is fit to be profiled: symbols, frame pointers, an optimised build without assertions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from perf_action.errors import InputError
from perf_action.machine.dwarf import Units, read_units
from perf_action.machine.prologues import HARDLY, MOSTLY, read_prologues
from perf_action.model.check import Check
from perf_action.model.finding import State
from perf_action.profilers.elf import Elf, Language, contains

_NAMES: dict[Language, str] = {
    "rust": "Rust",
    "go": "Go",
    "c": "C",
    "c++": "C++",
    "python": "Python",
    "other": "unknown",
}
_SANITIZERS = (b"__asan_", b"__tsan_", b"__msan_", b"__ubsan_handle")
_PASS, _FAIL, _UNKNOWN = State.PASS, State.FAIL, State.CANNOT_TELL


def program_checks(elf: Elf, root: Path = Path("/")) -> Iterator[Check]:
    """All that can be said of an ELF program. InputError if it is damaged."""
    units = read_units(elf.path)
    yield _what(elf)
    yield _symbols(elf, units, root)
    yield _frame_pointers(elf)
    yield _linking(elf)
    yield _optimised(elf, units)
    yield _assertions(elf)


def _what(elf: Elf) -> Check:
    by = f", {elf.compiler}" if elf.compiler else ""
    known = f", build id {elf.build_id[:12]}" if elf.build_id else ", no build id"
    evidence = f"{elf.path}: {_NAMES[elf.language]}{by}, {elf.machine}{known}"
    return Check(name="program", topic="program", state=_PASS, evidence=evidence)


def _symbols(elf: Elf, units: Units, root: Path) -> Check:
    """Functions by name, files and lines: of the program's own code, not only of the libraries linked into it."""
    apart = _debug_file(elf, root)
    state, evidence = _PASS, f"debug information of {_units(units.own)}"
    if units.too_large:
        evidence = "debug information of more than 1 GiB"
    elif apart is not None:
        evidence = f"debug information in {apart}"
    elif not units.own and elf.symbols:
        only = (
            f"; the debug information is of {_units(units.libraries)} of ready-made libraries"
            if units.libraries
            else ""
        )
        state, evidence = _FAIL, f"functions have names, but no files and lines{only}"
    elif not units.own:
        state, evidence = _FAIL, "stripped: functions have no names"
        if elf.language == "go":
            evidence = "stripped: perf sees no names (pprof does)"
    remedy = _DEBUG[elf.language] if state is _FAIL else ""
    return Check(name="debug symbols", topic="program", state=state, evidence=evidence, remedy=remedy)


_DEBUG: dict[Language, str] = {
    "rust": "CARGO_PROFILE_RELEASE_DEBUG=true CARGO_PROFILE_RELEASE_STRIP=none cargo build --release",
    "go": "go build without -ldflags=-s or -w",
    "c": "compile with -g and do not strip: cmake -DCMAKE_BUILD_TYPE=RelWithDebInfo, or CFLAGS='-O2 -g'",
    "c++": "compile with -g and do not strip: cmake -DCMAKE_BUILD_TYPE=RelWithDebInfo, or CXXFLAGS='-O2 -g'",
    "python": "install the debug symbols of this Python, such as python3-dbg",
    "other": "compile with -g and do not strip",
}


def _debug_file(elf: Elf, root: Path) -> Path | None:
    """Where debuggers look for debug information apart: by build id, and by the name that .gnu_debuglink gives."""
    places = []
    if elf.build_id:
        places.append(root / "usr/lib/debug/.build-id" / elf.build_id[:2] / f"{elf.build_id[2:]}.debug")
    link = Path(elf.debug_link).name
    if link:
        folder = elf.path.resolve().parent
        places += [
            folder / link,
            folder / ".debug" / link,
            root / "usr/lib/debug" / str(folder).lstrip("/") / link,
        ]
    return next((place for place in places if place.is_file()), None)


def _frame_pointers(elf: Elf) -> Check:
    name = "frame pointers"
    if elf.language == "go":
        return Check(name=name, topic="program", state=_PASS, evidence="Go always keeps them")
    seen = read_prologues(elf.path)
    if seen.reason:
        return Check(name=name, topic="program", state=_UNKNOWN, evidence=seen.reason)
    evidence = f"{seen.framed} of {seen.functions} functions set up a frame (a guess from how they begin)"
    if seen.share >= MOSTLY:
        return Check(name=name, topic="program", state=_PASS, evidence=evidence)
    state = _FAIL if seen.share <= HARDLY else _UNKNOWN
    flag = (
        'RUSTFLAGS="-C force-frame-pointers=yes" cargo build --release'
        if elf.language == "rust"
        else "compile with -fno-omit-frame-pointer"
    )
    remedy = f"{flag}, or let perf use debug information (call-graph: dwarf)"
    return Check(name=name, topic="program", state=state, evidence=evidence, remedy=remedy)


def _optimised(elf: Elf, units: Units) -> Check:
    state, evidence = _of_go(elf) if elf.language == "go" else _of_units(units)
    if state is _UNKNOWN and elf.language == "rust":
        state, evidence = _of_cargo(elf.path) or (state, evidence)
    remedy = _RELEASE[elf.language] if state is _FAIL else ""
    return Check(
        name="optimised build", topic="before profiling", state=state, evidence=evidence, remedy=remedy
    )


_RELEASE: dict[Language, str] = {
    "rust": "cargo build --release",
    "go": "go build without -gcflags=-N -l",
    "c": "compile with -O2: cmake -DCMAKE_BUILD_TYPE=RelWithDebInfo, or CFLAGS='-O2 -g'",
    "c++": "compile with -O2: cmake -DCMAKE_BUILD_TYPE=RelWithDebInfo, or CXXFLAGS='-O2 -g'",
    "python": "",
    "other": "compile with -O2",
}


def _of_go(elf: Elf) -> tuple[State, str]:
    flags = dict(elf.settings).get("-gcflags", "")
    if not elf.settings:
        return _UNKNOWN, "the program does not say how it was built"
    if re.search(r"(?<![\w-])-N\b", flags):
        return _FAIL, f"built with -gcflags={flags}"
    return _PASS, f"{elf.compiler}, " + (
        f"built with -gcflags={flags}" if flags else "with its usual optimisation"
    )


def _of_units(units: Units) -> tuple[State, str]:
    """By options -O where the compiler writes them, else by what an optimiser leaves behind."""
    if units.levels:
        without = sum(count for level, count in units.levels if level == "0")
        said = ", ".join(f"-O{level} in {_units(count)}" for level, count in units.levels)
        return (_FAIL if without * 2 > sum(count for _, count in units.levels) else _PASS), said
    if units.variables >= 20:
        share = units.moving / units.variables
        traces = f"{share:.0%} of {units.variables} variables move between places"
        if share >= 0.2:
            return _PASS, f"{traces}, as only an optimiser lets them"
        if share <= 0.05:
            return _FAIL, f"{traces}: an optimiser would move most of them"
        return _UNKNOWN, traces
    return _UNKNOWN, "no debug information of its own says how it was compiled"


def _units(number: int) -> str:
    return f"{number} unit" if number == 1 else f"{number} units"


def _of_cargo(path: Path) -> tuple[State, str] | None:
    """By the profile whose folder the program lies in: target/release or target/debug."""
    parts = path.resolve().parts
    if "target" not in parts[:-1] or len(parts) < 3:
        return None
    profile = parts[-2]
    if profile == "debug":
        return _FAIL, "it lies in cargo's target/debug"
    level = _opt_level(path.resolve().parents, profile)
    if level in ("0", "'0'"):
        return _FAIL, f"Cargo.toml: profile.{profile} has opt-level = 0"
    return _PASS, f"it lies in cargo's target/{profile}" + (f", with opt-level = {level}" if level else "")


def _opt_level(folders: Sequence[Path], profile: str) -> str:
    """What the nearest Cargo.toml says of that profile; empty where it says nothing."""
    section = re.compile(rf"^\[profile\.{re.escape(profile)}\]([^\[]*)", re.MULTILINE)
    for folder in folders:
        try:
            text = (folder / "Cargo.toml").read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        found = section.search(text)
        level = re.search(r'^\s*opt-level\s*=\s*"?(\w+)"?', found[1], re.MULTILINE) if found else None
        return level[1] if level else ""
    return ""


def _assertions(elf: Elf) -> Check:
    name = "debug assertions off"
    state, evidence, remedy = _PASS, "none found in the program", ""
    sanitizer = next(
        (s for s, there in zip(_SANITIZERS, contains(elf.path, *_SANITIZERS), strict=True) if there), None
    )
    if sanitizer:
        state, evidence = _FAIL, f"built with a sanitizer ({sanitizer.decode().split('_')[2]})"
        remedy = "build without -fsanitize"
    elif elf.language == "go":
        if dict(elf.settings).get("-race") == "true":
            state, evidence, remedy = _FAIL, "built with the race detector", "go build without -race"
    elif elf.language == "rust":
        checks, overflow = contains(
            elf.path, b"unsafe precondition(s) violated", b"attempt to add with overflow"
        )
        if checks:
            state, evidence = _FAIL, "checks of unsafe preconditions are compiled in"
            remedy = "cargo build --release, without debug-assertions = true in its profile"
        elif overflow:
            state, evidence = _UNKNOWN, "overflow checks are compiled in, which debug assertions bring along"
            remedy = "leave overflow-checks and debug-assertions out of the release profile"
    elif contains(elf.path, b"__assert_fail")[0]:
        state, evidence, remedy = _FAIL, "assert() is compiled in", "compile with -DNDEBUG"
    return Check(name=name, topic="before profiling", state=state, evidence=evidence, remedy=remedy)


def _linking(elf: Elf) -> Check:
    name = "linking"
    if not elf.static:
        more = f" and {len(elf.libraries) - 3} more" if len(elf.libraries) > 3 else ""
        evidence = f"dynamic: {', '.join(elf.libraries[:3])}{more}"
        return Check(name=name, topic="program", state=_PASS, evidence=evidence)
    if elf.language == "go":
        evidence = "static, as Go programs are: pprof sees its memory, heaptrack and valgrind do not"
        return Check(name=name, topic="program", state=_PASS, evidence=evidence)
    remedy = "link dynamically (Rust: a gnu target instead of musl; C: without -static) for stages that measure memory"
    evidence = "static: nothing can be put between it and its allocator, as heaptrack and valgrind do"
    return Check(name=name, topic="program", state=_FAIL, evidence=evidence, remedy=remedy)


def damaged(error: InputError) -> Check:
    """What is said of a file that is no program, or a damaged one."""
    return Check(name="program", topic="program", state=_FAIL, evidence=str(error), remedy=error.remedy)
