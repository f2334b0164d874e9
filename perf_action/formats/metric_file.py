"""Metric files (``*.metrics.json``): metrics and series with their units, in and out.

Format: this program's own, schema 1.
Sample: ``{"schema": 1, "metrics": [{"name": "cpu.per_request", "unit": "s", "better": "lower", "samples": [0.01]}]}``
Nothing is lost. `better` defaults to lower (higher for throughput); a launch number a sample makes launches the unit
of replication, equal pair numbers in base and head were taken together.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any, Final

from perf_action.formats.source import ReadOptions, Source
from perf_action.formats.values import number, whole
from perf_action.model.environment import Environment
from perf_action.model.metric import Metric, Series
from perf_action.model.snapshot import Capture, Snapshot
from perf_action.model.units import UNITS, is_unit
from perf_action.system import System

NAME: Final = "metrics"
SCHEMA: Final = 1
_BETTER: Final = ("lower", "higher", "neither")


def sniff(source: Source) -> bool:
    document = source.document
    return (
        isinstance(document, dict)
        and "schema" in document
        and (isinstance(document.get("metrics"), list) or isinstance(document.get("series"), list))
    )


def read(source: Source, options: ReadOptions, system: System) -> Capture:  # noqa: ARG001
    document = source.document
    schema = document["schema"]
    if schema != SCHEMA:
        raise source.error(
            f"schema {str(schema)[:20]} is not known (this is {SCHEMA})", remedy="update perf-action"
        )
    commit = document.get("commit") or ""
    if not isinstance(commit, str):
        raise source.error("is no text", place="commit")
    return Capture(
        format=NAME,
        metrics=tuple(
            _metric(source, m, f"metrics[{i}]") for i, m in enumerate(_list(source, document, "metrics"))
        ),
        series=tuple(
            _series(source, s, f"series[{i}]") for i, s in enumerate(_list(source, document, "series"))
        ),
        environment=_environment(source, document.get("environment")),
        commit=commit,
    )


def _list(source: Source, body: dict[str, Any], key: str) -> list[Any]:
    value = body.get(key, [])
    if not isinstance(value, list):
        raise source.error("is no list", place=key)
    return value


def _named(source: Source, body: Any, place: str) -> tuple[str, str]:
    """Name and unit of a metric or series."""
    if not isinstance(body, dict):
        raise source.error("is no object", place=place)
    name, unit = body.get("name"), body.get("unit")
    if not isinstance(name, str) or not name:
        raise source.error("has no name", place=place)
    if not isinstance(unit, str) or not is_unit(unit):
        raise source.error(
            f"unit {str(unit)[:40]!r} is not known",
            place=f"{place} {name[:60]}",
            remedy=f"known: {', '.join(UNITS)}",
        )
    return name, unit


def _metric(source: Source, body: Any, place: str) -> Metric:
    name, unit = _named(source, body, place)
    place = f"{place} {name[:60]}"
    samples = tuple(number(source, v, f"{place}.samples") for v in _list(source, body, "samples"))
    if not samples:
        raise source.error("has no samples", place=place)
    better = body.get("better", "higher" if "throughput" in name or unit.endswith("/s") else "lower")
    if better not in _BETTER:
        raise source.error(
            f"better is {str(better)[:40]!r}", place=place, remedy=f"one of {', '.join(_BETTER)}"
        )
    return Metric(
        name=name,
        unit=unit,
        better=better,
        samples=samples,
        launches=_numbers(source, body, "launches", len(samples), place),
        pairs=_numbers(source, body, "pairs", len(samples), place),
        source="profiled" if body.get("source") == "profiled" else "clean",
        exact=body.get("exact") is True,
    )


def _numbers(
    source: Source, body: dict[str, Any], key: str, length: int, place: str
) -> tuple[int, ...] | None:
    if body.get(key) is None:
        return None
    values = _list(source, body, key)
    if len(values) != length:
        raise source.error(f"{len(values)} {key} for {length} samples", place=place)
    return tuple(whole(source, number(source, v, f"{place}.{key}"), 1, f"{place}.{key}") for v in values)


def _series(source: Source, body: Any, place: str) -> Series:
    name, unit = _named(source, body, place)
    place = f"{place} {name[:60]}"
    times = [number(source, t, f"{place}.t_s") for t in _list(source, body, "t_s")]
    values = tuple(number(source, v, f"{place}.values") for v in _list(source, body, "values"))
    if len(times) != len(values):
        raise source.error(f"{len(times)} times for {len(values)} values", place=place)
    if any(later < earlier for earlier, later in itertools.pairwise(times)):
        raise source.error("goes back in time", place=place)
    if any(abs(t) > 1e9 * 9 for t in times):
        raise source.error("a time is too large", place=f"{place}.t_s")
    return Series(
        name=name,
        unit=unit,
        t_ns=tuple(round(t * 1e9) for t in times),
        values=values,
        requests=_numbers(source, body, "requests", len(values), place),
        launch=whole(source, number(source, body.get("launch", 0), place), 1, f"{place}.launch"),
    )


def _environment(source: Source, body: Any) -> Environment | None:
    """Fields of `Environment` by name; what it does not know goes to `extra`."""
    if body is None:
        return None
    if not isinstance(body, dict):
        raise source.error("is no object", place="environment")
    known = {f.name: f.type for f in fields(Environment) if f.name not in ("tools", "extra")}
    given: dict[str, Any] = {}
    for name, kind in known.items():
        if body.get(name) is not None:
            given[name] = (
                str(body[name]) if kind == "str" else number(source, body[name], f"environment.{name}")
            )
    for name in ("cores", "memory_bytes"):
        if name in given:
            given[name] = whole(source, given[name], 1, f"environment.{name}")
    rest = {k: v for k, v in body.items() if k not in known and k not in ("tools", "extra")}
    return Environment(
        **given, tools=_pairs(body.get("tools")), extra=_pairs({**_dict(body.get("extra")), **rest})
    )


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _pairs(value: Any) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((str(k), str(v)) for k, v in _dict(value).items()))


def to_metric_file(snapshot: Snapshot | Capture) -> str:
    """A metric file of everything in a snapshot that is no profile."""
    document: dict[str, Any] = {"schema": SCHEMA, "commit": snapshot.commit}
    if snapshot.environment is not None:
        body = asdict(snapshot.environment)
        document["environment"] = {**body, "tools": dict(body["tools"]), "extra": dict(body["extra"])}
    document["metrics"] = [_metric_body(m) for m in snapshot.metrics]
    document["series"] = [_series_body(s) for s in snapshot.series]
    return json.dumps(document, indent=1) + "\n"


def _metric_body(m: Metric) -> dict[str, Any]:
    body: dict[str, Any] = {"name": m.name, "unit": m.unit, "better": m.better, "samples": list(m.samples)}
    optional: dict[str, Sequence[int] | None] = {"launches": m.launches, "pairs": m.pairs}
    body.update({key: list(values) for key, values in optional.items() if values is not None})
    if m.source != "clean":
        body["source"] = m.source
    if m.exact:
        body["exact"] = True
    return body


def _series_body(s: Series) -> dict[str, Any]:
    body: dict[str, Any] = {
        "name": s.name,
        "unit": s.unit,
        "launch": s.launch,
        "t_s": [t / 1e9 for t in s.t_ns],
        "values": list(s.values),
    }
    if s.requests is not None:
        body["requests"] = list(s.requests)
    return body
