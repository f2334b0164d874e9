"""Input that proves nothing: *cannot tell* with a reason, or one clear line; never an alarm, a pass or a traceback.

All of it goes through the command, as files, because that is where it comes from.
"""

from __future__ import annotations

import gzip
import json
import math
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from perf_action.cli import run
from perf_action.compare import compare
from perf_action.model.metric import Metric
from perf_action.model.snapshot import Snapshot

Compare = Callable[..., dict[str, Any]]


def row(
    samples: Sequence[Any], *, name: str = "cpu.per_request", unit: str = "s", **more: Any
) -> dict[str, Any]:
    """One sample a launch, in pairs."""
    numbers = list(range(len(samples)))
    return {"name": name, "unit": unit, "better": "lower", "samples": list(samples), "launches": numbers, "pairs": numbers} | more  # fmt: skip


def noisy(level: float = 0.01, n: int = 12, *, seed: int = 1, sd: float = 0.01) -> list[float]:
    return (level * np.exp(np.random.default_rng(seed).normal(0, sd, n))).tolist()


@pytest.fixture
def call(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Callable[[Any, Any], tuple[int, str, str]]:
    def compared(base: Any, head: Any) -> tuple[int, str, str]:
        paths = []
        for side, document in (("base", base), ("head", head)):
            path = tmp_path / f"{side}.metrics.json"
            path.write_text(document if isinstance(document, str) else json.dumps({"schema": 1, **document}))
            paths.append(str(path))
        code = run(["compare", *paths, "--format", "json"])
        out, err = capsys.readouterr()
        return code, out, err

    return compared


@pytest.fixture
def found(call: Callable[[Any, Any], tuple[int, str, str]]) -> Compare:
    def compared(
        base: Sequence[dict[str, Any]], head: Sequence[dict[str, Any]], **more: Any
    ) -> dict[str, Any]:
        code, out, err = call({"metrics": base, **more}, {"metrics": head, **more})
        assert (code, err) == (0, "")
        document: dict[str, Any] = json.loads(out, parse_constant=pytest.fail)
        return document

    return compared


def only(document: dict[str, Any]) -> dict[str, Any]:
    (one,) = document["metrics"]
    assert isinstance(one, dict)
    return one


def test_one_launch_a_side(found: Compare) -> None:
    alone = only(found([row([0.01])], [row([0.02])]))
    assert alone["verdict"] == "inconclusive"
    assert "more launches a side would settle it" in alone["reason"]
    assert alone["launches_needed"] == 8
    slices = {"launches": [0] * 40, "pairs": list(range(40))}
    many = found([row(noisy(n=40), **slices)], [row(noisy(0.0107, n=40, seed=2), **slices)])
    assert many["verdict"] == "inconclusive"


def test_no_samples(call: Callable[[Any, Any], tuple[int, str, str]]) -> None:
    code, out, err = call({"metrics": [row([0.01])]}, {"metrics": [row([])]})
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert "head.metrics.json" in err
    assert "no samples" in err


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "null", '"0.01"', "true", "1e999"])
def test_a_sample_that_is_no_number(call: Callable[[Any, Any], tuple[int, str, str]], value: str) -> None:
    good = {"metrics": [row(noisy())]}
    bad = json.dumps({"schema": 1, **good}).replace(str(good["metrics"][0]["samples"][3]), value)
    code, out, err = call(good, bad)
    if code == 2:
        assert err.count("\n") == 1
        assert "head.metrics.json" in err
    else:
        document = json.loads(out, parse_constant=pytest.fail)
        assert document["verdict"] in ("unchanged", "inconclusive")


@pytest.mark.parametrize("value", [0.0, -0.01, -0.0])
def test_zero_and_negative_values_have_no_ratio(found: Compare, value: float) -> None:
    one = only(found([row(noisy())], [row([*noisy(0.02)[:-1], value])]))
    assert one["verdict"] == "inconclusive"
    assert "zero or below" in one["reason"]
    assert found([row([value] * 12)], [row([value] * 12)])["verdict"] in ("unchanged", "inconclusive")


def test_constant_values(found: Compare) -> None:
    assert found([row([0.01] * 12)], [row([0.01] * 12)])["verdict"] == "unchanged"
    one = only(found([row([0.01] * 12)], [row([0.012] * 12)]))
    assert one["verdict"] == "regression"
    assert one["interval"][0] < one["change"] < one["interval"][1]  # no clock is that good
    assert 0 < one["p"] < 0.001


