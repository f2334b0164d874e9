"""What a rule says of a snapshot or a comparison: pass, fail or cannot tell, with its evidence."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class State(str, Enum):
    PASS = "pass"  # noqa: S105
    FAIL = "fail"
    CANNOT_TELL = "cannot-tell"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """`limit` and `value` are canonical (ns, bytes, counts, shares), in `unit`; value None where it was not measured.

    `message` is one sentence for people; `evidence` the stacks or numbers behind it, most telling first.
    """

    rule: str
    state: State
    limit: float | None = None
    value: float | None = None
    unit: str = ""
    message: str = ""
    evidence: tuple[str, ...] = ()
    file: str = ""
    line: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """A limit on one quantity: a metric's name, or ``cpu.hot_function`` (the largest self share of one function).

    `limit` is canonical, in `unit` (ns, bytes, count, 1/s, ratio). `relative`: the limit is on the change against base
    (0.05 is +5 %) instead of on head itself. `at_least`: the value must not fall below the limit.
    """

    rule: str
    limit: float
    unit: str
    relative: bool = False
    at_least: bool = False
