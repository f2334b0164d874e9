"""`report.json`: the whole report for machines, all but the profiles (those lie beside it as pprof files).

Keys are the fields of the model (`perf_action/model/report.py`), values canonical and unrounded; what was not
measured is null. `schema` goes up when a key changes its meaning or goes away, not when one is added. Texts
of more than 4,000 characters lose their middle.
"""

from __future__ import annotations

import json
import math
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any

from perf_action.model.profile import CapturedProfile, Profile, ProfileSlice
from perf_action.model.report import FlameGraph, Report
from perf_action.render import escape, sentence
from perf_action.render.headline import headline, variant

SCHEMA = 1
TEXT_LIMIT = 4000
_LEFT_OUT = (Profile, CapturedProfile, ProfileSlice, FlameGraph)


def report_json(report: Report) -> str:
    """The report as JSON, with `verdict` (the comparison's, or null) and the `headline` as people read it."""
    comparison = report.comparison
    document = {
        "schema": SCHEMA,
        "verdict": comparison.verdict.value if comparison is not None else None,
        "about": variant(report),
        "headline": sentence.plain(headline(report)),
        **_object(report),
    }
    return json.dumps(document, ensure_ascii=True, allow_nan=False, indent=1) + "\n"


def _object(value: Any) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for f in fields(value):
        item = getattr(value, f.name)
        if isinstance(item, _LEFT_OUT) or (
            isinstance(item, tuple) and item and isinstance(item[0], _LEFT_OUT)
        ):
            continue
        out[f.name] = _plain(item)
    return out


def _plain(value: Any) -> Any:
    """Dataclasses as objects, enums as their values, tuples as lists, what is not finite as null."""
    if isinstance(value, Enum):
        return value.value
    if is_dataclass(value) and not isinstance(value, type):
        return _object(value)
    if isinstance(value, tuple | list):
        return [_plain(v) for v in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, str):
        return escape.shorten(value, TEXT_LIMIT)
    if value is None or isinstance(value, int | float | bool):
        return value
    return value.item()  # a numpy scalar
