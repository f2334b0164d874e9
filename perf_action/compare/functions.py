"""Functions, base against head: which ones cost more per unit of work, and which only look as if they did.

A function is blamed if its change passes a test whose level all functions of its kind share (those that the pull
request touches share one of their own), is large enough to matter, shows in every reading of the data, and did not
merely move there from somewhere else. (A false discovery rate would do in identical code; but where one function did
change, it lets through what that change shifted in others.)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from perf_action.compare import stats
from perf_action.compare.calls import Floats
from perf_action.compare.idle import is_transfer
from perf_action.compare.options import CompareOptions
from perf_action.compare.rows import change_of, relative, unseen
from perf_action.compare.shifts import Shift, Shifts
from perf_action.compare.touched import family
from perf_action.compare.work import TIMES_SCATTER, Effects, Work
from perf_action.model.change import FunctionChange, Interval, Verdict
from perf_action.model.profile import UNKNOWN, FunctionKey

#: functions below this share of the total on both sides are neither tested nor listed
_TESTED_SHARE = 0.01
#: a function is settled if no change of it above this share of the whole could have gone unseen
_SETTLED_SHARE = 0.10
#: the change that another reading of the same data must show to agree
_AGREES_FROM = 0.05
#: total costs are tested more strictly: they say again what the self costs say
_TOTAL_SHARE = 0.1
#: a function that is nearly everything says no more than the metric does
_NEARLY_ALL = 0.9
_LONGEST_STACK = 64
#: so many granules may be booked on one function, or on all beneath one, by chance
_STRAY_GRANULES, _STRAY_GRANULES_BENEATH = 3, 5
_NAMELESS = (
    "all functions without a name together; with the symbols of its binary it would be known which one"
)
_TRANSFER = "it moves data in the kernel, at a cost that depends on the other side and on the machine"


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionRows:
    """The rows of one kind, and what there is to say about the kind as a whole."""

    rows: tuple[FunctionChange, ...]
    notes: tuple[str, ...] = ()


def function_rows(
    work: Work,
    options: CompareOptions,
    *,
    touched: frozenset[FunctionKey] = frozenset(),
    why_not: str = "",
) -> FunctionRows:
    """All functions that were tested, judged by self cost; and by total cost where that says more.

    `touched` are those that the pull request edits. `why_not` is why nothing of this kind may be judged, or empty.
    """
    judge = _Judge(work, options, touched, why_not or (work.notes[0] if work.notes else ""))
    own = judge.own_rows()
    rows = [*own.values(), *judge.total_rows({f: r for f, r in own.items() if r.verdict in _CALLED})]
    kept, notes = (rows, ()) if work.exact else _fewest(rows, options.most_functions, work.kind)
    return FunctionRows(rows=tuple(kept), notes=(*work.notes, *notes))


_CALLED = (Verdict.REGRESSION, Verdict.IMPROVEMENT)


def _fewest(
    rows: Sequence[FunctionChange], most: int, kind: str
) -> tuple[list[FunctionChange], tuple[str, ...]]:
    """At most `most` regressions, the largest: where one function is slower, samples often blame a second."""
    worse = sorted((r for r in rows if r.verdict is Verdict.REGRESSION), key=lambda r: r.base - r.head)
    dropped = worse[most:]
    if not dropped:
        return list(rows), ()
    reason = f"rose too, but only the {most} largest increases are certain enough to be called"
    kept = [replace(r, verdict=Verdict.INCONCLUSIVE, reason=reason) if r in dropped else r for r in rows]
    return kept, (f"{kind}: {len(dropped)} more functions rose; only the {most} largest are called",)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Tests:
    """Per function: whether it was tested, its p for up and down, and which pass."""

    tested: NDArray[np.bool_]
    p: Floats
    up: NDArray[np.bool_]
    down: NDArray[np.bool_]


class _Judge:
    def __init__(
        self, work: Work, options: CompareOptions, touched: frozenset[FunctionKey], why_not: str
    ) -> None:
        self.work, self.why_not = work, why_not
        self.touched = family(work.tree, touched)
        others = options.function_alpha / (2 if self.touched.any() else 1)
        self.levels = ((~self.touched, others), (self.touched, options.touched_alpha))
        self.shifts = Shifts(work)
        self._is_own = options.own
        self.totals = (work.base_total, work.head_total)

    # --- self cost

    def own_rows(self) -> dict[int, FunctionChange]:
        effects = self.work.own
        tests = self._tests(effects)
        rows: dict[int, FunctionChange] = {}
        moved: dict[int, Shift] = {}
        for f in np.flatnonzero(tests.tested).tolist():
            sign = 1 if effects.head[f] >= effects.base[f] else -1
            row = self._row(f, effects, "self", tests)
            if not (tests.up if sign > 0 else tests.down)[f]:
                rows[f] = self._quiet(row, effects, f, tests)
                continue
            rows[f] = self._called(row, effects, f, sign)
            if rows[f].verdict in _CALLED and (shift := self.shifts.of(f, sign)):
                moved[f] = shift
        self._mark_moved(rows, moved)
        return rows

    def _mark_moved(self, rows: dict[int, FunctionChange], moved: dict[int, Shift]) -> None:
        """Both ends of a shift are no news: what rose, and what fell with it (if that is most of its fall)."""
        names = self.work.tree.functions
        for f, shift in moved.items():
            source = names[shift.partners[0]].name
            grew = rows[f].head > rows[f].base
            reason = f"moved here from {source}" if grew else f"moved to {source}"
            rows[f] = replace(
                rows[f], verdict=Verdict.UNCHANGED, reason=reason, moved_from=source if grew else None
            )
            for partner in shift.partners:
                other = rows.get(partner)
                if other is None or partner in moved or other.verdict not in _CALLED:
                    continue
                if abs(rows[f].head - rows[f].base) > abs(other.head - other.base) / 2:
                    fell = other.head < other.base
                    reason = f"moved to {names[f].name}" if fell else f"moved here from {names[f].name}"
                    source_name = None if fell else names[f].name
                    rows[partner] = replace(
                        other, verdict=Verdict.UNCHANGED, reason=reason, moved_from=source_name
                    )

    # --- total cost

    def total_rows(self, called: dict[int, FunctionChange]) -> list[FunctionChange]:
        """Functions whose total changed although nothing beneath them was called: cost spread over small functions. What
        was called of a library does not speak for the own function that it works for.
        """
        effects = self.work.inclusive
        tests = self._tests(effects, total=True)
        rows: list[FunctionChange] = []
        explained = {f: float(row.head - row.base) for f, row in called.items()}
        passed = np.flatnonzero(tests.up | tests.down).tolist()
        names = self.work.tree.functions
        own = {f for f in (*explained, *passed) if self._is_own(names[f])}
        below = {f: self.shifts.below(f) | {f} for f in passed}
        size = effects.base + effects.head
        one_sided = np.minimum(effects.base, effects.head) == 0
        mine = {f for f in passed if f in own and (self.touched[f] or one_sided[f])}

        def order(f: int) -> tuple[bool, int, float, FunctionKey]:
            """What is edited, new or gone first; what is called before who calls it, which may cost less: others call it, too."""
            return f not in mine, len(below[f]), float(size[f]), names[f]

        for f in sorted(passed, key=order):
            grown = float(effects.head[f] - effects.base[f])
            sign = 1 if grown > 0 else -1
            beneath = below[f]
            told = beneath & own if f in own else beneath
            known = math.fsum(sign * change for g, change in explained.items() if g in told)
            if known > sign * grown / 2 or self._is_nearly_all(effects, f) or not (beneath - {f}):
                continue
            row = self._called(self._row(f, effects, "total", tests), effects, f, sign)
            if row.verdict in _CALLED and not self.shifts.of_total(f, sign):
                rows.append(row)
                explained[f] = grown
        return rows

    def _is_nearly_all(self, effects: Effects, f: int) -> bool:
        shares = self._shares(effects, f)
        return min(shares) > _NEARLY_ALL

    # --- one function

    def _tests(self, effects: Effects, *, total: bool = False) -> _Tests:
        base, head = (
            np.where(t > 0, v / max(t, 1e-300), 0.0)
            for v, t in zip((effects.base, effects.head), self.totals, strict=True)
        )
        least = self.work.share if self.work.exact else _TESTED_SHARE
        tested = np.maximum(base, head) >= least
        size = np.abs(effects.log)
        if self.work.exact:
            sure = size > TIMES_SCATTER * effects.se
            p = np.where(sure & (size > 0), 0.0, 1.0)
        else:
            p = np.array(
                [
                    stats.Estimate(mean=m, se=s, df=self.work.df).p_greater
                    for m, s in zip(size.tolist(), effects.se.tolist(), strict=True)
                ]
            )
        large = self._is_large(effects, total=total)
        rose = effects.head > effects.base
        weight = np.sqrt(np.maximum(base, head))
        up, down = (
            self._rejected(one, tested, weight, _TOTAL_SHARE if total else 1.0)
            for one in (np.where(rose, p, 1 - p), np.where(rose, 1 - p, p))
        )
        return _Tests(tested=tested, p=p, up=large & rose & up, down=large & ~rose & down)

    def _rejected(
        self, p: Floats, tested: NDArray[np.bool_], weight: Floats, share: float
    ) -> NDArray[np.bool_]:
        """Those that pass at the level of their family."""
        each = (_rejected(p, tested & mine, alpha * share, weight) for mine, alpha in self.levels)
        return np.logical_or(*each)

    def _is_large(self, effects: Effects, *, total: bool) -> NDArray[np.bool_]:
        work = self.work
        grown = _beyond_granules(np.abs(effects.head - effects.base), work.granule, total=total)
        least = max(work.absolute, work.share * max(self.totals))
        relative_least = work.floor * np.minimum(effects.base, effects.head)
        large = np.abs(effects.log) >= math.log1p(work.floor)
        held = True if effects.held is None else effects.held
        return np.asarray(large & (grown >= least) & (grown >= relative_least) & held, dtype=bool)

    def _called(self, row: FunctionChange, effects: Effects, f: int, sign: int) -> FunctionChange:
        """A change that passed the test and the floors: believed if nothing speaks against it."""
        why_not = self.why_not or (_NAMELESS if row.name == UNKNOWN else "")
        if why_not:
            return replace(row, verdict=Verdict.INCONCLUSIVE, reason=why_not)
        for view in effects.views:
            size = sign * float(view.log[f])
            estimate = stats.Estimate(mean=size, se=float(view.se[f]), df=view.df or self.work.df)
            sure = self.work.exact or estimate.p_greater < view.alpha
            if size < math.log1p(_AGREES_FROM) or not sure:
                way = "rose" if sign > 0 else "fell"
                reason = f"{way} {view.reason}"
                return replace(row, verdict=Verdict.INCONCLUSIVE, reason=reason)
        if row.value == "self" and not self.work.exact and is_transfer(self.work.tree.functions[f]):
            return replace(row, verdict=Verdict.INCONCLUSIVE, reason=_TRANSFER)
        if (
            self.work.holds_total
            and sign * (self.totals[1] - self.totals[0]) < sign * (row.head - row.base) / 2
        ):
            return replace(row, verdict=Verdict.UNCHANGED, reason="the total did not move with it")
        return replace(row, verdict=Verdict.REGRESSION if sign > 0 else Verdict.IMPROVEMENT)

    def _quiet(self, row: FunctionChange, effects: Effects, f: int, tests: _Tests) -> FunctionChange:
        """No change was found: unchanged if a large one would have been."""
        if self.work.exact:
            return row
        if is_transfer(self.work.tree.functions[f]):
            return row
        mine, alpha = self.levels[int(self.touched[f])]
        alpha /= max(int((tests.tested & mine).sum()), 1)
        least = relative(stats.Estimate(mean=0.0, se=float(effects.se[f]), df=self.work.df).detectable(alpha))
        share = max(self._shares(effects, f))
        if least * share <= _SETTLED_SHARE:
            return row
        return replace(row, verdict=Verdict.INCONCLUSIVE, reason=f"too few samples: {unseen(least)}")

    def _shares(self, effects: Effects, f: int) -> tuple[float, float]:
        base, head = self.totals
        return (
            float(effects.base[f]) / base if base else 0.0,
            float(effects.head[f]) / head if head else 0.0,
        )

    def _row(self, f: int, effects: Effects, value: str, tests: _Tests) -> FunctionChange:
        work, key = self.work, self.work.tree.functions[f]
        base, head = float(effects.base[f]), float(effects.head[f])
        shares = self._shares(effects, f)
        log, se = float(effects.log[f]), float(effects.se[f])
        both = base > 0 and head > 0
        ends = (
            (log - TIMES_SCATTER * se, log + TIMES_SCATTER * se)
            if work.exact
            else stats.Estimate(mean=log, se=se, df=work.df).interval()
        )
        change = change_of(base, head)
        return FunctionChange(
            name=key.name,
            file=key.file,
            module=key.module,
            line=work.tree.lines[f],
            kind=work.kind,
            unit=work.unit,
            value="self" if value == "self" else "total",
            base=base,
            head=head,
            change=change,
            interval=_interval(change, ends, certain=se == 0) if both else None,
            p=None if work.exact else float(tests.p[f]),
            share_base=shares[0],
            share_head=shares[1],
            verdict=Verdict.UNCHANGED,
            stack=self._stack(f, total=value == "total"),
            touched=bool(self.touched[f]),
            own=self._is_own(key),
        )

    def _stack(self, f: int, *, total: bool) -> tuple[str, ...]:
        """The heaviest stack that ends in the function, of head if it is there."""
        tree = self.work.tree
        nodes = np.flatnonzero(tree.function == f)
        head, base = (tree.head_weight, tree.base_weight) if total else (tree.head_own, tree.base_own)
        weights = head[nodes] if head[nodes].any() else base[nodes]
        return tree.stack(int(nodes[int(weights.argmax())]))[-_LONGEST_STACK:]


def _interval(change: float | None, ends: Interval, *, certain: bool) -> Interval:
    if certain and change is not None:
        return change, change
    return relative(ends[0]), relative(ends[1])


def _rejected(p: Floats, tested: NDArray[np.bool_], alpha: float, weight: Floats) -> NDArray[np.bool_]:
    """Bonferroni with weights of mean 1 (Genovese, Roeder and Wasserman 2006, doi 10.1093/biomet/93.3.509): what is
    large has more to lose, and a change of it is easier to be sure of.
    """
    whole = float(weight[tested].sum())
    return np.asarray(tested & (p * max(whole, 1e-300) <= alpha * weight), dtype=bool)


def _beyond_granules(grown: Floats, granule: float, *, total: bool) -> Floats:
    """What is left of changes when stray granules are taken off: few whole ones prove nothing, a part of one does."""
    if not granule:
        return grown
    whole = grown / granule
    stray = _STRAY_GRANULES_BENEATH if total else _STRAY_GRANULES
    part = np.zeros_like(whole) if total else np.abs(whole - np.round(whole))
    left = np.where(whole < 0.9, whole, np.maximum(part, whole - stray))
    return np.asarray(np.maximum(left, 0.0) * granule, dtype=float)
