"""Holding a value against a limit: what all kinds of budgets do alike."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from perf_action.errors import nearest
from perf_action.model.change import Interval, Verdict
from perf_action.model.finding import Budget, Finding, State

#: level of the interval inside which a limit cannot be judged
LEVEL = 0.8
#: half of that interval, in standard errors
ERRORS = 1.2816
#: samples of one function scatter about twice as much as a Poisson variable
PHI = 2.0
#: fewer samples than this cannot rank anything
LEAST_SAMPLES = 100
#: how a row's 99 % interval shrinks to one of 80 %, by the normal distribution
_NARROWER = ERRORS / 2.5758
WORST_FIRST = (State.FAIL, State.CANNOT_TELL, State.PASS)


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A value with the half width of its 80 % interval (zero where there is nothing to tell it from)."""

    value: float
    half: float = 0.0


def finding(
    budget: Budget,
    state: State,
    *,
    value: float | None = None,
    message: str = "",
    evidence: tuple[str, ...] = (),
    file: str = "",
    line: int = 0,
) -> Finding:
    return Finding(
        rule=budget.rule,
        state=state,
        limit=budget.limit,
        value=value,
        unit=budget.unit,
        message=message,
        evidence=evidence,
        file=file,
        line=line,
        against_past=budget.relative or budget.lowered,
        origin=budget.origin,
    )


def joined(*parts: str) -> str:
    """What there is to say, as one sentence."""
    return "; ".join(part for part in parts if part)


def unknown(budget: Budget, message: str) -> Finding:
    """Nobody can tell, and why."""
    return finding(budget, State.CANNOT_TELL, message=message)


def against(budget: Budget, measured: Value, close: str) -> tuple[State, str]:
    """The state, and `close` as its reason where the limit is too near to be judged."""
    over = budget.limit - measured.value if budget.at_least else measured.value - budget.limit
    if measured.half and abs(over) < measured.half:
        return State.CANNOT_TELL, close
    return State.FAIL if over > 0 else State.PASS, ""


def half_of_share(share: float, samples: float) -> float:
    """The half width of the 80 % interval of a share of so many samples; zero for what was counted (no samples)."""
    return ERRORS * math.sqrt(PHI * share * max(1 - share, 0.0) / samples) if samples else 0.0


def half_of_row(interval: Interval | None) -> float:
    """The half width of a row's 80 % interval; zero for what was counted."""
    return (interval[1] - interval[0]) / 2 * _NARROWER if interval else 0.0


def is_judged(verdict: Verdict, p: float | None) -> bool:
    """Whether a row's data may be compared at all, be it settled or not."""
    return verdict is not Verdict.INCONCLUSIVE or p is not None


def worst(budget: Budget, found: Sequence[Finding]) -> Finding:
    """The finding that says most: the first state of fail, cannot tell, pass, and in it the one furthest over."""
    sign = -1 if budget.at_least else 1
    return min(
        found,
        key=lambda f: (WORST_FIRST.index(f.state), -sign * f.value if f.value is not None else 0.0),
    )


def nearest_one(name: str, known: Iterable[str]) -> str:
    """``; the nearest is 'x'``, or nothing if no name is like it."""
    near = nearest(name, known, alike=0.4)
    return f"; the nearest is {near!r}" if near else ""
