"""What the costs were spent on, and what could be done about it: rows ready to print, nothing escaped yet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from perf_action.model.advice import Advice
from perf_action.model.category import OTHER, CategoryCost
from perf_action.model.report import Report
from perf_action.render import escape, numbers, words

MAX_ADVICE: Final = 3
_SOLUTIONS, _LINKS = 4, 3
#: kinds of cost to tell categories of, and what is too small to be told
_KINDS: Final = ("cpu", "instructions", "allocated", "lock_wait")
_LEAST: Final = 0.005


@dataclass(frozen=True, slots=True, kw_only=True)
class CategoryRow:
    """One category of one kind of cost. `base` is empty where base was not measured; `most` names own functions."""

    kind: str
    stage: str
    category: str
    share: str
    base: str
    most: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AdviceRow:
    """One piece of advice. `saves` is what it could save at most; `place` and `links` are empty where there is none."""

    title: str
    saves: str
    symptom: str
    function: str
    place: str
    solutions: tuple[str, ...]
    links: tuple[str, ...]
    evidence: tuple[str, ...]


def category_rows(report: Report) -> tuple[CategoryRow, ...]:
    """What takes at least half a per cent on either side, in the order of the kinds, largest first."""
    return tuple(
        _category(cost)
        for kind in _KINDS
        for cost in report.categories
        if cost.kind == kind and max(cost.share, cost.base_share or 0.0) >= _LEAST
    )


def categories_summary(report: Report) -> str:
    """``serialization 12 %, logging 5 % of CPU``: the largest that have a name, of the first kind of cost."""
    kind = next((k for k in _KINDS if any(c.kind == k for c in report.categories)), "")
    named = [c for c in report.categories if c.kind == kind and c.category != OTHER and c.share >= _LEAST]
    largest = sorted(named, key=lambda c: -c.share)[:3]
    if not largest:
        return "nothing that has a name"
    told = ", ".join(f"{escape.name(c.category, 40)} {numbers.share(c.share)}" for c in largest)
    return f"{told} of {words.kind_words(kind).noun}"


def _category(cost: CategoryCost) -> CategoryRow:
    return CategoryRow(
        kind=words.kind_words(cost.kind).heading,
        stage=escape.name(cost.stage, 40),
        category=escape.name(cost.category, 40),
        share=numbers.share(cost.share),
        base=numbers.share(cost.base_share) if cost.base_share is not None else "",
        most=tuple(dict.fromkeys(escape.name(name, 60) for name, _ in cost.functions[:2])),
    )


def advice_rows(report: Report) -> tuple[AdviceRow, ...]:
    """The best pieces of advice, best first."""
    return tuple(map(_advice, report.advice[:MAX_ADVICE]))


def _advice(a: Advice) -> AdviceRow:
    known = words.kind_words(a.kind)
    noun = known.noun if known.heading != a.kind else ""  # of what is no kind of cost nothing is saved
    return AdviceRow(
        title=escape.sentence(a.title, 120).rstrip("."),
        saves=f"up to {numbers.share(a.share)} of {noun}" if a.share and noun else "",
        symptom=escape.sentence(a.symptom).rstrip("."),
        function=escape.name(a.function) if a.function else "",
        place=_place(a),
        solutions=tuple(escape.sentence(s).rstrip(".") for s in a.solutions[:_SOLUTIONS]),
        links=tuple(link for link in map(escape.url, a.links[:_LINKS]) if link),
        evidence=tuple(escape.sentence(e, 160) for e in a.evidence[:2]),
    )


def _place(a: Advice) -> str:
    if not a.file:
        return ""
    file = escape.name(a.file, 60)
    return f"{file}:{a.line}" if a.line else file
