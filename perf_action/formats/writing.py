"""Captures written for other tools: which suffix means which format, and one kind taken out of a profile."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from perf_action.formats.folded import to_folded
from perf_action.formats.listing import listing, profiles_of
from perf_action.formats.metric_file import to_metric_file
from perf_action.formats.pprof.write import to_pprof
from perf_action.formats.speedscope.write import to_speedscope
from perf_action.model.profile import Profile
from perf_action.model.snapshot import Capture

#: suffix -> a profile of one or more kinds to the content of the file; folded text has the first kind only
PROFILE_WRITERS: Final[dict[str, Callable[[Profile], str | bytes]]] = {
    ".folded": to_folded,
    ".pb.gz": to_pprof,
    ".speedscope.json": to_speedscope,
}
#: suffix -> a capture to the content of the file
CAPTURE_WRITERS: Final[dict[str, Callable[[Capture], str | bytes]]] = {
    ".metrics.json": to_metric_file,
    ".json": lambda capture: json.dumps(listing(capture), indent=1) + "\n",
}


def kind_names(capture: Capture) -> list[str]:
    """The kinds in a capture as `--kind` takes them, in the order of the file."""
    return [
        f"{kind.kind}:{kind.event}" if kind.event else kind.kind
        for profile in profiles_of(capture)
        for kind in profile.kinds
    ]


def profile_with(capture: Capture, kind: str | None) -> Profile | None:
    """The first profile, or of the kind named that kind alone; None if there is none."""
    for profile in profiles_of(capture):
        if kind is None:
            return profile
        for column, value_kind in enumerate(profile.kinds):
            if kind in (value_kind.kind, f"{value_kind.kind}:{value_kind.event}"):
                return only_kind(profile, column)
    return None


def only_kind(profile: Profile, column: int) -> Profile:
    """The profile with one of its kinds, without the samples that have none of it."""
    keep = profile.sample_values[:, column] > 0
    return replace(
        profile,
        kinds=(profile.kinds[column],),
        sample_stack=profile.sample_stack[keep],
        sample_values=profile.sample_values[keep][:, [column]],
        sample_thread=None if profile.sample_thread is None else profile.sample_thread[keep],
        sample_time_ns=None if profile.sample_time_ns is None else profile.sample_time_ns[keep],
        period=profile.period if column == 0 else None,
    )
