"""criterion's results: ``estimates.json`` or ``sample.json`` of a benchmark, or ``cargo criterion``'s messages.

Format: https://bheisler.github.io/criterion.rs/book/cargo_criterion/external_tools.html
Sample: ``{"reason": "benchmark-complete", "id": "fib 20", "iteration_count": [1, 2], "measured_values": [26, 52],
"unit": "ns", "typical": {"estimate": 26.0, "unit": "ns"}}``
Times are ns per iteration; samples where the file has them, else the typical estimate (slope, or mean). The name of
what stands in a file of its own is that of its folders below ``criterion``. Lost: confidence intervals, changes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from perf_action.formats.source import ReadOptions, Source
from perf_action.formats.values import number
from perf_action.model.metric import Metric
from perf_action.model.snapshot import Capture
from perf_action.model.units import is_unit
from perf_action.system import System

NAME: Final = "criterion"


def sniff(source: Source) -> bool:
    if not source.looks_like_json:
        return False
    if '"reason"' in source.head_lines[0][:4096] and _is_messages(source.head_lines[0]):
        return True
    document = source.document
    if not isinstance(document, dict):
        return False
    return {"mean", "median", "std_dev"} <= document.keys() or {
        "sampling_mode",
        "iters",
        "times",
    } <= document.keys()


def _is_messages(line: str) -> bool:
    return any(f'"{reason}"' in line for reason in ("benchmark-complete", "group-complete"))


def read(source: Source, options: ReadOptions, system: System) -> Capture:  # noqa: ARG001
    if _is_messages(source.head_lines[0]):
        return Capture(format=NAME, metrics=tuple(_messages(source)))
    document = source.document
    if "sampling_mode" in document:
        samples = _per_iteration(source, document["iters"], document["times"], "sample")
    else:
        best = document.get("slope") or document["mean"]
        estimate = best.get("point_estimate") if isinstance(best, dict) else None
        samples = (number(source, estimate, "point_estimate"),)
    return Capture(format=NAME, metrics=(_metric(_name_of(source.path), "ns", samples),))


def _messages(source: Source) -> list[Metric]:
    metrics = []
    for index, line in enumerate(source.text.split("\n"), 1):
        place = f"line {index}"
        message = source.parse_json(line, place=place) if line.strip() else None
        if not isinstance(message, dict) or message.get("reason") != "benchmark-complete":
            continue
        unit = str(message.get("unit", "ns"))
        if not is_unit(unit):
            raise source.error(f"unit {unit[:40]!r} is not known", place=place)
        samples = _per_iteration(
            source, message.get("iteration_count"), message.get("measured_values"), place
        )
        metrics.append(_metric(str(message.get("id") or place), unit, samples))
    if not metrics:
        raise source.error("holds no finished benchmark")
    return metrics


def _per_iteration(source: Source, counts: Any, totals: Any, place: str) -> tuple[float, ...]:
    if (
        not isinstance(counts, list)
        or not isinstance(totals, list)
        or len(counts) != len(totals)
        or not counts
    ):
        raise source.error("iterations and times differ in length", place=place)
    divisors = [number(source, count, place) for count in counts]
    if min(divisors) <= 0:
        raise source.error("a sample without iterations", place=place)
    times = (number(source, total, place) for total in totals)
    return tuple(number(source, time / n, place) for time, n in zip(times, divisors, strict=True))


def _metric(name: str, unit: str, samples: tuple[float, ...]) -> Metric:
    return Metric(name=name, unit=unit, better="lower", samples=samples)


def _name_of(path: Path) -> str:
    """``…/criterion/group/bench/new/estimates.json`` is ``group/bench``."""
    parts = path.absolute().parts[:-1]
    below = (
        parts[len(parts) - 1 - parts[::-1].index("criterion") + 1 :] if "criterion" in parts else parts[-2:]
    )
    named = below[:-1] if len(below) > 1 and below[-1] in ("new", "base") else below
    return "/".join(named) or path.stem
