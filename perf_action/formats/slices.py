"""Sliced profiles (``*.slices.jsonl[.gz]``): what a sampling profiler saw per slice of load, in and out.

Format: this program's own, a JSON object a line.
Sample: ``{"launch": 0, "slice": 0, "requests": 2000, "cpu_us_per_request": 110.2, "rate_hz": 500,
"stacks": {"main (app.py:1);encode (app.py:9)": 37}}``
`cpu_us_per_request` comes from the process CPU clock, not from the samples. Lost on writing: threads and times.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterable
from typing import Any, Final

from perf_action.formats import py_spy_frames
from perf_action.formats.paths import paths
from perf_action.formats.source import ReadOptions, Source
from perf_action.formats.stack_lines import add_stacks
from perf_action.formats.values import number, whole
from perf_action.model.builder import ProfileBuilder
from perf_action.model.profile import Profile, ProfileSlice, ValueKind
from perf_action.model.snapshot import Capture
from perf_action.model.tree import stack_self
from perf_action.system import System

NAME: Final = "slices"
_FIRST: Final = re.compile(
    r'\{\s*("stacks"|[^\n]*?"(launch|slice|rate_hz|cpu_us_per_request)"[^\n]*?"stacks")\s*:\s*\{'
)


def sniff(source: Source) -> bool:
    return source.looks_like_json and bool(_FIRST.match(source.head_lines[0]))


def read(source: Source, options: ReadOptions, system: System) -> Capture:  # noqa: ARG001
    return Capture(format=NAME, slices=decode(source))


def decode(source: Source) -> tuple[ProfileSlice, ...]:
    """The slices in a file that is known to hold such. InputError if it is broken."""
    slices: dict[tuple[int, int], ProfileSlice] = {}
    with source.refusing():
        for index, line in enumerate(source.text.split("\n"), 1):
            if line.strip():
                place = f"line {index}"
                piece = _slice(source, source.parse_json(line, place=place), place)
                if slices.setdefault((piece.launch, piece.slice), piece) is not piece:
                    raise source.error(
                        f"slice {piece.slice} of launch {piece.launch} is there twice", place=place
                    )
    return tuple(slices.values())


def _slice(source: Source, body: Any, place: str) -> ProfileSlice:
    if not isinstance(body, dict):
        raise source.error("is no object", place=place)

    def value(key: str) -> float:
        return number(source, body.get(key), f"{place}, {key}")

    requests = whole(source, value("requests"), 1, f"{place}, requests")
    rate, cpu_us = value("rate_hz"), value("cpu_us_per_request")
    if requests == 0 or rate <= 0:
        raise source.error(f"{'requests' if requests == 0 else 'rate_hz'} must be above 0", place=place)
    if cpu_us < 0:
        raise source.error("cpu_us_per_request is negative", place=place)
    return ProfileSlice(
        launch=whole(source, value("launch"), 1, f"{place}, launch"),
        slice=whole(source, value("slice"), 1, f"{place}, slice"),
        requests=requests,
        cpu_ns_per_request=cpu_us * 1e3,
        rate_hz=rate,
        profile=_profile(source, body.get("stacks"), requests, place),
    )


def _profile(source: Source, stacks: Any, requests: int, place: str) -> Profile:
    if not isinstance(stacks, dict):
        raise source.error("has no stacks", place=place)
    totals = {
        stack: whole(source, number(source, count, f"{place}, {stack[:60]}"), 1, f"{place}, {stack[:60]}")
        for stack, count in stacks.items()
    }
    builder = ProfileBuilder([ValueKind("cpu", "samples")])
    add_stacks(builder, totals, frame_of=py_spy_frames.frame, split=py_spy_frames.split)
    return builder.build(requests=requests)


def to_slices(slices: Iterable[ProfileSlice]) -> bytes:
    """Gzipped, one line a slice; the first kind of each profile must count samples."""
    lines = [json.dumps(_body(s), separators=(",", ":")) + "\n" for s in slices]
    return gzip.compress("".join(lines).encode(), 6, mtime=0)


def _body(s: ProfileSlice) -> dict[str, Any]:
    path_of = paths(s.profile)
    texts = _frame_texts(s.profile)
    stacks: dict[str, int] = {}
    for stack, count in enumerate(stack_self(s.profile).tolist()):
        if count:
            text = ";".join([texts[frame] for frame in path_of(stack)])
            stacks[text] = stacks.get(text, 0) + count
    return {
        "launch": s.launch,
        "slice": s.slice,
        "requests": s.requests,
        "cpu_us_per_request": s.cpu_ns_per_request / 1e3,
        "rate_hz": s.rate_hz,
        "stacks": stacks,
    }


def _frame_texts(profile: Profile) -> list[str]:
    keys = profile.function_keys
    return [
        py_spy_frames.text(keys[function], line)
        for function, line in zip(profile.frame_function.tolist(), profile.frame_line.tolist(), strict=True)
    ]
