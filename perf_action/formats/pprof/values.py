"""What the values of a pprof profile are: its sample types and units as kinds and units of ours, and back.

Names: https://pkg.go.dev/runtime/pprof#Profile (Go's own), and the kinds of this program, which it writes as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from perf_action.model.profile import ValueKind

_KINDS: Final = {
    "alloc_objects": "allocations",
    "alloc_space": "allocated",
    "inuse_objects": "in_use_count",
    "inuse_space": "in_use",
    "objects": "in_use_count",
    "space": "in_use",
    "contentions": "lock_count",
    "delay": "lock_wait",
    "goroutine": "goroutines",
    "threadcreate": "threads",
    "wall-time": "wall",
    "cpu-time": "cpu",
}
#: the sample types of a Go heap profile
HEAP_TYPES: Final = frozenset({"inuse_objects", "inuse_space", "alloc_objects", "alloc_space"})
_UNITS: Final = {
    "nanoseconds": ("ns", 1),
    "ns": ("ns", 1),
    "microseconds": ("ns", 1_000),
    "milliseconds": ("ns", 1_000_000),
    "seconds": ("ns", 1_000_000_000),
    "bytes": ("bytes", 1),
    "byte": ("bytes", 1),
    "kilobytes": ("bytes", 1 << 10),
    "megabytes": ("bytes", 1 << 20),
    "gigabytes": ("bytes", 1 << 30),
    "samples": ("samples", 1),
    "instructions": ("instructions", 1),
    "count": ("count", 1),
    "": ("count", 1),
}
_WRITTEN: Final = {"ns": "nanoseconds"}


def kinds_of(types: Sequence[tuple[str, str]]) -> list[tuple[ValueKind, int, str]]:
    """Kind, factor to its unit and a note (or nothing) for each sample type; no two kinds are alike.

    ``samples/count`` is CPU samples where no other type says how long they took, else it stays a count of samples.
    """
    alone = not any(_UNITS.get(unit, ("", 1))[0] == "ns" for _, unit in types)
    out: list[tuple[ValueKind, int, str]] = []
    for name, unit in types:
        known = _UNITS.get(unit)
        canonical, factor = known or ("count", 1)
        note = "" if known else f"the unit {unit[:40]!r} of {name[:40]!r} is read as a count"
        kind, _, event = name.partition(":")
        if name == "samples" and unit in ("count", "samples", ""):
            kind, canonical = ("cpu" if alone else "samples"), "samples"
        made = ValueKind(_KINDS.get(kind, kind or "samples"), canonical, event)
        if any(made == other for other, _, _ in out):
            made = made._replace(event=name if name != kind else f"{name}-{len(out)}")
        out.append((made, factor, note))
    return out


def type_of(kind: ValueKind) -> tuple[str, str]:
    """Sample type and unit to write a kind as; `kinds_of` makes the same kind of it."""
    name = f"{kind.kind}:{kind.event}" if kind.event else kind.kind
    return name, _WRITTEN.get(kind.unit, kind.unit)
