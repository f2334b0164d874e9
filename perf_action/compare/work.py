"""What a function costs per unit of work, and how sure that is: one answer for slices, captures and exact counters.

Three sources, one shape (`Work`): slices of a sampling profiler scaled by the process CPU clock, sampled captures of
which only the number of samples is known, and exact counters without any error. Where nobody counted requests, the
same captures are also read in other plausible ways (as a share, per second), and a change must hold in all of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from perf_action.compare.calls import CallTree, Floats

#: exact counters: a change is believed that is so many times what repetitions of a side differ by
TIMES_SCATTER = 5


class View(NamedTuple):
    """Another reading of a change: ln(head/base) of every function with its standard error.

    `df` degrees of freedom of that error, 0 for those of the work; `alpha` the level at which it has to agree.
    """

    log: Floats
    se: Floats
    df: float = 0.0
    alpha: float = 0.025
    reason: str = "in one reading of the captures but not in all: they may cover different work"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Effects:
    """Per function: cost on both sides, ln(head/base) and its standard error (zero for exact counters).

    `views` are other readings of the same change; all have to agree. `held`, where known, says of which functions what is
    alive after the most requests differs as the change says.
    """

    base: Floats
    head: Floats
    log: Floats
    se: Floats
    views: tuple[View, ...] = ()
    held: NDArray[np.bool_] | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Work:
    """The costs of all functions of one kind: `own` by self value, `inclusive` with callees.

    `base_total` and `head_total` in the same unit; `df` degrees of freedom of the errors; `floor` the least relative
    change worth a word, `absolute` the least in `unit`, `share` the least of the total.
    `holds_total`: bytes that somebody has in any case, so that a change needs the total to change with it. `granule`:
    the cost of one piece of memory that an allocator fetches for whoever happens to ask next, 0 where it does not.
    """

    tree: CallTree
    kind: str
    unit: str
    own: Effects
    inclusive: Effects
    base_total: float
    head_total: float
    df: float
    floor: float
    absolute: float
    share: float
    exact: bool
    holds_total: bool = False
    granule: float = 0.0
    per_request: bool = True
    notes: tuple[str, ...] = ()


def log_ratio(base: Floats, head: Floats) -> Floats:
    """ln(head/base); infinite where a side is zero, zero where both are."""
    with np.errstate(divide="ignore", invalid="ignore"):
        out = np.log(head) - np.log(base)
    return np.where((base == 0) & (head == 0), 0.0, out)
