"""Which functions of the profiles a pull request touches: those it edits, and those that call them directly.

They are a family of their own, with a level of its own: of a handful of functions each may be tested less strictly than
each of hundreds, so that it takes about half the samples to see the same change. The rest of the functions share their
level as ever. A name that matches although it should not costs a little of that, and nothing else.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from perf_action.compare.calls import CallTree
from perf_action.compare.identity import generic_name, plain_name
from perf_action.model.profile import FunctionKey, Profile
from perf_action.model.snapshot import Snapshot
from perf_action.model.touched import Lines, TouchedFile

#: every file has one
_MODULE = "<module>"
#: a function is called by those that this part of its cost comes from
_CALLER_SHARE = 0.1
#: of more files or lines than this nobody can say which function matters, and the family is no smaller than all functions
_MOST_FILES = 300
_MOST_LINES = 20_000
#: what compilers call a function inside a function
_INNER = re.compile(r"(::\{\{closure\}\}|::\{closure#\d+\}|\.func\d+|\.\d+|\.gowrap\d+)+$")


def touched_functions(
    base: Snapshot, head: Snapshot, touched: Sequence[TouchedFile]
) -> frozenset[FunctionKey]:
    """The functions in both sides' profiles that `touched` names, or whose lines it has; with their plain names."""
    if not touched or _is_too_much(touched):
        return frozenset()
    files = _Files(touched)
    return frozenset(
        key._replace(name=plain_name(key.name))
        for snapshot, is_head in ((base, False), (head, True))
        for key, lines in seen_lines(snapshot).items()
        if files.touch(key, lines, is_head=is_head)
    )


def _is_too_much(touched: Sequence[TouchedFile]) -> bool:
    code = [file for file in touched if not file.packages]
    lines = sum(last - first + 1 for f in code for first, last in (*f.base_lines, *f.head_lines))
    return len(code) > _MOST_FILES or lines > _MOST_LINES


def family(tree: CallTree, touched: frozenset[FunctionKey]) -> NDArray[np.bool_]:
    """Per function of the tree: whether it is touched, or calls one that is (a stack that was torn makes no caller)."""
    edited = np.array([f._replace(name=plain_name(f.name)) in touched for f in tree.functions], dtype=bool)
    if not edited.any():
        return edited
    parent = np.array(tree.parent, dtype=np.int64)
    weight = tree.base_weight + tree.head_weight
    whole = np.zeros(len(tree.functions))
    calls: defaultdict[tuple[int, int], float] = defaultdict(float)
    for node in np.flatnonzero(edited[tree.function]).tolist():
        function = int(tree.function[node])
        whole[function] += weight[node]
        if parent[node] >= 0:
            calls[int(tree.function[parent[node]]), function] += float(weight[node])
    out = edited.copy()
    for (caller, function), part in calls.items():
        out[caller] |= part >= _CALLER_SHARE * whole[function]
    return out


def seen_lines(snapshot: Snapshot) -> dict[FunctionKey, Lines | None]:
    """Every function, with the first line that is known of it and the last one that was seen to run."""
    ranges: dict[FunctionKey, Lines | None] = {}
    for profile in _profiles(snapshot):
        keys = profile.function_keys
        known = list(zip(range(len(keys)), profile.function_line.tolist(), strict=True))
        known += zip(profile.frame_function.tolist(), profile.frame_line.tolist(), strict=True)
        for function, line in known:
            before = ranges.setdefault(keys[function], None)
            if line > 0:
                ranges[keys[function]] = (
                    (min(before[0], line), max(before[1], line)) if before else (line, line)
                )
    return ranges


def _profiles(snapshot: Snapshot) -> Iterator[Profile]:
    yield from (c.profile for c in snapshot.captures)
    yield from (s.profile for s in snapshot.slices)


class _Files:
    """The touched files by the last part of their paths, and the names in those that no parser read."""

    def __init__(self, touched: Sequence[TouchedFile]) -> None:
        self._named: defaultdict[str, list[tuple[str, TouchedFile]]] = defaultdict(list)
        self._loose: set[str] = set()
        for file in touched:
            for path in {file.base, file.head} - {""}:
                self._named[_last(path)].append((path, file))
            if not _is_python(file):
                self._loose.update(bare_name(name) for name in file.functions)

    def touch(self, key: FunctionKey, lines: Lines | None, *, is_head: bool) -> bool:
        """Whether a function is touched. One without a file (perf) is if its name is that of one that is."""
        if key.name == _MODULE:
            return False
        if not key.file:
            return bare_name(key.name) in self._loose
        for path, file in self._named.get(_last(key.file), ()):
            if not _same_file(key.file, path):
                continue
            changed = file.head_lines if is_head else file.base_lines
            if any(_same_name(key.name, name, python=_is_python(file)) for name in file.functions):
                return True
            if lines and not _is_python(file) and any(a <= lines[1] and lines[0] <= b for a, b in changed):
                return True
        return False


def _is_python(file: TouchedFile) -> bool:
    return (file.head or file.base).endswith(".py")


def _last(path: str) -> str:
    return path.rpartition("/")[2]


def _same_file(profile: str, path: str) -> bool:
    """Profilers shorten names of files, or have all folders from the root."""
    return profile == path or profile.endswith(f"/{path}") or path.endswith(f"/{profile}")


def _same_name(profile: str, source: str, *, python: bool) -> bool:
    """Some profilers print ``Class.method``, some ``method``."""
    if not python:
        return bare_name(profile) == bare_name(source)
    return profile == source or source.endswith(f".{profile}") or profile.endswith(f".{source}")


def bare_name(name: str) -> str:
    """``add`` of ``crate::Cart<T>::add::{{closure}}``, ``main.(*Cart).add.func1`` and ``Cart::add(int)``."""
    plain = _INNER.sub("", plain_name(name.replace("[...]", "")))
    if "::" in plain or "(" in plain.partition(".")[0]:
        plain = _INNER.sub("", generic_name(plain)).partition("(")[0]
    return re.split(r"::|\.", plain)[-1]
