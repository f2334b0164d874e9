"""How the stages of a run went: what was measured, and what was left out for want of time or because it failed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class StageOutcome:
    """How a stage went. `state` is done, failed or skipped; `reason` says why where it is not done."""

    name: str
    profiler: str
    state: str
    launches: int
    seconds: float
    reason: str = ""
