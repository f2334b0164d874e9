"""What a pull request touches: the lines and the functions of each file that differs between base and head."""

from __future__ import annotations

from dataclasses import dataclass

#: first and last, counted from 1
Lines = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class TouchedFile:
    """`base` and `head` are its paths from the root of the repository, empty on the side that has no such file.

    `functions` are names as the source has them (``Class.method`` where a parser told, else the bare name), of either
    side; lines are for profilers that know where a function is although nobody could parse the file.
    """

    base: str
    head: str
    base_lines: tuple[Lines, ...] = ()
    head_lines: tuple[Lines, ...] = ()
    functions: tuple[str, ...] = ()
