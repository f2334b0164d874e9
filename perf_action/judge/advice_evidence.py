"""What conditions of advice rest on: shares of stacks and categories, metrics, leaks, failed checks; with the evidence."""

from __future__ import annotations

import math
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from perf_action.judge.advice_rules import CategoryOver, Failed, Frames, MetricOver
from perf_action.judge.advice_scan import Asked, Scan, Site
from perf_action.judge.globs import Glob
from perf_action.model import units
from perf_action.model.category import CategoryCost
from perf_action.model.change import Comparison, LeakChange, LeakState, Verdict
from perf_action.model.finding import Finding, State
from perf_action.model.metric import Metric
from perf_action.model.profile import FunctionKey
from perf_action.model.snapshot import Snapshot

_STACKS: Final = 3
#: of a stack so many frames next to the leaf are shown, and of a name so many characters
_FRAMES, _NAME = 12, 120
#: it got worse if this part of what fits runs through a function that did
_REGRESSED: Final = 0.3
#: calls on two lines do the same twice if the cheaper one costs at least this part of the dearer one
_AS_DEAR: Final = 0.3
#: samples of one function scatter about twice as much as a Poisson variable; 1.28 errors are a 80 % interval
_PHI, _ERRORS = 2.0, 1.28
#: kinds of cost that stand in for another one where that was not measured
_INSTEAD: Final[Mapping[str, str]] = {"cpu": "instructions"}
_TOP_LEVEL: Final = "<module>"


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """That a condition holds. `share` is what could be saved of all `kind`, of `covers` that it is about; `regressed`: it
    runs through what got worse; `failed`: a check of the checklist says so.
    """

    share: float = 0.0
    covers: float = 0.0
    kind: str = ""
    function: str = ""
    file: str = ""
    line: int = 0
    evidence: tuple[str, ...] = ()
    regressed: bool = False
    failed: bool = False


