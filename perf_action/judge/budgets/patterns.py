"""Which functions and call sites a budget's glob means.

Tools name the same function in different ways. A plain pattern (``encode_*``) matches the name, or what is left of it
without its class or module. One with a dot, slash or colon matches also module or file and name with dots, from any
folder on (``registry.store.*``), or the file with name or line (``store.py:put``).
Globs are Python's `fnmatch`, which does not backtrack over several stars; names are looked at up to 500 characters.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fnmatch import translate

from perf_action.judge.budgets.spent import Place

_LONGEST = 500
_MOST_FOLDERS = 8
_SEPARATOR = re.compile(r"[.:/]")
_SUFFIX = re.compile(r"\.(?:py|pyx|rs|go|c|cc|cpp|cxx|h|hpp|js|mjs|ts|rb|java)$")


class Pattern:
    """A compiled glob."""

    def __init__(self, glob: str) -> None:
        # a bracket is far more often part of a name (`<T as X>[u8]`, `operator[]`) than a set of characters
        self._match = re.compile(translate(glob.replace("[", "[[]"))).match
        self._names = _qualified if _SEPARATOR.search(glob) else _plain

    def matches(self, place: Place) -> bool:
        return any(self._match(name) for name in self._names(place))


def _plain(place: Place) -> Iterator[str]:
    name = place.key.name[:_LONGEST]
    yield name
    yield _SEPARATOR.split(name)[-1]


def _qualified(place: Place) -> Iterator[str]:
    name, file, module = (text[:_LONGEST] for text in place.key)
    yield name
    if module:
        yield f"{module}.{name}"
        yield f"{module}::{name}"
    if not file:
        return
    parts = [part for part in file.split("/") if part][-_MOST_FOLDERS:]
    dotted = [_SUFFIX.sub("", part) for part in parts]
    dotted = dotted[:-1] if dotted[-1:] == ["__init__"] else dotted
    for i in range(len(dotted)):
        yield ".".join((*dotted[i:], name))
    for i in range(len(parts)):
        tail = "/".join(parts[i:])
        yield f"{tail}:{name}"
        if place.site:
            yield f"{tail}:{place.site}"
