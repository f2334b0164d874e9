"""The text of ``go test -bench``.

Format: https://go.googlesource.com/proposal/+/master/design/14313-benchmark-format.md
Sample: ``BenchmarkEncode-8   	 1000000	      1234 ns/op	      56 B/op	       2 allocs/op``
Repetitions (``-count``) are samples of one metric. ``ns/op`` gives the metric ``Encode``, other units a metric of their
own (``Encode B/op``). The number of processors at the end of a name is dropped. Lost: iteration counts.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from perf_action.formats.source import ReadOptions, Source
from perf_action.formats.values import text_number
from perf_action.model.environment import Environment
from perf_action.model.metric import Better, Metric
from perf_action.model.snapshot import Capture
from perf_action.system import System

NAME: Final = "go-bench"
_LINE: Final = re.compile(r"Benchmark(\S*?)(?:-\d+)?\s+\d+((?:\s+\S+\s+\S*[A-Za-z]\S*)+)\s*")
_HEADER: Final = re.compile(r"(goos|goarch|pkg|cpu): (.*)")


class _Unit(NamedTuple):
    unit: str
    better: Better = "lower"
    exact: bool = False


_UNITS: Final = {
    "ns/op": _Unit("ns"),
    "B/op": _Unit("bytes"),
    "allocs/op": _Unit("count", exact=True),
    "MB/s": _Unit("bytes/s", "higher"),
}


def sniff(source: Source) -> bool:
    lines = source.head_lines[:200]
    return source.is_text and any(_LINE.fullmatch(line) for line in lines if len(line) < 1000)


def read(source: Source, options: ReadOptions, system: System) -> Capture:  # noqa: ARG001
    samples: dict[tuple[str, str], list[float]] = {}
    facts: dict[str, str] = {}
    for index, line in enumerate(source.text.split("\n"), 1):
        header = _HEADER.fullmatch(line.strip())
        if header is not None:
            facts[header[1]] = header[2]
        match = _LINE.fullmatch(line) if len(line) < 10_000 else None
        if match is None:
            continue
        words = match[2].split()
        package = f"{facts['pkg']}." if "pkg" in facts else ""
        for value, unit in zip(words[::2], words[1::2], strict=False):
            name = f"{package}{match[1]}" if unit == "ns/op" else f"{package}{match[1]} {unit}"
            factor = 1e6 if unit == "MB/s" else 1.0
            samples.setdefault((name, unit), []).append(text_number(source, value, f"line {index}") * factor)
    metrics = (_metric(name, unit, tuple(values)) for (name, unit), values in samples.items())
    return Capture(format=NAME, metrics=tuple(metrics), environment=_environment(facts))


def _metric(name: str, unit: str, samples: tuple[float, ...]) -> Metric:
    kind = _UNITS.get(unit) or _Unit("count", "higher" if unit.endswith("/s") else "lower")
    return Metric(name=name, unit=kind.unit, better=kind.better, samples=samples, exact=kind.exact)


def _environment(facts: dict[str, str]) -> Environment:
    return Environment(cpu_model=facts.get("cpu", ""), os=facts.get("goos", ""), arch=facts.get("goarch", ""))
