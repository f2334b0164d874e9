"""One thing that was looked at, and whether it is as it should be: what `doctor` says of a machine and a program, and
what is known of the conditions under which a profile was taken.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Literal

from perf_action.model.finding import State

#: what a check is about; the last two are the lists of the profiling guide
Topic = Literal["tools", "rights", "program", "machine", "before profiling", "during profiling"]


class Weight(str, Enum):
    """How much a failure matters: nothing can be measured without it, the result is worse for it, or nobody asks."""

    NEEDED = "needed"
    ADVICE = "advice"
    UNUSED = "unused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """`evidence` is what was seen, one line; `remedy` the command or change that mends a failure, else empty."""

    name: str
    topic: Topic
    state: State
    evidence: str
    remedy: str = ""
    weight: Weight = Weight.ADVICE

    @property
    def stops(self) -> bool:
        """Whether nothing can be measured for it."""
        return self.state is State.FAIL and self.weight is Weight.NEEDED
