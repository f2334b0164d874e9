"""A metric: one quantity of a service, with every repetition kept.

Repetitions are never averaged here: the verdict needs to know which samples came from which launch (the unit of
replication) and which were taken together (pairs).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Better = Literal["lower", "higher", "neither"]
#: clean: from launches without a profiler; profiled: from launches with one (counts only, never times)
Source = Literal["clean", "profiled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """`samples[i]` in `unit`, taken in launch `launches[i]` and pair `pairs[i]` (both None where nobody recorded them).

    `exact`: the value counts events and repeats to the digit (allocations, instructions, bytes), so a single sample
    a side can be judged.
    """

    name: str
    unit: str
    better: Better
    samples: tuple[float, ...]
    launches: tuple[int, ...] | None = None
    pairs: tuple[int, ...] | None = None
    source: Source = "clean"
    exact: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """A quantity over time: `values[i]` in `unit` at `t_ns[i]`, when the load had made `requests[i]` requests.

    `launch` tells processes apart; `t_ns` starts anywhere and never goes back.
    """

    name: str
    unit: str
    t_ns: tuple[int, ...]
    values: tuple[float, ...]
    requests: tuple[int, ...] | None = None
    launch: int = 0
