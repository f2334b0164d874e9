"""Places in a program as valgrind's memory tools print them, and which of them are no frames of the service.

Format: ``VG_(describe_IP)``, https://sourceware.org/git/?p=valgrind.git;f=coregrind/m_debuginfo/debuginfo.c
Sample: ``0x1091DB: list_leak (mem.c:13)``, ``0x48417B4: malloc (in /usr/libexec/valgrind/vgpreload_dhat.so)``
Lost: the address. Calls that the compiler inlined are places of their own, as they are in the files.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from perf_action.formats.allocators import is_allocator
from perf_action.formats.stack_lines import Frame

_ADDRESS = re.compile(r"0x[0-9A-Fa-f]+: ")
_LINE = re.compile(r"(.+?):(\d{1,9})(?::\d+)?", re.DOTALL)
_PRELOAD = re.compile(r"(?:.*/)?vgpreload_[\w.-]+\.so|vg_replace_malloc\.c")


def frame_of(text: str) -> Frame:
    """The function, file and line, or the function and the program or library, that a place names."""
    found = _ADDRESS.match(text)
    name, inside = _last_parenthesis(text[found.end() :] if found else text)
    if inside.startswith("in "):
        return Frame(name, module=inside[3:])
    line = _LINE.fullmatch(inside)
    if line is not None:
        return Frame(name, file=line[1], line=int(line[2]))
    return Frame(f"{name} ({inside})" if inside else name)


def _last_parenthesis(text: str) -> tuple[str, str]:
    """What stands before and in a last parenthesis that belongs to the place: it has a space before it."""
    if not text.endswith(")"):
        return text, ""
    depth, at = 0, len(text)
    for at in range(len(text) - 1, 0, -1):
        depth += (text[at] == ")") - (text[at] == "(")
        if depth == 0:
            break
    return (text[: at - 1], text[at + 1 : -1]) if depth == 0 and text[at - 1] == " " else (text, "")


def is_preload(frame: Frame) -> bool:
    """Whether the place is valgrind's own replacement of an allocation function."""
    return _PRELOAD.fullmatch(frame.module or frame.file) is not None


def service_frames(frames: Sequence[Frame]) -> Sequence[Frame]:
    """`frames` (root first) without what valgrind and the allocator have at the leaf; at least one is left."""
    keep = len(frames)
    while keep > 1 and (is_preload(frames[keep - 1]) or is_allocator(frames[keep - 1].name)):
        keep -= 1
    return frames[:keep]
