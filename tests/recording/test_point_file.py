from __future__ import annotations

import json

import pytest

from perf_action.errors import InputError
from perf_action.model.trend import Point, PointValue
from perf_action.recording import decode_point, encode_point

POINT = Point(
    commit="a" * 40,
    base="b" * 40,
    time_s=1.7e9,
    fingerprint="f" * 12,
    reference=True,
    values=(
        PointValue(
            name="cpu.per_request",
            unit="ns",
            better="lower",
            value=1.5e6,
            ratio=0.01,
            ratio_se=0.003,
            ratio_df=23.0,
        ),
        PointValue(
            name="memory.allocations", unit="count", better="lower", value=10.0, timed=False, exact=True
        ),
    ),
)


def test_a_point_comes_back_as_it_was() -> None:
    data = encode_point(POINT)
    assert decode_point(data, "x") == POINT
    assert data == encode_point(POINT)
    assert len(data) < 600


def test_what_was_added_later_may_be_missing() -> None:
    raw = json.loads(encode_point(POINT))
    raw["something newer"] = 1
    raw["values"] = [{"name": "x", "unit": "ns", "better": "lower", "value": 1.0}]
    found = decode_point(json.dumps(raw).encode(), "x")
    assert found.values == (PointValue(name="x", unit="ns", better="lower", value=1.0),)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"schema": 99}, "update perf-action"),
        ({"schema": None}, "no schema version"),
        ({"values": [{"name": "x"}]}, "not a point"),
        ({"values": 3}, "not a point"),
        ({"time_s": "now"}, "not a point"),
        ({"time_s": 1e999}, "out of bounds"),
        ({"values": [{"name": "x", "unit": "ns", "better": "lower", "value": 1e999}]}, "out of bounds"),
        (
            {"values": [{"name": "x", "unit": "s", "better": "lower", "value": 1, "ratio": 800}]},
            "out of bounds",
        ),
        (
            {"values": [{"name": "x", "unit": "s", "better": "lower", "value": 1, "ratio_se": -1}]},
            "out of bounds",
        ),
        (
            {"values": [{"name": "x", "unit": "s", "better": "lower", "value": 1, "ratio_df": 0}]},
            "out of bounds",
        ),
    ],
)
def test_a_broken_point_is_an_error_that_names_it(change, says) -> None:
    data = json.dumps({**json.loads(encode_point(POINT)), **change}).encode()
    with pytest.raises(InputError, match=says) as error:
        decode_point(data, "store: a/b.json")
    assert "store: a/b.json" in str(error.value)


@pytest.mark.parametrize("data", [b"", b"[]", b"\xff", b"[" * 100_000, b"nul"])
def test_what_is_no_json_object_is_an_error(data) -> None:
    with pytest.raises(InputError):
        decode_point(data, "x")
