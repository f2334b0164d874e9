"""Metrics: the rules, what may not be judged, and what no data may ever do."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from compare_cases import OPTIONS, judged, launches, metric, scattered
from hypothesis import given
from hypothesis import strategies as st

from perf_action.compare import CompareOptions
from perf_action.compare.metrics import metric_changes
from perf_action.model.change import Verdict
from perf_action.model.metric import Metric
from perf_action.model.units import factor

R, I, U, Q = Verdict.REGRESSION, Verdict.IMPROVEMENT, Verdict.UNCHANGED, Verdict.INCONCLUSIVE  # noqa: E741


def shifted(m: Metric, factor: float) -> Metric:
    return replace(m, samples=tuple(v * factor for v in m.samples))


def pair_of(name: str, n: int, change: float, *, sd: float = 0.01, level: float = 0.01, unit: str = "s"):
    base = scattered(name, n, seed=1, sd=sd, level=level, unit=unit)
    return base, shifted(scattered(name, n, seed=2, sd=sd, level=level, unit=unit), 1 + change)


# --- the rules


@pytest.mark.parametrize(
    ("name", "n", "change", "verdict"),
    [
        ("cpu.per_request", 12, 0.05, R),
        ("cpu.per_request", 12, -0.05, I),
        ("cpu.per_request", 12, 0.0, U),
        ("latency.p50", 12, 0.05, R),
        ("latency.p95", 24, 0.08, R),
        ("latency.p95", 23, 0.08, Q),
        ("latency.p95", 23, 1.9, Q),
        ("latency.p95", 4, 2.2, R),
        ("latency.p95", 2, 30.0, Q),
        ("latency.p99", 48, 0.5, Q),
        ("latency.p90", 12, 0.08, R),
        ("load.throughput", 12, -0.3, Q),
        ("mine.render_time", 12, 0.08, R),
    ],
)
def test_each_name_has_its_rule(name, n, change, verdict):
    assert judged(*pair_of(name, n, change)).verdict is verdict


@pytest.mark.parametrize(
    ("name", "floor"), [("cpu.per_request", 0.01), ("latency.p50", 0.03), ("latency.p95", 0.05)]
)
def test_a_certain_change_below_the_floor_is_no_news(name, floor):
    base = scattered(name, 48, seed=1, sd=0.001)
    assert judged(base, shifted(base, 1 + floor * 0.9)).verdict is U
    assert judged(base, shifted(base, 1 + floor * 1.1)).verdict is R


def test_resident_memory_needs_five_percent_and_a_megabyte():
    for level, verdict in ((10e6, U), (100e6, R)):
        base = scattered("memory.rss.peak", 8, seed=1, sd=0.001, level=level, unit="bytes")
        assert judged(base, shifted(base, 1.08)).verdict is verdict
    base = scattered("memory.rss.peak", 8, seed=1, sd=0.001, level=100.0, unit="MB")
    assert judged(base, shifted(base, 1.08)).verdict is R, "the megabyte is one in every unit"


def test_throughput_that_fell_is_shown_but_holds_nothing_up():
    row = judged(*pair_of("load.throughput", 12, -0.3))
    assert (row.verdict, row.gating) == (Q, False)
    assert row.change == pytest.approx(-0.3, abs=0.02)
    assert "informative" in row.reason


def test_better_higher_turns_it_round():
    base, head = pair_of("mine.hit_rate", 12, 0.2)
    row = judged(replace(base, better="higher"), replace(head, better="higher"))
    assert row.verdict is I
    assert judged(replace(base, better="neither"), replace(head, better="neither")).verdict is Q


def test_latencies_hold_nothing_up_while_unsettled():
    for name in ("latency.p50", "latency.p95", "latency.p99"):
        assert judged(*pair_of(name, 12, 0.0, sd=0.2)).gating is False
    assert judged(*pair_of("cpu.per_request", 12, 0.0, sd=0.2)).gating is True


def test_many_metrics_share_the_level():
    # p between .001 / 4 and .001: believed alone, not among twenty
    base = scattered("t0", 12, seed=1, sd=0.0)
    noise = np.random.default_rng(3).normal(0, 1, 12)
    noise = (noise - noise.mean()) / noise.std(ddof=1) * 0.06 / 4.3 * math.sqrt(12)
    head = replace(
        base, samples=tuple(v * math.exp(0.06 + e) for v, e in zip(base.samples, noise, strict=True))
    )
    alone = judged(base, head)
    assert alone.verdict is R
    assert OPTIONS.metric_alpha(20) < alone.p < OPTIONS.alpha
    others = [replace(base, name=f"t{i}") for i in range(1, 20)]
    rows = metric_changes([base, *others], [head, *others], options=OPTIONS)
    assert rows[0].verdict is Q
    assert "probably worse" in rows[0].reason


# --- too little data


def test_one_sample_a_side_settles_nothing():
    row = judged(metric("cpu.per_request", [0.01]), metric("cpu.per_request", [0.02]))
    assert (row.verdict, row.change) == (Q, pytest.approx(1.0))
    assert "one sample a side" in row.reason
    assert row.more_launches == 7


def test_one_launch_a_side_only_tells_what_no_launch_can_do_by_luck():
    def one_launch(level, seed):
        return metric(
            "cpu.per_request",
            np.random.default_rng(seed).normal(level, level / 50, 8).tolist(),
            launches=(0,) * 8,
            pairs=tuple(range(8)),
        )

    assert judged(one_launch(0.01, 1), one_launch(0.0107, 2)).verdict is Q
    assert judged(one_launch(0.01, 1), one_launch(0.02, 2)).verdict is R


def test_more_slices_do_not_make_one_launch_two():
    def side(level, n):
        return metric("time", [level * (1 + i % 2 / 1000) for i in range(n)], unit="ms")

    for n in (20, 2000):
        assert judged(side(1.0, n), side(1.1, n)).verdict is Q
        assert judged(side(1.0, n), side(2.0, n)).verdict is R


def test_few_launches_need_more_than_layout_luck():
    assert judged(*pair_of("cpu.per_request", 5, 0.07, sd=0.001)).verdict is Q
    assert judged(*pair_of("cpu.per_request", 5, 0.15, sd=0.001)).verdict is R
    row = judged(*pair_of("cpu.per_request", 5, 0.0, sd=0.001))
    assert (row.verdict, row.more_launches) == (Q, 3)
    assert row.reason == "5 launches a side, 8 are needed; about 3 more launches a side would settle it"
    assert row.launches_needed == 8


def test_noise_is_said_and_what_would_help():
    row = judged(*pair_of("cpu.per_request", 8, 0.0, sd=0.04))
    assert row.verdict is Q
    assert row.minimum_detectable > 0.05
    assert "noisy" in row.reason
    assert row.more_launches is not None
    assert row.more_launches > 0


def test_hopeless_noise_promises_no_number_of_launches():
    row = judged(*pair_of("cpu.per_request", 8, 0.0, sd=0.5))
    assert (row.more_launches, row.launches_needed) == (None, None)
    assert "a quieter machine might" in row.reason


def test_so_many_launches_do_settle_it():
    row = judged(*pair_of("cpu.per_request", 8, 0.0, sd=0.04))
    assert row.launches_needed > row.launches
    assert str(row.more_launches) in row.reason
    assert judged(*pair_of("cpu.per_request", row.launches_needed, 0.0, sd=0.04)).verdict is U


def test_equal_launches_need_no_scatter_to_be_told_apart():
    base, head = launches("cpu.per_request", [0.01] * 8), launches("cpu.per_request", [0.011] * 8)
    assert judged(base, head).verdict is R
    assert judged(base, base).verdict is U


# --- pairs and launches


def test_what_both_sides_share_cancels_in_pairs_only():
    drift = np.linspace(1, 2, 12)
    base = launches("cpu.per_request", (0.01 * drift).tolist())
    head = launches("cpu.per_request", (0.0103 * drift * (1 + 0.001 * np.cos(range(12)))).tolist())
    assert judged(base, head).verdict is R
    assert judged(replace(base, pairs=None), replace(head, pairs=None)).verdict is Q


def test_slices_of_one_launch_are_one_value():
    slices, n = 4, 12
    rng = np.random.default_rng(1)
    luck = np.repeat(rng.normal(0, 0.01, n), slices)
    samples = 0.01 * np.exp(luck + rng.normal(0, 0.0001, n * slices))
    numbers = tuple(i // slices for i in range(n * slices))
    m = metric("cpu.per_request", samples.tolist(), launches=numbers, pairs=tuple(range(n * slices)))
    means = launches("cpu.per_request", np.exp(np.log(samples).reshape(n, slices).mean(axis=1)).tolist())
    other = scattered("cpu.per_request", n, seed=5)
    many = replace(
        other,
        samples=tuple(np.repeat(other.samples, slices).tolist()),
        launches=numbers,
        pairs=tuple(range(n * slices)),
    )
    assert judged(many, m).p == pytest.approx(judged(other, means).p)
    assert judged(many, m).launches == n


def test_one_launch_of_base_against_many_of_head_is_one_repetition():
    head = scattered("cpu.per_request", 12, seed=1, sd=0.001)
    base = replace(head, launches=(0,) * 12)
    row = judged(base, shifted(head, 1.05))
    assert row.launches == 1
    assert row.verdict is Q


def test_a_stored_baseline_must_beat_what_runs_differ_by():
    def stored(change):
        base, head = pair_of("cpu.per_request", 24, change, sd=0.005)
        return judged(replace(base, pairs=None), replace(head, pairs=None))

    assert stored(0.0).verdict is U
    assert stored(0.02).verdict is not R
    assert stored(0.08).verdict is R


def test_pair_numbers_of_two_runs_mean_nothing():
    drift = np.linspace(1, 2, 12)
    base, head = (launches("cpu.per_request", (level * drift).tolist()) for level in (0.01, 0.0105))
    assert judged(base, head).verdict is R
    assert judged(base, head, options=CompareOptions(paired=False)).verdict is Q


def test_pairs_that_only_one_side_has_are_left_out():
    base, head = pair_of("cpu.per_request", 12, 0.05)
    short = replace(head, samples=head.samples[:10], launches=head.launches[:10], pairs=head.pairs[:10])
    row = judged(base, short)
    assert (row.verdict, row.launches) == (R, 10)


# --- counts


@pytest.mark.parametrize(
    ("name", "unit", "base", "head", "verdict"),
    [
        ("memory.allocations", "count", 1000, 1011, R),
        ("memory.allocations", "count", 1000, 1009, U),
        ("memory.allocations", "count", 1000, 950, I),
        ("memory.allocations.per_request", "count", 20.0, 20.9, U),  # less than one a request
        ("memory.allocated", "bytes", 10_000, 10_200, R),
        ("memory.allocated", "MB", 1.0, 1.02, R),
        ("memory.peak", "bytes", 16_834_936, 25_260_544, R),
        ("memory.peak", "bytes", 16_834_936, 17_000_000, U),
        ("memory.leak.definite", "bytes", 0, 512, R),
        ("memory.leak.definite", "bytes", 512, 0, I),
        ("memory.errors", "count", 0, 0, U),
        ("memory.errors", "count", 0, 1, R),
        ("callgrind.total", "instructions", 1e9, 1.02e9, R),
    ],
)
def test_single_counts_are_judged(name, unit, base, head, verdict):
    row = judged(metric(name, [base], unit=unit), metric(name, [head], unit=unit))
    assert row.verdict is verdict
    assert row.change == (pytest.approx(head / base - 1) if base else (0.0 if head == base else None))


def test_any_metric_that_says_it_is_exact_is():
    base, head = (metric("bytecodes", [v], unit="count", exact=True) for v in (1000, 1050))
    assert judged(base, head).verdict is R
    assert judged(replace(base, exact=False), replace(head, exact=False)).verdict is Q


def test_counts_that_do_not_repeat_need_five_times_their_spread():
    name = "memory.allocations"
    base = metric(name, [1000, 1010], unit="count")
    assert judged(base, metric(name, [1030, 1035], unit="count")).verdict is U
    assert judged(base, metric(name, [1080, 1085], unit="count")).verdict is R
    row = judged(metric(name, [1000, 1100], unit="count"), metric(name, [1150, 1200], unit="count"))
    assert row.verdict is Q
    assert "differ by 9.5% already" in row.reason


def test_a_count_with_many_scattered_launches_is_a_measurement():
    row = judged(*pair_of("memory.allocations", 12, 0.05, level=1e6, unit="count"))
    assert row.verdict is R
    assert 0 < row.p < 0.001


# --- what cannot be compared


def test_other_hardware_spoils_times_but_not_counts():
    base, head = pair_of("cpu.per_request", 12, 0.5)
    row = judged(base, head, untimed="measured on different hardware")
    assert (row.verdict, row.reason) == (Q, "measured on different hardware")
    assert row.change == pytest.approx(0.5, abs=0.02)
    count = [metric("memory.allocations", [v], unit="count") for v in (100, 120)]
    assert judged(*count, untimed="measured on different hardware").verdict is R
    rss = pair_of("memory.rss.peak", 8, 0.5, level=1e8, unit="bytes")
    assert judged(*rss, untimed="measured on different hardware").verdict is R


def test_times_under_a_profiler_are_not_times():
    base, head = pair_of("cpu.per_request", 12, 0.5)
    row = judged(replace(base, source="profiled"), head)
    assert row.verdict is Q
    assert "profiler" in row.reason


def test_units_are_converted_where_they_can_be():
    base, head = pair_of("cpu.per_request", 12, 0.05)
    milli = replace(head, unit="ms", samples=tuple(v * 1000 for v in head.samples))
    row, plain = judged(base, milli), judged(base, head)
    assert row.unit == "ms"
    assert row.p == pytest.approx(plain.p)
    assert row.base == pytest.approx(plain.base * 1000)
    other = judged(base, replace(head, unit="bytes"))
    assert (other.verdict, other.base, other.reason) == (Q, None, "base is in s, head in bytes")


@pytest.mark.parametrize("bad", [0.0, -1.0])
def test_no_ratio_without_positive_values(bad):
    base = launches("cpu.per_request", [0.01] * 7 + [bad])
    row = judged(base, launches("cpu.per_request", [0.01] * 8))
    assert row.verdict is Q
    assert "zero or below" in row.reason


def test_values_that_are_no_numbers_are_left_out():
    base, head = pair_of("cpu.per_request", 12, 0.05)
    holed = replace(head, samples=(math.nan, math.inf, *head.samples[2:]))
    assert judged(base, holed).launches == 10
    nothing = judged(base, replace(head, samples=(math.nan,) * 12))
    assert (nothing.verdict, nothing.reason) == (Q, "no value on head")
    assert judged(replace(base, samples=()), head).reason == "no value on base"


def test_zero_on_both_sides_is_no_change():
    row = judged(launches("mine.misses", [0.0] * 8), launches("mine.misses", [0.0] * 8))
    assert (row.verdict, row.change) == (U, 0.0)


def test_only_what_both_sides_have_is_compared_and_clean_comes_first():
    base, head = pair_of("cpu.per_request", 12, 0.05)
    rows = metric_changes(
        [replace(base, source="profiled"), base, replace(base, name="gone")],
        [head, replace(head, name="new")],
        options=OPTIONS,
    )
    assert [(r.name, r.verdict) for r in rows] == [("cpu.per_request", R)]


# --- properties

MIRRORED = {R: I, I: R, U: U, Q: Q}
NAMES = ["cpu.per_request", "latency.p50", "latency.p95", "memory.rss.peak", "memory.allocations", "mine"]
samples = st.lists(st.floats(1e-3, 1e9, allow_subnormal=False), min_size=1, max_size=30)


@st.composite
def sides(draw: st.DrawFn) -> tuple[Metric, Metric]:
    name = draw(st.sampled_from(NAMES))
    layout = draw(st.sampled_from(["pairs", "launches", "plain"]))
    n = draw(st.integers(1, 30))
    level = draw(st.floats(0.01, 1e8))
    change = draw(st.sampled_from([1.0, 1.005, 1.02, 1.06, 1.5, 0.9]))
    sd = draw(st.sampled_from([0.0, 0.0005, 0.01, 0.1]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    per_launch = draw(st.sampled_from([1, 2, 4]))
    out = []
    for times in (1.0, change):
        values = level * times * np.exp(rng.normal(0, sd, n) if sd else np.zeros(n))
        numbers = None if layout == "plain" else tuple(i // per_launch for i in range(n))
        pairs = tuple(range(n)) if layout == "pairs" else None
        out.append(metric(name, values.tolist(), unit="bytes", launches=numbers, pairs=pairs))
    return out[0], out[1]


@given(sides())
def test_swapped_sides_give_the_mirrored_verdict(pair):
    there, back = judged(*pair), judged(*reversed(pair))
    assert back.verdict is MIRRORED[there.verdict]
    if there.change is not None and there.change > -1:
        assert math.isclose((1 + there.change) * (1 + back.change), 1, rel_tol=1e-6)


@given(sides())
def test_nothing_differs_from_itself(pair):
    row = judged(pair[0], pair[0])
    assert row.verdict in (U, Q)
    assert row.change == pytest.approx(0, abs=1e-12)


@given(sides(), st.sampled_from(["bytes", "kB", "KiB", "MB", "GiB"]))
def test_the_unit_changes_nothing(pair, unit):
    scaled = [replace(m, unit=unit, samples=tuple(v / factor(unit) for v in m.samples)) for m in pair]
    ours, theirs = judged(*pair), judged(*scaled)
    assert ours.verdict is theirs.verdict
    assert ours.p == (theirs.p if ours.p is None else pytest.approx(theirs.p, rel=1e-6))


@given(
    st.lists(st.floats(), max_size=12),
    st.lists(st.floats(), max_size=12),
    st.sampled_from([*NAMES, "load.error_rate", "latency.p99"]),
    st.booleans(),
)
def test_no_numbers_break_it(base, head, name, numbered):
    def side(values):
        numbers = tuple(range(len(values))) if numbered else None
        return metric(name, values, launches=numbers, pairs=numbers)

    row = judged(side(base), side(head), options=CompareOptions())
    shown = [row.base, row.head, row.change, row.p, row.minimum_detectable, *(row.interval or ())]
    json.dumps([None if v is None else float(v) for v in shown], allow_nan=False)
