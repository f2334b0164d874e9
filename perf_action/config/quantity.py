"""Durations, sizes, shares and ranges as people write them in perf.yml: ``60s``, ``500MB``, ``10%``, ``8..24``."""

from __future__ import annotations

import math
import re
from typing import Annotated, Any, NamedTuple

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from perf_action.model.units import canonical_unit, factor, is_unit

_NUMBER = re.compile(r"\s*([+-]?\d+(?:\.\d+)?)\s*(\S*)\s*")
_SECONDS = {"ms": 1e-3, "s": 1.0, "": 1.0, "m": 60.0, "min": 60.0, "h": 3600.0}


def seconds(value: Any) -> float:
    """``90``, ``90s``, ``1.5m``, ``250ms``, ``1h`` in seconds. ValueError says what is accepted."""
    number, unit = _split(value, "a duration such as 60s, 250ms or 5m")
    if unit not in _SECONDS or number < 0:
        raise ValueError(f"{value!r} is not a duration such as 60s, 250ms or 5m")
    return number * _SECONDS[unit]


def share(value: Any) -> float:
    """``1%`` or ``0.01`` as 0.01. ValueError if it is not a share."""
    number, unit = _split(value, "a share such as 1%")
    if unit not in ("", "%"):
        raise ValueError(f"{value!r} is not a share such as 1%")
    return number / 100 if unit == "%" else number


def quantity(value: Any) -> tuple[float, str]:
    """``500MB`` as (5e8, "bytes"), ``10%`` as (0.1, "ratio"), ``100ms`` as (1e8, "ns"), ``7`` as a count; ``100MB/s`` and
    ``7/s`` as rates, ``2kB/request`` as what one request may cost.
    """
    number, unit = _split(value, "a quantity such as 500MB, 10% or 100ms")
    bare, slash, per = unit.partition("/")
    if slash and per in ("s", "request") and (not bare or (is_unit(bare) and bare != "%")):
        canonical = canonical_unit(bare) if bare else "count"
        if per == "request" or canonical in ("bytes", "count"):
            scaled = number * (factor(bare) if bare else 1.0)
            return scaled, "1/s" if (canonical, per) == ("count", "s") else f"{canonical}/{per}"
    if not unit:
        return number, "count"
    if not is_unit(unit):
        raise ValueError(
            f"{value!r} is not a quantity such as 500MB, 10% or 100ms: the unit {unit!r} is not known"
        )
    return number * factor(unit), canonical_unit(unit)


def _split(value: Any, what: str) -> tuple[float, str]:
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError(f"{value!r} is not {what}")
    match = _NUMBER.fullmatch(str(value))
    if match is None or not math.isfinite(float(match[1])):
        raise ValueError(f"{value!r} is not {what}")
    return float(match[1]), match[2]


class Range(NamedTuple):
    """At least and at most how many; both at least 1."""

    least: int
    most: int


def _range(value: Any) -> Range:
    match = (
        re.fullmatch(r"\s*(\d+)\s*(?:\.\.\s*(\d+)\s*)?", str(value)) if not isinstance(value, Range) else None
    )
    if isinstance(value, Range):
        return value
    if match is None:
        raise ValueError(f"{value!r} is not a number or a range such as 8..24")
    least, most = int(match[1]), int(match[2] or match[1])
    if not 1 <= least <= most <= 1000:
        raise ValueError(f"{value!r} is not a range such as 8..24: from 1 to 1000, the smaller first")
    return Range(least, most)


_TEXT_OR_NUMBER = {"type": ["string", "number"]}

#: a duration, in seconds
Seconds = Annotated[
    float,
    BeforeValidator(seconds),
    WithJsonSchema(
        {**_TEXT_OR_NUMBER, "description": "a duration such as 60s, 250ms or 5m; a bare number is seconds"}
    ),
]
#: a share, 0..1
Share = Annotated[
    float, BeforeValidator(share), WithJsonSchema({**_TEXT_OR_NUMBER, "description": "a share such as 1%"})
]
#: a number of launches, or a range of it
Launches = Annotated[
    Range,
    BeforeValidator(_range),
    PlainSerializer(lambda r: f"{r.least}..{r.most}"),
    WithJsonSchema({"type": ["string", "integer"], "description": "a number, or a range such as 8..24"}),
]
