"""hyperfine's JSON (``--export-json``).

Format: https://github.com/sharkdp/hyperfine#json
Sample: ``{"results": [{"command": "sleep 0.1", "mean": 0.1, "times": [0.101, 0.102], "exit_codes": [0, 0]}]}``
Every run is a fresh process, and so a launch. Lost: the mean user and system time.
"""

from __future__ import annotations

from typing import Any, Final

from perf_action.formats.source import ReadOptions, Source
from perf_action.formats.values import number
from perf_action.model.metric import Metric
from perf_action.model.snapshot import Capture
from perf_action.system import System

NAME: Final = "hyperfine"


def sniff(source: Source) -> bool:
    document = source.document
    results = document.get("results") if isinstance(document, dict) else None
    return (
        isinstance(results, list)
        and bool(results)
        and all(isinstance(r, dict) and {"command", "mean"} <= r.keys() for r in results)
    )


def read(source: Source, options: ReadOptions, system: System) -> Capture:  # noqa: ARG001
    results = source.document["results"]
    metrics = tuple(_metric(source, result, f"results[{i}]") for i, result in enumerate(results))
    failed = [str(r["command"])[:80] for r in results if _failed(r.get("exit_codes"))]
    return Capture(
        format=NAME, metrics=metrics, notes=tuple(f"{name!r} failed at least once" for name in failed)
    )


def _failed(codes: Any) -> bool:
    return isinstance(codes, list) and any(code != 0 for code in codes)


def _metric(source: Source, result: dict[str, Any], place: str) -> Metric:
    times = result.get("times")
    if times is not None and not isinstance(times, list):
        raise source.error("times is no list", place=place)
    samples = tuple(number(source, time, f"{place}.times") for time in times or [result["mean"]])
    return Metric(
        name=str(result["command"]),
        unit="s",
        better="lower",
        samples=samples,
        launches=tuple(range(len(samples))) if times else None,
    )
