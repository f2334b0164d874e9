"""Folded stacks: one line a stack, frames from the root joined by ``;``, then a space and a count.

Format: https://github.com/brendangregg/FlameGraph#2-fold-stacks
Sample: ``main;handle request;operator new [](unsigned long) 7``
Lost: files, lines and what the count counts (it is taken for CPU samples). A ``;`` inside a name cannot be told from
the one between frames.
"""

from __future__ import annotations

from typing import Final

from perf_action.formats.folded.lines import read_folded
from perf_action.formats.paths import paths
from perf_action.formats.reader import capture_of
from perf_action.formats.source import ReadOptions, Source
from perf_action.formats.stack_lines import is_stack_line
from perf_action.model.profile import Profile, ValueKind
from perf_action.model.snapshot import Capture
from perf_action.model.tree import stack_self
from perf_action.system import System

NAME: Final = "folded"


def sniff(source: Source) -> bool:
    return source.is_text and bool(source.head_lines) and is_stack_line(source.head_lines[0])


def read(source: Source, options: ReadOptions, system: System) -> Capture:  # noqa: ARG001
    return capture_of(NAME, read_folded(source, ValueKind("cpu", "samples")))


def to_folded(profile: Profile, kind: int = 0) -> str:
    """One kind of a profile as folded text, sorted. Names lose ``;`` (to ``:``) and line ends, nothing else."""
    values = stack_self(profile, kind).tolist()
    names = [_plain(profile.strings[n]) for n in profile.function_name.tolist()]
    frame_names = [names[f] for f in profile.frame_function.tolist()]
    path_of = paths(profile)
    totals: dict[str, int] = {}
    for stack, value in enumerate(values):
        if value:
            text = ";".join([frame_names[frame] for frame in path_of(stack)])
            totals[text] = totals.get(text, 0) + value
    return "".join(f"{text} {value}\n" for text, value in sorted(totals.items()))


def _plain(name: str) -> str:
    return " ".join(name.replace(";", ":").split()) or "[unknown]"
