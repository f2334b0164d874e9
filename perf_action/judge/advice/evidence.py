"""What conditions of advice rest on: shares of stacks and categories, metrics, leaks, failed checks; with the evidence."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from perf_action.judge.advice.numbers import Held
from perf_action.judge.advice.rules import CategoryOver, Frames
from perf_action.judge.advice.scan import Scan, Site
from perf_action.judge.advice.table import Asked
from perf_action.judge.budgets.limits import half_of_share
from perf_action.judge.code.shown import shown_names
from perf_action.model.category import CategoryCost
from perf_action.model.change import Comparison, LeakChange, Verdict
from perf_action.model.finding import Finding
from perf_action.model.profile import FunctionKey
from perf_action.model.snapshot import Snapshot

_STACKS: Final = 3
#: it got worse if this part of what fits runs through a function that did
_REGRESSED: Final = 0.3
#: calls on two lines do the same twice if the cheaper one costs at least this part of the dearer one
_AS_DEAR: Final = 0.3
#: kinds of cost that stand in for another one where that was not measured
_INSTEAD: Final[Mapping[str, str]] = {"cpu": "instructions"}
_TOP_LEVEL: Final = "<module>"


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

    def same(self, asked: Sequence[Frames], language: str) -> Held | None:
        """The line of an own function on which all is done, and which costs most."""
        numbers = [self.numbers[Asked(a, language)] for a in asked]
        kinds = self._kinds(asked[0].kinds)
        scans = [scan for scan in self.scans if scan.source.kind in kinds]
        found = [h for scan in scans if (h := self._on_one_line(scan, numbers, asked)) is not None]
        return max(found, key=lambda held: held.share, default=None)

    def _on_one_line(self, scan: Scan, numbers: Sequence[int], asked: Sequence[Frames]) -> Held | None:
        if not scan.total or not all(
            scan.share(number) >= a.at_least for number, a in zip(numbers, asked, strict=True)
        ):
            return None
        parts = [_by_line(scan.sites(number)) for number in numbers]
        best: list[Site] = []
        for place in set(parts[0]).intersection(*parts[1:]):
            done = [part[place] for part in parts]
            shares = [sum(s.weight for s in sites) / scan.total for sites in done]
            if all(_enough(scan, share, a) for share, a in zip(shares, asked, strict=True)):
                sites = [site for part in done for site in part]
                best = max(best, sites, key=lambda sites: sum(s.weight for s in sites))
        share = min(1.0, sum(s.weight for s in best) / scan.total)
        return self._held(scan.source.kind, share, share, best) if best else None

    def _kinds(self, kinds: Iterable[str]) -> set[str]:
        measured = {scan.source.kind for scan in self.scans}
        return {k if k in measured else _INSTEAD.get(k, k) for k in kinds}

    def _in(self, scan: Scan, number: int, asked: Frames) -> Held | None:
        share = scan.share(number)
        if not _enough(scan, share, asked):
            return None
        only: FunctionKey | None = None
        if asked.single:
            only, share = scan.largest(number, self._worse if asked.worse else None)
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
            if asked.rose is None or _rise(cost) >= asked.rose
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
                for key, line in zip(profile.function_keys, profile.function_line.tolist(), strict=True):
                    if key.name == name:
                        return key, line
        return FunctionKey(name), 0


def _rise(cost: CategoryCost) -> float:
    return 0.0 if cost.base_share is None else cost.share - cost.base_share


def _enough(scan: Scan, share: float, asked: Frames) -> bool:
    """Whether a share is large enough, and surely so: its lower end is, where it was sampled."""
    if not 0 < asked.at_least <= share:
        return False
    error = half_of_share(share, scan.samples(1.0))
    return scan.samples(share) >= asked.samples and share - error >= asked.at_least


def _by_line(sites: Sequence[Site]) -> dict[tuple[FunctionKey, int], list[Site]]:
    """By own function and line, where both are known."""
    out: defaultdict[tuple[FunctionKey, int], list[Site]] = defaultdict(list)
    for site in sites:
        if site.key is not None and site.line:
            out[site.key, site.line].append(site)
    return dict(out)


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
        weights[shown_names([key.name for key in site.keys])] += site.weight
    return tuple(f"{text} {weight}" for text, weight in weights.most_common(_STACKS))
