"""google-benchmark's JSON (``--benchmark_format=json``).

Format: https://github.com/google/benchmark/blob/main/docs/user_guide.md#output-formats
Sample: ``{"context": {…}, "benchmarks": [{"name": "BM_x", "real_time": 27.1, "cpu_time": 27.0, "time_unit": "ns"}]}``
Each benchmark gives ``NAME/real_time`` and ``NAME/cpu_time``, a sample a repetition; medians where a file has
aggregates only. Lost: counters, and fits of complexity.
"""

from __future__ import annotations

from typing import Any, Final

from perf_action.formats.source import ReadOptions, Source
from perf_action.formats.values import number
from perf_action.model.environment import Environment
from perf_action.model.metric import Metric
from perf_action.model.snapshot import Capture
from perf_action.model.units import is_unit
from perf_action.system import System

NAME: Final = "google-benchmark"


def sniff(source: Source) -> bool:
    document = source.document
    return isinstance(document, dict) and {"benchmarks", "context"} <= document.keys()


def read(source: Source, options: ReadOptions, system: System) -> Capture:  # noqa: ARG001
    document = source.document
    benchmarks = document["benchmarks"]
    if not isinstance(benchmarks, list) or not benchmarks:
        raise source.error("holds no benchmarks")
    samples: dict[tuple[str, str], list[float]] = {}
    failed: dict[str, None] = {}
    for index, body in enumerate(benchmarks):
        place = f"benchmarks[{index}]"
        if not isinstance(body, dict):
            raise source.error("is no object", place=place)
        if body.get("error_occurred"):
            failed[f"{str(body.get('name'))[:80]!r} failed: {str(body.get('error_message'))[:80]}"] = None
        elif _is_wanted(body, benchmarks):
            _add(source, body, samples, place)
    metrics = (
        Metric(name=name, unit=unit, better="lower", samples=tuple(values))
        for (name, unit), values in samples.items()
    )
    return Capture(
        format=NAME,
        metrics=tuple(metrics),
        environment=_environment(document["context"]),
        notes=tuple(failed),
    )


def _name(body: dict[str, Any]) -> str:
    return str(body.get("run_name") or body.get("name"))


def _is_wanted(body: dict[str, Any], benchmarks: list[Any]) -> bool:
    """Repetitions; the median of a benchmark of which there are none."""
    if body.get("run_type", "iteration") == "iteration":
        return "real_time" in body
    alone = not any(
        isinstance(other, dict)
        and other.get("run_type", "iteration") == "iteration"
        and _name(other) == _name(body)
        for other in benchmarks
    )
    return alone and body.get("aggregate_name") == "median"


def _add(
    source: Source, body: dict[str, Any], samples: dict[tuple[str, str], list[float]], place: str
) -> None:
    unit = body.get("time_unit", "ns")
    if not isinstance(unit, str) or not is_unit(unit):
        raise source.error(f"unit {str(unit)[:40]!r} is not known", place=place)
    for clock in ("real_time", "cpu_time"):
        key = f"{_name(body)}/{clock}", unit
        samples.setdefault(key, []).append(number(source, body.get(clock), f"{place}.{clock}"))


def _environment(context: Any) -> Environment | None:
    if not isinstance(context, dict):
        return None
    cores = context.get("num_cpus")
    build = context.get("library_build_type")
    return Environment(
        cores=cores if isinstance(cores, int) and cores > 0 else 0,
        extra=(("library_build_type", str(build)),) if build else (),
    )
