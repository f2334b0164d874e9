"""The history of a service: what is kept of each measured commit for good, and what can be read from all of it.

A point is small (a kilobyte or two), so that it stays when the snapshot it was taken from is pruned.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from perf_action.model.accepted import AcceptedAt
from perf_action.model.metric import Better


@dataclass(frozen=True, slots=True, kw_only=True)
class PointValue:
    """One metric of one run. `value` in `unit` is the geometric mean over launches (the median of a count).

    `ratio` is ln(head/base) where base was measured side by side, None otherwise; `ratio_se` its standard error, zero
    for what was counted exactly, of `ratio_df` degrees of freedom. `timed`: depends on the hardware.
    """

    name: str
    unit: str
    better: Better
    value: float
    timed: bool = True
    exact: bool = False
    ratio: float | None = None
    ratio_se: float = 0.0
    ratio_df: float = 1e9


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One run of one commit. `base` is the commit that it was measured against side by side, or empty; `time_s` when,
    in seconds since the epoch; `fingerprint` on what. `reference`: people chose it for others to be held against.
    `accepted` are the regressions that were accepted with it.
    """

    commit: str
    time_s: float
    fingerprint: str
    values: tuple[PointValue, ...]
    base: str = ""
    reference: bool = False
    accepted: tuple[AcceptedAt, ...] = ()


#: absolute: values as measured, of one kind of hardware; anywhere: values that do not depend on it (counts, sizes);
#: ratios: base-to-head ratios added up since the first commit, or since the reference
Basis = Literal["absolute", "anywhere", "ratios"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """One value of a line: in the metric's unit, or for `ratios` as a factor (1.0 is the start). `error` is half the
    width of its 99 % interval as a relative change, where that is known.
    """

    commit: str
    time_s: float
    value: float
    error: float | None = None
    reference: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangePoint:
    """From `commit` on the metric is another by `change` (0.05 is +5 %); `previous` is the one measured before it."""

    commit: str
    previous: str
    change: float
    p: float
    worse: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """How far the latest values are from the reference. `error` is what noise alone could make of it (99.9 %);
    `exceeds`: it is more than that, and more than the floor below which changes of this metric are not reported.
    """

    reference: str
    chosen: bool
    change: float
    error: float
    exceeds: bool
    worse: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """The history of one metric on one basis, oldest first.

    `noise` is the relative standard deviation of a run (for `ratios`: of a ratio), learnt from the history; None with
    too few. `floor` is what two measurements of the same code differ by less than 99 times of 100. `steps` is None
    where nobody looked for change points.
    """

    name: str
    unit: str
    better: Better
    basis: Basis
    dots: tuple[Dot, ...]
    noise: float | None = None
    floor: float | None = None
    drift: Drift | None = None
    steps: tuple[ChangePoint, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """All lines of one configuration; `environment` is the fingerprint that absolute values are of."""

    configuration: str
    environment: str
    points: int
    lines: tuple[Line, ...]
    notes: tuple[str, ...] = ()
    accepted: tuple[AcceptedAt, ...] = ()
