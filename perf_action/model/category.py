"""What frames do: serialization, locks, database … as the share of a profile that each category takes.

A sample belongs to one category and is counted once, so shares add up to 1 with `OTHER`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

#: the categories that come with the program, those that win first; users may add their own
CATEGORIES = (
    "locks",
    "garbage collection",
    "allocation",
    "regex",
    "compression",
    "tls",
    "serialization",
    "database",
    "logging",
    "io",
    "kernel",
    "runtime",
)
OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryCost:
    """One category of one kind of cost (cpu, allocated, lock_wait …) on head, and on base where there is one.

    Shares are of the kind's total, 0..1; `samples` is how many samples a share rests on, 0 where nothing was sampled.
    `functions` are the user's own functions (nearest to the leaf) under which it was spent, with their share of the
    total, largest first; `stacks` the largest stacks, folded, root first.
    """

    category: str
    kind: str
    stage: str
    share: float
    samples: float
    base_share: float | None = None
    functions: tuple[tuple[str, float], ...] = ()
    stacks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryRule:
    """Frames that belong to a category: those that every given field fits, each by one of its patterns.

    Patterns are matched as a whole; `*` stands for any characters, also none, and nothing else is special. `function`
    fits the symbol (or the last part of a Python name), `file` the path from the root of the checkout or of the folder
    of installed code, `module` the base name of the binary, `caller` the function that calls. `but_not` are functions
    that the rule leaves alone. `waiting` is for locks: frames that wait, for which a scheduler further out is the reason
    if there is one. `covers` is for frames beneath which everything is theirs, whatever it does. `languages` are those it
    is for, all if empty.
    """

    category: str
    function: tuple[str, ...] = ()
    file: tuple[str, ...] = ()
    module: tuple[str, ...] = ()
    caller: tuple[str, ...] = ()
    but_not: tuple[str, ...] = ()
    waiting: bool = False
    covers: bool = False
    languages: tuple[str, ...] = ()


#: what a pattern may hold
LONGEST_PATTERN: Final = 200
MOST_STARS: Final = 8
_OF_REGEXES: Final = ("(?", "\\", ".+", "[a-z", "[A-Z", "[0-9", "[^")


def why_no_pattern(text: str) -> str:
    """What is wrong with a pattern, empty if nothing is."""
    if len(text) > LONGEST_PATTERN:
        return f"a pattern of {len(text)} characters; at most {LONGEST_PATTERN} are allowed"
    if text.count("*") > MOST_STARS:
        return f"a pattern with {text.count('*')} stars; at most {MOST_STARS} are allowed"
    if not text.strip("*"):
        return f"the pattern {text!r} fits everything"
    if text.startswith("^") or text.endswith("$") or any(mark in text for mark in _OF_REGEXES):
        return f"{text!r} looks like a regular expression; only * is special here, and a pattern fits the whole name"
    return ""
