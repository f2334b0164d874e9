"""V8's CPU profiles: what ``node --cpu-prof`` writes and what Chrome's developer tools save.

Format: https://chromedevtools.github.io/devtools-protocol/tot/Profiler/#type-Profile; before it, ``head`` (a tree of
nodes) and ``timestamps`` instead of ``nodes`` and ``timeDeltas``
Sample: ``{"id": 9, "callFrame": {"functionName": "encode", "url": "file:///srv/shop.js", "lineNumber": 2}, "hitCount": 5}``
A sample lasts until the next one, as in https://www.speedscope.app; the last one lasts nothing, and a clock that goes
back stands still. `wall` has all samples, `cpu` those that are not ``(idle)``; `samples` are V8's own hit counts.
Without samples in the file the hit counts are all there is: `cpu` in samples.
Lost: when each sample was taken, columns, scripts' ids, and on which line of a function it was (``positionTicks``).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from perf_action.formats.reader import capture_of
from perf_action.formats.source import ReadOptions, Source
from perf_action.formats.v8 import nodes as v8_nodes
from perf_action.formats.v8.nodes import Node
from perf_action.formats.values import number, numbers, whole
from perf_action.model.builder import ProfileBuilder
from perf_action.model.profile import ValueKind
from perf_action.model.snapshot import Capture
from perf_action.system import System

NAME: Final = "cpuprofile"
_TIMED: Final = (ValueKind("cpu", "ns"), ValueKind("wall", "ns"), ValueKind("samples", "samples"))
_COUNTED: Final = (ValueKind("cpu", "samples"),)
_US: Final = 1e3


def sniff(source: Source) -> bool:
    document = source.document
    if not isinstance(document, dict):
        return False
    nodes, head = document.get("nodes"), document.get("head")
    if isinstance(nodes, list):
        return "startTime" in document and (
            not nodes or (isinstance(nodes[0], dict) and "callFrame" in nodes[0])
        )
    return isinstance(head, dict) and "functionName" in head and "hitCount" in head


def read(source: Source, options: ReadOptions, system: System) -> Capture:  # noqa: ARG001
    document = source.document
    ids = document.get("samples")
    timed = isinstance(ids, list) and bool(ids)
    builder = ProfileBuilder(_TIMED if timed else _COUNTED, tool="v8")
    nodes = v8_nodes.tree(source, document, builder)
    lasted = _lasted(source, document, nodes) if timed else {}
    hits = any("hitCount" in node.body for node in nodes.values())
    for id_, node in nodes.items():
        ns, seen = lasted.get(id_, (0, 0))
        count = _hits(source, node) if hits else seen
        builder.sample(
            node.stack, (0 if node.idle else ns, ns, count) if timed else (0 if node.idle else count,)
        )
    if not timed:
        builder.note("the file has no samples, only how often each node was hit")
    profile = builder.build(duration_ns=_duration(source, document))
    empty = () if len(profile.sample_stack) else ("the profile holds no samples",)
    return capture_of(NAME, profile, *empty)


def _hits(source: Source, node: Node) -> int:
    place = f"{node.place}: hitCount"
    return whole(source, number(source, node.body.get("hitCount", 0), place), 1, place)


def _lasted(
    source: Source, document: dict[str, Any], nodes: Mapping[object, Node]
) -> dict[object, tuple[int, int]]:
    """For each node how many ns its samples lasted, and how many they were."""
    ids = numbers(source, document["samples"], "samples")
    times = _times(source, document, len(ids))
    spans = np.diff(np.maximum.accumulate(times), append=times.max())
    known, at = np.unique(ids, return_inverse=True)
    for id_ in known.tolist():
        if id_ not in nodes:
            raise source.error(f"node {id_:.0f} does not exist ({len(nodes)} nodes)", place="samples")
    ns, seen = np.bincount(at, weights=spans), np.bincount(at)
    return {
        int(id_): (whole(source, span, _US, "timeDeltas"), count)
        for id_, span, count in zip(known.tolist(), ns.tolist(), seen.tolist(), strict=True)
    }


def _times(source: Source, document: dict[str, Any], count: int) -> NDArray[np.float64]:
    """When each sample was taken, in µs from the first."""
    name = "timeDeltas" if "timeDeltas" in document else "timestamps"
    if document.get(name) is None:
        raise source.error("has samples but no timeDeltas", remedy="save the profile again, with its times")
    values = numbers(source, document[name], name)
    if len(values) != count:
        raise source.error(f"{count} samples but {len(values)} {name}", remedy="the file may be cut off")
    with np.errstate(over="ignore", invalid="ignore"):
        if name == "timestamps":
            times = values - values[0]
        else:
            values[0] = 0
            times = np.cumsum(values)
    if not np.isfinite(times).all():
        raise source.error("a number is too large", place=name)
    return np.asarray(times)


def _duration(source: Source, document: dict[str, Any]) -> int | None:
    start, end = document.get("startTime"), document.get("endTime")
    if start is None or end is None:
        return None
    unit = 1e9 if "nodes" not in document and "timestamps" in document else _US
    span = number(source, end, "endTime") - number(source, start, "startTime")
    return whole(source, span, unit, "endTime") if span > 0 else None
