"""speedscope's own file format: frames by number, and for each thread samples with weights, or open and close events.

Format: https://github.com/jlfwong/speedscope/wiki/Importing-from-custom-sources and
https://www.speedscope.app/file-format-schema.json
Sample: ``{"type": "sampled", "unit": "seconds", "samples": [[0, 1]], "weights": [0.01]}``
Threads are merged by kind of value; time comes out in ns. This program writes a profile for each kind and thread, named
``peak [bytes] · thread``, and reads the kind back. Lost: columns, and the order of samples (events keep their
time-line); on writing also the time-line, and whether a place is a file or a library.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple

from perf_action.formats import py_spy_frames
from perf_action.formats.reader import capture_of
from perf_action.formats.source import ReadOptions, Source
from perf_action.formats.spans import Spans
from perf_action.formats.stack_lines import Frame
from perf_action.formats.values import number, whole
from perf_action.model.builder import ProfileBuilder
from perf_action.model.profile import ValueKind
from perf_action.model.snapshot import Capture
from perf_action.system import System

NAME: Final = "speedscope"
_UNITS: Final = {
    "none": ("samples", 1.0),
    "nanoseconds": ("ns", 1.0),
    "microseconds": ("ns", 1e3),
    "milliseconds": ("ns", 1e6),
    "seconds": ("ns", 1e9),
    "bytes": ("bytes", 1.0),
}
#: how this program names a profile: kind, event and unit, then the thread
_OWN_NAME = re.compile(
    r"([\w.-]+)(?::([^\[]+))? \[(samples|ns|bytes|count|instructions)\](?: · (.*))?", re.DOTALL
)
_PY_SPY_THREAD = re.compile(r'(?:Process \d+ )?Thread (\w+)(?: "(.*)")?', re.DOTALL)


Row = Callable[[int], tuple[int, ...]]


class _Part(NamedTuple):
    """One of the file's profiles, with what its values are."""

    place: str
    body: dict[str, Any]
    kind: ValueKind
    scale: float
    thread: str


def sniff(source: Source) -> bool:
    document = source.document
    return isinstance(document, dict) and (
        "speedscope" in str(document.get("$schema"))
        or ("shared" in document and isinstance(document.get("profiles"), list))
    )


def read(source: Source, options: ReadOptions, system: System) -> Capture:  # noqa: ARG001
    document = source.document
    tool, _, version = str(document.get("exporter") or "").partition("@")
    parts = list(_parts(source, document, tool))
    kinds = list(dict.fromkeys(part.kind for part in parts))
    builder = ProfileBuilder(kinds, tool=tool, tool_version=version)
    frames = _frames(source, document, builder)
    weights: set[int] = set()
    for part in parts:
        row = _row_of(kinds.index(part.kind), len(kinds))
        if part.body.get("type") == "evented":
            _add_events(source, part, frames, builder, row)
        else:
            weights |= _add_samples(source, part, frames, builder, row)
    period = weights.pop() if len(weights) == 1 and len(kinds) == 1 else None
    profile = builder.build(period=period)
    empty = () if len(profile.sample_stack) else ("the profile holds no samples",)
    return capture_of(NAME, profile, *empty)


def _parts(source: Source, document: dict[str, Any], tool: str) -> Iterator[_Part]:
    profiles = document.get("profiles")
    if not isinstance(profiles, list) or not profiles:
        raise source.error("holds no profiles", remedy="the recording was empty or is cut off")
    for index, body in enumerate(profiles):
        place = f"profiles[{index}]"
        if not isinstance(body, dict):
            raise source.error("is not an object", place=place)
        kind_of_body = body.get("type")
        if kind_of_body not in ("sampled", "evented"):
            raise source.error(f"type {str(kind_of_body)[:40]!r} is not known", place=place)
        unit, scale = _UNITS.get(str(body.get("unit", "none")), ("", 0.0))
        if not unit:
            raise source.error(f"unit {str(body.get('unit'))[:40]!r} is not known", place=place)
        name = str(body.get("name", ""))
        yield _Part(place, body, _kind(name, unit, kind_of_body, tool), scale, _thread(name, tool))


def _kind(name: str, unit: str, type_of_body: str, tool: str) -> ValueKind:
    match = _OWN_NAME.fullmatch(name)
    if match is not None:
        return ValueKind(match[1], match[3], match[2] or "")
    if unit == "bytes":
        return ValueKind("in_use", unit)
    if tool == "memray" and "alloc" in name.lower():
        return ValueKind("in_use_count", "count")
    wall = type_of_body == "evented" and tool != "py-spy"
    return ValueKind("wall" if wall else "cpu", unit)


