"""What every reader is: a module with a name, a look at the content, and a way to read it."""

from __future__ import annotations

from typing import Protocol

from perf_action.formats.source import ReadOptions, Source
from perf_action.model.metric import Metric
from perf_action.model.profile import CapturedProfile, Profile
from perf_action.model.snapshot import Capture
from perf_action.system import System


class Reader(Protocol):
    """A module of this package. `sniff` judges by content; once it says yes, whatever is wrong is an InputError."""

    @property
    def NAME(self) -> str: ...  # noqa: N802

    def sniff(self, source: Source) -> bool: ...

    def read(self, source: Source, options: ReadOptions, system: System) -> Capture: ...


def capture_of(format_name: str, profile: Profile, *notes: str) -> Capture:
    """A capture that is one profile."""
    return Capture(
        format=format_name,
        captures=(CapturedProfile(stage="file", requests=profile.requests, profile=profile),),
        notes=(*profile.notes, *notes),
    )


def statistic(name: str, unit: str, value: float) -> Metric:
    """A number that an allocator gives of itself: one of a launch, of which less is better."""
    return Metric(name=name, unit=unit, better="lower", samples=(value,), source="profiled")
