"""Every number that people read is written here, by small pure functions; nowhere else is a number formatted.

Sizes are decimal (1 MB = 1,000,000 bytes), as budgets are written. Minus is the real minus sign, so that a column of
changes lines up. A value that is missing or not finite is an en dash, never a zero.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from perf_action.model.change import Interval
from perf_action.model.units import UNITS

MISSING = "–"
MINUS = "−"

#: (from how many canonical units on, how many of them one is, how it is written), largest first
Scale = tuple[float, str]
_TIME: tuple[Scale, ...] = ((60e9, "min"), (1e9, "s"), (1e6, "ms"), (1e3, "µs"), (1.0, "ns"))
_SIZE: tuple[Scale, ...] = ((1e12, "TB"), (1e9, "GB"), (1e6, "MB"), (1e3, "kB"), (1.0, "bytes"))
_COUNT: tuple[Scale, ...] = ((1e9, "billion"), (1e6, "million"), (1.0, ""))
_SHARE: tuple[Scale, ...] = ((0.01, "%"),)
_SCALES: dict[str, tuple[Scale, ...]] = {
    "ns": _TIME,
    "bytes": _SIZE,
    "count": _COUNT,
    "samples": _COUNT,
    "instructions": _COUNT,
    "1/s": _COUNT,
    "bytes/s": _SIZE,
    "ratio": _SHARE,
}
_SUFFIX = {"samples": " samples", "instructions": " instructions", "1/s": "/s", "bytes/s": "/s"}
#: units that people read as whole numbers
_WHOLE = frozenset({"bytes", "count", "samples", "instructions"})


def number(value: float, digits: int = 3) -> str:
    """`value` with `digits` significant digits, all digits before the point, thousands separated."""
    if not math.isfinite(value):
        return MISSING
    if value == 0:
        return "0"
    exponent = _exponent(value, digits)
    if exponent < -9 or exponent > 15:
        return _sign(f"{value:.{digits - 1}e}")
    text = f"{value:,.{max(0, digits - 1 - exponent)}f}"
    return _sign(text)


def _exponent(value: float, digits: int) -> int:
    """The power of ten of `value` when it is written with `digits` digits: 1 for 9.96 with two."""
    return int(f"{value:.{digits - 1}e}".partition("e")[2])


def _sign(text: str) -> str:
    return text.replace("-", MINUS)


def quantity(value: float | None, unit: str, digits: int = 3) -> str:
    """A value of any metric or function row with its unit: ``15.9 µs``, ``1.10 kB per request``, ``3.21 %``."""
    return pair_of((value,), unit, digits)[0]


def limit(value: float | None, unit: str) -> str:
    """A limit as people set it, without digits that say nothing: ``10 %``, ``500 MB``."""
    if value is None or not math.isfinite(value):
        return MISSING
    digits = next((d for d in (1, 2, 3) if float(f"{value:.{d - 1}e}") == value), 4)
    return quantity(value, unit, digits)


def before_after(base: float | None, head: float | None, unit: str) -> str:
    """``12.1 → 15.9 µs``: one unit for both, and enough digits that two different values look different."""
    b, h = pair_of((base, head), unit)
    bare = b.split(" ", 1)
    same_unit = len(bare) == 2 and h.endswith(" " + bare[1])
    return f"{bare[0] if same_unit else b} → {h}"


def pair_of(values: Sequence[float | None], unit: str, digits: int = 3) -> tuple[str, ...]:
    """Values of one row in one scale (that of the largest, unless they are worlds apart), with more digits where
    they would look equal and are not.
    """
    base_unit, _, per = unit.partition("/")
    if unit in UNITS or unit in _SCALES:
        base_unit, per = unit, ""
    canonical, factor = UNITS.get(base_unit, (base_unit, 1.0))
    known = [None if v is None or not math.isfinite(v * factor) else v * factor for v in values]
    sizes = [abs(v) for v in known if v]
    together = not sizes or max(sizes) < 200 * min(sizes)
    scales = [_scale(canonical, known if together else (v,)) for v in known]
    different = len({None if v is None else float(f"{v:.8e}") for v in known})
    for wanted in (*range(digits, 10), digits):
        texts = tuple(
            MISSING
            if v is None
            else _written(v / size, canonical, name, wanted) + _suffix(canonical, name, per)
            for v, (size, name) in zip(known, scales, strict=True)
        )
        if len(set(texts)) >= different:
            break
    return texts


def _written(value: float, canonical: str, name: str, digits: int) -> str:
    whole = abs(value) < 1e7 and value == int(value)
    if whole and (name in _WHOLE or (canonical in _WHOLE and not name)):
        return _sign(f"{value:,.0f}")
    return number(value, digits)


def _scale(canonical: str, values: Sequence[float | None]) -> Scale:
    largest = max((abs(v) for v in values if v is not None), default=0.0)
    scales = _SCALES.get(canonical, ((1.0, canonical),))
    small = scales[-1]
    found = next((s for s in scales if largest >= s[0] * (1 - 5e-4)), small)
    if found[1] == "million" and largest < 1e7:
        return small
    return found


def _suffix(canonical: str, name: str, per: str) -> str:
    shown = f" {name}" if name else ""
    return shown + _SUFFIX.get(canonical, "") + (f" per {per}" if per else "")


def duration(ns: float | None) -> str:
    """``15.9 µs``, ``3.40 s``, ``2 min 5 s``."""
    if ns is None or not math.isfinite(ns):
        return MISSING
    if abs(ns) < 60e9:
        return quantity(ns, "ns")
    minutes, seconds = divmod(round(abs(ns) / 1e9), 60)
    text = f"{minutes:,} min {seconds} s" if seconds else f"{minutes:,} min"
    return MINUS + text if ns < 0 else text


def size(value: float | None) -> str:
    return quantity(value, "bytes")


def count(value: float | None) -> str:
    """A count; whole ones below ten million with every digit."""
    return quantity(value, "count")


def cores(value: float | None) -> str:
    """``0.33 cores``, ``2 cores``: CPU time over time."""
    if value is None or not math.isfinite(value):
        return MISSING
    return plural(int(value), "core") if value == int(value) else f"{number(value, 2)} cores"


def minutes(seconds: float) -> str:
    """Cost of a stage: ``0.4 min``, ``3.2 min``, ``12 min``."""
    value = seconds / 60
    return f"{value:.1f} min" if value < 10 else f"{value:,.0f} min"


def share(value: float | None) -> str:
    """A share 0..1 as per cent: ``0 %``, ``0.42 %``, ``5.0 %``, ``61 %``."""
    return MISSING if value is None or not math.isfinite(value) else _percent(value, sign=False)


def change(value: float | None) -> str:
    """A relative change with its sign and two sensible digits: ``+31 %``, ``−0.49 %``; over +900 % as ``×12``."""
    if value is None or not math.isfinite(value):
        return MISSING
    return f"×{number(1 + value, 2)}" if value >= 9 else _percent(value, sign=True)


def _percent(value: float, *, sign: bool) -> str:
    percent = max(-1e300, min(1e300, value)) * 100
    if abs(percent) < 0.005:
        return "0 %" if value == 0 else "<0.01 %" if not sign else f"{'+' if value > 0 else MINUS}0.00 %"
    decimals = min(2, max(0, 1 - _exponent(percent, 2)))
    digits = f",.{decimals}f" if abs(percent) < 1e7 else ".1e"
    text = f"{percent:{'+' if sign else ''}{digits}} %"
    return _sign(text)


def interval(bounds: Interval | None, write: Callable[[float], str] = change, *, to: str = "to") -> str:
    """``+27 to +35 %``; the unit is said once where both ends have the same."""
    if bounds is None:
        return MISSING
    low, high = (write(b) for b in bounds)
    _, space, unit = high.partition(" ")
    return f"{low.removesuffix(space + unit)} {to} {high}"


def p_value(p: float | None) -> str:
    """``p < 0.001``, ``p = 0.023``."""
    if p is None or not math.isfinite(p):
        return MISSING
    return "p < 0.001" if p < 0.001 else f"p = {p:.2g}" if p < 0.995 else "p = 1"


def per_minute(per_second: float | None, unit: str) -> str:
    """A slope as people read it: ``4.1 MB per minute``."""
    return quantity(None if per_second is None else per_second * 60, f"{unit}/minute")


def plural(n: int, one: str, many: str = "") -> str:
    """``1 launch``, ``24 launches``."""
    return f"{n:,} {one if n == 1 else many or one + 's'}"
