"""github-action-benchmark's own JSON: ``customSmallerIsBetter`` and ``customBiggerIsBetter``.

Format: https://github.com/benchmark-action/github-action-benchmark#examples
Sample: ``[{"name": "Encode", "unit": "ns/iter", "value": 1234, "range": "± 5"}]``
The file does not say which way is better: units per second and file names with ``bigger`` in them are better when
higher, all else when lower. Units that are not known are counts. Lost: range and extra.
"""

from __future__ import annotations

import re
from typing import Any, Final

from perf_action.formats.source import ReadOptions, Source
from perf_action.formats.values import number, text_number
from perf_action.model.metric import Better, Metric
from perf_action.model.snapshot import Capture
from perf_action.system import System

NAME: Final = "github-action-benchmark"
_PER_CALL: Final = re.compile(r"\s*(/|per )\s*(iter|iteration|op|call|run|req|request)s?$", re.IGNORECASE)
_RATE: Final = re.compile(r".*(/\s*s|/\s*sec|per sec|per second|ops|rps|qps)$", re.IGNORECASE)
_UNITS: Final = {
    "s": "s", "sec": "s", "secs": "s", "second": "s", "seconds": "s",
    "ms": "ms", "msec": "ms", "milliseconds": "ms", "us": "us", "µs": "us", "microseconds": "us",
    "ns": "ns", "nanoseconds": "ns", "b": "bytes", "byte": "bytes", "bytes": "bytes",
    "kb": "kB", "kib": "KiB", "mb": "MB", "megabytes": "MB", "mib": "MiB", "gb": "GB", "gib": "GiB",
    "%": "percent", "percent": "percent",
}  # fmt: skip


def sniff(source: Source) -> bool:
    document = source.document
    return (
        isinstance(document, list)
        and bool(document)
        and all(isinstance(entry, dict) and {"name", "unit", "value"} <= entry.keys() for entry in document)
    )


def read(source: Source, options: ReadOptions, system: System) -> Capture:  # noqa: ARG001
    bigger = "bigger" in source.path.name.lower()
    notes: dict[str, None] = {}
    metrics = [_metric(source, e, f"entry {i}", notes, bigger=bigger) for i, e in enumerate(source.document)]
    return Capture(format=NAME, metrics=tuple(metrics), notes=tuple(notes))


def _metric(
    source: Source, entry: dict[str, Any], place: str, notes: dict[str, None], *, bigger: bool
) -> Metric:
    value, written = entry["value"], str(entry["unit"])
    amount = text_number(source, value, place) if isinstance(value, str) else number(source, value, place)
    plain = _PER_CALL.sub("", written.strip())
    rate = _RATE.fullmatch(plain) is not None and plain.lower() not in _UNITS
    unit = "1/s" if rate else _UNITS.get(plain.lower(), "count")
    if unit in ("count", "1/s") and plain.lower() not in ("count", "1/s", "ops/s", "ops/sec"):
        notes[f"the unit {written[:40]!r} is read as {unit}"] = None
    better: Better = "higher" if rate or bigger else "lower"
    return Metric(name=str(entry["name"]), unit=unit, better=better, samples=(amount,))
