"""Accepting a regression: what somebody said, and what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Literal

#: where it was said: as a label of the pull request (which takes the triage role), or in a text that its author writes
Source = Literal["label", "commit"]
#: the subject that means every regression
EVERYTHING = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """A text in which something may be accepted. `where` says to people where it stands, `by` who wrote or set it (empty
    if unknown); `description` is that of a label.
    """

    source: Source
    text: str
    where: str
    by: str = ""
    description: str = ""


class AcceptedState(str, Enum):
    HONOURED = "honoured"
    NOT_NEEDED = "not needed"
    EXPIRED = "expired"
    UNKNOWN = "unknown"
    NOT_ALLOWED = "not allowed"
    INVALID = "invalid"

    @property
    def counts(self) -> bool:
        """Whether the policy looks away."""
        return self is AcceptedState.HONOURED


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """One subject (a metric, a function, a series, or ``*``) that somebody accepted. `until` is the last day (ISO, UTC) or
    empty; `rows` are the regressions that it covers, such as ``metric cpu.per_request``; `note` says why it does not count.
    """

    subject: str
    state: AcceptedState
    source: Source
    where: str
    by: str = ""
    reason: str = ""
    until: str = ""
    rows: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedAt:
    """What the history keeps of a regression that was accepted with a commit."""

    commit: str
    subject: str
    until: str = ""
    reason: str = ""
    by: str = ""
