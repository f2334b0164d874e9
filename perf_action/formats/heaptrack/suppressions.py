"""Leaks that heaptrack does not count: known ones of system libraries, and those that the program itself names.

Patterns are those of LeakSanitizer (https://clang.llvm.org/docs/AddressSanitizer.html#suppressing-memory-leaks): a part
of a function's, file's or module's name; ``*`` is anything, ``^`` the start and ``$`` the end.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

#: `builtinSuppressions` of heaptrack's src/analyze/suppressions.cpp
BUILT_IN: Final = (
    "__nss_module_allocate",
    "__gconv_read_conf",
    "__new_exitfn",
    "tzset_internal",
    "dl_open_worker",
    "g_main_context_new",
    "g_thread_self",
)
_WHITE = " \t\n\v\f\r"


def patterns(lines: Iterable[str]) -> tuple[str, ...]:
    """What is between the lines of a suppression file; comments and other lines are nothing."""
    stripped = (line.strip(_WHITE) for line in lines)
    return tuple(line[5:] for line in stripped if line.startswith("leak:") and line[5:])


def matches(pattern: str, name: str) -> bool:
    """Whether `name` is meant. Each part is looked for where it comes first, as LeakSanitizer does it."""
    if pattern == name:
        return True
    if not name:
        return False
    anchored = pattern.startswith("^")
    rest, at, wild = pattern.removeprefix("^"), 0, False
    while rest:
        if rest[0] == "*":
            rest, anchored, wild = rest[1:], False, True
            continue
        if rest[0] == "$":
            return wild or at == len(name)
        if at == len(name):
            return False
        part = rest[: min((n for n in (rest.find("*"), rest.find("$")) if n >= 0), default=len(rest))]
        found = name.find(part, at)
        if found < 0 or (anchored and found != at):
            return False
        rest, at, anchored, wild = rest[len(part) :], found + len(part), False, False
    return True
