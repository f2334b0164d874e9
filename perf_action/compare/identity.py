"""Which function of base is which of head: two checkouts, two builds and two compilers name them differently.

A function is the same if its name is, once what a compiler adds is taken off, and its file or module does not say
otherwise. Files are compared from their end, since base and head lie in different folders. What is left over is new,
or gone.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import PurePosixPath

from perf_action.model.profile import FunctionKey

#: Rust's hash, GCC's and LLVM's clones: they change from build to build
_DECORATION = re.compile(
    r"(::h[0-9a-f]{16}|\.(constprop|isra|part|cold|llvm|lto_priv)(\.\d+)*|\s*\[clone [^\]]*\])+$"
)


def plain_name(name: str) -> str:
    """The name without hash and clone suffixes."""
    return _DECORATION.sub("", name) or name


def match_functions(
    base: Iterable[FunctionKey], head: Iterable[FunctionKey]
) -> tuple[dict[FunctionKey, int], dict[FunctionKey, int], list[FunctionKey]]:
    """For every function of a side its number, the same on both sides for the same function; and what each is.

    The description is head's, if head has it.
    """
    numbers: dict[FunctionKey, int] = {}
    described: list[FunctionKey] = []
    variants: defaultdict[str, dict[FunctionKey, None]] = defaultdict(dict)
    head_ids: dict[FunctionKey, int] = {}
    for key in head:
        plain = key._replace(name=plain_name(key.name))
        if plain not in numbers:
            numbers[plain] = len(described)
            described.append(key)
            variants[plain.name][plain] = None
        head_ids[key] = numbers[plain]
    left: defaultdict[str, dict[FunctionKey, list[FunctionKey]]] = defaultdict(dict)
    base_ids: dict[FunctionKey, int] = {}
    for key in base:
        plain = key._replace(name=plain_name(key.name))
        if plain in numbers:
            base_ids[key] = numbers[plain]
            variants[plain.name].pop(plain, None)
        else:
            left[plain.name].setdefault(plain, []).append(key)
    for name, unmatched in left.items():
        partner = _partners(list(unmatched), list(variants.get(name, ())))
        for plain, keys in unmatched.items():
            twin = partner.get(plain)
            number = len(described) if twin is None else numbers[twin]
            if twin is None:
                described.append(keys[0])
            base_ids.update(dict.fromkeys(keys, number))
    return base_ids, head_ids, described


def _partners(base: list[FunctionKey], head: list[FunctionKey]) -> dict[FunctionKey, FunctionKey]:
    """The best pairs first; none where files or modules contradict each other."""
    scored = [(_likeness(b, h), -i, -j) for i, b in enumerate(base) for j, h in enumerate(head)]
    out: dict[FunctionKey, FunctionKey] = {}
    taken: set[int] = set()
    for score, i, j in sorted(scored, reverse=True):
        if score >= 0 and base[-i] not in out and -j not in taken:
            out[base[-i]] = head[-j]
            taken.add(-j)
    return out


def _likeness(base: FunctionKey, head: FunctionKey) -> int:
    """Common last components of the files, or -1 if the files have different names."""
    same_module = int(base.module == head.module)
    if not base.file or not head.file:
        return same_module
    ours, theirs = PurePosixPath(base.file).parts[::-1], PurePosixPath(head.file).parts[::-1]
    common = next((n for n, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b), None)
    depth = min(len(ours), len(theirs)) if common is None else common
    return 2 * depth + same_module if depth else -1
