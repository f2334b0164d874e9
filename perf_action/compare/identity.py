"""Which function of base is which of head: two checkouts, two builds and two compilers name them differently.

A function is the same if its name is, once what a compiler adds is taken off, and its file or module does not say
otherwise. Files are compared from their end, since base and head lie in different folders. Of what is left over then,
an instance of a generic function is taken for another instance of it (``keep::<u32>`` may have become
``keep::<u64>``); the rest is new, or gone.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import PurePosixPath

from perf_action.model.profile import RUST_HASH, FunctionKey

#: Rust's hash, GCC's and LLVM's clones: they change from build to build
_DECORATION = re.compile(
    rf"(::{RUST_HASH}|\.(constprop|isra|part|cold|llvm|lto_priv)(\.\d+)*|\s*\[clone [^\]]*\])+$"
)

#: brackets, each with its operator if it belongs to one, and what is between them
_PIECE = re.compile(
    r"operator(?:<=>|->\*?|<<=?|>>=?|<=|>=|<|>)|->|=>|<|>|(?:(?!operator[-<>]|->|=>)[^<>])+", re.DOTALL
)
_FOLLOWS_NAME = re.compile(r"[\w\])}]$|::$|operator\S+ ?$")


def plain_name(name: str) -> str:
    """The name without hash and clone suffixes."""
    return _DECORATION.sub("", name) or name


def generic_name(name: str) -> str:
    """The name without the arguments of templates and generic functions: ``keep::<u32>`` and ``Cart<int>::add`` become
    ``keep`` and ``Cart::add``. An angle bracket that follows no name (``<T as Trait>::f``) stays, as do operators.
    """
    out: list[str] = []
    opened: list[bool] = []  # of each open bracket: whether it holds arguments
    hidden = 0
    pieces = _PIECE.findall(name)
    for piece, following in zip(pieces, [*pieces[1:], ""], strict=True):
        if piece == "<":
            before = "".join(out[-2:])
            holds = _FOLLOWS_NAME.search(before) is not None and not following.startswith("impl ")
            opened.append(holds or hidden > 0)
            hidden += opened[-1]
            if not hidden:
                out.append(piece)
        elif piece == ">" and opened:
            was_hidden = opened.pop()
            hidden -= was_hidden
            if not was_hidden:
                out.append(piece)
        elif not hidden:
            out.append(piece)
    return "".join(out).replace("::::", "::").removesuffix("::") or name


def match_functions(
    base: Iterable[FunctionKey], head: Iterable[FunctionKey]
) -> tuple[dict[FunctionKey, int], dict[FunctionKey, int], list[FunctionKey]]:
    """For every function of a side its number, the same on both sides for the same function; and what each is.

    The description is head's, if head has it.
    """
    numbers: dict[FunctionKey, int] = {}
    described: list[FunctionKey] = []
    head_ids: dict[FunctionKey, int] = {}
    for key in head:
        plain = key._replace(name=plain_name(key.name))
        if plain not in numbers:
            numbers[plain] = len(described)
            described.append(key)
        head_ids[key] = numbers[plain]
    base_ids: dict[FunctionKey, int] = {}
    left: dict[FunctionKey, list[FunctionKey]] = {}
    taken: set[FunctionKey] = set()
    for key in base:
        plain = key._replace(name=plain_name(key.name))
        if plain in numbers:
            base_ids[key] = numbers[plain]
            taken.add(plain)
        else:
            left.setdefault(plain, []).append(key)
    twins = _twins(list(left), [key for key in numbers if key not in taken])
    for plain, keys in left.items():
        twin = twins.get(plain)
        number = len(described) if twin is None else numbers[twin]
        if twin is None:
            described.append(keys[0])
        base_ids.update(dict.fromkeys(keys, number))
    return base_ids, head_ids, described


def _twins(base: list[FunctionKey], head: list[FunctionKey]) -> dict[FunctionKey, FunctionKey]:
    """Which of `head` is which of `base`: by name first, then by the name of the generic function."""
    out: dict[FunctionKey, FunctionKey] = {}
    for fold in (str, generic_name):
        groups: defaultdict[str, tuple[list[FunctionKey], list[FunctionKey]]] = defaultdict(lambda: ([], []))
        for key in base:
            groups[fold(key.name)][0].append(key)
        for key in head:
            groups[fold(key.name)][1].append(key)
        for ours, theirs in groups.values():
            out.update(_partners(ours, theirs))
        taken = set(out.values())
        base, head = [key for key in base if key not in out], [key for key in head if key not in taken]
    return out


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
