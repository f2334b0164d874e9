from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf_action.model.units import UNITS
from perf_action.render import numbers


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (15_900.0, "ns/request", "15.9 µs per request"),
        (0.0101, "s", "10.1 ms"),
        (4.0, "ms", "4.00 ms"),
        (512.0, "bytes", "512 bytes"),
        (500e6, "bytes", "500 MB"),
        (1095.0, "bytes/request", "1.09 kB per request"),
        (753.64, "count/request", "754 per request"),
        (12_345.0, "count", "12,345"),
        (123_456_789.0, "count", "123 million"),
        (1931.0, "1/s", "1,931/s"),
        (3e6, "bytes/s", "3.00 MB/s"),
        (0.173, "ratio", "17.3 %"),
        (1.5, "%", "1.50 %"),
        (3.0, "samples", "3 samples"),
        (2.5, "widgets", "2.50 widgets"),
        (-200.0, "ns", "−200 ns"),
        (0.0, "count", "0"),
        (None, "s", "–"),
        (math.nan, "s", "–"),
        (math.inf, "bytes", "–"),
    ],
)
def test_quantity(value: float | None, unit: str, text: str) -> None:
    assert numbers.quantity(value, unit) == text


@pytest.mark.parametrize(
    ("base", "head", "unit", "text"),
    [
        (12_100.0, 15_900.0, "ns", "12.1 → 15.9 µs"),
        (100.2e3, 100.4e3, "ns", "100.2 → 100.4 µs"),
        (0.3, 0.1 + 0.2, "s", "300 → 300 ms"),
        (1.4, 1095.0, "bytes", "1.40 bytes → 1.09 kB"),
        (None, 3.0, "s", "– → 3.00 s"),
        (1200.0, 1300.0, "1/s", "1,200/s → 1,300/s"),
        (12_345_678.0, 12_345_679.0, "count", "12.345678 → 12.345679 million"),
    ],
)
def test_before_and_after_share_a_unit_and_look_different(
    base: float | None, head: float | None, unit: str, text: str
) -> None:
    assert numbers.before_after(base, head, unit) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.31, "+31 %"),
        (0.0995, "+10 %"),
        (0.031, "+3.1 %"),
        (-0.0049, "−0.49 %"),
        (0.00031, "+0.03 %"),
        (0.00003, "+0.00 %"),
        (0.0, "0 %"),
        (1.234, "+123 %"),
        (11.0, "×12"),
        (-1.0, "−100 %"),
        (None, "–"),
    ],
)
def test_change(value: float | None, text: str) -> None:
    assert numbers.change(value) == text


def test_intervals_say_their_unit_once() -> None:
    assert numbers.interval((0.271, 0.352)) == "+27 to +35 %"
    assert numbers.interval((-0.012, 0.003), to="and") == "−1.2 and +0.30 %"
    assert (
        numbers.interval((204e3, 231e3), lambda v: numbers.per_minute(v, "bytes"))
        == "12.2 to 13.9 MB per minute"
    )
    assert numbers.interval(None) == "–"


def test_the_rest() -> None:
    assert numbers.duration(125e9) == "2 min 5 s"
    assert numbers.duration(3.4e9) == "3.40 s"
    assert numbers.p_value(2e-7) == "p < 0.001"
    assert numbers.p_value(0.0231) == "p = 0.023"
    assert numbers.minutes(71) == "1.2 min"
    assert numbers.share(0.000_01) == "<0.01 %"
    assert numbers.plural(1, "launch", "launches") == "1 launch"
    assert numbers.plural(24, "launch", "launches") == "24 launches"


@given(
    st.floats() | st.none(),
    st.sampled_from(
        [*UNITS, "ns/request", "bytes/request", "count/request", "samples/CPU second", "", "/", "x/y"]
    ),
)
def test_every_value_has_a_short_text(value: float | None, unit: str) -> None:
    text = numbers.quantity(value, unit)
    assert text
    assert len(text) < 60
    assert "nan" not in text
    assert "inf" not in text
    assert (text == "–") == (
        value is None or not math.isfinite(value * UNITS.get(unit.partition("/")[0], ("", 1.0))[1])
    )


@given(
    st.floats(0, 1e12), st.floats(0, 1e12), st.sampled_from(["ns/request", "bytes", "count", "ratio", "s"])
)
def test_two_values_look_equal_only_if_they_are(base: float, head: float, unit: str) -> None:
    one, other = numbers.pair_of((base, head), unit)
    if not math.isclose(base, head, rel_tol=1e-7, abs_tol=1e-12):
        assert one != other
    if base == head:
        assert one == other


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_the_sign_of_a_change_is_kept(value: float) -> None:
    text = numbers.change(value)
    assert text.startswith("+" if value > 0 else "−" if value < 0 else "0") or (
        value >= 9 and text.startswith("×")
    )