@dataclass(frozen=True, kw_only=True, eq=False)
class Observed:
    """Everything that is known of head; each question is None if the answer is no, or if there is no data."""

    head: Snapshot
    comparison: Comparison | None
    categories: Sequence[CategoryCost]
    checklist: Sequence[Finding]
    leaks: Sequence[LeakChange]
    scans: Sequence[Scan]
    numbers: Mapping[Asked, int]

    @cached_property
    def _worse(self) -> frozenset[FunctionKey]:
        rows = self.comparison.functions if self.comparison else ()
        return frozenset(
            FunctionKey(r.name, r.file, r.module) for r in rows if r.verdict is Verdict.REGRESSION
        )

    # --- frames

    def frames(self, asked: Frames, language: str) -> Held | None:
        """The source in which most fits."""
        number = self.numbers[Asked(asked, language)]
        found = [
            held
            for scan in self.scans
            if scan.source.kind in self._kinds(asked.kinds)
            if (held := self._in(scan, number, asked)) is not None
        ]
        return max(found, key=lambda held: held.share, default=None)

    def _kinds(self, kinds: Iterable[str]) -> set[str]:
        measured = {scan.source.kind for scan in self.scans}
        return {k if k in measured else _INSTEAD.get(k, k) for k in kinds}

    def _in(self, scan: Scan, number: int, asked: Frames) -> Held | None:
        share = scan.share(number)
        if not _enough(scan, share, asked):
            return None
        only: FunctionKey | None = None
        if asked.single:
            only, share = scan.largest(number)
            if only is None or only.name == _TOP_LEVEL or not _enough(scan, share, asked):
                return None
        sites = scan.sites(number)
        if only is not None:
            sites = tuple(s for s in sites if s.key == only)
        if asked.in_function:
            sites = tuple(s for s in sites if s.key is not None and s.key.name != _TOP_LEVEL)
            share = sum(s.weight for s in sites) / scan.total
        covers = share
        if asked.lines > 1:
            sites, share = _repeated(sites, asked.lines, scan.total)
            covers = sum(s.weight for s in sites) / scan.total
        if not _enough(scan, share, asked) or not sites:
            return None
        return self._held(scan.source.kind, share, covers, sites)

    def _held(self, kind: str, share: float, covers: float, sites: Sequence[Site]) -> Held:
        weights: Counter[FunctionKey] = Counter()
        lines: defaultdict[FunctionKey, Counter[int]] = defaultdict(Counter)
        for site in sites:
            if site.key is not None:
                weights[site.key] += site.weight
                lines[site.key][site.line] += site.weight
        key = weights.most_common(1)[0][0] if weights else FunctionKey("")
        worse = sum(s.weight for s in sites if not self._worse.isdisjoint(s.keys))
        return Held(
            share=share,
            covers=covers,
            kind=kind,
            function=key.name,
            file=key.file,
            line=lines[key].most_common(1)[0][0] if weights else 0,
            evidence=_folded(sites),
            regressed=worse >= _REGRESSED * sum(s.weight for s in sites) > 0,
        )

    # --- categories

    def category(self, asked: CategoryOver) -> Held | None:
        """The stage in which most is of the category."""
        found = [
            cost
            for cost in self.categories
            if cost.category == asked.name and cost.kind in asked.kinds
            if cost.share >= asked.at_least and cost.samples * cost.share >= asked.samples
        ]
        if not found:
            return None
        cost = max(found, key=lambda c: c.share)
        key, line = self._own(cost.functions[0][0] if cost.functions else "")
        worse = {k.name for k in self._worse}
        return Held(
            share=cost.share,
            covers=cost.share,
            kind=cost.kind,
            function=key.name,
            file=key.file,
            line=line,
            evidence=cost.stacks[:_STACKS],
            regressed=any(
                name in worse for name, share in cost.functions if share >= _REGRESSED * cost.share
            ),
        )

    def _own(self, name: str) -> tuple[FunctionKey, int]:
        """The function of that name and its line, as far as a profile tells."""
        for scan in self.scans if name else ():
            for profile, _ in scan.source.profiles:
                for key, line in zip(profile.function_keys(), profile.function_line.tolist(), strict=True):
                    if key.name == name:
                        return key, line
        return FunctionKey(name), 0

    def _at(self, file: str, line: int) -> str:
        """The function at a line of a file, as far as a profile tells."""
        for scan in self.scans if file and line else ():
            for profile, _ in scan.source.profiles:
                for place in np.flatnonzero(profile.frame_line == line).tolist():
                    key = profile.key(int(profile.frame_function[place]))
                    if key.file == file:
                        return key.name
        return ""

    # --- numbers

    def metric(self, asked: MetricOver) -> Held | None:
        """The metric that is furthest above the limit."""
        limit, unit = asked.limit
        glob = Glob(asked.name)
        values = ((m.name, _median(m, unit)) for m in self.head.metrics if glob.fits(m.name))
        over = [(value, name) for name, value in values if value is not None and value > limit]
        if not over:
            return None
        value, name = max(over)
        text = f"{name} is {value:.4g} {unit}, over {limit:.4g} {unit}"
        return Held(share=_excess(value, limit, unit), kind=name, evidence=(text,))

    def leak(self, names: Sequence[str]) -> Held | None:
        """The series that grows by the largest part of itself."""
        globs = [Glob(name) for name in names]
        found = [
            Held(
                share=self._growth(row.name),
                kind=row.name,
                evidence=(_grows(row),),
                regressed=row.new and self.comparison is not None,
            )
            for row in self.leaks
            if row.verdict is LeakState.LEAKING and any(glob.fits(row.name) for glob in globs)
        ]
        return max(found, key=lambda held: held.share, default=None)

    def _growth(self, name: str) -> float:
        """Which part of its last value a series has grown by."""
        grown = [
            (s.values[-1] - s.values[len(s.values) // 3]) / s.values[-1]
            for s in self.head.series
            if s.name == name and s.values and s.values[-1] > 0
        ]
        return min(1.0, max(0.0, *grown)) if grown else 0.0

    def failed(self, asked: Failed) -> Held | None:
        """The failed check that is furthest over its limit."""
        rules, frames = [Glob(c) for c in asked.check], [Glob(e) for e in asked.evidence]
        found = [
            Held(
                share=_excess(f.value, f.limit, f.unit),
                failed=True,
                kind=f.rule,
                function=self._at(f.file, f.line),
                file=f.file,
                line=f.line,
                evidence=(f.message, *f.evidence[:_STACKS]) if f.message else f.evidence[:_STACKS],
            )
            for f in self.checklist
            if f.state is State.FAIL and any(rule.fits(f.rule) for rule in rules)
            if not frames or any(glob.fits(t) for t in _said(f) for glob in frames)
        ]
        return max(found, key=lambda held: held.share, default=None)


def _enough(scan: Scan, share: float, asked: Frames) -> bool:
    """Whether a share is large enough, and surely so: its lower end is, where it was sampled."""
    if not 0 < asked.at_least <= share:
        return False
    everything = scan.samples(1.0)
    error = _ERRORS * math.sqrt(_PHI * share * max(0.0, 1 - share) / everything)
    return scan.samples(share) >= asked.samples and share - error >= asked.at_least


def _repeated(sites: Sequence[Site], least: int, total: int) -> tuple[tuple[Site, ...], float]:
    """The function that spends most on doing the same again on further lines, and which share those lines are."""
    lines: defaultdict[FunctionKey, Counter[int]] = defaultdict(Counter)
    for site in sites:
        if site.key is not None and site.line:
            lines[site.key][site.line] += site.weight
    best: tuple[int, FunctionKey | None] = (0, None)
    for key, weights in lines.items():
        dearest = max(weights.values())
        alike = sorted((w for w in weights.values() if w >= _AS_DEAR * dearest), reverse=True)
        if len(alike) >= least:
            best = max(best, (sum(alike[1:]), key), key=lambda b: b[0])
    saved, chosen = best
    if chosen is None:
        return (), 0.0
    return tuple(s for s in sites if s.key == chosen), saved / total


def _folded(sites: Sequence[Site]) -> tuple[str, ...]:
    """The heaviest stacks from where own code begins, as folded lines."""
    weights: Counter[str] = Counter()
    for site in sites:
        names = [" ".join(key.name.replace(";", ":").split())[:_NAME] or "[unknown]" for key in site.keys]
        shown = names if len(names) <= _FRAMES else [names[0], "…", *names[2 - _FRAMES :]]
        weights[";".join(shown)] += site.weight
    return tuple(f"{text} {weight}" for text, weight in weights.most_common(_STACKS))


def _said(finding: Finding) -> Iterable[str]:
    """What a check says, and the functions of the stacks that it shows."""
    yield finding.message
    for line in finding.evidence:
        yield line
        if ";" in line:
            yield from (frame.partition(" (")[0] for frame in line[:10_000].rpartition(" ")[0].split(";"))


def _median(metric: Metric, unit: str) -> float | None:
    """In `unit`; None without a finite sample, or if it is in another kind of unit."""
    if units.is_unit(metric.unit):
        kind, scale = units.canonical_unit(metric.unit), units.factor(metric.unit)
    else:
        kind, scale = metric.unit, 1.0
    values = [v * scale for v in metric.samples if math.isfinite(v)]
    if not values or (kind != unit and {kind, unit} != {"count", "ratio"}):
        return None
    return statistics.median(values)


def _excess(value: float | None, limit: float | None, unit: str) -> float:
    """What is saved by coming down to the limit; of a share, to nothing."""
    if value is None or value <= 0:
        return 0.0
    if unit == "ratio" and value <= 1:
        return value
    return min(1.0, max(0.0, (value - (limit or 0.0)) / value))


def _grows(row: LeakChange) -> str:
    if row.per_second is None:
        return f"{row.name} keeps growing"
    per_request = "" if row.per_request is None else f", {row.per_request:.4g} {row.unit} a request"
    return f"{row.name} keeps growing by {row.per_second:.4g} {row.unit} a second{per_request}"
