"""What a pull request touches: the lines, functions and dependencies that differ between base and head."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

#: first and last, counted from 1
Lines = tuple[int, int]
Ecosystem = Literal["python", "rust", "go", "node"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A function of head whose code differs from base: where it stands, from `first` to `last`, and which of its lines
    are changed. Where lines were only removed, it is the line before them.

    `function` is its name as the source has it, with the classes, types and functions it is in (``Cart.total``,
    ``Cart::add``). `calls` are the bare names of what the changed lines call, `callers` the functions of the same file
    that call it. `alone`: no other function of the file has the same bare name.
    """

    function: str
    first: int
    last: int
    lines: tuple[Lines, ...]
    calls: tuple[str, ...] = ()
    callers: tuple[str, ...] = ()
    alone: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageChange:
    """A dependency that a lock file pins to another version; `before` or `after` is empty where it is new or gone.

    Several versions of one package are listed with commas. `line` is its place in head's file, 0 where it is gone.
    """

    ecosystem: Ecosystem
    name: str
    before: str
    after: str
    line: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TouchedFile:
    """`base` and `head` are its paths from the root of the repository, empty on the side that has no such file.

    `functions` are names as the source has them (with what they are in where a parser told, else the bare name), of
    either side; lines are for profilers that know where a function is although nobody could parse the file. `spans` are
    the functions of head that a parser found, without those that only moved or whose comments changed. `generated`: the
    file says that a program wrote it. `packages` is for lock files.
    """

    base: str
    head: str
    base_lines: tuple[Lines, ...] = ()
    head_lines: tuple[Lines, ...] = ()
    functions: tuple[str, ...] = ()
    spans: tuple[Span, ...] = ()
    parsed: bool = False
    generated: bool = False
    packages: tuple[PackageChange, ...] = ()
