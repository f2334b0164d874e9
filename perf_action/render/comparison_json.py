"""A comparison as JSON: what `compare --format json` prints and scripts read. Keys keep their meaning.

Values stay in the unit of their row; what was not measured is null; nothing is rounded.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from perf_action.model.change import Comparison, FunctionChange, LeakChange, MetricChange
from perf_action.model.finding import Finding

Json = dict[str, Any]


def comparison_json(comparison: Comparison, budgets: Sequence[Finding] = ()) -> Json:
    """The document as plain values, fit for `json.dumps(…, allow_nan=False)`."""
    check = comparison.self_check
    document: Json = {
        "verdict": comparison.verdict.value,
        "reasons": list(comparison.reasons),
        "environment_differences": list(comparison.environment_differences),
        "self_check": None if check is None else {"false_alarms": check.false_alarms, "of": check.of},
        "metrics": [_metric(m) for m in comparison.metrics],
        "functions": [_function(f) for f in comparison.functions],
        "leaks": [_leak(k) for k in comparison.leaks],
        "budgets": [_budget(b) for b in budgets],
        "notes": list(comparison.notes),
    }
    return document


def _metric(m: MetricChange) -> Json:
    return {
        "name": m.name,
        "unit": m.unit,
        "better": m.better,
        "base": _number(m.base),
        "head": _number(m.head),
        "change": _number(m.change),
        "interval": _interval(m.interval),
        "p": _number(m.p),
        "minimum_detectable": _number(m.minimum_detectable),
        "verdict": m.verdict.value,
        "reason": m.reason,
        "gating": m.gating,
        "launches": m.launches,
        "more_launches": m.more_launches,
        "launches_needed": m.launches_needed,
    }


def _function(f: FunctionChange) -> Json:
    return {
        "name": f.name,
        "file": f.file,
        "module": f.module,
        "line": f.line,
        "kind": f.kind,
        "unit": f.unit,
        "value": f.value,
        "base": _number(f.base),
        "head": _number(f.head),
        "change": _number(f.change),
        "interval": _interval(f.interval),
        "p": _number(f.p),
        "share_base": _number(f.share_base),
        "share_head": _number(f.share_head),
        "verdict": f.verdict.value,
        "reason": f.reason,
        "moved_from": f.moved_from,
        "stack": list(f.stack),
        "touched": f.touched,
    }


def _leak(k: LeakChange) -> Json:
    return {
        "name": k.name,
        "unit": k.unit,
        "per_second": _number(k.per_second),
        "per_request": _number(k.per_request),
        "interval_per_second": _interval(k.interval_per_second),
        "base_per_second": _number(k.base_per_second),
        "verdict": k.verdict.value,
        "new": k.new,
        "reason": k.reason,
    }


def _budget(b: Finding) -> Json:
    return {
        "rule": b.rule,
        "limit": _number(b.limit),
        "value": _number(b.value),
        "unit": b.unit,
        "state": b.state.value,
        "message": b.message,
        "origin": b.origin,
        "evidence": list(b.evidence),
        "file": b.file,
        "line": b.line,
    }


def _number(value: float | None) -> float | None:
    return None if value is None or not math.isfinite(value) else float(value)


def _interval(ends: tuple[float, float] | None) -> list[float | None] | None:
    return None if ends is None else [_number(end) for end in ends]
