"""`report.json`: the whole report for machines, all but the profiles (those lie beside it as pprof files).

Keys are the fields of the model (`perf_action/model/report.py`), values canonical and unrounded; what was not
measured is null. `findings` says the same once more, one by one, for programs that act on it: place, cause, evidence and
next step. `schema` goes up when a key changes its meaning or goes away, not when one is added. Texts of more than 4,000
characters lose their middle. docs/report.md describes it, ``resources/report.schema.json`` is its schema.
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
from perf_action.render.again import commands
from perf_action.render.headline import headline, variant
from perf_action.render.sarif_results import REMEDIES, Place, Result, results_of

SCHEMA = 1
TEXT_LIMIT = 4000
MAX_FINDINGS = 5000
_LEFT_OUT = (Profile, CapturedProfile, ProfileSlice, FlameGraph)


def report_json(report: Report) -> str:
    """The report as JSON, with `verdict` (the comparison's, or null) and the `headline` as people read it."""
    comparison = report.comparison
    document = {
        "schema": SCHEMA,
        "verdict": comparison.verdict.value if comparison is not None else None,
        "about": variant(report),
        "headline": sentence.plain(headline(report)),
        "findings": [_finding(r) for r in results_of(report)][:MAX_FINDINGS],
        "reproduce": list(commands(report)),
        **_object(report),
    }
    return json.dumps(document, ensure_ascii=True, allow_nan=False, indent=1) + "\n"


def _finding(r: Result) -> dict[str, Any]:
    return {
        "rule": r.rule,
        "level": r.level,
        "message": escape.sentence(r.message, TEXT_LIMIT),
        "place": _place(r.place),
        "related": [_place(p) for p in r.related],
        "evidence": {name: _plain(value) for name, value in r.properties},
        "next_step": escape.sentence(r.next_step, TEXT_LIMIT) or REMEDIES[r.rule.partition(":")[0]],
        "fingerprint": r.fingerprint,
    }


def _place(place: Place) -> dict[str, Any]:
    first, last = place.lines or (None, None)
    return {
        "file": escape.clean(place.file),
        "line": first,
        "end_line": last,
        "why": escape.sentence(place.label),
    }


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
