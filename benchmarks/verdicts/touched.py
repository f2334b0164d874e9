"""What it is worth to know which functions a pull request touches: false alarms and power, with and without.

    python benchmarks/verdicts/touched.py               simulated profiles, one or two minutes
    python benchmarks/verdicts/touched.py DIRECTORY     labelled ones, see labelled.py

In identical code one to five functions, drawn at random, are said to be touched; otherwise the one that changed.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from labelled import cases
from simulate import SHARES, profiles

from perf_action.compare import CompareOptions, compare
from perf_action.model.change import Verdict
from perf_action.model.snapshot import Snapshot
from perf_action.model.touched import TouchedFile

#: group, the function that changed (empty: none), base, head
Report = tuple[str, str, Snapshot, Snapshot]


def simulated(reports: int) -> Iterator[Report]:
    for samples in (500, 1500, 6000):
        rng = np.random.default_rng(samples)
        for grown, by in ((None, 0.0), (7, 0.1), (7, 0.2)):
            for _ in range(reports):
                sides = profiles(rng, launches=5, slices=3, samples=samples, grown=grown, by=by)
                what = "identical" if grown is None else f"a function of {SHARES[grown]:.0%} {by:+.0%}"
                yield f"{15 * samples} samples, {what}", "" if grown is None else f"work_{grown}", *sides


def labelled(directory: Path, times: int) -> Iterator[Report]:
    """Each comparison; those of identical code `times` times, swapped every other time."""
    for case in cases(directory):
        if case.base.slices:
            same = not case.changed
            for i in range(times if same and "AA" in case.group else 1):
                sides = (case.head, case.base) if i % 2 else (case.base, case.head)
                yield case.group, case.changed, *sides


def touch(rng: np.random.Generator, changed: str, head: Snapshot) -> tuple[TouchedFile, ...]:
    keys = sorted({key for s in head.slices for key in s.profile.function_keys})
    if changed:
        mine = [key for key in keys if key.name == changed.partition(" (")[0]]
    else:
        mine = [keys[i] for i in rng.choice(len(keys), rng.integers(1, 6), replace=False)]
    return tuple(TouchedFile(base=k.file, head=k.file, functions=(k.name,)) for k in mine)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("directory", nargs="?", type=Path)
    parser.add_argument("--reports", type=int, default=200)
    args = parser.parse_args()
    rng = np.random.default_rng(1)
    counted: defaultdict[str, list[tuple[bool, bool]]] = defaultdict(list)
    source = labelled(args.directory, 20) if args.directory else simulated(args.reports)
    for group, changed, base, head in source:
        both = []
        for touched in ((), touch(rng, changed, head)):
            found = compare(base, head, CompareOptions(touched=touched, self_check=False))
            worse = [f.name for f in found.functions if f.verdict is Verdict.REGRESSION]
            both.append(changed.partition(" (")[0] in worse if changed else bool(worse))
        counted[group].append((both[0], both[1]))
    print("| profiles | reports | called | called, touched |\n|---|---|---|---|")
    for group, calls in counted.items():
        without, known = np.mean(calls, axis=0)
        print(f"| {group} | {len(calls)} | {without:.1%} | {known:.1%} |")


if __name__ == "__main__":
    main()
