"""The formulas behind the verdicts, as pure functions of numbers.

Student's t comes from `scipy.special` (`stdtr`, `stdtrit`): `scipy.stats` would triple the start-up time. Everything
random is seeded, so the same data always gives the same verdict.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, rel_entr, stdtr, stdtrit

Floats = NDArray[np.float64]

#: level of all intervals
LEVEL = 0.99
#: power at which a minimum detectable effect is stated
POWER = 0.8


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A mean with its standard error and degrees of freedom, in whatever scale it was computed (logarithms, mostly)."""

    mean: float
    se: float
    df: float

    @property
    def p_greater(self) -> float:
        """One-sided p of "the true mean is above zero": P(T_df > mean/se)."""
        if self.se == 0:
            return 0.0 if self.mean > 0 else 1.0
        return float(stdtr(self.df, -self.mean / self.se))

    @property
    def p_less(self) -> float:
        """One-sided p of "the true mean is below zero"."""
        return Estimate(mean=-self.mean, se=self.se, df=self.df).p_greater

    def interval(self, level: float = LEVEL) -> tuple[float, float]:
        """The two-sided t interval."""
        half = float(stdtrit(self.df, 0.5 + level / 2)) * self.se
        return self.mean - half, self.mean + half

    def detectable(self, alpha: float, power: float = POWER) -> float:
        """The smallest true mean that a one-sided test at `alpha` finds with probability `power`."""
        return (float(stdtrit(self.df, 1 - alpha)) + float(stdtrit(self.df, power))) * self.se


def of_mean(values: Sequence[float], *, least_sd: float = 0.0) -> Estimate:
    """The mean of at least two independent values; `least_sd` is what rounding alone would scatter."""
    n = len(values)
    mean = math.fsum(values) / n
    return Estimate(mean=mean, se=max(sd(values), least_sd) / math.sqrt(n), df=n - 1)


def of_difference(
    base: Sequence[float],
    head: Sequence[float],
    *,
    least_sd: float = 0.0,
    between_sd: float = 0.0,
    between_df: float = 20.0,
) -> Estimate:
    """mean(head) - mean(base) of independent values (Welch, with Satterthwaite's degrees of freedom).

    `between_sd` is a scatter that neither side can show because all its values share it, such as that of a whole run.
    """
    means = [math.fsum(side) / len(side) for side in (base, head)]
    parts = [(max(sd(side), least_sd) ** 2 / len(side), len(side) - 1.0) for side in (base, head)]
    parts += [(between_sd**2, between_df)] * 2
    variance = math.fsum(v for v, _ in parts)
    spread = math.fsum(v * v / df for v, df in parts if df > 0)
    df = variance * variance / spread if spread > 0 else float(len(base) + len(head) - 2)
    return Estimate(mean=means[1] - means[0], se=math.sqrt(variance), df=df)


def log_ratio_variance(log: Floats, x_b: Floats, x_h: Floats, wald: Floats) -> Floats:
    """Variance of `log`, ln of the ratio of two counts per exposure, as which `wald` is usual: 1/x_b + 1/x_h or a part of it.

    Where the sides differ, it is what makes `log` as many standard errors as the likelihood says. The two are the same for
    large counts; but for a function that is new Wald's is far too large: 0 against 300 of equally many samples (with half a
    sample added to each) would be 4.5 standard errors instead of 20. https://en.wikipedia.org/wiki/Likelihood-ratio_test
    """
    longer = x_h / x_b / np.exp(log)  # exposure of head, that of base being 1
    expected_b = (x_b + x_h) / (1 + longer)
    deviance = 2 * (rel_entr(x_b, expected_b) + rel_entr(x_h, expected_b * longer))
    part = wald / (1 / x_b + 1 / x_h)
    return np.where(deviance > 1, part * log**2 / np.maximum(deviance, 1.0), wald)


def sd(values: Sequence[float]) -> float:
    """The sample standard deviation (n - 1); zero for fewer than two values."""
    if len(values) < 2:
        return 0.0
    mean = math.fsum(values) / len(values)
    return math.sqrt(math.fsum((v - mean) ** 2 for v in values) / (len(values) - 1))


def launches_needed(
    scatter: float, effect: float, alpha: float, *, at_least: int, at_most: int = 200
) -> int | None:
    """The number of launches, each scattering by `scatter`, from which `effect` would be detectable, None if more than `at_most`."""
    for n in range(max(at_least, 2), at_most + 1):
        if Estimate(mean=0.0, se=scatter / math.sqrt(n), df=n - 1).detectable(alpha) <= effect:
            return n
    return None


def theil_sen(t: Sequence[float] | Floats, y: Sequence[float] | Floats) -> float:
    """The median of the slopes of all pairs of points (https://en.wikipedia.org/wiki/Theil-Sen_estimator)."""
    ts, ys = np.asarray(t, dtype=float), np.asarray(y, dtype=float)
    i, j = np.triu_indices(len(ts), 1)
    dt = ts[j] - ts[i]
    apart = dt > 0
    return float(np.median((ys[j] - ys[i])[apart] / dt[apart])) if apart.any() else 0.0


def mann_kendall(series: Sequence[Sequence[float]]) -> float:
    """One-sided p of "it rises", over one or several independent series, corrected for ties and continuity.

    S and its variance are summed over the series (https://en.wikipedia.org/wiki/Kendall_rank_correlation_coefficient).
    """
    s = variance = 0.0
    for y in series:
        values = np.asarray(y, dtype=float)
        n = len(values)
        i, j = np.triu_indices(n, 1)
        s += float(np.sign(values[j] - values[i]).sum())
        ties = np.unique(values, return_counts=True)[1].astype(float)
        variance += (n * (n - 1) * (2 * n + 5) - float((ties * (ties - 1) * (2 * ties + 5)).sum())) / 18
    if variance <= 0 or s <= 0:
        return 1.0
    return float(ndtr(-(s - 1) / math.sqrt(variance)))


def bootstrap_means(
    values: Sequence[float] | Floats, *, block: int = 1, draws: int = 4000, seed: int = 1
) -> Floats:
    """Means of `draws` resamples of `values`, drawn in circular blocks of `block` neighbours; shape (draws,).

    The circular block bootstrap: https://en.wikipedia.org/wiki/Bootstrapping_(statistics)#Block_bootstrap.
    """
    data = np.asarray(values, dtype=float)
    n = len(data)
    block = max(1, min(block, n))
    blocks = -(-n // block)
    starts = np.random.default_rng(seed).integers(0, n, size=(draws, blocks))
    index = (starts[:, :, None] + np.arange(block)) % n
    return np.asarray(data[index.reshape(draws, -1)[:, :n]].mean(axis=1), dtype=float)


def central(draws: Floats, level: float = LEVEL) -> tuple[float, float]:
    """The central interval of bootstrap draws."""
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
