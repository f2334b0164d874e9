"""What ``google-pprof --collapsed`` prints: folded stacks whose frames carry an address or ``[inline]``.

Format: https://gperftools.github.io/gperftools/cpuprofile.html
Sample: ``_start<0000000000001060>;main<000000000000129f>;parse_row<000000000000118d> 48``
Lost: files and lines. The address is dropped (it moves with every build); ``[inline]`` stays part of the name.
"""

from __future__ import annotations

import re
from typing import Final

from perf_action.formats.folded.lines import read_folded
from perf_action.formats.reader import capture_of
from perf_action.formats.source import ReadOptions, Source
from perf_action.formats.stack_lines import Frame
from perf_action.model.profile import UNKNOWN, ValueKind
from perf_action.model.snapshot import Capture
from perf_action.system import System

NAME: Final = "gperftools-collapsed"
_ADDRESS = re.compile(r"<[0-9a-f]{16}>$|<[0-9a-f]{8}>$")
_LINE = re.compile(r"(?:^|;)[^;]*<[0-9a-f]{16}>(?:;|\s+\d+\s*$)")
_UNRESOLVED = re.compile(r"0x[0-9a-f]+$")


def sniff(source: Source) -> bool:
    return source.is_text and any(
        _LINE.search(line) for line in source.head_lines[:20] if len(line) < 1 << 15
    )


def read(source: Source, options: ReadOptions, system: System) -> Capture:  # noqa: ARG001
    kind = ValueKind("cpu", "samples")
    return capture_of(NAME, read_folded(source, kind, frame_of=_frame, tool="gperftools"))


def _frame(text: str) -> Frame:
    name = _ADDRESS.sub("", text)
    return Frame(UNKNOWN if _UNRESOLVED.match(name) else name)
