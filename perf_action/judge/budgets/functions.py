"""Budgets on functions and call sites: the share, the amount, or the amount per request that each may take."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from perf_action.judge.budgets.limits import (
    LEAST_SAMPLES,
    Value,
    against,
    finding,
    half_of_row,
    half_of_share,
    is_judged,
    joined,
    nearest_one,
    unknown,
    worst,
)
from perf_action.judge.budgets.patterns import Pattern
from perf_action.judge.budgets.spent import Place, Spent, spent
from perf_action.judge.budgets.unmeasured import of_kind, remedy
from perf_action.model.change import Comparison, FunctionChange
from perf_action.model.finding import Budget, Finding, State
from perf_action.model.profile import FunctionKey
from perf_action.model.snapshot import Snapshot

_EVIDENCE = 5
_CLOSE = "too close to the limit for so few samples"


def function_budget(budget: Budget, head: Snapshot, comparison: Comparison | None) -> Finding:
    """The finding of a budget on functions or call sites that match its pattern; the worst of them counts."""
    if budget.relative:
        return _of_change(budget, head, comparison)
    sources = spent(head, budget.kind, inclusive=budget.inclusive, sites=budget.subject == "site")
    if not sources:
        return unknown(budget, f"it was not measured; {remedy(of_kind(budget.kind), head)}")
    return worst(budget, [_of_source(budget, source, comparison, head) for source in sources])


def _of_source(budget: Budget, source: Spent, comparison: Comparison | None, head: Snapshot) -> Finding:
    pattern = Pattern(budget.pattern)
    values = _in_unit(budget, source)
    if values is None:
        need = (
            "requests counted by the load tool"
            if budget.unit.endswith("/request")
            else "a profiler that counts"
        )
        return unknown(budget, f"only shares are known of it; this limit needs {need}")
    if source.samples and source.samples < LEAST_SAMPLES:
        return unknown(budget, f"only {source.samples:.0f} samples; {LEAST_SAMPLES} are needed")
    mine = {place: value for place, value in values.items() if pattern.matches(place)}
    if not mine:
        return _not_seen(budget, source, comparison, pattern)
    ranked = sorted(mine.items(), key=lambda item: (-item[1], item[0]))
    value = math.fsum(mine.values()) if budget.together else ranked[0][1]
    share = math.fsum(source.shares.get(p, 0.0) for p in (mine if budget.together else [ranked[0][0]]))
    state, close = against(budget, Value(value=value, half=_half(value, share, source.samples)), _CLOSE)
    most = ranked[0][0]
    return finding(
        budget,
        state,
        value=value,
        message=joined(_says(most, len(mine), budget), close),
        evidence=tuple(f"{place} {_share(source, place)}" for place, _ in ranked[:_EVIDENCE]),
        file=most.key.file,
        line=most.site or _line(most.key, head),
    )


def _in_unit(budget: Budget, source: Spent) -> Mapping[Place, float] | None:
    """The values that the limit is on; None where they are not known."""
    if budget.unit == "ratio":
        return source.shares
    bare = budget.unit.removesuffix("/request")
    if source.unit != bare and {source.unit, bare} != {"count", "instructions"}:
        return None
    return source.per_request if budget.unit.endswith("/request") else source.absolute


def _half(value: float, share: float, samples: float) -> float:
    """Half of the 80 % interval of a sampled value."""
    if not samples or not share:
        return 0.0
    return value * half_of_share(share, samples) / share


def _not_seen(budget: Budget, source: Spent, comparison: Comparison | None, pattern: Pattern) -> Finding:
    """A name that is not in the profile: gone since base, or a slip."""
    rows = comparison.functions if comparison else ()
    if any(pattern.matches(_place(row)) for row in rows):
        return finding(budget, State.PASS, value=0.0, message="it is on base only")
    ranked = sorted(source.shares, key=lambda place: -source.shares[place])
    near = nearest_one(budget.pattern, (place.key.name for place in ranked))
    return unknown(budget, f"nothing of this name was seen in the profile{near}")


def _says(most: Place, matched: int, budget: Budget) -> str:
    if budget.together:
        return f"{matched} match together, {most.key.name} most" if matched > 1 else ""
    return f"{most} is the largest of {matched} that match" if matched > 1 else str(most)


def _share(source: Spent, place: Place) -> str:
    return f"{source.shares.get(place, 0.0):.1%}"


def _line(key: FunctionKey, head: Snapshot) -> int:
    """Where the function is defined, 0 if no profile knows."""
    for profile in [*(s.profile for s in head.slices[:1]), *(c.profile for c in head.captures)]:
        for candidate, line in zip(profile.function_keys, profile.function_line.tolist(), strict=True):
            if candidate == key and line:
                return int(line)
    return 0


# --- its change against base


def _of_change(budget: Budget, head: Snapshot, comparison: Comparison | None) -> Finding:
    if comparison is None:
        return unknown(budget, "there is nothing to compare with yet")
    if comparison.not_comparable:
        return unknown(budget, "base and head cannot be compared")
    wanted = "total" if budget.inclusive else "self"
    rows = [row for row in comparison.functions if row.kind == budget.kind and row.value == wanted]
    if not rows:
        return unknown(budget, f"it was not measured on both sides; {remedy(of_kind(budget.kind), head)}")
    pattern = Pattern(budget.pattern)
    mine = [row for row in rows if pattern.matches(_place(row))]
    if not mine:
        near = nearest_one(budget.pattern, (row.name for row in rows))
        return unknown(budget, f"nothing of this name was seen on both sides{near}")
    if budget.together:
        return _of_sum(budget, mine)
    return worst(budget, [_of_row(budget, row) for row in mine])


def _of_row(budget: Budget, row: FunctionChange) -> Finding:
    if row.change is None:
        return finding(budget, State.PASS, message=f"{row.name} is new, so it has no change")
    if not is_judged(row.verdict, row.p):
        return finding(budget, State.CANNOT_TELL, value=row.change, message=row.reason or "it is not settled")
    measured = Value(value=row.change, half=half_of_row(row.interval))
    state, close = against(budget, measured, "too close to the limit for how much it scatters")
    message = joined(str(_place(row)), close)
    return finding(budget, state, value=row.change, message=message, file=row.file, line=row.line)


def _of_sum(budget: Budget, rows: Sequence[FunctionChange]) -> Finding:
    """The sums of all rows; their errors are added as those of independent values."""
    base, head = math.fsum(r.base for r in rows), math.fsum(r.head for r in rows)
    if not base:
        return finding(budget, State.PASS, message="all of it is new, so it has no change")
    unsettled = [r for r in rows if r.change is not None and not is_judged(r.verdict, r.p)]
    if math.fsum(r.base for r in unsettled) > base / 2:
        return unknown(budget, unsettled[0].reason or "it is not settled")
    half = math.sqrt(math.fsum((half_of_row(r.interval) * r.base / base) ** 2 for r in rows))
    state, close = against(budget, Value(value=head / base - 1, half=half), "too close to the limit to tell")
    return finding(budget, state, value=head / base - 1, message=close)


def _place(row: FunctionChange) -> Place:
    return Place(FunctionKey(row.name, row.file, row.module))
