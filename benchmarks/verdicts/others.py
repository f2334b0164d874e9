"""Our verdicts beside the rules that other tools use, on the same reports: who cries wolf, and who finds what.

    python benchmarks/verdicts/others.py                     simulated services
    python benchmarks/verdicts/others.py DIRECTORY           labelled launches, see labelled.py

A report has CPU per request, two percentiles of latency and peak memory, and alarms if a rule calls any of them worse.
The rules, each as its tool has it by default:

- *ratio*: mean of head over mean of base above a threshold, as github-action-benchmark has it; its default is 200 %
  (https://github.com/benchmark-action/github-action-benchmark#alert-threshold-optional), people also set 110 and 105 %;
- *t test*: Welch's over slices, p < 5 %, as if slices were independent;
- *Mann-Whitney*: over slices, p < 5 %, as benchstat (https://pkg.go.dev/golang.org/x/perf/cmd/benchstat);
- *Otava*: change points in the launches of base followed by those of head, with its defaults (p < .001;
  https://otava.apache.org/docs/math), if `apache-otava` is installed.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
from labelled import cases
from scipy.stats import mannwhitneyu, ttest_ind
from simulate import MACHINES, report

from perf_action.compare import compare
from perf_action.model.change import Verdict
from perf_action.model.metric import Metric
from perf_action.model.snapshot import Snapshot

try:
    from otava.analysis import compute_change_points
except ImportError:
    compute_change_points = None

#: whether a report of these metrics, base and head, is an alarm
Rule = Callable[[Snapshot, Snapshot], bool]
LEVEL = 0.05
EFFECTS = (0.02, 0.05, 0.10)
LAUNCHES = 24


def ours(base: Snapshot, head: Snapshot) -> bool:
    return compare(base, head).verdict is Verdict.REGRESSION


def any_metric(worse: Callable[[Metric, Metric], bool]) -> Rule:
    return lambda base, head: any(map(worse, base.metrics, head.metrics))


def ratio(threshold: float) -> Rule:
    return any_metric(lambda b, h: np.mean(h.samples) > threshold * np.mean(b.samples))


def t_test(base: Metric, head: Metric) -> bool:
    found = ttest_ind(head.samples, base.samples, equal_var=False)
    return bool(found.pvalue < LEVEL and found.statistic > 0)


def mann_whitney(base: Metric, head: Metric) -> bool:
    p = mannwhitneyu(head.samples, base.samples).pvalue
    return bool(p < LEVEL and np.median(head.samples) > np.median(base.samples))


def otava(base: Metric, head: Metric) -> bool:
    before, after = launch_means(base), launch_means(head)
    points, _ = compute_change_points([*before, *after], max_pvalue=0.001)
    return bool(points) and np.mean(after) > np.mean(before)


def launch_means(metric: Metric) -> list[float]:
    launches: defaultdict[int, list[float]] = defaultdict(list)
    for launch, value in zip(metric.launches or range(len(metric.samples)), metric.samples, strict=True):
        launches[launch].append(value)
    return [float(np.mean(values)) for values in launches.values()]


RULES: dict[str, Rule] = {
    "perf-action": ours,
    "ratio 200 %": ratio(2.0),
    "ratio 110 %": ratio(1.10),
    "ratio 105 %": ratio(1.05),
    "t test, 5 %": any_metric(t_test),
    "Mann-Whitney, 5 %": any_metric(mann_whitney),
} | ({"Otava": any_metric(otava)} if compute_change_points else {})


def simulated(reports: int) -> Iterator[tuple[str, Snapshot, Snapshot]]:
    """Group, base and head: identical code on every machine, then effects on the quiet and the restless one."""
    for machine in MACHINES:
        rng = np.random.default_rng(7)
        for _ in range(reports):
            yield f"identical code, {machine.name}", *report(rng, machine, LAUNCHES)
    for machine in MACHINES[:2]:
        for effect in EFFECTS:
            rng = np.random.default_rng(8)
            for _ in range(reports):
                yield f"{effect:+.0%}, {machine.name}", *report(rng, machine, LAUNCHES, effect=effect)


def labelled(directory: Path) -> Iterator[tuple[str, Snapshot, Snapshot]]:
    for case in cases(directory):
        if case.base.metrics:
            yield case.group, case.base, case.head


def table(source: Iterable[tuple[str, Snapshot, Snapshot]]) -> None:
    counts: defaultdict[str, defaultdict[str, int]] = defaultdict(lambda: defaultdict(int))
    for group, base, head in source:
        counts[group]["reports"] += 1
        for name, rule in RULES.items():
            counts[group][name] += rule(base, head)
    print("| reports that alarm | reports | " + " | ".join(RULES) + " |")
    print("|---|" + "---:|" * (len(RULES) + 1))
    for group, row in [*counts.items(), *total(counts)]:
        shares = " | ".join(f"{row[name] / row['reports']:.1%}" for name in RULES)
        print(f"| {group} | {row['reports']} | {shares} |")


def total(counts: dict[str, defaultdict[str, int]]) -> Iterator[tuple[str, dict[str, int]]]:
    identical = [row for group, row in counts.items() if "identical" in group]
    if identical:
        yield "**all of identical code**", {k: sum(r[k] for r in identical) for k in ("reports", *RULES)}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("directory", type=Path, nargs="?", help="labelled launches instead of simulated ones")
    parser.add_argument("--reports", type=int, default=200, help="simulated reports a row")
    options = parser.parse_args()
    table(labelled(options.directory) if options.directory else simulated(options.reports))


if __name__ == "__main__":
    main()
