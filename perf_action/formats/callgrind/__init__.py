"""callgrind's files (and cachegrind's, a subset): how many instructions each function executed, and on whose behalf.

Format: https://valgrind.org/docs/manual/cl-format.html
Sample: ``fl=(1) shop.c``, ``fn=(12) price``, ``14 96``, ``cfn=(13) util``, ``calls=8 3``, ``+1 640``
Kinds: `instructions` (Ir), and one for each further event of cache, branch and system call simulation. Self costs are
the file's, of all its parts and threads; what was inlined from another source file is a row of its own, as in
callgrind_annotate, called by the function that it is part of. The
stacks are put together from caller-callee pairs (stacks.py): inclusive costs are those of the file, a single
stack is a guess. ``f'2`` is what callgrind calls f inside of f.
``[unknown]`` is what the summary has and no cost line does: callgrind's cache simulation leaves a few events over.
Lost: lines, addresses, jumps and numbers of calls.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import takewhile
from typing import Final

from perf_action.formats.callgrind.file import CallGraph, call_graph, header_keys
from perf_action.formats.callgrind.stacks import Flow
from perf_action.formats.reader import capture_of
from perf_action.formats.source import ReadOptions, Source
from perf_action.model.builder import ProfileBuilder
from perf_action.model.profile import UNKNOWN, Profile, ValueKind
from perf_action.model.snapshot import Capture
from perf_action.system import System

NAME: Final = "callgrind"
_KEYS: Final = frozenset(
    {"version", "creator", "pid", "cmd", "part", "thread", "desc", "positions", "event", "target"}
)
#: event -> kind, https://valgrind.org/docs/manual/cl-manual.html#cl-manual.options
_KINDS: Final = {
    "Ir": "instructions",
    "Dr": "data_reads",
    "Dw": "data_writes",
    "I1mr": "instruction_l1_misses",
    "ILmr": "instruction_last_level_misses",
    "D1mr": "data_l1_read_misses",
    "D1mw": "data_l1_write_misses",
    "DLmr": "data_last_level_read_misses",
    "DLmw": "data_last_level_write_misses",
    "Bc": "branches",
    "Bcm": "branch_mispredictions",
    "Bi": "indirect_branches",
    "Bim": "indirect_branch_mispredictions",
    "Ge": "bus_locks",
    "sysCount": "system_calls",
    "sysTime": "system_call_time",
    "sysCpuTime": "system_cpu_time",
}
_NS: Final = {"ns": 1, "us": 1_000, "ms": 1_000_000}
_TIMES: Final = ("sysTime", "sysCpuTime")
_TOOL = re.compile(r"([a-z]+)-(\d[\w.-]*)")
#: how many edges are split in proportion, all events together
_BUDGET: Final = 20_000


def sniff(source: Source) -> bool:
    if not source.is_text or not source.head_lines:
        return False
    if source.head_lines[0].startswith("# callgrind format"):
        return True
    keys = list(header_keys(source.head_lines))
    known = list(takewhile(lambda key: key in _KEYS, keys))
    followed = keys[len(known) : len(known) + 1] == ["events"]
    return "creator" in known or (followed and ("cmd" in known or "positions" in known))


def read(source: Source, options: ReadOptions, system: System) -> Capture:  # noqa: ARG001
    graph = call_graph(source)
    with source.refusing():
        profile = _profile(graph)
    return capture_of(NAME, profile, *_notes(graph))


def _profile(graph: CallGraph) -> Profile:
    tool = _TOOL.match(graph.creator)
    builder = ProfileBuilder(
        [_kind(graph, event) for event in graph.events],
        tool=tool[1] if tool else graph.creator[:40] or "cachegrind",
        tool_version=tool[2] if tool else "",
        fidelity="reconstructed",
    )
    frames = [
        builder.frame(builder.function(f.name, file=_known(f.file), module=_known(f.module)))
        for f in graph.functions
    ]

    def push(parent: int, function: int) -> int:
        return builder.stack(parent, frames[function])

    for column, event in enumerate(graph.events):
        scale = _scale(graph, event)
        flow = Flow(
            [own[column] for own in graph.own], {pair: costs[column] for pair, costs in graph.calls.items()}
        )
        for stack, value in flow.stacks(push, budget=_BUDGET // len(graph.events)):
            builder.sample(stack, _only(column, value * scale, len(graph.events)))
        if not flow.is_complete:
            builder.note(f"{event}: the call graph is too large, some functions are shown without callers")
        if graph.missing[column]:
            unknown = builder.stack_of([builder.frame(builder.function(UNKNOWN))])
            builder.sample(unknown, _only(column, graph.missing[column] * scale, len(graph.events)))
    return builder.build()


def _only(column: int, value: int, columns: int) -> list[int]:
    values = [0] * columns
    values[column] = value
    return values


def _kind(graph: CallGraph, event: str) -> ValueKind:
    unit = "instructions" if event == "Ir" else "ns" if event in _TIMES else "count"
    if graph.creator.startswith("xtree") and event.endswith("B"):  # trees of memory, see --xtree-memory=full
        unit = "bytes"
    return ValueKind(_KINDS.get(event, event), unit, "" if event == "Ir" else event)


def _scale(graph: CallGraph, event: str) -> int:
    """How many of our units one of the file's is; callgrind counts milliseconds where it does not say."""
    return _NS.get(graph.scales.get(event, "ms"), 1) if event in _TIMES else 1


def _known(name: str) -> str:
    return "" if name == "???" else name


def _notes(graph: CallGraph) -> Iterator[str]:
    if graph.calls:
        yield "stacks are reconstructed from caller-callee pairs: sums are exact, single stacks are not"
    else:
        yield "the file does not say who called whom"
    if not any(any(own) for own in graph.own):
        yield "no cost was collected: is --collect-atstart, --instr-atstart or --toggle-collect right?"
    if not graph.checked:
        yield "the file has no totals to check it against"
