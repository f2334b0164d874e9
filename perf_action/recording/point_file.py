"""A point of the history as bytes: one small JSON object in plain text, so that git and people can read it too."""

from __future__ import annotations

import json
import math
from typing import Any

from pydantic import TypeAdapter, ValidationError

from perf_action.errors import InputError
from perf_action.model.accepted import AcceptedAt
from perf_action.model.trend import Point, PointValue
from perf_action.recording.snapshot_file import check_schema, load_json

SCHEMA = 1
_LARGEST_LOG = 50.0
_ACCEPTED: TypeAdapter[tuple[AcceptedAt, ...]] = TypeAdapter(tuple[AcceptedAt, ...])
_VALUES: TypeAdapter[tuple[PointValue, ...]] = TypeAdapter(tuple[PointValue, ...])


def encode_point(point: Point) -> bytes:
    """The same point gives the same bytes."""
    data = {
        "schema": SCHEMA,
        "commit": point.commit,
        "base": point.base,
        "time_s": point.time_s,
        "fingerprint": point.fingerprint,
        "reference": point.reference,
        "values": _VALUES.dump_python(point.values, mode="json", exclude_defaults=True),
    }
    if point.accepted:
        data["accepted"] = _ACCEPTED.dump_python(point.accepted, mode="json", exclude_defaults=True)
    return json.dumps(data, separators=(",", ":")).encode() + b"\n"


def decode_point(data: bytes, source: str) -> Point:
    """The point in `data`; InputError names `source` and what is wrong with it."""
    raw: dict[str, Any] = load_json(data, source)
    check_schema(raw, SCHEMA, source)
    try:
        point = Point(
            commit=str(raw["commit"]),
            base=str(raw["base"]),
            time_s=float(raw["time_s"]),
            fingerprint=str(raw["fingerprint"]),
            reference=raw["reference"] is True,
            values=_VALUES.validate_python(raw["values"]),
            accepted=_ACCEPTED.validate_python(raw.get("accepted", [])),
        )
    except (KeyError, TypeError, ValueError, OverflowError, ValidationError) as error:
        raise InputError(source, f"not a point of the history: {type(error).__name__} {error}") from None
    numbers = [point.time_s, *(n for v in point.values for n in (v.value, v.ratio or 0.0, v.ratio_se))]
    if not all(map(math.isfinite, numbers)) or any(not _is_ratio(v) for v in point.values):
        raise InputError(source, "not a point of the history: a number is out of bounds")
    return point


def _is_ratio(value: PointValue) -> bool:
    """Whether ln(head/base) and its error can be: no program is e^50 times another."""
    small = abs(value.ratio or 0.0) < _LARGEST_LOG and 0 <= value.ratio_se < _LARGEST_LOG
    return small and value.ratio_df > 0
