"""What to do about it: one piece of advice with the evidence that made it appear."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """`rule` is the id of its rule in `resources/advice`. `share` is what it could save at most, as a share (0..1) of
    all `kind` (cpu, allocated, peak, lock_wait …); pieces of advice are ranked by it.

    `function`, `file` and `line` are where to begin, in the user's own code where there is some; empty and 0 if unknown.
    """

    rule: str
    title: str
    symptom: str
    solutions: tuple[str, ...]
    links: tuple[str, ...]
    language: str
    kind: str
    share: float
    category: str = ""
    function: str = ""
    file: str = ""
    line: int = 0
    evidence: tuple[str, ...] = ()
