"""Numbers out of JSON and CSV: finite, not negative, and whole where a profile needs whole ones."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from perf_action.formats.source import Source

_INT64_MAX = 2**63 - 1


def number(source: Source, value: Any, place: str) -> float:
    """A finite number as JSON has it. InputError for anything else (also true and false)."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        shown = "missing" if value is None else f"{str(value)[:40]!r}"
        raise source.error(f"{shown} where a number should be", place=place)
    try:
        result = float(value)
    except OverflowError:
        result = math.inf
    if not math.isfinite(result):
        raise source.error("a number is too large", place=place)
    return value if isinstance(value, int) else result


def whole(source: Source, value: float, scale: float, place: str) -> int:
    """`value` × `scale` as a count of at least 0."""
    product = value if scale == 1 and isinstance(value, int) else value * scale
    if not 0 <= product <= _INT64_MAX:
        reason = "is negative" if product < 0 else "is too large"
        raise source.error(f"value {value:g} {reason}", place=place)
    return round(product)


def numbers(source: Source, values: Any, place: str) -> NDArray[np.float64]:
    """A list of finite numbers as a column; the slow way says which one is none."""
    if not isinstance(values, list):
        raise source.error("is no list", place=place)
    if not set(map(type, values)) <= {int, float}:
        for index, value in enumerate(values):
            number(source, value, f"{place}[{index}]")
    try:
        column = np.array(values, dtype=np.float64)
    except OverflowError:
        column = np.array([np.inf])
    if not np.isfinite(column).all():
        raise source.error("a number is too large", place=place)
    return column


def text_number(source: Source, value: str, place: str) -> float:
    """A finite number as CSV has it."""
    try:
        result = float(value)
    except ValueError:
        raise source.error(f"{value[:40]!r} where a number should be", place=place) from None
    if not math.isfinite(result):
        raise source.error(f"{value[:40]!r} is not a finite number", place=place)
    return result
