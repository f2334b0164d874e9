"""Allocators sample what they are asked for; what all of it was is worked out as jeprof and pprof do.

Source: ``AdjustSamples`` of https://github.com/jemalloc/jemalloc/blob/dev/bin/jeprof.in. With one sample in `rate`
bytes on average, an allocation of s bytes is seen with the probability 1 - exp(-s / rate).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

#: none: every allocation was recorded; poisson: as above; uniform: the first version, of 2005
Sampling = Literal["none", "poisson", "uniform"]


def scale(count: int, size: int, rate: float, sampling: Sampling) -> float:
    """By what the count and the bytes of a stack are multiplied."""
    if not count or not size or not rate or sampling == "none":
        return 1.0
    ratio = size / count / rate
    if sampling == "uniform":
        return 1 / ratio if ratio < 1 else 1.0
    return 1 / -math.expm1(-ratio)


def whole(values: Sequence[float]) -> list[int]:
    """The values without their fractions, of which so many of the largest are rounded up that the sum is the whole part
    of the sum. ValueError if a value is too large for a profile.
    """
    total = math.fsum(values)
    if not total < 2.0**63:
        raise ValueError(f"value {total:g} is too large for a profile")
    out = [math.floor(value) for value in values]
    missing = math.floor(total) - sum(out)
    by_fraction = sorted(range(len(values)), key=lambda i: out[i] - values[i])
    for i in by_fraction[: max(missing, 0)]:
        out[i] += 1
    return out
