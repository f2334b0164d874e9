"""Names of functions as people wrote them, where a tool shows them as compilers do.

Rust: mangled (``_RNvCs…``, ``_ZN…17h…E``), or half taken apart by a C++ demangler (``_$LT$u8$u20$as…``), by code of
our own, since readers need the names while they read. C++ (``_Z…``): by c++filt of the binutils, in a process of its
own, since such a name may stand for one of gigabytes. Whatever is no such name stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from typing import Final

from perf_action.errors import CannotMeasure
from perf_action.formats.symbols import rust_v0
from perf_action.formats.symbols.rust_v0_text import NotMangled
from perf_action.model.profile import RUST_HASH, Profile
from perf_action.model.snapshot import Capture
from perf_action.system import System

_V0: Final = re.compile(r"_?_?R(?=[A-Z])([0-9A-Za-z_]+(?:[.$][\w.$@]*)?)", re.ASCII)
_LEGACY: Final = re.compile(r"_{0,2}ZN")
_LENGTH: Final = re.compile(r"\d{1,5}")
_HASH: Final = re.compile(RUST_HASH)
_ESCAPE: Final = re.compile(r"\$(SP|BP|RF|LT|GT|LP|RP|C|u[0-9a-f]{1,5})\$")
_ESCAPES: Final = {"SP": "@", "BP": "*", "RF": "&", "LT": "<", "GT": ">", "LP": "(", "RP": ")", "C": ","}
_LLVM: Final = re.compile(r"\.llvm\.[0-9A-F@]+$")
_CPLUSPLUS: Final = re.compile(r"_?_Z[0-9A-Za-z_]+(?:[.@][\w.@]*)?", re.ASCII)
#: what all mangled names begin with, if they have no $
_BEGINS: Final = ("_", "ZN", "R")
_LONGEST: Final = 1 << 13
_TIMEOUT_S: Final = 20
_SHOWN: Final = 1 << 24


@lru_cache(maxsize=1 << 14)
def demangle(name: str) -> str:
    """A Rust name as people write it; any other name as it is."""
    if len(name) > _LONGEST:
        return name
    if match := _V0.fullmatch(name):
        try:
            return rust_v0.demangle(match[1])
        except NotMangled:
            return name
    if "17h" in name and _LEGACY.match(name):
        return _legacy(name)
    return "::".join(map(_plain, name.split("::"))) if _ESCAPE.search(name) else name


def readable(capture: Capture, system: System) -> Capture:
    """The capture with the names of its functions as people write them."""
    captures = tuple(replace(c, profile=_readable(c.profile, system)) for c in capture.captures)
    slices = tuple(replace(s, profile=_readable(s.profile, system)) for s in capture.slices)
    return replace(capture, captures=captures, slices=slices)


def _readable(profile: Profile, system: System) -> Profile:
    strings = profile.strings
    used = {
        i for i in set(profile.function_name.tolist()) if strings[i].startswith(_BEGINS) or "$" in strings[i]
    }
    names = {i: demangle(strings[i]) for i in used}
    mangled = [name for name in names.values() if len(name) <= _LONGEST and _CPLUSPLUS.fullmatch(name)]
    found = _filtered(mangled, system) if mangled else {}
    if not found and all(strings[i] == name for i, name in names.items()):
        return profile
    names_now = (found.get(names[i], names[i]) if i in names else text for i, text in enumerate(strings))
    return replace(profile, strings=tuple(names_now))


def _filtered(names: Iterable[str], system: System) -> dict[str, str]:
    """What c++filt makes of the names; nothing where it is not there or cannot do it in time."""
    tool = system.which("c++filt")
    if tool is None:
        return {}
    asked = list(dict.fromkeys(names))
    try:
        done = system.run([tool], stdin="".join(f"{name}\n" for name in asked).encode(), timeout=_TIMEOUT_S)
    except CannotMeasure:
        return {}
    said = done.stdout.split("\n")
    if done.code or len(said) != len(asked) + 1 or len(done.stdout) > _SHOWN:
        return {}
    return dict(zip(asked, said, strict=False))


def _legacy(name: str) -> str:
    """``_ZN``, the elements of the path with their lengths, the last of which is a hash, ``E``."""
    parts: list[str] = []
    at = name.index("ZN") + 2
    while match := _LENGTH.match(name, at):
        at = match.end() + int(match[0])
        parts.append(name[match.end() : at])
    rest = name[at + 1 :]
    if (
        len(parts) < 2
        or not _HASH.fullmatch(parts[-1])
        or name[at : at + 1] != "E"
        or rest[:1] not in ("", ".", "@")
    ):
        return name
    return "::".join(map(_plain, parts[:-1])) + _LLVM.sub("", rest)


def _plain(part: str) -> str:
    """One element of a path: ``$LT$`` is <, ``..`` is ::, and an underscore stands before a $ that would be first."""
    part = part[1:] if part.startswith("_$") else part
    return _ESCAPE.sub(lambda m: _ESCAPES.get(m[1]) or chr(int(m[1][1:], 16)), part.replace("..", "::"))
