"""V8's sampling heap profiles: what ``node --heap-prof`` writes, the memory that was alive at the end.

Format: https://chromedevtools.github.io/devtools-protocol/tot/HeapProfiler/#type-SamplingHeapProfile
Sample: ``{"callFrame": {"functionName": "keep", "url": "file:///srv/shop.js", "lineNumber": 7}, "selfSize": 51200, "id": 4}``
Sizes are what V8 estimated from its samples (one every 512 KiB, unless told otherwise), live objects only.
Lost: the single samples, columns and scripts' ids.
"""

from __future__ import annotations

from typing import Final

from perf_action.formats.reader import capture_of
from perf_action.formats.source import ReadOptions, Source
from perf_action.formats.v8 import nodes as v8_nodes
from perf_action.formats.values import number, whole
from perf_action.model.builder import ProfileBuilder
from perf_action.model.profile import ValueKind
from perf_action.model.snapshot import Capture
from perf_action.system import System

NAME: Final = "heapprofile"


def sniff(source: Source) -> bool:
    document = source.document
    head = document.get("head") if isinstance(document, dict) else None
    return isinstance(head, dict) and "callFrame" in head and "selfSize" in head


def read(source: Source, options: ReadOptions, system: System) -> Capture:  # noqa: ARG001
    builder = ProfileBuilder([ValueKind("in_use", "bytes")], tool="v8")
    for node in v8_nodes.tree(source, source.document, builder).values():
        place = f"{node.place}: selfSize"
        builder.sample(
            node.stack, (whole(source, number(source, node.body.get("selfSize"), place), 1, place),)
        )
    profile = builder.build()
    empty = () if len(profile.sample_stack) else ("the profile holds no memory",)
    return capture_of(NAME, profile, *empty)