def test_a_constant_series_is_stable(call: Callable[[Any, Any], tuple[int, str, str]]) -> None:
    t = list(range(120))
    flat = {
        "series": [{"name": "memory.rss", "unit": "bytes", "t_s": t, "values": [5e7] * 120, "requests": t}]
    }
    _, out, _ = call({"metrics": [], **flat}, {"metrics": [], **flat})
    assert [k["verdict"] for k in json.loads(out)["leaks"]] == ["stable"]


@pytest.mark.parametrize("step", [-3600, 3600, -30])
@pytest.mark.parametrize("again", [False, True])
def test_a_clock_that_steps_makes_no_leak(
    call: Callable[[Any, Any], tuple[int, str, str]], step: int, again: bool
) -> None:
    rng = np.random.default_rng(1)
    t = np.arange(0, 90, 0.5)
    stepped = t + step * (t > 45) + (-step * (t > 60) if again else 0)
    sides = [
        {
            "metrics": [],
            "series": [
                {
                    "name": "memory.rss",
                    "unit": "bytes",
                    "t_s": clock.tolist(),
                    "values": (5e7 + rng.normal(0, 2e4, len(t))).tolist(),
                    "requests": (t * 100).astype(int).tolist(),
                }
            ],
        }
        for clock in (t, stepped)
    ]
    code, out, err = call(*sides)
    if code:
        assert code == 2
        assert "head.metrics.json" in err
    else:
        assert [k["verdict"] for k in json.loads(out)["leaks"]] != ["leaking"]


def test_units_that_differ(found: Compare) -> None:
    one = only(found([row(noisy())], [row(noisy(), unit="bytes")]))
    assert (one["verdict"], one["reason"]) == ("inconclusive", "base is in s, head in bytes")
    assert found([row(noisy())], [row(noisy(10.0), unit="ms")])["verdict"] == "unchanged"
    assert found([row(noisy())], [row(noisy(12.0, seed=2), unit="ms")])["verdict"] == "regression"


def test_metrics_on_one_side_only(found: Compare) -> None:
    document = found([row(noisy()), row([1.0], name="old")], [row(noisy()), row([1.0], name="new")])
    assert [m["name"] for m in document["metrics"]] == ["cpu.per_request"]
    assert document["notes"] == ["only on base: old", "only on head: new"]
    apart = found([row(noisy(), name="old")], [row(noisy(), name="new")])
    assert apart["verdict"] == "inconclusive"
    assert "nothing in common" in apart["reasons"][0]


@pytest.mark.once
def test_ten_thousand_metrics_take_seconds_and_alarm_no_more_than_five(found: Compare) -> None:
    def side(first: int) -> list[dict[str, Any]]:
        return [row(noisy(seed=first + i), name=f"m{i}") for i in range(10_000)]

    began = time.process_time()
    document = found(side(0), side(100_000))
    assert time.process_time() - began < 30
    assert len(document["metrics"]) == 10_000
    assert [m["name"] for m in document["metrics"] if m["verdict"] == "regression"] == []


@pytest.mark.parametrize("where", ["base", "head"])
@pytest.mark.parametrize("factor", [100.0, 0.01])
def test_an_outlier_is_no_change(found: Compare, where: str, factor: float) -> None:
    for seed in range(5):
        sides = {"base": noisy(seed=seed), "head": noisy(seed=seed + 100)}
        sides[where][seed] *= factor
        document = found([row(sides["base"])], [row(sides["head"])])
        assert document["verdict"] == "inconclusive"


def test_outliers_do_not_turn_a_regression_round(found: Compare) -> None:
    base, head = noisy(), noisy(0.012, seed=2)
    base[4] *= 100
    assert found([row(base)], [row(head)])["verdict"] in ("inconclusive", "regression")
    assert only(found([row(base)], [row(head)]))["verdict"] != "improvement"


def test_error_rates_that_differ_are_not_comparable(found: Compare) -> None:
    errors = [row(values, name="load.error_rate", unit="ratio") for values in ([0.0] * 12, [0.2] * 12)]
    for factor in (0.5, 2.0):
        document = found([row(noisy()), errors[0]], [row(noisy(0.01 * factor, seed=3)), errors[1]])  # fmt: skip
        assert document["verdict"] == "inconclusive"
        assert "not comparable" in document["reasons"][0]
        assert "20.0%" in document["reasons"][0]
        assert {m["verdict"] for m in document["metrics"]} <= {"inconclusive", "unchanged"}


