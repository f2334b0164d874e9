"""When more launches are no longer worth their time."""

from __future__ import annotations

import numpy as np
import pytest
from compare_cases import metric, scattered

from perf_action.compare.precision import is_settled
from perf_action.model.metric import Metric


def pair(launches: int, change: float, sd: float, seed: int = 1) -> list[Metric]:
    """Two sides whose ratio scatters by exactly `sd` round exactly `change`."""
    noise = np.random.default_rng(seed).normal(size=launches)
    noise = (noise - noise.mean()) / noise.std(ddof=1) * sd
    numbers = tuple(range(launches))
    head = 0.01 * np.exp(np.log1p(change) + noise)
    values = ([0.01] * launches, head.tolist())
    return [metric("cpu.per_request", v, launches=numbers, pairs=numbers) for v in values]


@pytest.mark.parametrize(
    ("launches", "change", "sd", "settled"),
    [
        (8, 0.0, 0.005, True),  # nothing that matters could hide
        (8, 0.012, 0.005, True),
        (8, 0.0, 0.014, True),  # certainly next to nothing
        (8, 0.015, 0.014, False),  # could be anything up to 3 %
        (20, 0.015, 0.014, True),
        (8, 0.10, 0.014, True),  # certainly large
        (8, -0.10, 0.014, True),
        (8, 0.04, 0.02, False),
        (24, 0.0, 0.05, False),
        (7, 0.0, 0.001, False),  # no verdict is given yet
    ],
)
def test_what_settles_the_clean_launches(launches: int, change: float, sd: float, settled: bool) -> None:
    assert is_settled(pair(launches, change, sd)) is settled


def test_launches_are_paired_by_their_number() -> None:
    base, head = pair(9, 0.0, 0.001)
    drift = np.exp(np.linspace(0, 0.5, 9))
    drifting = [
        metric(m.name, (drift * m.samples).tolist(), launches=m.launches, pairs=m.pairs) for m in (base, head)
    ]
    assert is_settled(drifting)
    assert not is_settled([drifting[0], metric("x", drifting[1].samples[::-1], launches=tuple(range(9)))])


def test_one_side_alone_is_settled_by_its_scatter() -> None:
    assert is_settled([scattered("cpu.per_request", 4, seed=1, sd=0.0005)])
    assert not is_settled([scattered("cpu.per_request", 2, seed=1, sd=0.0005)])
    assert not is_settled([scattered("cpu.per_request", 8, seed=1, sd=0.05)])
    assert not is_settled([])
