"""Writes profiles for https://www.speedscope.app (see `__init__.py`): one for each kind and thread, heaviest thread first."""

from __future__ import annotations

import json
from collections import defaultdict
from typing import Any, Final

from perf_action.formats.paths import paths
from perf_action.model.profile import Profile, ValueKind

_SCHEMA: Final = "https://www.speedscope.app/file-format-schema.json"
_UNITS: Final = {"ns": "nanoseconds", "bytes": "bytes"}


def to_speedscope(profile: Profile, name: str = "") -> str:
    threads = profile.sample_thread
    names = (
        [""] * len(profile.sample_stack)
        if threads is None
        else [profile.strings[t] for t in threads.tolist()]
    )
    path_of = paths(profile)
    stacks = profile.sample_stack.tolist()
    profiles = []
    for column, kind in enumerate(profile.kinds):
        by_thread: defaultdict[str, dict[int, int]] = defaultdict(lambda: defaultdict(int))
        for stack, thread, value in zip(
            stacks, names, profile.sample_values[:, column].tolist(), strict=True
        ):
            if value:
                by_thread[thread][stack] += value
        for thread, weights in sorted(by_thread.items(), key=lambda item: -sum(item[1].values())):
            samples = [path_of(stack) for stack in weights]
            profiles.append(_sampled(_name(kind, thread), kind, samples, list(weights.values())))
    document = {
        "$schema": _SCHEMA,
        "exporter": "perf-action",
        "name": name or profile.tool,
        "shared": {"frames": _frames(profile)},
        "profiles": profiles,
    }
    return json.dumps(document) + "\n"


def _name(kind: ValueKind, thread: str) -> str:
    event = f":{kind.event}" if kind.event else ""
    return f"{kind.kind}{event} [{kind.unit}]" + (f" · {thread}" if thread else "")


def _sampled(name: str, kind: ValueKind, samples: list[list[int]], weights: list[int]) -> dict[str, Any]:
    return {
        "type": "sampled",
        "name": name,
        "unit": _UNITS.get(kind.unit, "none"),
        "startValue": 0,
        "endValue": sum(weights),
        "samples": samples,
        "weights": weights,
    }


def _frames(profile: Profile) -> list[dict[str, Any]]:
    keys = profile.function_keys
    frames = []
    for function, line in zip(profile.frame_function.tolist(), profile.frame_line.tolist(), strict=True):
        key = keys[function]
        frame: dict[str, Any] = {"name": key.name}
        if key.file or key.module:
            frame["file"] = key.file or key.module
        if line:
            frame["line"] = line
        frames.append(frame)
    return frames