def test_a_head_that_answers_otherwise_is_not_comparable() -> None:
    base = Metric(
        name="cpu.per_request", unit="s", better="lower", samples=tuple(noisy()), launches=tuple(range(12))
    )
    head = Metric(name="cpu.per_request", unit="s", better="lower", samples=tuple(noisy(0.005, seed=2)), launches=tuple(range(12)))  # fmt: skip
    told = "head answers GET /a otherwise than base: 4xx, not 2xx"
    document = compare(
        Snapshot(label="base", metrics=(base,), not_comparable=told), Snapshot(label="head", metrics=(head,))
    )
    assert document.verdict.value == "inconclusive"
    assert told in document.reasons[0]


@pytest.mark.parametrize(
    "samples",
    [[1e308] * 12, [5e-324] * 12, [1e308, 1e-308] * 6, [10.0**i for i in range(-6, 6)], [2**63] * 12],
)
def test_extreme_numbers_stay_numbers(found: Compare, samples: list[float]) -> None:
    for base, head in ((samples, noisy()), (noisy(), samples), (samples, samples)):
        document = found([row(base)], [row(head)])
        for one in document["metrics"]:
            numbers = [one[key] for key in ("base", "head", "change", "p", "minimum_detectable")]
            assert all(n is None or math.isfinite(n) for n in numbers)


@pytest.mark.parametrize(
    "broken", [{"launches": [0]}, {"pairs": [0, 1]}, {"launches": ["a"] * 12}, {"samples": "many"}]
)  # fmt: skip
def test_columns_that_do_not_fit_are_an_error(
    call: Callable[[Any, Any], tuple[int, str, str]], broken: dict[str, Any]
) -> None:
    code, out, err = call({"metrics": [row(noisy())]}, {"metrics": [row(noisy()) | broken]})
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert "head.metrics.json" in err


# --- sliced profiles


def slices(path: Path, lines: Sequence[dict[str, Any]]) -> Path:
    path.write_bytes(gzip.compress("".join(json.dumps(line) + "\n" for line in lines).encode()))
    return path


def slice_of(launch: int, stacks: dict[str, int], **more: Any) -> dict[str, Any]:
    return {"launch": launch, "slice": 0, "requests": 100, "cpu_us_per_request": 100.0, "rate_hz": 250, "stacks": stacks} | more  # fmt: skip


@pytest.mark.parametrize(
    ("base", "head"),
    [
        ([], [slice_of(0, {"main (a.py:1)": 5})]),
        ([slice_of(0, {})], [slice_of(0, {"main (a.py:1)": 5})]),
        ([slice_of(0, {"main (a.py:1)": 500})], [slice_of(0, {"main (a.py:1)": 900})]),
        ([slice_of(i, {"main (a.py:1)": 5}) for i in range(5)], [slice_of(0, {"main (a.py:1)": 0})]),
        (
            [slice_of(i, {"main (a.py:1)": 5}, cpu_us_per_request=0.0) for i in range(5)],
            [slice_of(i, {"main (a.py:1)": 9}, requests=0) for i in range(5)],
        ),
    ],
    ids=["no slices", "no stacks", "one launch", "no samples", "no time, no requests"],
)
def test_slices_that_prove_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], base: list[Any], head: list[Any]
) -> None:
    paths = [slices(tmp_path / f"{name}.slices.jsonl.gz", s) for name, s in (("base", base), ("head", head))]
    for order in (paths, paths[::-1]):
        code = run(["compare", *map(str, order), "--format", "json"])
        out, err = capsys.readouterr()
        if code:
            assert (code, err.count("\n"), err[:7]) == (2, 1, "error: ")
            continue
        document = json.loads(out, parse_constant=pytest.fail)
        assert document["verdict"] in ("inconclusive", "unchanged")
        assert not [f for f in document["functions"] if f["verdict"] == "regression"]


def test_a_burst_of_samples_blames_nobody(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(3)

    def side(name: str, burst: int) -> str:
        lines = [
            slice_of(i, {f"main (a.py:1);f{k} (a.py:{k})": int(rng.poisson(200)) for k in range(10)})
            for i in range(6)
        ]
        lines[2]["stacks"]["main (a.py:1);f3 (a.py:3)"] *= burst
        return str(slices(tmp_path / name, lines))

    paths = side("base.slices.jsonl.gz", 1), side("head.slices.jsonl.gz", 100)
    assert run(["compare", *paths, "--format", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [f["name"] for f in document["functions"] if f["verdict"] == "regression"] == []
