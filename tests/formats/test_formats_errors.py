"""Speedscope, Chrome traces, load results, metric files and benchmarks: each thing that can be wrong, named."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from perf_action import formats
from perf_action.errors import InputError
from perf_action.model.snapshot import Capture
from perf_action.system import System

SAMPLES = Path(__file__).resolve().parent / "samples"


def sampled(**changes: Any) -> dict[str, Any]:
    body = {"type": "sampled", "name": "t", "unit": "seconds", "samples": [[0]], "weights": [1.5]}
    return {"$schema": "speedscope", "shared": {"frames": [{"name": "f"}]}, "profiles": [{**body, **changes}]}


def evented(*events: tuple[str, int, float]) -> dict[str, Any]:
    body = [{"type": kind, "frame": frame, "at": at} for kind, frame, at in events]
    return sampled(type="evented", events=body)


def trace(**changes: Any) -> list[dict[str, Any]]:
    return [{"name": "f", "ph": "X", "ts": 1, "dur": 2, "pid": 1, "tid": 1, **changes}]


def metric(**changes: Any) -> dict[str, Any]:
    return {"schema": 1, "metrics": [{"name": "m", "unit": "s", "samples": [1], **changes}]}


def series(**changes: Any) -> dict[str, Any]:
    return {
        "schema": 1,
        "series": [{"name": "s", "unit": "bytes", "t_s": [0, 1], "values": [1, 2], **changes}],
    }


def piece(**changes: Any) -> dict[str, Any]:
    body = {
        "launch": 0,
        "slice": 0,
        "requests": 9,
        "cpu_us_per_request": 1,
        "rate_hz": 100,
        "stacks": {"a": 1},
    }
    return {**body, **changes}


def k6(**metrics: Any) -> dict[str, Any]:
    return {"root_group": {}, "metrics": {"http_reqs": {"count": 3, "rate": 1}, **metrics}}


GOOGLE = {"context": {}, "benchmarks": [{"name": "b", "real_time": 1, "cpu_time": 1, "time_unit": "ns"}]}


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (sampled(weights=[1, 2]), r"profiles\[0\]: 1 samples but 2 weights"),
        (sampled(weights=None, samples=None), "has no samples"),
        (sampled(weights=[-1]), r"samples\[0\]: value -1 is negative"),
        (sampled(weights=["1"]), "'1' where a number should be"),
        (sampled(weights=[True]), "where a number should be"),
        (sampled(weights=[1e300]), "too large"),
        (sampled(samples=[[1]]), "frame 1 does not exist"),
        (sampled(samples=[["0"]]), "frame 0 does not exist"),
        (sampled(samples=[0]), "no list of frames"),
        (sampled(unit="parsecs"), "unit 'parsecs'"),
        (sampled(type="heap"), "type 'heap'"),
        ({**sampled(), "profiles": []}, "holds no profiles"),
        ({**sampled(), "profiles": [1]}, "is not an object"),
        ({**sampled(), "shared": {}}, "no shared.frames"),
        ({**sampled(), "shared": {"frames": [{}]}}, r"shared.frames\[0\]: has no name"),
        (sampled(type="evented"), "has no events"),
        (evented(("C", 0, 1)), "not the innermost"),
        (evented(("O", 0, 2), ("C", 0, 1)), "goes back in time"),
        (evented(("X", 0, 2)), "neither an open"),
        (trace(ts=None), "event 0: missing where a number"),
        (trace(dur=-1), "is negative"),
        (trace(ts=1e300), "too large"),
        ([*trace(), 3], "event 1: is no trace event"),
        ({**metric(), "schema": 2}, "schema 2 is not known.*update"),
        (metric(unit="furlong"), r"metrics\[0\] m: unit 'furlong' is not known; known: s, ms"),
        (metric(name=""), "has no name"),
        (metric(samples=[]), "has no samples"),
        (metric(samples=3), "samples: is no list"),
        (metric(samples=[None]), "missing where a number"),
        (metric(better="nicer"), "better is 'nicer'"),
        (metric(launches=[0, 1]), "2 launches for 1 samples"),
        (metric(pairs=[-1]), "is negative"),
        ({**metric(), "commit": 3}, "commit: is no text"),
        ({**metric(), "environment": 3}, "environment: is no object"),
        ({**metric(), "environment": {"cores": "two"}}, "environment.cores: 'two'"),
        (series(t_s=[1, 0]), "goes back in time"),
        (series(t_s=[1]), "1 times for 2 values"),
        (series(t_s=[0, 1e300]), "too large"),
        (series(requests=[1]), "1 requests for 2"),
        (piece(requests=0), "requests must be above 0"),
        (piece(rate_hz=-5), "rate_hz must be above 0"),
        (piece(stacks={"a": -1}), "is negative"),
        (piece(cpu_us_per_request=-1), "cpu_us_per_request is negative"),
        (piece(stacks={"a": 2**63 - 1, "b": 1}), "is no profile: .*too large"),
        (k6(http_req_failed={"value": "no"}), "http_req_failed.value: 'no'"),
        (k6(**{"http_req_duration{name:/a}": {"p(95)": 1e308}}), "latency.p95./a.: a number is too large"),
        (k6(http_reqs=3), "metrics.http_reqs: is no metric"),
        ({**GOOGLE, "benchmarks": []}, "holds no benchmarks"),
        ({**GOOGLE, "benchmarks": [{"name": "b", "real_time": "x", "cpu_time": 1}]}, "real_time"),
        ({**GOOGLE, "benchmarks": [{"name": "b", "real_time": 1, "cpu_time": 1, "time_unit": "eon"}]}, "eon"),
        ({"machine_info": {}, "benchmarks": [{"name": "b"}]}, "has no stats"),
        ({"machine_info": {}, "benchmarks": {}}, "holds no benchmarks"),
        ({"results": [{"command": "x", "mean": 1, "times": 3}]}, "times is no list"),
        ([{"name": "a", "unit": "s", "value": "fast"}], "'fast' where a number"),
        ({"sampling_mode": "Flat", "iters": [0], "times": [1]}, "without iterations"),
        ({"sampling_mode": "Flat", "iters": [1, 2], "times": [1]}, "differ in length"),
        ({"mean": {}, "median": {}, "std_dev": {}}, "point_estimate"),
        ([{"method": "GET", "num_requests": "x", "num_failures": 0, "response_times": {}}], "num_requests"),
        (
            [{"method": "GET", "num_requests": 1, "num_failures": 0, "response_times": {"x": 1}}],
            "response_times",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_json_that_is_wrong(document: Any, words: str, system: System, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=words):
        read(json.dumps(document), system, tmp_path)


CSV = "Type,Name,Request Count,Failure Count,Median Response Time,Requests/s,50%,95%,99%\n"
POINT = '{"metric":"http_reqs","type":"Point","data":{"time":"2026-11-24T17:09:11.5Z","value":1}}\n'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (CSV + "GET,/,1,0,1,1,1,1,1\n", "no row named Aggregated"),
        (CSV + ",Aggregated,x,0,1,1,1,1,1\n", "Request Count: 'x'"),
        ("Method,Name,Error,Occurrences\n", "ends in _stats.csv"),
        (POINT + POINT[:50], "line 2: is cut off"),
        (POINT.replace("17:09", "noon"), "is no time"),
        (POINT.replace('"value":1', '"value":null'), "missing where a number"),
        (POINT.replace('"data":{', '"date":{'), "has no data"),
        ("metric_name,timestamp,metric_value\nhttp_reqs,1\n", "line 2: is cut off"),
        ("metric_name,timestamp,metric_value\nhttp_reqs,soon,1\n", "'soon'"),
        (json.dumps(piece()) + "\n" + json.dumps(piece()) + "\n", "slice 0 of launch 0 is there twice"),
        (json.dumps(piece()) + "\n{\n", "line 2: not valid JSON"),
        (json.dumps(piece()) + "\n3\n", "line 2: is no object"),
        ('{"reason":"group-complete"}\n', "no finished benchmark"),
        ('{"reason":"benchmark-complete","unit":"eon","iteration_count":[1],"measured_values":[1]}', "eon"),
    ],
)
def test_lines_that_are_wrong(text: str, words: str, system: System, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=words):
        read(text, system, tmp_path)


def read(text: str, system: System, folder: Path) -> Capture:
    (folder / "x").write_text(text)
    return formats.read(folder / "x", system)


def values(capture: Capture) -> dict[str, float]:
    return {m.name: m.samples[0] for m in capture.metrics}


def test_no_requests_are_no_rates(system: System, tmp_path: Path) -> None:
    capture = read(CSV + ",Aggregated,0,0,0,0,N/A,N/A,N/A\n", system, tmp_path)
    assert values(capture) == {"load.requests": 0}
    assert capture.notes == ("locust made no request",)
    assert read('{"root_group": {}, "metrics": {}}', system, tmp_path).notes == (
        "k6 made no HTTP request and finished no iteration",
    )


def test_dropped_iterations_are_said(system: System, tmp_path: Path) -> None:
    capture = read(json.dumps(k6(dropped_iterations={"count": 12, "rate": 1})), system, tmp_path)
    assert "k6 dropped 12 iterations: the load was less than asked for" in capture.notes


def test_k6_times_points_by_whole_seconds_only_if_the_run_is_long(system: System, tmp_path: Path) -> None:
    rows = "".join(f"http_reqs,{1_700_000_000 + t},1\n" for t in range(0, 51, 2))
    capture = read("metric_name,timestamp,metric_value\n" + rows, system, tmp_path)
    assert values(capture) == {"load.requests": 26, "load.throughput": 26 / 50}


def test_the_name_says_that_bigger_is_better(system: System, tmp_path: Path) -> None:
    (tmp_path / "customBiggerIsBetter.json").write_text('[{"name": "score", "unit": "points", "value": 3}]')
    assert formats.read(tmp_path / "customBiggerIsBetter.json", system).metrics[0].better == "higher"


def test_criterion_names_a_benchmark_by_its_folders(system: System, tmp_path: Path) -> None:
    folder = tmp_path / "criterion" / "encode" / "small" / "new"
    folder.mkdir(parents=True)
    (folder / "sample.json").write_text((SAMPLES / "criterion" / "sample.json").read_text())
    assert formats.read(folder / "sample.json", system).metrics[0].name == "encode/small"


def test_samples_of_k6_agree_with_each_other(system: System) -> None:
    """The points and the summary are of one run."""
    summary = values(formats.read(SAMPLES / "k6-summary" / "export.json", system))
    points = values(formats.read(SAMPLES / "k6-points" / "points.json.gz", system))
    for name in ("load.requests", "load.error_rate", "latency.p50", "latency.p95", "latency.p99"):
        assert points[name] == pytest.approx(summary[name], rel=1e-9)
