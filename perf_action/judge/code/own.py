"""Whether a function is the service's own code: advice and evidence name what the user can edit, not a library.

A profile does not say so. What tells is the file (site-packages, a crate's registry, the standard library, the system's
headers), the binary (a shared library of the system), and, where there is neither, the name: the crate, namespace or
package it begins with, of which `resources/libraries` lists the widely used ones. A function of a library that is
installed in none of these ways, and listed nowhere, passes for own code; so does one that the user's package shares its
name with.
"""

from __future__ import annotations

from typing import Final

from perf_action.judge.code.libraries import words
from perf_action.judge.code.places import (
    Place,
    go_package,
    is_of_system,
    is_pseudo,
    is_reserved,
    place_of,
    top_level,
)
from perf_action.model.profile import FunctionKey

#: this program's own instruments, which run inside of the service
_INSTRUMENTS: Final = "perf_action/profilers/bootstrap/"
#: how profilers begin that are part of the service; not `runtime/pprof.Do`, which runs its own code
_PROFILERS: Final = (
    "net/http/pprof.",
    "runtime/pprof.(*profileBuilder)",
    "runtime/pprof.(*Profile).WriteTo",
    "runtime/pprof.profileWriter",
    "runtime/pprof.writeHeap",
    "runtime/pprof.writeAlloc",
    "runtime/pprof.writeMutex",
    "runtime/pprof.writeBlock",
    "runtime/trace.Start",
    "runtime/pprof.StartCPUProfile",
    "runtime/pprof.StopCPUProfile",
    "runtime.profileLoop",
    "pprof::profiler::",
    "pprof::report::",
)


def is_own(key: FunctionKey) -> bool:
    """Whether the user can edit the function, as far as its name, file and binary tell."""
    return is_own_place(place_of(key), key)


def is_own_place(place: Place, key: FunctionKey) -> bool:
    """`is_own`, where the place of the function is known already."""
    if is_pseudo(key.name) or place.language == "kernel" or place.origin in ("standard", "library"):
        return False
    if is_instrument(key) or is_of_system(key.module):
        return False
    if place.language == "python":
        return place.path.partition("/")[0].removesuffix(".py") not in words("python")
    if place.language == "go":
        return _is_own_go(place)
    if place.language == "node":
        return bool(place.path) and not place.path.startswith("internal/")
    return _is_own_native(place)


def is_instrument(key: FunctionKey) -> bool:
    """Whether what is spent here and beneath is what measuring costs, not the service."""
    return _INSTRUMENTS in key.file or key.name.startswith(_PROFILERS)


def is_plain_symbol(key: FunctionKey) -> bool:
    """Whether nothing but a name of C is known: such a function may be own, or of a library linked into the program."""
    return is_plain_place(place_of(key))


def is_plain_place(place: Place) -> bool:
    """`is_plain_symbol`, where the place of the function is known already."""
    return place.language == "native" and not place.path and not top_level(place.names)


def _is_own_go(place: Place) -> bool:
    package = go_package(place.names[0])
    if package == "main" or not package:
        return bool(package or place.path)
    first = package.partition("/")[0]
    if first in words("go-standard") or first.startswith(("type:", "go:")):
        return False
    if place.path and "@v" not in place.path:
        return True
    parts = package.split("/")
    return not any("/".join(parts[:n]) in words("go") for n in (1, 2, 3))


def _is_own_native(place: Place) -> bool:
    name = place.names[-1]
    space = top_level(place.names)
    if space:
        return space not in words("rust") and space not in words("native") and not is_reserved(space)
    if " as " in name or name[:1] in "{<":  # of a type without a path: a primitive, or any type at all
        return False
    word = name.partition("(")[0].partition("<")[0].strip()
    return bool(word) and word not in words("native") and not is_reserved(word)
