"""Lines of ``frame;frame;frame count``: the part that all folded dialects share.

A count is the last word of a line and a whole number; everything before it is the stack, root first, spaces and all.
A space and a count with nothing before them are a sample without frames, kept as ``[unknown]``. Equal stacks are
summed. Empty frames (a leading, trailing or doubled ``;``) are dropped and counted in a note.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from perf_action.formats.source import Source
from perf_action.model.builder import ProfileBuilder

INT64_MAX = 2**63 - 1
NO_SAMPLES = "the profile holds no samples: every count is zero"


class Frame(NamedTuple):
    """A frame as its text names it: the function's identity and the line being executed."""

    name: str
    file: str = ""
    module: str = ""
    line: int = 0


def is_stack_line(line: str) -> bool:
    """Whether a line is meant as a stack: it has frames, or ends in something like a number."""
    stack, _, count = line.strip().rpartition(" ")
    return ";" in line or bool(stack.strip() and count.lstrip("-").replace(".", "", 1).isdigit())


def count_stacks(source: Source) -> dict[str, int]:
    """Total count of each distinct stack text. InputError names the line that is wrong."""
    totals: dict[str, int] = {}
    for number, line in enumerate(source.text.split("\n"), 1):
        parts = line.rsplit(None, 1)
        if not parts:
            continue
        stack, digits = parts if len(parts) == 2 else ("", line[1:].strip() if line[0].isspace() else "")
        if not (digits.isascii() and digits.isdigit()):
            raise _malformed(source, number, parts)
        count = int(digits) if len(digits) < 20 else INT64_MAX + 1
        if count > INT64_MAX:
            raise source.error(f"count {digits[:40]} is too large", place=f"line {number}")
        totals[stack] = totals.get(stack, 0) + count
    return totals


def _malformed(source: Source, number: int, parts: list[str]) -> Exception:
    place = f"line {number}"
    if len(parts) == 1 and parts[0].isdigit():
        return source.error("a count without a stack", place=place)
    word = parts[-1]
    shown = word if len(word) <= 40 else word[:40] + "…"
    reason = f"does not end in a count ({shown!r} is not a whole number of at least 0)"
    return source.error(reason, place=place, remedy="each line must be 'frame;frame;frame count'")


def empty_frames(count: int) -> str:
    return f"{count} empty frames dropped"


def add_stacks(
    builder: ProfileBuilder,
    totals: dict[str, int],
    *,
    frame_of: Callable[[str], Frame] = Frame,
    split: Callable[[str], tuple[str | None, list[str]]] = lambda stack: (None, stack.split(";")),
) -> None:
    """Put the stacks into `builder`. `split` takes a stack apart into its thread (or None) and frame texts."""
    ids = _FrameIds(builder, frame_of)
    empty = 0
    for stack, count in totals.items():
        thread, texts = split(stack) if stack else (None, [])
        frames = [ids[text] for text in texts if text]
        empty += len(texts) - len(frames)
        builder.sample(builder.stack_of(frames), (count,), thread=thread)
    if empty:
        builder.note(empty_frames(empty))
    if not any(totals.values()):
        builder.note(NO_SAMPLES)


class _FrameIds(dict[str, int]):
    """Frame text to frame index; each text is taken apart once."""

    def __init__(self, builder: ProfileBuilder, frame_of: Callable[[str], Frame]) -> None:
        super().__init__()
        self._builder, self._frame_of = builder, frame_of

    def __missing__(self, text: str) -> int:
        frame = self._frame_of(text)
        function = self._builder.function(frame.name, file=frame.file, module=frame.module)
        index = self[text] = self._builder.frame(function, frame.line)
        return index
