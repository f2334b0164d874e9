"""When to stop launching: our rule, a fixed number of launches, and looks that spend the level (O'Brien-Fleming).

    python benchmarks/verdicts/stopping.py                  launches that scatter normally or with heavy tails
    python benchmarks/verdicts/stopping.py DIRECTORY        launches drawn from labelled ones, see labelled.py

Each cell: reports called a regression, mean launches, reports that settled nothing. A regression is CPU per request
dearer by at least 1 % at p < .001 (or at the look's level). Sides are swapped at random, then head is made dearer.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import json
import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from scipy.special import ndtr, ndtri

from perf_action.compare.precision import ALPHA, is_settled
from perf_action.compare.stats import Estimate, of_mean
from perf_action.model.metric import Metric

Floats = np.ndarray
#: ln(head/base) of one launch pair each -> called, launches, unsettled
Rule = Callable[[Sequence[float]], tuple[bool, int, bool]]
FLOOR, MOST_UNSEEN, NOTHING = math.log1p(0.01), math.log1p(0.05), math.log1p(0.02)
LOOKS = (8, 16, 24, 36, 48)
SHIFTS = (0.0, 0.02, 0.03, 0.05)


def spending(looks: Sequence[int], alpha: float = ALPHA, *, least: float = 1e-9) -> tuple[float, ...]:
    """Nominal one-sided levels for looks after `looks` launches that together spend `alpha`: Lan and DeMets' function of
    the O'Brien-Fleming kind, a(t) = 2 - 2 Phi(z_{alpha/2} / sqrt(t)), integrated over the path of the score.
    """
    grid = np.linspace(-8.0, 8.0, 4001)
    width = grid[1] - grid[0]
    edge = float(ndtri(1 - alpha / 2))
    levels: list[float] = []
    density: Floats | None = None
    spent = before = 0.0
    for t in (n / looks[-1] for n in looks):
        step, total = math.sqrt(t - before), 2 * float(ndtr(-edge / math.sqrt(t)))
        low, high = 0.0, 8.0
        for _ in range(60):
            middle = (low + high) / 2
            beyond = (
                float(ndtr(-middle / step))
                if density is None
                else float((density * ndtr((grid - middle) / step)).sum() * width)
            )
            low, high = (middle, high) if beyond > total - spent else (low, middle)
        levels.append(max(least, float(ndtr(-high / math.sqrt(t)))))
        kernel = np.exp(-0.5 * (grid / step) ** 2) / (step * math.sqrt(2 * math.pi))
        moved = kernel if density is None else np.convolve(density, kernel, mode="same") * width
        density = np.where(grid < high, moved, 0.0)
        spent, before = total, t
    return tuple(levels)


def judge(ratios: Sequence[float]) -> tuple[bool, int, bool]:
    """The test of a report, after the launches that were made."""
    guess = of_mean(ratios, least_sd=0.001)
    called = guess.p_greater < ALPHA and guess.mean >= FLOOR
    return called, len(ratios), not called and guess.detectable(ALPHA) > MOST_UNSEEN


def ours(most: int) -> Rule:
    def rule(ratios: Sequence[float]) -> tuple[bool, int, bool]:
        n = next((n for n in range(8, most) if is_settled(sides(ratios[:n]))), most)
        return judge(ratios[:n])

    return rule


def fixed(launches: int) -> Rule:
    return lambda ratios: judge(ratios[:launches])


def sequential(looks: Sequence[int]) -> Rule:
    levels = spending(looks)

    def rule(ratios: Sequence[float]) -> tuple[bool, int, bool]:
        for n, level in zip(looks, levels, strict=True):
            guess: Estimate = of_mean(ratios[:n], least_sd=0.001)
            if guess.p_greater < level and guess.mean >= FLOOR:
                return True, n, False
            if guess.interval()[1] < NOTHING:
                return False, n, False
        return False, looks[-1], True

    return rule


def sides(ratios: Sequence[float]) -> list[Metric]:
    numbers = tuple(range(len(ratios)))
    values = ([1.0] * len(ratios), [math.exp(r) for r in ratios])
    return [
        Metric(name="cpu.per_request", unit="s", better="lower", samples=tuple(v), launches=numbers)
        for v in values
    ]


RULES: dict[str, Rule] = {
    "8": fixed(8),
    "24": fixed(24),
    "ours, 8-24": ours(24),
    "O'Brien-Fleming to 24": sequential(LOOKS[:3]),
    "ours, 8-48": ours(48),
    "O'Brien-Fleming to 48": sequential(LOOKS),
}


def labelled(directory: Path) -> Iterator[tuple[str, Floats]]:
    """ln(head/base) of every launch of identical code, each once, by design and machine."""
    with (directory / "labels_cpu.csv").open() as file:
        labels = {row["case"]: row for row in csv.DictReader(file)}
    found: defaultdict[str, dict[float, float]] = defaultdict(dict)
    with gzip.open(directory / "cases_cpu.jsonl.gz", "rt") as file:
        for case in map(json.loads, file):
            label = labels[case["case"]]
            if label["kind"] == "AA":
                group = "any, noisy" if label["env"] == "noisy" else f"{label['design']}, quiet"
                for launch in case["launches"]:
                    logs = [math.log(s["head"]["cpu_us"] / s["base"]["cpu_us"]) for s in launch["slices"]]
                    mean = sum(logs) / len(logs)
                    found[group][round(abs(mean), 9)] = (
                        mean  # the same launch occurs in many cases, swapped too
                    )
    for group, values in sorted(found.items()):
        yield f"{group} ({len(values)} launches)", np.array(list(values.values()))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("directory", nargs="?", type=Path)
    parser.add_argument("--reports", type=int, default=4000)
    args = parser.parse_args()
    rng = np.random.default_rng(1)
    machines: list[tuple[str, Callable[[], Floats]]] = [
        ("normal, 1.4 %", lambda: rng.normal(0, 0.014, LOOKS[-1])),
        ("normal, 3 %", lambda: rng.normal(0, 0.03, LOOKS[-1])),
        ("heavy tails, 1.4 %", lambda: rng.standard_t(3, LOOKS[-1]) * 0.014 / math.sqrt(3)),
    ]
    if args.directory:
        pools = list(labelled(args.directory))
        machines = [(name, lambda pool=pool: rng.choice(pool, LOOKS[-1])) for name, pool in pools]
    print("| launches | head | " + " | ".join(RULES) + " |\n|---|---|" + "---|" * len(RULES))
    for name, draw in machines:
        for shift in SHIFTS:
            drawn = [draw() * rng.choice([-1, 1], LOOKS[-1]) + math.log1p(shift) for _ in range(args.reports)]
            cells = []
            for rule in RULES.values():
                called, launches, unsettled = np.mean([rule(r) for r in drawn], axis=0)
                cells.append(f"{called:.2%}, {launches:.1f}, {unsettled:.0%}")
            print(f"| {name} | {shift:+.0%} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
