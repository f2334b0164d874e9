"""Costs from slices of a sampling profiler: quasi-binomial, scaled by the process CPU clock.

Samples of one function scatter more than a Poisson variable (they come in bursts, and every launch has its own
memory layout), so the dispersion phi is measured over the units of a side and shrunk towards what such data usually
show. Tests that take phi for 1 blamed a function in 15 of 100 comparisons of identical code.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from perf_action.compare import stats
from perf_action.compare.calls import Floats, Weighed, call_tree
from perf_action.compare.idle import idle_functions
from perf_action.compare.work import Effects, View, Work
from perf_action.model.profile import ProfileSlice

#: the prior of phi counts as so many degrees of freedom
PRIOR_DF = 10.0
#: relative scatter of one function from launch to launch, where there are too few launches to show it
_LAUNCH_SD = 0.05
_FEW_LAUNCHES = 3
#: level of the test over launches that a change has to pass besides the one over samples
_LAUNCHES_AGREE = 0.01
_CPU_LAUNCH_SD = 0.03
#: half a sample is added to both counts, so that a function new in head has a ratio
_HALF = 0.5


def of_slices(base: Sequence[ProfileSlice], head: Sequence[ProfileSlice]) -> Work | None:
    """Self and total CPU time per request, in ns: share of the samples that are not idle, times the CPU clock."""
    idle = idle_functions({key for s in (*base, *head) for key in s.profile.function_keys}, native=True)
    tree = call_tree(
        [Weighed(profile=s.profile, kind=0) for s in base],
        [Weighed(profile=s.profile, kind=0) for s in head],
        idle=idle,
    )
    if not tree.base.sum() or not tree.head.sum():
        return None
    sides = [_Side(s, v.sum(axis=0)) for s, v in ((base, tree.base), (head, tree.head))]
    counts = [
        (tree.own(tree.base), tree.own(tree.head)),
        (tree.inclusive(tree.base), tree.inclusive(tree.head)),
    ]
    df = sum(max(len(s.totals) - 1, 0) for s in sides) + PRIOR_DF
    total = max(side.cpu for side in sides)
    return Work(
        tree=tree,
        kind="cpu",
        unit="ns/request",
        own=_slice_effects(*counts[0], *sides),
        inclusive=_slice_effects(*counts[1], *sides),
        base_total=sides[0].cpu,
        head_total=sides[1].cpu,
        df=df,
        floor=0.05,
        absolute=min(500.0, total / 100),
        share=0.0,
        exact=False,
    )


class _Side:
    """One side's slices: samples each, CPU time per request, and how well the latter is known."""

    def __init__(self, slices: Sequence[ProfileSlice], totals: Floats) -> None:
        self.totals = totals
        requests = [max(s.requests, 1) for s in slices]
        self.cpu = math.fsum(n * s.cpu_ns_per_request for n, s in zip(requests, slices, strict=True)) / sum(
            requests
        )
        self.launches = [s.launch for s in slices]
        by_launch: defaultdict[int, list[float]] = defaultdict(list)
        for s in slices:
            by_launch[s.launch].append(math.log(max(s.cpu_ns_per_request, 1e-9)))
        self.launch_cpu = {launch: math.exp(math.fsum(v) / len(v)) for launch, v in by_launch.items()}
        means = [math.log(cpu) for cpu in self.launch_cpu.values()]
        few = len(means) < _FEW_LAUNCHES
        spread = max(stats.sd(means), _CPU_LAUNCH_SD) if few else stats.sd(means)
        self.variance = (spread**2 + (_LAUNCH_SD**2 if few else 0.0)) / len(means)


def _slice_effects(base: Floats, head: Floats, b: _Side, h: _Side) -> Effects:
    """Costs and errors from counts per function and slice, both (functions, slices)."""
    n_b, n_h = base.sum(axis=1), head.sum(axis=1)
    x_b, x_h = n_b + _HALF, n_h + _HALF
    t_b, t_h = float(b.totals.sum()), float(h.totals.sum())
    phi = _dispersion([(base, b.totals, b.launches), (head, h.totals, h.launches)])
    p = (n_b + n_h) / (t_b + t_h)
    log = np.log(x_h / t_h) - np.log(x_b / t_b)
    wald = np.maximum(1 - p, 0.0) * (1 / x_b + 1 / x_h)
    counted = phi * stats.log_ratio_variance(log, x_b, x_h, wald)
    launches = _over_launches(base, head, b, h)
    return Effects(
        views=() if launches is None else (launches,),
        base=n_b / t_b * b.cpu,
        head=n_h / t_h * h.cpu,
        log=log + math.log(h.cpu) - math.log(b.cpu),
        se=np.sqrt(counted + b.variance + h.variance),
    )


def _over_launches(base: Floats, head: Floats, b: _Side, h: _Side) -> View | None:
    """The same change from one cost per launch, with the scatter of launches as the error: on a restless machine a
    function may cost twice as much in a whole launch of identical code. None with one launch a side.
    """
    logs = []
    for counts, side in ((base, b), (head, h)):
        names = sorted(set(side.launches))
        if len(names) < 2:
            return None
        grouped, totals = _grouped(counts, side.totals, side.launches)
        cpu = np.array([side.launch_cpu[name] for name in names])
        logs.append(np.log((grouped + _HALF) / np.maximum(totals, 1.0) * cpu))
    df = sum(x.shape[1] - 1 for x in logs)
    pooled = sum(((x - x.mean(axis=1, keepdims=True)) ** 2).sum(axis=1) for x in logs) / df
    se = np.sqrt(pooled * sum(1 / x.shape[1] for x in logs))
    return View(
        logs[1].mean(axis=1) - logs[0].mean(axis=1),
        se,
        df,
        _LAUNCHES_AGREE,
        "on the whole, but not from launch to launch",
    )


def _dispersion(sides: Sequence[tuple[Floats, Floats, Sequence[int]]]) -> Floats:
    """Phi of every function: Pearson's chi square per degree of freedom over slices or over launches, whichever is
    larger, each shrunk towards the median over functions and never below 1.
    """
    by_slice = _shrunk([(counts, totals) for counts, totals, _ in sides])
    by_launch = _shrunk([_grouped(counts, totals, launches) for counts, totals, launches in sides])
    return np.asarray(np.maximum(by_slice, by_launch), dtype=float)


def _grouped(counts: Floats, totals: Floats, launches: Sequence[int]) -> tuple[Floats, Floats]:
    names = sorted(set(launches))
    member = np.array([[float(launch == name) for name in names] for launch in launches])
    return counts @ member, totals @ member


def _shrunk(sides: Sequence[tuple[Floats, Floats]]) -> Floats:
    chi2 = np.zeros(len(sides[0][0]))
    count = np.zeros(len(sides[0][0]))
    df = 0
    for counts, totals in sides:
        x = counts.sum(axis=1)
        count += x
        p = (x / totals.sum())[:, None]
        expected = p * totals
        with np.errstate(divide="ignore", invalid="ignore"):
            terms = (counts - expected) ** 2 / (expected * (1 - p))
        chi2 += np.where(np.isfinite(terms), terms, 0.0).sum(axis=1)
        df += len(totals) - 1
    if df == 0:
        return np.ones_like(chi2)
    phi = chi2 / df
    common = phi[count >= 10 * len(sides[0][1])]
    usual = float(np.median(common)) if len(common) else 1.0
    return np.asarray(np.maximum(1.0, (df * phi + PRIOR_DF * usual) / (df + PRIOR_DF)), dtype=float)
