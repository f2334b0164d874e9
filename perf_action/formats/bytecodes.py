"""Bytecodes by call stack, as `profilers/bytecodes.py` counts them inside a Python service.

Sample: ``{"format": "perf-action bytecodes", "version": 1, "python": "3.11.7", "codes": [["encode", "/srv/app.py", 9]],
"nodes": [[-1, 0, 5120]]}``: a node is its parent's index, its code's, and the bytecodes that it executed itself.
Lost: lines and threads.
"""

from __future__ import annotations

from typing import Any, Final

from perf_action.formats.py_spy_frames import named
from perf_action.formats.reader import capture_of
from perf_action.formats.source import ReadOptions, Source
from perf_action.model.builder import ProfileBuilder
from perf_action.model.profile import ValueKind
from perf_action.model.snapshot import Capture
from perf_action.system import System

NAME: Final = "bytecodes"
_MARK: Final = b'"format": "perf-action bytecodes"'
_VERSION: Final = 1


def sniff(source: Source) -> bool:
    return _MARK in source.head[:200]


def read(source: Source, options: ReadOptions, system: System) -> Capture:  # noqa: ARG001
    document = source.document
    if not isinstance(document, dict) or document.get("version") != _VERSION:
        raise source.error("was written by another version", remedy=f"known is version {_VERSION}")
    builder = ProfileBuilder(
        [ValueKind("bytecodes", "count")],
        tool="bytecodes",
        tool_version=str(document.get("python", "")),
        fidelity="exact",
    )
    frames = [_frame(source, builder, code, i) for i, code in enumerate(_rows(source, document, "codes"))]
    stacks: list[int] = []
    with source.refusing():
        for i, node in enumerate(_rows(source, document, "nodes")):
            parent, code, count = _numbers(source, node, i)
            if not -1 <= parent < i or not 0 <= code < len(frames):
                raise source.error("points to what is not there", place=f"node {i}")
            stacks.append(builder.stack(stacks[parent] if parent >= 0 else -1, frames[code]))
            if count:
                builder.sample(stacks[-1], [count])
    return capture_of(NAME, builder.build())


def _rows(source: Source, document: dict[str, Any], key: str) -> list[Any]:
    rows = document.get(key)
    if not isinstance(rows, list) or not rows:
        raise source.error(f"has no {key}", remedy="the service ended before it answered a request")
    return rows


def _frame(source: Source, builder: ProfileBuilder, code: Any, index: int) -> int:
    if not (
        isinstance(code, list)
        and len(code) == 3
        and isinstance(code[0], str)
        and isinstance(code[1], str)
        and type(code[2]) is int
    ):
        raise source.error("is no name, file and line", place=f"code {index}")
    parts = named(code[0], code[1], code[2])
    return builder.frame(
        builder.function(parts.name, file=parts.file, module=parts.module, line=max(0, code[2]))
    )


def _numbers(source: Source, node: Any, index: int) -> tuple[int, int, int]:
    if not (isinstance(node, list) and len(node) == 3 and all(type(n) is int for n in node)):
        raise source.error("is no parent, code and count", place=f"node {index}")
    return node[0], node[1], node[2]