def _thread(name: str, tool: str) -> str:
    own = _OWN_NAME.fullmatch(name)
    if own is not None:
        return own[4] or ""
    match = _PY_SPY_THREAD.fullmatch(name) if tool == "py-spy" else None
    return name if match is None else match[2] or match[1]


def _frames(source: Source, document: dict[str, Any], builder: ProfileBuilder) -> list[int]:
    """Frame index of each shared frame; -1 for py-spy's pseudo-frames, which are dropped."""
    shared = document.get("shared")
    frames = shared.get("frames") if isinstance(shared, dict) else None
    if not isinstance(frames, list):
        raise source.error("has no shared.frames")
    out = []
    for index, frame in enumerate(frames):
        if not isinstance(frame, dict) or not isinstance(frame.get("name"), str):
            raise source.error("has no name", place=f"shared.frames[{index}]")
        file, line = frame.get("file"), frame.get("line")
        parts = py_spy_frames.named(
            frame["name"], file if isinstance(file, str) else "", line if isinstance(line, int) else 0
        )
        if not parts.file and not parts.module and py_spy_frames.is_pseudo(parts.name):
            out.append(-1)
        else:
            out.append(_index(builder, parts))
    return out


def _index(builder: ProfileBuilder, frame: Frame) -> int:
    return builder.frame(builder.function(frame.name, file=frame.file, module=frame.module), frame.line)


def _add_samples(
    source: Source, part: _Part, frames: list[int], builder: ProfileBuilder, row: Row
) -> set[int]:
    """Adds a sampled profile; returns the weights it has, canonical."""
    samples, weights = part.body.get("samples"), part.body.get("weights")
    if not isinstance(samples, list):
        raise source.error("has no samples", place=part.place)
    if weights is None:
        weights = [1] * len(samples)
    if not isinstance(weights, list) or len(weights) != len(samples):
        count = len(weights) if isinstance(weights, list) else "no"
        raise source.error(f"{len(samples)} samples but {count} weights", place=part.place)
    seen: set[int] = set()
    for index, (stack, weight) in enumerate(zip(samples, weights, strict=True)):
        place = f"{part.place}.samples[{index}]"
        if not isinstance(stack, list):
            raise source.error("is no list of frames", place=place)
        value = whole(source, number(source, weight, place), part.scale, place)
        seen.add(value)
        ids = _stack(source, frames, stack, place)
        node = builder.stack_of([i for i in ids if i >= 0])
        builder.sample(node, row(value), thread=part.thread or None)
    return seen


def _add_events(source: Source, part: _Part, frames: list[int], builder: ProfileBuilder, row: Row) -> None:
    events = part.body.get("events")
    if not isinstance(events, list):
        raise source.error("has no events", place=part.place)
    start = number(source, part.body.get("startValue", 0), part.place)
    spans = Spans(builder, part.thread or None, row)
    for index, event in enumerate(events):
        place = f"{part.place}.events[{index}]"
        if not isinstance(event, dict) or event.get("type") not in ("O", "C"):
            raise source.error("is neither an open (O) nor a close (C) event", place=place)
        at = whole(source, number(source, event.get("at"), place) - start, part.scale, place)
        frame = _frame_at(source, frames, event.get("frame"), place)
        if at < spans.now:
            raise source.error("goes back in time", place=place)
        if event["type"] == "O":
            spans.open(frame, at)
        elif not spans.close(frame, at):
            raise source.error("closes a frame that is not the innermost open one", place=place)
    end = number(source, part.body.get("endValue", start), part.place)
    spans.finish(max(spans.now, round((end - start) * part.scale)))


def _stack(source: Source, frames: list[int], stack: list[Any], place: str) -> list[int]:
    """Frame indices of a sample. The quick way first; the slow one says which frame is wrong."""
    try:
        if not stack or min(stack) >= 0:
            return [frames[index] for index in stack]
    except (IndexError, TypeError):
        pass
    return [_frame_at(source, frames, index, place) for index in stack]


def _frame_at(source: Source, frames: list[int], index: object, place: str) -> int:
    if not isinstance(index, int) or not 0 <= index < len(frames):
        raise source.error(f"frame {str(index)[:40]} does not exist ({len(frames)} frames)", place=place)
    return frames[index]


def _row_of(column: int, columns: int) -> Row:
    """A function from a value to a sample's values, which has it in that column."""
    before, after = (0,) * column, (0,) * (columns - column - 1)
    return lambda value: (*before, value, *after)
