"""Where a finding is shown in the source, and with which sentence: the changed lines that lead to it, if that is sure
enough, else the place of what was found.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

from perf_action.model.advice import Advice
from perf_action.model.change import FunctionChange
from perf_action.model.finding import Finding
from perf_action.model.suspect import Confidence, Suspect
from perf_action.render.clauses import check_clause, function_clause
from perf_action.render.sentence import Sentence, code, joined, say

_SURE = {Confidence.HIGH: "sure", Confidence.MEDIUM: "likely", Confidence.LOW: "possible"}
_LONGEST_PATH = 1_000
_MOST_RANGES = 4
#: calls of a path that are named
_MOST_STEPS = 4
#: a drive, a scheme, or the root
_OUTSIDE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:|[/\\<]")


def suspects_of(found: FunctionChange | Finding, suspects: Sequence[Suspect]) -> tuple[Suspect, ...]:
    """What is suspected of having made a function worse, or a check fail, the surest first."""
    about = _about(found)
    return tuple(s for s in suspects if (s.function, s.kind, s.function_file) == about)


def _about(found: FunctionChange | Finding) -> tuple[str, str, str]:
    """Function, kind and file, as a suspect has them."""
    if isinstance(found, Finding):
        return found.function, found.rule, found.file
    return found.name, found.kind, found.file


def culprit(found: FunctionChange | Finding, suspects: Sequence[Suspect]) -> Suspect | None:
    """The suspect whose lines a finding may be put on: the first one, unless it is only possible or has no line."""
    first = next(iter(suspects_of(found, suspects)), None)
    return first if first and first.confidence is not Confidence.LOW and first.lines else None


def why(suspect: Suspect) -> Sentence:
    """How what the pull request changed leads to the function, and how sure that is: called from `serialize_all`, changed
    in this pull request, lines 40–47 of `views.py` (sure).
    """
    doubt = f"; {suspect.doubt}" if suspect.doubt else ""
    return say(*_link(suspect), f" ({_SURE[suspect.confidence]}{doubt})")


def accusation(found: FunctionChange | Finding, suspect: Suspect) -> Sentence:
    """What a row costs more or a check says, and why `suspect` is thought to be the cause."""
    about = check_clause(found) if isinstance(found, Finding) else function_clause(found)
    return say(*about, "; ", *why(suspect))


def _link(suspect: Suspect) -> Sentence:
    changed = code(suspect.changed)
    if suspect.relation == "dependency":
        belongs = "which it works for" if suspect.share is not None else "which it belongs to"
        return say("this pull request changes ", changed, f", {belongs}")
    if suspect.relation == "itself":
        return say("changed in this pull request", *_lines(suspect))
    if suspect.relation == "called by it":
        return say("it calls ", changed, ", changed in this pull request", *_lines(suspect))
    return say(
        "called from ", changed, *_through(suspect.path), ", changed in this pull request", *_lines(suspect)
    )


def _through(path: Sequence[str]) -> Sentence:
    """What is between the changed function and the one that got worse, such as `` through `dumps` › `iterencode` ``."""
    ends = {path[0], path[-1]} if path else set()
    between = [say(code(name)) for name, _ in itertools.groupby(n for n in path if n not in ends)]
    if not between:
        return ()
    if len(between) > _MOST_STEPS:
        between = [*between[:2], say("…"), *between[-1:]]
    return say(" through ", *joined(between, " › ", " › "))


def _lines(suspect: Suspect) -> Sentence:
    if not suspect.lines:
        return ()
    shown = [f"{a}–{b}" if b > a else f"{a}" for a, b in suspect.lines[:_MOST_RANGES]]
    more = ", …" if len(suspect.lines) > _MOST_RANGES else ""
    one = len(suspect.lines) == 1 and suspect.lines[0][0] == suspect.lines[0][1]
    return say(f", line{'' if one else 's'} {', '.join(shown)}{more} of ", code(suspect.file))


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
