"""What changed between two snapshots, row by row, and the headline that follows from the rows.

A row says worse, better, the same, or *cannot tell* with the reason. The headline is computed from the rows here, in
one place, so that it can never contradict them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import Literal

from perf_action.model.metric import Better


class Verdict(str, Enum):
    REGRESSION = "regression"
    IMPROVEMENT = "improvement"
    UNCHANGED = "unchanged"
    INCONCLUSIVE = "inconclusive"


class LeakState(str, Enum):
    LEAKING = "leaking"
    STABLE = "stable"
    WARMING_UP = "warming-up"
    INCONCLUSIVE = "inconclusive"


Interval = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricChange:
    """One metric, base against head. `base` and `head` in `unit`; `change` = head/base - 1, with its 99 % `interval`.

    `minimum_detectable` is the relative change that this data would have shown with 80 % power. A row that is not
    `gating` (latency percentiles, throughput) never holds up the headline while it is inconclusive.
    `more_launches` is how many more pairs of launches would probably settle an inconclusive row.
    """

    name: str
    unit: str
    better: Better
    base: float | None
    head: float | None
    change: float | None
    interval: Interval | None = None
    p: float | None = None
    minimum_detectable: float | None = None
    verdict: Verdict
    reason: str = ""
    gating: bool = True
    launches: int = 0
    more_launches: int | None = None

    @property
    def launches_needed(self) -> int | None:
        """Launches a side with which the row would probably be settled; None if it is, or if no number would do."""
        return None if self.more_launches is None else self.launches + self.more_launches


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionChange:
    """One function's cost per unit of work in `unit` (``ns/request``, ``bytes/request``, or ``samples`` … where nobody
    counted requests). `change` is None where base is zero. `value` says which cost is compared, self or total.
    `touched`: the pull request edits it, or what it calls directly. `own`: it is the service's own code and not a
    library's, as far as can be told.
    """

    name: str
    file: str
    module: str = ""
    line: int = 0
    kind: str
    unit: str
    value: Literal["self", "total"] = "self"
    base: float
    head: float
    change: float | None
    interval: Interval | None = None
    p: float | None = None
    share_base: float
    share_head: float
    verdict: Verdict
    reason: str = ""
    moved_from: str | None = None
    stack: tuple[str, ...] = ()
    touched: bool = False
    own: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class LeakChange:
    """One series of head. `verdict` is the state of head by itself; `new` is False where base did the same.

    Slopes are in `unit` per second and per request (None without request counts), with a 99 % interval per second.
    """

    name: str
    unit: str
    per_second: float | None
    per_request: float | None
    interval_per_second: Interval | None
    base_per_second: float | None = None
    verdict: LeakState
    new: bool
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SelfCheck:
    """Comparisons of base with itself, from launches that were measured anyway: how many alarmed."""

    false_alarms: int
    of: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """All rows. `functions` are ordered: regressions by cost added, then improvements, then the rest by cost.

    `reasons` explains the headline where it needs explaining (not comparable, different hardware, nothing measured).
    """

    metrics: tuple[MetricChange, ...] = ()
    functions: tuple[FunctionChange, ...] = ()
    leaks: tuple[LeakChange, ...] = ()
    environment_differences: tuple[str, ...] = ()
    self_check: SelfCheck | None = None
    reasons: tuple[str, ...] = ()
    not_comparable: bool = False
    notes: tuple[str, ...] = field(default=())

    @property
    def verdict(self) -> Verdict:
        """The headline: any regression wins, then anything gating that is unsettled, then any improvement."""
        rows = [m.verdict for m in self.metrics if m.gating or m.verdict is not Verdict.INCONCLUSIVE]
        rows += [f.verdict for f in self.functions]
        rows += [_of_leak(leak) for leak in self.leaks]
        if Verdict.REGRESSION in rows:
            return Verdict.REGRESSION
        if self.not_comparable or Verdict.INCONCLUSIVE in rows or not rows:
            return Verdict.INCONCLUSIVE
        return Verdict.IMPROVEMENT if Verdict.IMPROVEMENT in rows else Verdict.UNCHANGED


def _of_leak(leak: LeakChange) -> Verdict:
    if leak.verdict is LeakState.LEAKING:
        return Verdict.REGRESSION if leak.new else Verdict.UNCHANGED
    return Verdict.UNCHANGED if leak.verdict is LeakState.STABLE else Verdict.INCONCLUSIVE
