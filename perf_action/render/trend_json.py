"""`trend --format json`: every value, with what is made of them, for programs."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from perf_action.model.trend import Line, Trend


def trend_json(trend: Trend) -> str:
    """The history as one JSON object; commits and names as they are kept."""
    document = {
        "configuration": trend.configuration,
        "environment": trend.environment,
        "runs": trend.points,
        "metrics": [_line(line) for line in trend.lines],
        "notes": list(trend.notes),
    }
    return json.dumps(document, ensure_ascii=True, allow_nan=False, indent=1) + "\n"


def _line(line: Line) -> dict[str, Any]:
    return {
        "name": line.name,
        "unit": "ratio" if line.basis == "ratios" else line.unit,
        "better": line.better,
        "basis": line.basis,
        "noise": line.noise,
        "noise_floor": line.floor,
        "drift": None if line.drift is None else asdict(line.drift),
        "change_points": None if line.steps is None else [asdict(step) for step in line.steps],
        "points": [asdict(dot) for dot in line.dots],
    }
