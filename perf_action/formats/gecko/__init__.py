"""Firefox profiles, raw and processed: of Firefox itself, samply, ``perf script report gecko``, CPython's --gecko.

Format: https://github.com/firefox-devtools/profiler/tree/main/docs-developer (raw.py, processed.py)
Sample: ``"samples": {"schema": {"stack": 0, "time": 1}, "data": [[17, 320.5], [17, 325.6], [null, 330.4]]}``
As in https://profiler.firefox.com: every sample weighs 1 (`cpu`) unless the file gives weights, in ms (`wall`) or bytes
(`in_use`); a sample in which nothing was seen is left out, one of a thread that waits is not.
Lost: markers, counters, allocations, when each sample was taken, categories, CPU time between samples, columns, process ids.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from perf_action.formats.gecko import processed as gecko_processed
from perf_action.formats.gecko import raw as gecko_raw
from perf_action.formats.gecko.tables import Tables, Thread
from perf_action.formats.reader import capture_of
from perf_action.formats.source import ReadOptions, Source
from perf_action.formats.values import number, whole
from perf_action.model.builder import ProfileBuilder
from perf_action.model.profile import UNKNOWN, ValueKind
from perf_action.model.snapshot import Capture
from perf_action.system import System

NAME: Final = "gecko"
_KINDS: Final = {
    "samples": (ValueKind("cpu", "samples"), 1.0),
    "tracing-ms": (ValueKind("wall", "ns"), 1e6),
    "bytes": (ValueKind("in_use", "bytes"), 1.0),
}


def sniff(source: Source) -> bool:
    document = source.document
    meta = document.get("meta") if isinstance(document, dict) else None
    if not isinstance(meta, dict) or not isinstance(document.get("threads"), list):
        return False
    return "preprocessedProfileVersion" in meta or ("version" in meta and "interval" in meta)


def read(source: Source, options: ReadOptions, system: System) -> Capture:  # noqa: ARG001
    document = source.document
    meta = document["meta"]
    of = gecko_processed if "preprocessedProfileVersion" in meta else gecko_raw
    threads = list(of.threads(source, document))
    for thread in threads:
        if thread.weight_type not in _KINDS:
            raise source.error(f"weightType {thread.weight_type[:40]!r} is not known", place=thread.place)
    kinds = list(dict.fromkeys(_KINDS[thread.weight_type][0] for thread in threads)) or [
        ValueKind("cpu", "samples")
    ]
    builder = ProfileBuilder(kinds, tool=str(meta.get("product") or ""))
    made: dict[int, dict[int, int]] = {}
    unresolved: set[tuple[int, int]] = set()
    for thread in threads:
        kind, scale = _KINDS[thread.weight_type]
        column = kinds.index(kind)
        weights = _weights(source, thread)
        frames = made.setdefault(id(thread.tables), {})
        for stack, node in _stacks(builder, thread.tables, weights, frames).items():
            place = f"{thread.place}.samples: stack {stack}"
            value = whole(source, weights[stack], scale, place) if stack in weights else 0
            row = tuple(value if i == column else 0 for i in range(len(kinds)))
            builder.sample(node, row, thread=thread.name or None)
        unresolved |= {
            (id(thread.tables), frame) for frame in frames if thread.tables.frames[frame].name == UNKNOWN
        }
    if unresolved:
        builder.note(f"{len(unresolved)} addresses without a symbol are shown as {UNKNOWN}")
    profile = builder.build()
    empty = () if len(profile.sample_stack) else ("the profile holds no samples",)
    return capture_of(NAME, profile, *empty)


def _weights(source: Source, thread: Thread) -> dict[int, float]:
    """What the samples of each stack weigh together."""
    weights = thread.weights if thread.weights is not None else [1] * len(thread.stacks)
    place = f"{thread.place}.samples"
    if len(weights) != len(thread.stacks):
        raise source.error(f"{len(thread.stacks)} samples but {len(weights)} weights", place=place)
    count = len(thread.tables.parents)
    totals: dict[int, float] = {}
    for index, (stack, weight) in enumerate(zip(thread.stacks, weights, strict=True)):
        if stack is None:
            continue
        if not isinstance(stack, int) or not 0 <= stack < count:
            raise source.error(f"sample {index} has stack {str(stack)[:40]} of {count}", place=place)
        value = number(source, weight, f"{place}: sample {index}")
        if value < 0:
            raise source.error(
                f"sample {index} weighs {value:g}",
                place=place,
                remedy="give both profiles, not their difference",
            )
        totals[stack] = totals.get(stack, 0) + value
    return totals


def _stacks(
    builder: ProfileBuilder, tables: Tables, used: Iterable[int], frames: dict[int, int]
) -> dict[int, int]:
    """The stack in the builder of each of `used` and of all below them; `frames` remembers what was made of frames."""
    needed: set[int] = set()
    for stack in used:
        at = stack
        while at >= 0 and at not in needed:
            needed.add(at)
            at = tables.parents[at]
    made = {-1: -1}
    for stack in sorted(needed):
        frame = tables.stack_frames[stack]
        if frame not in frames:
            place = tables.frames[frame]
            function = builder.function(place.name, file=place.file, module=place.module, line=place.start)
            frames[frame] = builder.frame(function, place.line)
        made[stack] = builder.stack(made[tables.parents[stack]], frames[frame])
    del made[-1]
    return made
