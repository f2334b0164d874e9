"""Where a finding is shown in the source, and with which sentence: the changed lines that lead to it, if that is sure
enough, else the place of what was found.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from perf_action.model.advice import Advice
from perf_action.model.change import FunctionChange
from perf_action.model.suspect import Confidence, Suspect
from perf_action.render import escape
from perf_action.render.sentence import Sentence, code, say

_SURE = {Confidence.HIGH: "sure", Confidence.MEDIUM: "likely", Confidence.LOW: "possible"}
_LONGEST_PATH = 1_000
#: a drive, a scheme, or the root
_OUTSIDE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:|[/\\<]")


def suspects_of(row: FunctionChange, suspects: Sequence[Suspect]) -> tuple[Suspect, ...]:
    """What is suspected of having made the function of a row worse, the surest first."""
    return tuple(
        s for s in suspects if (s.function, s.kind, s.function_file) == (row.name, row.kind, row.file)
    )


def culprit(row: FunctionChange, suspects: Sequence[Suspect]) -> Suspect | None:
    """The suspect whose lines a finding may be put on: the first one, unless it is only possible or has no line."""
    found = suspects_of(row, suspects)
    return found[0] if found and found[0].confidence is not Confidence.LOW and found[0].lines else None


def told(suspect: Suspect) -> str:
    """Why it is suspected, with how sure that is; plain text, neither cleaned nor escaped."""
    return f"{suspect.reason} ({_SURE[suspect.confidence]})"


def told_sentence(suspect: Suspect) -> Sentence:
    """The same as a sentence, with the names that stand in backticks as names."""
    parts = told(suspect).split("`")
    return say(*(code(part) if i % 2 else escape.clean(part[:600]) for i, part in enumerate(parts)))


def advice_for(row: FunctionChange, advice: Sequence[Advice]) -> Advice | None:
    """The best advice about the function of a row."""
    return next((a for a in advice if a.function == row.name and a.kind in (row.kind, "")), None)


def inside(file: str) -> str:
    """`file` if it is a path that may be in the repository, from its root; else nothing."""
    file = file.removeprefix("./")
    if (
        not 0 < len(file) <= _LONGEST_PATH
        or _OUTSIDE.match(file)
        or ".." in file.split("/")
        or file.startswith("python3.")
    ):
        return ""
    return file
