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
