"""How often the verdicts are right and wrong: on simulated services, or on a directory of labelled launches.

    python benchmarks/verdicts/score.py                    200 reports a row, a few minutes
    python benchmarks/verdicts/score.py --reports 2000     what the bound of 1 % is stated on
    python benchmarks/verdicts/score.py DIRECTORY          labelled data, see labelled.py

A false alarm is a regression of any row in a report of identical code. Exits with 1 if a row of identical code alarms
more often than in 1 % of its reports by more than chance (p < .01).
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from labelled import cases
from scipy.special import bdtrc
from simulate import FLAT, LEAKING, MACHINES, SHARES, STEADY, memory, profiles, report

from perf_action.compare import compare
from perf_action.model.change import Comparison, LeakState, Verdict
from perf_action.model.snapshot import Snapshot

BOUND = 0.01


@dataclass
class Score:
    """Reports, those that call the change (or, of identical code, any regression), those that settle nothing."""

    reports: int = 0
    called: int = 0
    other: int = 0
    unsettled: int = 0
    identical: bool = False
    names: set[str] = field(default_factory=set)

    def add(self, found: Comparison, changed: str) -> None:
        named = worse(found)
        right = {n for n in named if changed and changed in n}
        self.reports += 1
        self.called += bool(right if changed else named)
        self.other += bool(changed and named - right)
        self.unsettled += found.verdict is Verdict.INCONCLUSIVE
        self.identical = not changed
        self.names |= named - right

    def too_often(self) -> bool:
        return (
            self.identical and float(bdtrc(self.called - 1, self.reports, BOUND)) < 0.01
            if self.called
            else False
        )


def worse(found: Comparison) -> set[str]:
    """Everything that a report calls a regression."""
    rows = [*found.metrics, *found.functions]
    leaks = {k.name for k in found.leaks if k.verdict is LeakState.LEAKING}
    return {r.name for r in rows if r.verdict is Verdict.REGRESSION} | leaks


def simulated(reports: int) -> Iterable[tuple[str, str, Snapshot, Snapshot]]:
    """Group, what changed, base and head."""
    for machine in MACHINES:
        for launches in (1, 2, 3, 5, 8, 12, 24, 48):
            for paired in (True, False):
                rng = np.random.default_rng([launches, paired])
                group = f"{machine.name}, {launches} launches{'' if paired else ' stored'}"
                for _ in range(reports):
                    yield group, "", *report(rng, machine, launches, paired=paired)
        for launches, effect in ((8, 0.06), (12, 0.03), (24, 0.03)):
            rng = np.random.default_rng(launches)
            for _ in range(max(1, reports // 4)):
                yield (
                    f"{machine.name}, {launches} launches, {effect:+.0%}",
                    "cpu.per_request",
                    *report(rng, machine, launches, effect=effect),
                )
    yield from _simulated_profiles(reports)
    for shape in (*STEADY, *LEAKING):
        for seconds in (30, 45, 60, 120):
            rng = np.random.default_rng(seconds)
            for _ in range(max(1, reports // 4)):
                sides = [
                    Snapshot(label=s, series=(memory(rng, how, seconds),))
                    for s, how in (("base", "flat"), ("head", shape))
                ]
                yield f"{shape}, {seconds} s", "memory.rss" if shape in LEAKING else "", sides[0], sides[1]


def _simulated_profiles(reports: int) -> Iterable[tuple[str, str, Snapshot, Snapshot]]:
    for launches, slices, samples in ((1, 4, 1000), (5, 3, 1500), (8, 4, 200), (5, 3, 6000)):
        rng = np.random.default_rng(samples)
        group = f"functions, {launches * slices * samples} samples in {launches} launches"
        for _ in range(reports):
            yield group, "", *profiles(rng, launches=launches, slices=slices, samples=samples)
        for grown, by in ((2, 0.2), (2, 1.0), (10, 1.0)):
            for _ in range(max(1, reports // 4)):
                sides = profiles(rng, launches=launches, slices=slices, samples=samples, grown=grown, by=by)
                yield f"{group}, {SHARES[grown]:.0%} of it {by:+.0%}", f"work_{grown}", *sides
    for launches, slices, samples in ((1, 4, 100), (2, 2, 80), (2, 3, 200), (4, 2, 100)):
        rng = np.random.default_rng(samples)
        group = f"{len(FLAT)} functions, {launches * slices * samples} samples in {launches} launches"
        for _ in range(reports):
            yield group, "", *profiles(rng, launches=launches, slices=slices, samples=samples, shares=FLAT)
        for new in (0.05, 0.15):
            for _ in range(max(1, reports // 4)):
                sides = profiles(rng, launches=launches, slices=slices, samples=samples, shares=FLAT, new=new)
                yield f"{group}, a new one of {new:.0%}", f"work_{len(FLAT) + 1}", *sides


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("directory", type=Path, nargs="?", help="labelled data instead of simulated")
    parser.add_argument("--reports", type=int, default=200, help="simulated reports a row")
    options = parser.parse_args()
    if options.directory:
        source: Iterable = ((c.group, c.changed, c.base, c.head) for c in cases(options.directory))
    else:
        source = simulated(options.reports)
    scores: defaultdict[str, Score] = defaultdict(Score)
    for group, changed, base, head in source:
        scores[group].add(compare(base, head), changed)
    return show(scores)


def show(scores: dict[str, Score]) -> int:
    print(f"{'':52} {'reports':>8} {'called':>8} {'others':>8} {'unsettled':>10}")
    for group, s in scores.items():
        n = s.reports
        flag = "  TOO OFTEN" if s.too_often() else ""
        print(f"{group:52} {n:8} {s.called / n:8.2%} {s.other / n:8.2%} {s.unsettled / n:10.1%}{flag}")
    identical = [s for s in scores.values() if s.identical]
    alarms, n = sum(s.called for s in identical), sum(s.reports for s in identical)
    print(f"\nidentical code: {alarms} false alarms in {n} reports ({alarms / max(n, 1):.2%})")
    return int(any(s.too_often() for s in scores.values()))


if __name__ == "__main__":
    sys.exit(main())
