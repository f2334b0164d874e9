"""What is in a capture, as data: the document that ``show --format json`` prints."""

from __future__ import annotations

from typing import Any

from perf_action.model.metric import Metric, Series
from perf_action.model.profile import FunctionKey, Profile
from perf_action.model.snapshot import Capture
from perf_action.model.tree import Cost, costs, merge


def profiles_of(capture: Capture) -> list[Profile]:
    """The profiles of a capture; slices become one, the sum of all."""
    profiles = [captured.profile for captured in capture.captures]
    return [*profiles, merge(s.profile for s in capture.slices)] if capture.slices else profiles


def listing(capture: Capture, *, kind: str | None = None, limit: int = 0) -> dict[str, Any]:
    """The document. `kind` leaves the other kinds out; `limit` cuts the functions of each profile, 0 does not."""
    return {
        "format": capture.format,
        "notes": list(capture.notes),
        "profiles": [
            _profile(profile, column, limit)
            for profile in profiles_of(capture)
            for column, value_kind in enumerate(profile.kinds)
            if kind in (None, value_kind.kind, f"{value_kind.kind}:{value_kind.event}")
        ],
        "metrics": [_metric(metric) for metric in capture.metrics],
        "series": [_series(series) for series in capture.series],
    }


def _profile(profile: Profile, column: int, limit: int) -> dict[str, Any]:
    kind, total = profile.kinds[column], profile.total(column)
    found = sorted(costs(profile, column).items(), key=lambda item: (-item[1].self, -item[1].total, item[0]))
    body: dict[str, Any] = {"kind": kind.kind, "unit": kind.unit}
    if kind.event:
        body["event"] = kind.event
    body.update(
        total=total,
        duration_ns=profile.duration_ns,
        tool=profile.tool or None,
        function_count=len(found),
        functions=[_function(key, cost, total) for key, cost in (found[:limit] if limit else found)],
    )
    return body


def _function(key: FunctionKey, cost: Cost, total: int) -> dict[str, Any]:
    return {
        "name": key.name,
        "file": key.file or None,
        "module": key.module or None,
        "self": cost.self,
        "total": cost.total,
        "self_share": cost.self / total,
        "total_share": cost.total / total,
    }


def _metric(metric: Metric) -> dict[str, Any]:
    body: dict[str, Any] = {
        "name": metric.name,
        "unit": metric.unit,
        "better": metric.better,
        "samples": list(metric.samples),
    }
    if metric.launches is not None:
        body["launches"] = list(metric.launches)
    if metric.pairs is not None:
        body["pairs"] = list(metric.pairs)
    return body


def _series(series: Series) -> dict[str, Any]:
    return {
        "name": series.name,
        "unit": series.unit,
        "t_s": [t / 1e9 for t in series.t_ns],
        "values": list(series.values),
    }
