"""austin's text: one line a sample, with process, thread, frames and what was measured.

Format: https://github.com/P403n1x87/austin#usage (frames), and its section on memory and full metrics
Sample: ``P8793;T0:8793;/srv/shop.py:<module>:15;/srv/shop.py:Shop.handle:9 5134``
A ``:GC:`` at the end is a frame of its own; a thread without frames is ``[unknown]``. Memory that grew is `allocated`,
memory that shrank `freed`.
Lost: the order of the samples, process and interpreter ids.
"""

from __future__ import annotations

import re
from typing import Final

from perf_action.formats.austin.samples import Metrics, Samples, frame, mode_of
from perf_action.formats.reader import capture_of
from perf_action.formats.source import ReadOptions, Source
from perf_action.formats.stack_lines import Frame
from perf_action.model.snapshot import Capture
from perf_action.system import System

NAME: Final = "austin"
_HEAD = re.compile(r"P\d{1,10};T(?:\d{1,10}:)?(0x[0-9a-f]{1,16}|\d{1,20})(?=[; ])")
_FULL = re.compile(r"(\d{1,18}),([01]),(-?\d{1,18})")
_ONE = re.compile(r"-?\d{1,18}")


def sniff(source: Source) -> bool:
    if not source.is_text or not source.head_lines:
        return False
    first = source.head_lines[0]
    return first.startswith("# austin: ") or _HEAD.match(first) is not None


def read(source: Source, options: ReadOptions, system: System) -> Capture:  # noqa: ARG001
    lines = source.text.split("\n")
    metadata = dict(_metadata(line) for line in lines if line.startswith("# "))
    mode = mode_of(source, metadata)
    samples: Samples[str] = Samples(mode)
    for number, line in enumerate(lines, 1):
        if line.strip() and not line.startswith("# "):
            _add(source, samples, mode, line.rstrip("\r"), f"line {number}")
    frames = {stack: _frames(stack) for stack in samples.stacks()}
    return capture_of(NAME, samples.build(source, metadata, frames))


def _metadata(line: str) -> tuple[str, str]:
    key, _, value = line[2:].strip().partition(": ")
    return key, value


def _add(source: Source, samples: Samples[str], mode: str, line: str, place: str) -> None:
    head = _HEAD.match(line)
    stack, _, values = line.rpartition(" ")
    if head is None or head.end() > len(stack):
        raise source.error("is no sample (P<pid>;T<thread>;frames and a metric)", place=place)
    full = _FULL.fullmatch(values) if mode == "full" else None
    if full is not None:
        metrics = Metrics(int(full[1]), full[2] == "1", int(full[3]))
    elif mode == "full" or not _ONE.fullmatch(values):
        raise source.error(f"does not end in what mode {mode} measures: {values[:40]!r}", place=place)
    elif mode == "memory":
        metrics = Metrics(memory=int(values))
    else:
        metrics = Metrics(int(values))
    if metrics.time < 0:
        raise source.error("a time is negative", place=place)
    samples.add(str(int(head[1], 0)), stack[head.end() + 1 :], metrics.row(mode))


def _frames(stack: str) -> list[Frame]:
    """The frames of a line. A ``;`` in a file's name cannot be told from the one between frames, except that what
    comes before it is no whole frame.
    """
    frames: list[Frame] = []
    rest = ""
    for piece in stack.split(";") if stack else ():
        text = f"{rest};{piece}" if rest else piece
        parts = text.rsplit(":", 2)
        if len(parts) == 3 and (parts[2].isdigit() or not parts[2]):
            frames.append(frame(parts[0], parts[1], int(parts[2][:10] or 0)))
            rest = ""
        else:
            rest = text
    if rest:
        frames.append(Frame(rest))
    return frames
