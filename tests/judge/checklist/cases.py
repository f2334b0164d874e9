"""Snapshots to be checked: real time-lines of `app.py`, and profiles put together by hand for what they lack."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path

from perf_action import formats
from perf_action.model.builder import ProfileBuilder
from perf_action.model.metric import Better, Metric
from perf_action.model.profile import CapturedProfile, Profile, ValueKind
from perf_action.model.snapshot import Snapshot
from perf_action.system import System

SAMPLES = Path(__file__).parent / "samples"


@cache
def timeline(name: str) -> Profile:
    """A recording of py-spy as a run keeps it."""
    profile = formats.read(SAMPLES / f"{name}.json.gz", System()).captures[0].profile
    return replace(profile, kinds=(ValueKind("wall", "ns"),))


def seen(name: str, requests: int | None = None) -> Snapshot:
    kept = CapturedProfile(stage="cpu", requests=requests, profile=timeline(name))
    return Snapshot(label="head", timelines=(kept,))


def profile(
    stacks: Mapping[str, int], kind: str = "cpu", unit: str = "samples", *, event: str = ""
) -> Profile:
    """Folded stacks of ``name file`` to values."""
    builder = ProfileBuilder((ValueKind(kind, unit, event),), tool="perf")
    for text, value in stacks.items():
        frames = []
        for frame in text.split(";"):
            name, _, file = frame.partition(" ")
            frames.append(builder.frame(builder.function(name, file=file), line=7))
        builder.sample(builder.stack_of(frames), (value,))
    return builder.build()


def timed(stacks: Sequence[str]) -> Profile:
    """A time-line of one thread: each of the folded stacks for 10 ms, one after the other."""
    builder = ProfileBuilder((ValueKind("wall", "ns"),), tool="py-spy")
    for i, text in enumerate(stacks):
        frames = [
            builder.frame(builder.function(name, file=file), line=7)
            for name, _, file in (frame.partition(" ") for frame in text.split(";"))
        ]
        builder.sample(builder.stack_of(frames), (10_000_000,), thread="1", time_ns=i * 10_000_000)
    return builder.build()


def captured(made: Profile, requests: int | None = 1000) -> Snapshot:
    return Snapshot(label="head", captures=(CapturedProfile(stage="s", requests=requests, profile=made),))


def metric(name: str, unit: str, *samples: float, better: Better = "lower") -> Metric:
    return Metric(name=name, unit=unit, better=better, samples=samples)
