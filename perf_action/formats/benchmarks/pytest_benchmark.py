"""pytest-benchmark's JSON (``--benchmark-json``, and what it stores under ``.benchmarks``).

Format: https://pytest-benchmark.readthedocs.io/en/latest/usage.html
Sample: ``{"machine_info": {…}, "benchmarks": [{"fullname": "t.py::test_x", "stats": {"mean": 1e-4, "data": […]}}]}``
Samples are the rounds, in seconds; without ``data`` (the default of stored files) the median alone.
Lost: groups, parameters and extra info.
"""

from __future__ import annotations

from typing import Any, Final

from perf_action.formats.source import ReadOptions, Source
from perf_action.formats.values import number
from perf_action.model.environment import Environment
from perf_action.model.metric import Metric
from perf_action.model.snapshot import Capture
from perf_action.system import System

NAME: Final = "pytest-benchmark"


def sniff(source: Source) -> bool:
    document = source.document
    return isinstance(document, dict) and {"benchmarks", "machine_info"} <= document.keys()


def read(source: Source, options: ReadOptions, system: System) -> Capture:  # noqa: ARG001
    document = source.document
    benchmarks = document["benchmarks"]
    if not isinstance(benchmarks, list) or not benchmarks:
        raise source.error("holds no benchmarks")
    metrics = tuple(_metric(source, b, f"benchmarks[{i}]") for i, b in enumerate(benchmarks))
    commit = document.get("commit_info")
    return Capture(
        format=NAME,
        metrics=metrics,
        environment=_environment(document["machine_info"]),
        commit=str(commit.get("id") or "") if isinstance(commit, dict) else "",
    )


def _metric(source: Source, benchmark: Any, place: str) -> Metric:
    stats = benchmark.get("stats") if isinstance(benchmark, dict) else None
    if not isinstance(stats, dict):
        raise source.error("has no stats", place=place)
    data = stats.get("data")
    values = data if isinstance(data, list) and data else [stats.get("median")]
    return Metric(
        name=str(benchmark.get("fullname") or benchmark.get("name") or place),
        unit="s",
        better="lower",
        samples=tuple(number(source, value, place) for value in values),
    )


def _environment(info: Any) -> Environment | None:
    if not isinstance(info, dict):
        return None
    cpu = info.get("cpu")
    cpu = cpu if isinstance(cpu, dict) else {}
    cores = cpu.get("count")
    python = info.get("python_version")
    return Environment(
        cpu_model=str(cpu.get("brand_raw") or info.get("processor") or ""),
        cores=cores if isinstance(cores, int) and cores > 0 else 0,
        kernel=str(info.get("release") or ""),
        os=str(info.get("system") or ""),
        arch=str(info.get("machine") or ""),
        tools=(("python", str(python)),) if python else (),
    )
