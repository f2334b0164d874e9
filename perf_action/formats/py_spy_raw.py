"""``py-spy record --format raw``: folded stacks whose frames carry file and line.

Format: https://github.com/benfred/py-spy (README, ``--format raw``)
Sample: ``thread (22490): MainThread;<module> (app.py:27);encode (app.py:10) 187``
Lost: the sampling rate and the duration (counts stay samples), and process ids. A line with a count and no stack is a
sample in which py-spy saw no frame; it is kept as ``[unknown]``.
"""

from __future__ import annotations

from typing import Final

from perf_action.formats import py_spy_frames
from perf_action.formats.reader import capture_of
from perf_action.formats.source import ReadOptions, Source
from perf_action.formats.stack_lines import add_stacks, count_stacks
from perf_action.model.builder import ProfileBuilder
from perf_action.model.profile import ValueKind
from perf_action.model.snapshot import Capture
from perf_action.system import System

NAME: Final = "py-spy-raw"
_LOOK_AT_LINES, _LOOK_AT_BYTES = 30, 1 << 14


def sniff(source: Source) -> bool:
    """Every frame of the first lines has a place, and one of them a Python file."""
    if not source.is_text:
        return False
    python = False
    for line in source.head_lines[:_LOOK_AT_LINES]:
        stack, _, count = line.rstrip().rpartition(" ")
        if not stack or not count.isdigit() or len(line) > _LOOK_AT_BYTES:
            continue
        _, frames = py_spy_frames.split(stack)
        if not all(py_spy_frames.is_frame(text) for text in frames if text):
            return False
        python = python or any(py_spy_frames.is_python_frame(text) for text in frames)
    return python


def read(source: Source, options: ReadOptions, system: System) -> Capture:  # noqa: ARG001
    builder = ProfileBuilder([ValueKind("cpu", "samples")], tool="py-spy")
    totals = count_stacks(source)
    add_stacks(builder, totals, frame_of=py_spy_frames.frame, split=py_spy_frames.split)
    return capture_of(NAME, builder.build())
