"""Services that do not exist, measured on machines that misbehave: launches with known truth.

Every generator takes a seeded `numpy` generator and gives the two sides of one report. The scatter is that of real
launches (1.4 to 2.2 % from launch to launch, 3 % from slice to slice) or worse, on purpose.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from perf_action.model.builder import ProfileBuilder
from perf_action.model.metric import Metric, Series
from perf_action.model.profile import Profile, ProfileSlice, ValueKind
from perf_action.model.snapshot import Snapshot

Rng = np.random.Generator
#: the logarithm of what one launch of one side costs more than another, shape (launches,)
Luck = Callable[[Rng, int], "np.ndarray"]


@dataclass(frozen=True)
class Machine:
    """How launches and slices scatter. `burst` is the chance that a slice of one side meets a noisy neighbour."""

    name: str
    luck: Luck
    slice_sd: float = 0.03
    correlation: float = 0.5
    burst: float = 0.0
    drift: float = 0.0


def normal(sd: float) -> Luck:
    return lambda rng, n: rng.normal(0, sd, n)


def heavy(sd: float) -> Luck:
    return lambda rng, n: rng.standard_t(3, n) * sd / math.sqrt(3)


def two_layouts(step: float) -> Luck:
    """Memory layout is one of two, and hardly anything else scatters."""
    return lambda rng, n: rng.choice([-step / 2, step / 2], n) + rng.normal(0, step / 50, n)


def skewed(sd: float) -> Luck:
    return lambda rng, n: (rng.exponential(1.0, n) - 1) * sd


MACHINES = (
    Machine("quiet", normal(0.01)),
    Machine("restless", normal(0.015), slice_sd=0.05),
    Machine("heavy tails", heavy(0.02)),
    Machine("two layouts", two_layouts(0.03), slice_sd=0.001),
    Machine("skewed", skewed(0.02)),
    Machine("bursts", normal(0.015), burst=0.15),
    Machine("many bursts", normal(0.03), slice_sd=0.1, burst=0.4),
    Machine("drifting", normal(0.01), drift=0.30),
)


def report(
    rng: Rng, machine: Machine, launches: int, *, effect: float = 0.0, slices: int = 4, paired: bool = True
) -> tuple[Snapshot, Snapshot]:
    """Base and head of one report: CPU per request, p50, p95 and peak memory of `launches` launches a side.

    `effect` is relative. The two sides of a pair share the machine's drift and one half of the neighbours' noise.
    """
    luck = {side: machine.luck(rng, launches) for side in ("base", "head")}
    drift = (
        machine.drift * np.cumsum(rng.normal(0, 1, (launches, slices)).ravel()) / math.sqrt(launches * slices)
    )
    noise = {side: _correlated(rng, machine, launches, slices) for side in ("base", "head")}
    sides = []
    for side in ("base", "head"):
        level = np.log(100e-6) + (math.log1p(effect) if side == "head" else 0.0)
        cpu = level + np.repeat(luck[side], slices) + drift + noise[side]
        p50 = cpu + 0.7 + rng.normal(0, machine.slice_sd, cpu.shape)
        p95 = cpu + 1.5 + rng.normal(0, 2 * machine.slice_sd, cpu.shape) + np.abs(noise[side])
        launch = np.repeat(np.arange(launches), slices)
        pair = np.arange(launches * slices)
        metrics = [
            _metric(name, "s", values, launch, pair if paired else None)
            for name, values in (("cpu.per_request", cpu), ("latency.p50", p50), ("latency.p95", p95))
        ]
        rss = np.log(60e6) + rng.normal(0, 0.003, launches)
        own = np.arange(launches)
        metrics.append(_metric("memory.rss.peak", "bytes", rss, own, own if paired else None))
        sides.append(Snapshot(label=side, metrics=tuple(metrics)))
    return sides[0], sides[1]


def _correlated(rng: Rng, machine: Machine, launches: int, slices: int) -> np.ndarray:
    """Noise of slices: neighbours in time resemble each other; bursts make single ones slower."""
    out = rng.normal(0, machine.slice_sd, launches * slices)
    for i in range(1, len(out)):
        out[i] = machine.correlation * out[i - 1] + math.sqrt(1 - machine.correlation**2) * out[i]
    hit = rng.random(len(out)) < machine.burst
    return out + np.where(hit, rng.exponential(0.15, len(out)), 0.0)


def _metric(name: str, unit: str, logs: np.ndarray, launch: np.ndarray, pair: np.ndarray | None) -> Metric:
    return Metric(
        name=name,
        unit=unit,
        better="lower",
        samples=tuple(np.exp(logs).tolist()),
        launches=tuple(launch.tolist()),
        pairs=None if pair is None else tuple(pair.tolist()),
    )


# --- profiles ----------------------------------------------------------------------------------------------------

#: functions of the simulated service, their callers, and their shares
SHARES = (0.19, 0.15, 0.10, 0.10, 0.08, 0.07, 0.06, 0.05, 0.04, 0.03, 0.03, 0.02, 0.02, 0.015, 0.015)
#: the same of one with many functions, each of which has a handful of samples in a short profile
FLAT = (0.10, 0.08, 0.06, *[0.03] * 6, *[0.011] * 45)


def profiles(
    rng: Rng,
    *,
    launches: int,
    slices: int,
    samples: int,
    grown: int | None = None,
    by: float = 0.0,
    shares: Sequence[float] = SHARES,
    new: float = 0.0,
) -> tuple[Snapshot, Snapshot]:
    """Sliced profiles of both sides, `samples` a slice; function number `grown` costs `by` more on head, and the last one,
    which base does not have, `new` of what base costs.
    """
    sides = []
    for side in ("base", "head"):
        cost = np.array([*shares, 1 - sum(shares), new if side == "head" else 0.0]) * 100e3
        if side == "head" and grown is not None:
            cost[grown] *= 1 + by
        out = []
        for launch in range(launches):
            mine = cost * np.exp(rng.normal(0, 0.02, len(cost)))
            for number in range(slices):
                now = mine * rng.gamma(400, 1 / 400, len(mine))
                counts = rng.poisson(samples * now / now.sum())
                out.append(
                    ProfileSlice(
                        launch=launch,
                        slice=number,
                        requests=2000,
                        cpu_ns_per_request=float(mine.sum() * np.exp(rng.normal(0, 0.02))),
                        rate_hz=250,
                        profile=_profile(counts),
                    )
                )
        sides.append(Snapshot(label=side, slices=tuple(out)))
    return sides[0], sides[1]


def _profile(counts: np.ndarray) -> Profile:
    builder = ProfileBuilder([ValueKind("cpu", "samples")])
    root = builder.frame(builder.function("serve", file="app.py"))
    middle = [builder.frame(builder.function(f"handle_{i}", file="app.py")) for i in range(4)]
    for i, count in enumerate(counts.tolist()):
        if not count:
            continue
        leaf = builder.frame(builder.function(f"work_{i}", file="work.py"))
        builder.sample(builder.stack_of([root, middle[i % 4], leaf]), [int(count)])
    return builder.build()


# --- memory over time --------------------------------------------------------------------------------------------


def memory(rng: Rng, shape: str, seconds: float, *, rate: float = 200.0) -> Series:
    """RSS every half second: one of STEADY or LEAKING."""
    t = np.arange(0, seconds, 0.5)
    kilobyte, megabyte = 1e3, 1e6
    level = 80 * megabyte + np.where(t < 5, t / 5, 1.0) * 10 * megabyte + rng.normal(0, 20 * kilobyte, len(t))
    phase, amplitude = rng.random(), rng.uniform(2, 10) * megabyte
    shapes = {
        "flat": np.zeros(len(t)),
        "noisy": rng.normal(0, 400 * kilobyte, len(t)),
        "plateau": 30 * megabyte * (1 - np.exp(-t / 6)),
        "late step": np.where(t > seconds * rng.uniform(0.4, 0.9), 4 * megabyte, 0.0),
        "sawtooth": ((t / rng.uniform(3, 12) + phase) % 1) * amplitude,
        "slow sawtooth": ((t / rng.uniform(20, 40) + phase) % 1) * amplitude,
        "random walk": np.cumsum(rng.normal(0, 12 * kilobyte, len(t))),
        "creep": t / 60 * 60 * kilobyte,
        "1 MB/min": t / 60 * megabyte,
        "1 kB/request": t * rate * kilobyte,
        "5 MB/min in arenas": np.floor(t / 60 * 5) * megabyte,
        "10 MB/min under a sawtooth": t / 60 * 10 * megabyte + ((t / 4 + phase) % 1) * 2 * megabyte,
    }
    values = level + shapes[shape]
    return Series(
        name="memory.rss",
        unit="bytes",
        t_ns=tuple((t * 1e9).astype(int).tolist()),
        values=tuple(values.tolist()),
        requests=tuple((t * rate).astype(int).tolist()),
    )


STEADY = ("flat", "noisy", "plateau", "late step", "sawtooth", "slow sawtooth", "random walk", "creep")
LEAKING = ("1 MB/min", "1 kB/request", "5 MB/min in arenas", "10 MB/min under a sawtooth")
