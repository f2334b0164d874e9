"""What ``perf script`` prints: each sample with its stack, leaf first.

Format: https://man7.org/linux/man-pages/man1/perf-script.1.html
Sample::

    idx worker 12239   524.875310:    2004008 cpu-clock:
    <tab>           15f31 cpu_rs::tokenize+0x31 (/srv/bin/cpu_rs)
    <tab>           891f5 start_thread+0x305 (/usr/lib/x86_64-linux-gnu/libc.so.6)

Each sample counts one, whatever its period; each event is a kind of its own. Without a call graph the one frame stands
behind the event. The kernel's frames are of the module ``[kernel]``. Lost: addresses, periods, processors, process and
thread numbers (a thread is known by its name).
"""

from __future__ import annotations

from typing import Final

from perf_action.formats.folded.lines import text_pieces
from perf_action.formats.perf import frames as perf_frames
from perf_action.formats.perf.samples import Samples
from perf_action.formats.reader import capture_of
from perf_action.formats.source import ReadOptions, Source
from perf_action.model.snapshot import Capture
from perf_action.system import System

NAME: Final = "perf-script"
_LOOK_AT = 40


def sniff(source: Source) -> bool:
    """A head with its frame behind or below it; or frames alone."""
    if not source.is_text:
        return False
    lines = [line for line in source.head_lines[:_LOOK_AT] if not line.startswith("#")]
    for line, below in zip(lines, [*lines[1:], ""], strict=False):
        head = None if line.startswith("\t") else perf_frames.head(line)
        if head is not None and (head.only or (head.event and _is_frame(below))):
            return True
        if head is not None and head.time_ns is not None and _is_frame(below):
            return True
        if _is_frame(line) and line.rstrip().endswith(")"):
            return True
    return False


def _is_frame(line: str) -> bool:
    return line[:1].isspace() and perf_frames.frame(line) is not None


def read(source: Source, options: ReadOptions, system: System) -> Capture:  # noqa: ARG001
    samples = Samples(source, timeline=options.timeline)
    for piece in text_pieces(source):
        samples.feed(piece)
    if samples.finish(complete=False) == 0:
        raise source.error("holds no samples", remedy="record for longer, or under load")
    return capture_of(NAME, samples.profile())
