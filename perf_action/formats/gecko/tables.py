"""What a raw and a processed Firefox profile have in common: threads with samples, and tables of stacks and frames.

Indices are checked here, once, so that the readers may follow them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from perf_action.formats.source import Source


class Place(NamedTuple):
    """A frame: its function (`start` is the line where that begins) and the line being executed; 0 if not known."""

    name: str
    file: str = ""
    module: str = ""
    line: int = 0
    start: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tables:
    """Frames and stacks. A stack is the index of its parent (-1: none) and of its frame; parents come first."""

    frames: Sequence[Place]
    parents: Sequence[int]
    stack_frames: Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Thread:
    """A thread and its samples: stack indices (None: nothing was seen), and weights or None if each weighs 1."""

    place: str
    name: str
    tables: Tables
    stacks: list[Any]
    weights: list[Any] | None
    weight_type: str


def listed(source: Source, value: Any, place: str) -> list[Any]:
    """`value` if it is a list, else InputError."""
    if not isinstance(value, list):
        raise source.error("is missing, or no list", place=place)
    return value


def parents(source: Source, values: list[Any], place: str, parent: Callable[[int, Any], Any]) -> list[int]:
    """The parent of each stack, which must come before it; `parent` makes it of index and value."""
    found = [parent(index, value) for index, value in enumerate(values)]
    for index, value in enumerate(found):
        if not isinstance(value, int) or not -1 <= value < index:
            raise source.error(f"stack {index} comes before its parent {str(value)[:40]}", place=place)
    return found


def before(_: int, prefix: Any) -> Any:
    """A parent as an index, null for none."""
    return -1 if prefix is None else prefix


def indices(source: Source, values: list[Any], length: int, place: str) -> list[int]:
    """`values` if each is an index into a table of `length` rows."""
    for row, value in enumerate(values):
        if not isinstance(value, int) or not 0 <= value < length:
            raise source.error(f"row {row} points to row {str(value)[:40]} of {length}", place=place)
    return values


def text(source: Source, strings: list[Any], index: Any, place: str) -> str:
    """A string of the file's table."""
    if not isinstance(index, int) or not 0 <= index < len(strings) or not isinstance(strings[index], str):
        raise source.error(f"string {str(index)[:40]} does not exist ({len(strings)} strings)", place=place)
    found: str = strings[index]
    return found


def line(value: Any) -> int:
    """A line number, 0 if there is none."""
    return value if isinstance(value, int) and value > 0 else 0


def is_address(name: str) -> bool:
    """Whether a name is the address of code that nobody found a symbol for."""
    return name.startswith("0x")
