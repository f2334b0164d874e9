"""The text of ``git diff --unified=0`` as files with the lines that changed.

    diff --git a/app.py b/app.py
    --- a/app.py
    +++ b/app.py
    @@ -9 +9,2 @@ def encode(value):

Lines are counted off as the hunk's header announces them, so that a changed line that looks like a header is none. Names
with unusual characters are quoted as in C (https://git-scm.com/docs/git-config, core.quotePath).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from perf_action.model.touched import Lines

_HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@ ?(.*)")
_ESCAPE = re.compile(rb"\\([0-7]{3}|.)")
_LETTERS = {b"a": b"\a", b"b": b"\b", b"t": b"\t", b"n": b"\n", b"v": b"\v", b"f": b"\f", b"r": b"\r"}


@dataclass(slots=True)
class FileDiff:
    """One file: its path on both sides (empty: not there), the changed lines of each, where in head lines were only
    removed (the line before them), what git says is round them, and the lines themselves.
    """

    base: str = ""
    head: str = ""
    base_lines: list[Lines] = field(default_factory=list)
    head_lines: list[Lines] = field(default_factory=list)
    removed_at: list[Lines] = field(default_factory=list)
    context: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)


def parse_diff(text: str) -> Iterator[FileDiff]:
    """The files with changed lines; binary ones and pure renames have none. What is not a diff gives nothing."""
    lines = iter(text.split("\n"))
    current = FileDiff()
    for line in lines:
        if line.startswith("diff --git "):
            if current.context:
                yield current
            current = FileDiff()
        elif line.startswith("--- ") and not current.context:
            current.base = _path(line[4:])
        elif line.startswith("+++ ") and not current.context:
            current.head = _path(line[4:])
        elif match := _HUNK.fullmatch(line):
            _hunk(current, match, lines)
    if current.context:
        yield current


def _hunk(file: FileDiff, match: re.Match[str], lines: Iterator[str]) -> None:
    removed, added = (1 if n is None else int(n) for n in match.group(2, 4))
    first_removed, first_added = int(match[1]), int(match[3])
    if removed:
        file.base_lines.append((first_removed, first_removed + removed - 1))
    if added:
        file.head_lines.append((first_added, first_added + added - 1))
    elif first_added:
        file.removed_at.append((first_added, first_added))
    file.context.append(match[5])
    left = removed + added
    while left > 0 and (line := next(lines, None)) is not None:
        if not line.startswith("\\"):  # "\ No newline at end of file" is no line of the file
            left -= 1
            file.changed.append(line[1:])


def _path(text: str) -> str:
    """``a/app.py``, the same in quotes with bytes as octal numbers, or ``/dev/null``; a tab follows names with spaces."""
    text = text.removesuffix("\t")
    if text == "/dev/null":
        return ""
    if text.startswith('"') and text.endswith('"'):
        raw = _ESCAPE.sub(_unescaped, text[1:-1].encode())
        text = raw.decode(errors="replace")
    return text[2:]


def _unescaped(match: re.Match[bytes]) -> bytes:
    code = match[1]
    return bytes([int(code, 8) & 255]) if len(code) == 3 else _LETTERS.get(code, code)
