"""Metrics, profiles and series with a known truth, small enough to judge hundreds of them in a test."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from perf_action.compare import CompareOptions
from perf_action.compare.kinds import function_changes
from perf_action.compare.metrics import metric_changes
from perf_action.model.builder import ProfileBuilder
from perf_action.model.change import FunctionChange, MetricChange
from perf_action.model.metric import Metric, Series
from perf_action.model.profile import CapturedProfile, Fidelity, Profile, ProfileSlice, ValueKind
from perf_action.model.snapshot import Snapshot

OPTIONS = CompareOptions()


def metric(name: str, samples: Sequence[float], *, unit: str = "s", better: str = "lower", **rest) -> Metric:
    return Metric(name=name, unit=unit, better=better, samples=tuple(samples), **rest)


def launches(name: str, samples: Sequence[float], *, paired: bool = True, unit: str = "s", **rest) -> Metric:
    """One sample a launch."""
    numbers = tuple(range(len(samples)))
    return metric(name, samples, unit=unit, launches=numbers, pairs=numbers if paired else None, **rest)


def judged(
    base: Metric, head: Metric, *, untimed: str = "", options: CompareOptions = OPTIONS
) -> MetricChange:
    (row,) = metric_changes([base], [head], options=options, untimed=untimed)
    return row


def scattered(
    name: str, n: int, *, seed: int, level: float = 0.01, sd: float = 0.01, unit: str = "s"
) -> Metric:
    logs = np.random.default_rng(seed).normal(math.log(level), sd, n)
    return launches(name, np.exp(logs).tolist(), unit=unit)


# --- profiles

Stacks = Mapping[str, int]


def profile(
    stacks: Stacks,
    *,
    kind: str = "cpu",
    unit: str = "samples",
    fidelity: Fidelity = "sampled",
    requests: int | None = None,
    duration_ns: int | None = None,
    period: int | None = None,
    folder: str = "",
    lines: Mapping[str, int] | None = None,
    tool: str = "",
    granule: int = 0,
) -> Profile:
    """``main;parse@lib.py`` -> value; the file stands behind the @."""
    builder = ProfileBuilder([ValueKind(kind, unit)], fidelity=fidelity, tool=tool)
    for text, value in stacks.items():
        frames = []
        for frame in text.split(";"):
            name, _, file = frame.partition("@")
            line = (lines or {}).get(name, 0)
            frames.append(
                builder.frame(builder.function(name, file=folder + file if file else "", line=line), line)
            )
        builder.sample(builder.stack_of(frames), [value])
    return builder.build(requests=requests, duration_ns=duration_ns, period=period, granule=granule)


def captured(*profiles: Profile, stage: str = "stage", label: str = "side") -> Snapshot:
    captures = tuple(
        CapturedProfile(stage=stage, launch=i, requests=p.requests, profile=p) for i, p in enumerate(profiles)
    )
    return Snapshot(label=label, captures=captures)


def sliced(
    costs: Mapping[str, float], *, seed: int, launches: int = 5, slices: int = 3, samples: int = 2000
) -> Snapshot:
    """Stacks with their cost in ns per request, sampled; launches differ by 1 %."""
    rng = np.random.default_rng(seed)
    names, cost = list(costs), np.array(list(costs.values()))
    total = cost.sum()
    out = []
    for launch in range(launches):
        luck = np.exp(rng.normal(0, 0.01))
        for number in range(slices):
            counts = rng.poisson(samples * cost / total)
            out.append(
                ProfileSlice(
                    launch=launch,
                    slice=number,
                    requests=1000,
                    cpu_ns_per_request=float(total * luck),
                    rate_hz=250,
                    profile=profile(dict(zip(names, counts.tolist(), strict=True))),
                )
            )
    return Snapshot(label="side", slices=tuple(out))


def functions(base: Snapshot, head: Snapshot, **rest) -> dict[str, FunctionChange]:
    """The rows by name; of self and total rows of one function, the self row."""
    rows = function_changes(base, head, OPTIONS, **rest).rows
    return {row.name: row for row in reversed(rows) if row.value == "self"}


def totals(base: Snapshot, head: Snapshot) -> dict[str, FunctionChange]:
    return {row.name: row for row in function_changes(base, head, OPTIONS).rows if row.value == "total"}


# --- series


def series(
    values, *, seconds: float = 60, step: float = 0.5, rate: float | None = 100.0, unit: str = "bytes", **rest
) -> Series:
    """`values(t)` in `unit` every `step` seconds."""
    t = np.arange(0, seconds, step)
    return Series(
        name="memory.rss",
        unit=unit,
        t_ns=tuple((t * 1e9).astype(int).tolist()),
        values=tuple(np.broadcast_to(np.asarray(values(t), dtype=float), t.shape).tolist()),
        requests=None if rate is None else tuple((t * rate).astype(int).tolist()),
        **rest,
    )
