"""All knowledge of units in one place: what a file may say, and what it is inside.

Inside, time is nanoseconds, memory bytes, the rest counts, rates per second and shares 0..1. A metric keeps the
unit it was given, so that what goes in comes out; thresholds in absolute terms convert through `factor`.
"""

from __future__ import annotations

from typing import Final

NS_PER_S: Final = 1_000_000_000

#: unit as written -> (canonical unit, how many canonical units one of it is)
UNITS: Final[dict[str, tuple[str, float]]] = {
    "s": ("ns", 1e9),
    "ms": ("ns", 1e6),
    "us": ("ns", 1e3),
    "µs": ("ns", 1e3),
    "ns": ("ns", 1.0),
    "bytes": ("bytes", 1.0),
    "B": ("bytes", 1.0),
    "kB": ("bytes", 1e3),
    "KB": ("bytes", 1e3),
    "KiB": ("bytes", 1024.0),
    "MB": ("bytes", 1e6),
    "MiB": ("bytes", 1024.0**2),
    "GB": ("bytes", 1e9),
    "GiB": ("bytes", 1024.0**3),
    "count": ("count", 1.0),
    "1/s": ("1/s", 1.0),
    "bytes/s": ("bytes/s", 1.0),
    "ratio": ("ratio", 1.0),
    "percent": ("ratio", 0.01),
    "%": ("ratio", 0.01),
    "samples": ("samples", 1.0),
    "instructions": ("instructions", 1.0),
}


def is_unit(unit: str) -> bool:
    return unit in UNITS


def canonical_unit(unit: str) -> str:
    """The canonical unit that `unit` measures in; KeyError for an unknown one."""
    return UNITS[unit][0]


def factor(unit: str) -> float:
    """How many canonical units one `unit` is; KeyError for an unknown one."""
    return UNITS[unit][1]


def measured_in(unit: str) -> tuple[str, float]:
    """The canonical unit and how many of it one `unit` is; an unknown unit is its own."""
    return UNITS.get(unit, (unit, 1.0))


def to_canonical(value: float, unit: str) -> float:
    return value * factor(unit)


def comparable(one: str, other: str) -> bool:
    """Whether values in these units measure the same thing."""
    return UNITS[one][0] == UNITS[other][0]
