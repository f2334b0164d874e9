"""The rows as a table for people: as they come on a terminal, and as Markdown for docs/causes.md."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

from benchmarks.causes.catalogue import Defect, Place
from benchmarks.causes.scoring import Alarms, Score

ASKED = ("found", "category", "function", "line", "advice", "check")
_MARKS = {True: "yes", False: "NO", None: "–"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A defect with its score; None where it could not be measured, `why` then says why."""

    service: str
    defect: Defect
    place: Place
    score: Score | None
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clean:
    """A pull request that changes nothing, under `stages`."""

    service: str
    stages: tuple[str, ...]
    alarms: Alarms | None
    why: str = ""


def heading() -> str:
    return f"{'service':8}{'defect':16}" + "".join(f"{name:>9}" for name in ASKED) + "  right  said"


def line(row: Row) -> str:
    if row.score is None:
        return f"{row.service:8}{row.defect.fault:16}{'':54}  NO     {row.why}"
    marks = "".join(f"{mark:>9}" for mark in _marks(row.score))
    return f"{row.service:8}{row.defect.fault:16}{marks}  {_MARKS[row.score.right]:5}  {row.score.said}"


def clean_line(row: Clean) -> str:
    name = f"{row.service:8}{'a comment':16}"
    if row.alarms is None:
        return f"{name}{row.why}"
    said = f"FALSE: {', '.join(row.alarms.false)}" if row.alarms.false else "nothing, as it should be"
    limits = ", ".join(row.alarms.limits) or "none"
    return f"{name}{'+'.join(row.stages)}: {said}; limits not kept: {limits}; advice: {', '.join(row.alarms.advice) or 'none'}"


def summary(rows: Sequence[Row], clean: Sequence[Clean]) -> str:
    scores = [row.score for row in rows]
    right = sum(score is not None and score.right for score in scores)
    parts = [f"{right} of {len(rows)} right"]
    for name in ASKED:
        asked = [getattr(s, name) for s in scores if s is not None and getattr(s, name) is not None]
        parts.append(f"{name} {sum(asked)} of {len(asked)}")
    false = sum(len(row.alarms.false) for row in clean if row.alarms is not None)
    judged = sum(row.alarms is not None for row in clean)
    parts.append(f"false findings in {judged} clean pull requests: {false}")
    return "; ".join(parts)


def markdown(rows: Sequence[Row], clean: Sequence[Clean]) -> str:
    """docs/causes.md but for its introduction."""
    names = " | ".join(ASKED)
    out = [f"**{summary(rows, clean)}.**", ""]
    out += [f"| service | defect | function | {names} | right |", "|---" * (len(ASKED) + 4) + "|"]
    for row in rows:
        marks = _marks(row.score) if row.score is not None else ["not measured"] + [""] * (len(ASKED) - 1)
        right = _MARKS[row.score is not None and row.score.right]
        place = f"`{row.defect.function}` ({row.place.file}:{row.place.line})"
        what = f"`{row.defect.fault}`: {row.defect.what}"
        out.append(f"| {row.service} | {what} | {place} | {' | '.join(marks)} | {right} |")
    out += ["", "Pull requests that change a comment only:", ""]
    out += [
        "| service | stages | false findings | limits of the checklist not kept | advice |",
        "|---|---|---|---|---|",
    ]
    for one in clean:
        cells = (
            [", ".join(getattr(one.alarms, f.name)) or "none" for f in fields(one.alarms)]
            if one.alarms is not None
            else ["not measured", "", ""]
        )
        out.append(f"| {one.service} | {', '.join(one.stages)} | {' | '.join(cells)} |")
    return "\n".join(out) + "\n"


def _marks(score: Score) -> list[str]:
    return [_MARKS[getattr(score, name)] for name in ASKED]
