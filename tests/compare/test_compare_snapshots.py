"""Whole comparisons: the headline, the environment, spoilt loads, and base against itself."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from compare_cases import launches, metric, scattered, series, sliced
from hypothesis import given, settings
from hypothesis import strategies as st

from perf_action.compare import CompareOptions, compare
from perf_action.compare.selfcheck import self_check
from perf_action.model.change import LeakState, Verdict
from perf_action.model.environment import Environment
from perf_action.model.snapshot import Snapshot
from perf_action.render.comparison_json import comparison_json

R, I, U, Q = Verdict.REGRESSION, Verdict.IMPROVEMENT, Verdict.UNCHANGED, Verdict.INCONCLUSIVE  # noqa: E741
COSTS = {"main;f": 30e3, "main;g": 20e3, "main;h": 50e3}


def side(*, seed: int, cpu: float = 0.01, costs=None, leak: float = 0.0, n: int = 24) -> Snapshot:
    parts = sliced(costs or COSTS, seed=seed)
    rng = np.random.default_rng(seed)
    memory = series(lambda t: 80e6 + leak * t + rng.normal(0, 20e3, t.shape))
    return replace(
        parts,
        label=f"side {seed}",
        metrics=(
            scattered("cpu.per_request", n, seed=seed, level=cpu),
            scattered("memory.rss.peak", n, seed=seed + 50, level=90e6, sd=0.003, unit="bytes"),
            metric("memory.allocations", [1000.0], unit="count", exact=True),
        ),
        series=(memory,),
    )


def test_nothing_happened():
    found = compare(side(seed=1), side(seed=2))
    assert found.verdict is U
    assert found.self_check is not None
    assert found.self_check.of == 2 + 3, "the two scattered metrics, and the three functions"
    assert found.self_check.false_alarms == 0
    assert (found.reasons, found.environment_differences, found.notes) == ((), (), ())


@pytest.mark.parametrize(
    ("head", "verdict"),
    [
        (side(seed=2, cpu=0.0107), R),
        (side(seed=2, cpu=0.009), I),
        (side(seed=2, costs={**COSTS, "main;g": 30e3}), R),
        (side(seed=2, leak=50e3), R),
        (side(seed=2, cpu=0.009, leak=50e3), R),
    ],
)
def test_the_headline_follows_from_the_rows(head, verdict):
    assert compare(side(seed=1), head).verdict is verdict


def test_other_hardware_leaves_counts_and_memory():
    base, head = side(seed=1), side(seed=2, cpu=0.02, costs={**COSTS, "main;g": 60e3})
    base = replace(base, environment=Environment(cpu_model="Xeon E5-2673", cores=2))
    head = replace(
        head,
        environment=Environment(cpu_model="EPYC 7763", cores=2),
        metrics=(*head.metrics[:2], metric("memory.allocations", [1100.0], unit="count", exact=True)),
    )
    found = compare(base, head)
    by_name = {m.name: m.verdict for m in found.metrics}
    assert by_name == {"cpu.per_request": Q, "memory.rss.peak": U, "memory.allocations": R}
    assert all(f.verdict is not R for f in found.functions)
    assert found.environment_differences == ("cpu_model: Xeon E5-2673 in base, EPYC 7763 in head",)
    assert found.reasons == ("measured on different hardware",)


def test_what_is_known_besides_the_environments_keeps_times_from_being_judged():
    head = side(seed=2, cpu=0.02)
    found = compare(side(seed=1), head, CompareOptions(untimed="measured with other tools"))
    assert {m.name: m.verdict for m in found.metrics}["cpu.per_request"] is Q
    assert found.reasons == ("measured with other tools",)
    assert compare(side(seed=1), head).verdict is R


def test_unrecorded_environments_are_no_difference():
    base = replace(side(seed=1), environment=Environment(cpu_model="EPYC 7763"))
    assert compare(base, side(seed=2)).verdict is U


def test_a_spoilt_load_settles_nothing():
    head = replace(side(seed=2, cpu=0.02, leak=50e3), not_comparable="head: the load made no request")
    found = compare(side(seed=1), head)
    assert found.verdict is Q
    assert found.not_comparable
    assert found.reasons == ("side 2: head: the load made no request",)
    assert not {m.verdict for m in found.metrics} & {R, I}
    assert found.leaks[0].verdict is LeakState.INCONCLUSIVE


@pytest.mark.parametrize(("errors", "comparable"), [(0.005, True), (0.12, False)])
def test_other_error_rates_mean_other_work(errors, comparable):
    base, head = side(seed=1), side(seed=2, cpu=0.005)
    base = replace(base, metrics=(*base.metrics, launches("load.error_rate", [0.0] * 24, unit="ratio")))
    head = replace(head, metrics=(*head.metrics, launches("load.error_rate", [errors] * 24, unit="ratio")))
    found = compare(base, head)
    assert found.verdict is (I if comparable else Q)
    assert found.reasons == (
        () if comparable else ("not comparable: 0.0% of the requests failed on base, 12.0% on head",)
    )


def test_nothing_in_common_is_no_pass():
    found = compare(Snapshot(label="a"), side(seed=1))
    assert found.verdict is Q
    assert found.reasons == ("base and head have nothing in common that could be compared",)


def test_latencies_alone_that_settle_nothing_are_no_pass():
    p95, p50 = metric("latency.p95", [0.1]), scattered("latency.p50", 24, seed=1, sd=0.002)
    none_failed = metric("load.error_rate", [0.0], unit="ratio", better="neither")
    alone = Snapshot(label="k6", metrics=(p95, none_failed))
    assert compare(alone, alone).verdict is Q
    beside = Snapshot(label="k6", metrics=(p95, p50, none_failed))
    assert compare(beside, beside).verdict is U, "beside one that is settled they do not hold it up"


def test_what_only_one_side_has_is_noted():
    head = side(seed=2)
    head = replace(head, metrics=(*head.metrics, metric("mine", [1.0])))
    assert compare(side(seed=1), head).notes == ("only on head: mine",)


# --- base against itself


def test_a_machine_that_changes_between_launches_is_not_believed():
    n, jump = 48, 1.06
    neighbour = np.array([1.0, jump, jump, 1.0] * (n // 4))  # every second launch of base meets a neighbour
    rng = np.random.default_rng(1)
    base = launches("cpu.per_request", (0.01 * neighbour * np.exp(rng.normal(0, 0.003, n))).tolist())
    head = launches("cpu.per_request", (0.0112 * np.exp(rng.normal(0, 0.003, n))).tolist())
    snapshots = [Snapshot(label=name, metrics=(m,)) for name, m in (("base", base), ("head", head))]
    believed = compare(*snapshots, CompareOptions(self_check=False))
    assert believed.verdict is R
    found = compare(*snapshots)
    assert found.self_check is not None
    assert (found.self_check.false_alarms, found.self_check.of) == (1, 1)
    assert found.metrics[0].verdict is Q
    assert "base against itself" in found.metrics[0].reason


def test_a_function_that_differs_between_launches_of_base_is_not_believed():
    calm, wild = sliced(COSTS, seed=1, launches=8), sliced({**COSTS, "main;g": 45e3}, seed=2, launches=8)
    mixed = [(calm if s.launch % 2 else wild).slices[i] for i, s in enumerate(calm.slices)]
    checked = self_check(replace(calm, slices=tuple(mixed)), CompareOptions())
    assert checked.functions == {("g", "")}
    assert checked.result is not None
    assert checked.result.false_alarms == 1


def test_too_few_launches_cannot_be_halved():
    few = Snapshot(label="base", metrics=(scattered("cpu.per_request", 5, seed=1),))
    assert self_check(few, CompareOptions()).result is None
    plain = Snapshot(label="base", metrics=(metric("cpu.per_request", [1.0] * 50),))
    assert self_check(plain, CompareOptions()).result is None


# --- properties of the whole


@given(st.integers(0, 10_000))
@settings(max_examples=15)
def test_a_snapshot_compared_with_itself_is_unchanged(seed):
    one = side(seed=seed)
    found = compare(one, one)
    assert found.verdict is U
    assert found == compare(one, one)


def test_the_json_is_the_contracts():
    document = comparison_json(compare(side(seed=1), side(seed=2, leak=50e3)))
    text = json.dumps(document, allow_nan=False)
    assert list(json.loads(text)) == [
        "verdict",
        "reasons",
        "environment_differences",
        "self_check",
        "metrics",
        "functions",
        "leaks",
        "budgets",
        "notes",
    ]
    assert document["verdict"] == "regression"
    assert document["leaks"][0]["verdict"] == "leaking"
    assert {"name", "unit", "base", "head", "change", "interval", "p", "minimum_detectable"} <= set(
        document["metrics"][0]
    )
    assert {"kind", "share_base", "share_head", "moved_from", "value"} <= set(document["functions"][0])
