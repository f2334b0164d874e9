"""What ``python -m profiling.sampling --collapsed`` (CPython 3.15) writes: folded stacks whose frames carry file and line.

Format: https://docs.python.org/3.15/library/profiling.sampling.html (collapsed)
Sample: ``tid:140231;shop.py:<module>:27;shop.py:encode:10;<GC> 187``
Lost: folders (files have their base name only), the rate, and whether the samples are of wall, CPU or GIL time.
"""

from __future__ import annotations

import re
from typing import Final

from perf_action.formats.reader import capture_of
from perf_action.formats.source import ReadOptions, Source
from perf_action.formats.stack_lines import Frame, add_stacks, count_stacks
from perf_action.model.builder import ProfileBuilder
from perf_action.model.profile import ValueKind
from perf_action.model.snapshot import Capture
from perf_action.system import System

NAME: Final = "python-sampling"
_THREAD = re.compile(r"tid:(\d{1,20})")
_FIRST = re.compile(r"tid:\d{1,20}[; ]")


def sniff(source: Source) -> bool:
    return source.is_text and bool(source.head_lines) and _FIRST.match(source.head_lines[0]) is not None


def read(source: Source, options: ReadOptions, system: System) -> Capture:  # noqa: ARG001
    builder = ProfileBuilder([ValueKind("cpu", "samples")], tool="profiling.sampling")
    add_stacks(builder, count_stacks(source), frame_of=_frame, split=_split)
    return capture_of(NAME, builder.build())


def _split(stack: str) -> tuple[str | None, list[str]]:
    first, *frames = stack.split(";")
    thread = _THREAD.fullmatch(first)
    return (thread[1], frames) if thread is not None else (None, [first, *frames])


def _frame(text: str) -> Frame:
    """``file:function:line``; special frames such as ``<GC>`` and ``<native>`` are a name only."""
    parts = text.rsplit(":", 2)
    if len(parts) < 3 or not parts[0] or not parts[2].isdigit():
        return Frame(text)
    return Frame(parts[1], parts[0], "", int(parts[2][:10]))
