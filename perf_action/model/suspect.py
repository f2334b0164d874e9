"""What in the pull request made a function worse or a check fail: the changed lines that lead to it, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Literal

from perf_action.model.touched import Lines


class Confidence(str, Enum):
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


#: how what was changed and what got worse belong together: it is the same function; the changed one calls it, directly
#: or through others; it calls the changed one; it comes with a dependency whose version changed
Relation = Literal["itself", "calls it", "called by it", "dependency"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspect:
    """`function` got worse (`kind` of cost, `change` relative to base or None where it is new), or is what a check found
    (`kind` is its rule); `changed` is the function or dependency that the pull request edits, in `file` (from the root of
    the repository) at `lines` of head.

    `path` are the calls from the one to the other, caller first. `share` is which part (0..1) of what `function` costs
    more goes through the changed one, None where no profile tells. `doubt` is what speaks against it, a few words.
    `function_file` and `function_line` are where `function` is, as its row of the comparison or the check has it.
    """

    function: str
    kind: str
    change: float | None
    relation: Relation
    changed: str
    file: str
    lines: tuple[Lines, ...]
    confidence: Confidence
    path: tuple[str, ...] = ()
    share: float | None = None
    doubt: str = ""
    function_file: str = ""
    function_line: int = 0
