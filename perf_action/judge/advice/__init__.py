"""What to do about it: which rules of `resources/advice` hold for a snapshot, where to begin, what it could save.

A rule speaks only with evidence (stacks or numbers), only for the service's own language, and once: where a more precise
rule speaks of about the same cost, the general one is silent. What lies under a function that got worse comes first,
then what could save most.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from perf_action.judge.advice.evidence import Observed
from perf_action.judge.advice.numbers import Held, failed, leak, metric
from perf_action.judge.advice.rules import Condition, Frames, Rule, shipped_rules
from perf_action.judge.advice.scan import Scan, Trees
from perf_action.judge.advice.table import Asked, Table
from perf_action.judge.code.language import Places, languages_of, sources
from perf_action.model.advice import Advice
from perf_action.model.category import CategoryCost
from perf_action.model.change import Comparison, LeakChange
from perf_action.model.finding import Finding
from perf_action.model.snapshot import Snapshot

#: a precise rule silences a general one if it is about at least this part of what the general one could save
_SAME_CAUSE: Final = 0.5
_EVIDENCE: Final = 5
#: a failed check ranks as if it could save so much, if it does not say more
_FAILED: Final = 0.25


def advise(
    head: Snapshot,
    comparison: Comparison | None,
    categories: Sequence[CategoryCost],
    checklist: Sequence[Finding],
    *,
    leaks: Sequence[LeakChange] = (),
    rules: Sequence[Rule] | None = None,
    languages: Sequence[str] | None = None,
) -> tuple[Advice, ...]:
    """All that is worth doing, best first. `leaks` are head's own where there is no comparison; `rules` None: those that
    come with the program; `languages` are the service's, if they are known already.
    """
    places = Places()
    if languages is None:
        languages = languages_of(head, places)
    spoken = [r for r in (shipped_rules() if rules is None else rules) if r.language in ("any", *languages)]
    numbers = {asked: i for i, asked in enumerate(dict.fromkeys(a for r in spoken for a in _asked(r)))}
    trees = Trees(Table(list(numbers), places))
    native = "rust" if "rust" in languages else "c-cpp"
    observed = Observed(
        head=head,
        comparison=comparison,
        categories=categories,
        checklist=checklist,
        leaks=comparison.leaks if comparison else leaks,
        scans=tuple(Scan(source, trees, native) for source in sources(head)),
        numbers=numbers,
    )
    held = {rule.id: found for rule in spoken if (found := _held(rule, observed)) is not None}
    by_id = {rule.id: rule for rule in spoken}
    for general in _silenced(held, by_id):
        held.pop(general, None)
    ranked = sorted(held, key=lambda name: (not held[name].regressed, -_rank(held[name])))
    return tuple(_advice(by_id[name], held[name]) for name in ranked)


def _rank(held: Held) -> float:
    """What failed in the checklist is not all CPU time: a callback that blocks, a query that is slow."""
    return max(held.share, _FAILED) if held.failed else held.share


def _advice(rule: Rule, held: Held) -> Advice:
    return Advice(
        rule=rule.id,
        title=rule.title,
        symptom=rule.symptom,
        solutions=rule.solutions,
        links=rule.links,
        language=rule.language,
        kind=held.kind,
        share=held.share,
        category=rule.category,
        function=held.function,
        file=held.file,
        line=held.line,
        evidence=held.evidence[:_EVIDENCE],
    )


def _held(rule: Rule, observed: Observed) -> Held | None:
    held = _of(rule.when, rule.language, observed)
    if held is None or held.function or rule.where is None:
        return held
    place = observed.frames(rule.where, rule.language)
    if place is None:
        return held
    return replace(
        held,
        function=place.function,
        file=place.file,
        line=place.line,
        evidence=(*held.evidence, *place.evidence),
    )


def _of(condition: Condition, language: str, observed: Observed) -> Held | None:
    """What a condition rests on; None if it does not hold."""
    if condition.all is not None:
        parts = [_of(part, language, observed) for part in condition.all]
        return None if None in parts else _joined([p for p in parts if p is not None])
    if condition.any is not None:
        found = [p for part in condition.any if (p := _of(part, language, observed)) is not None]
        return max(found, key=lambda p: (p.share, bool(p.function))) if found else None
    if condition.not_ is not None:
        return Held() if _of(condition.not_, language, observed) is None else None
    if condition.frames is not None:
        return observed.frames(condition.frames, language)
    if condition.same is not None:
        return observed.same(condition.same, language)
    if condition.category is not None:
        return observed.category(condition.category)
    if condition.metric is not None:
        return metric(observed.head, condition.metric)
    if condition.leak is not None:
        return leak(observed.head, observed.leaks, condition.leak)
    return failed(observed.checklist, condition.failed) if condition.failed else None


def _joined(parts: Sequence[Held]) -> Held:
    """The first that says what could be saved, with everybody's evidence."""
    main = next((p for p in parts if p.share), parts[0])
    placed = main if main.file or main.function else next((p for p in parts if p.file or p.function), main)
    return replace(
        main,
        function=placed.function,
        file=placed.file,
        line=placed.line,
        evidence=tuple(dict.fromkeys(e for p in (main, *parts) for e in p.evidence)),
        regressed=any(p.regressed for p in parts),
        failed=any(p.failed for p in parts),
    )


def _asked(rule: Rule) -> Iterable[Asked]:
    """All conditions on frames of a rule."""
    if rule.where is not None:
        yield Asked(rule.where, rule.language)
    yield from (Asked(frames, rule.language) for frames in _frames(rule.when))


def _frames(condition: Condition) -> Iterable[Frames]:
    if condition.frames is not None:
        yield condition.frames
    yield from condition.same or ()
    for part in (*(condition.all or ()), *(condition.any or ())):
        yield from _frames(part)
    if condition.not_ is not None:
        yield from _frames(condition.not_)


def _silenced(held: Mapping[str, Held], rules: Mapping[str, Rule]) -> set[str]:
    """The general rules whose cause a more precise one names."""
    out: set[str] = set()
    for name, found in held.items():
        for general in _all_refined(rules[name], rules):
            other = held.get(general)
            if other is None:
                continue
            if max(found.share, found.covers) >= _SAME_CAUSE * other.share or _begin(found) == _begin(other):
                out.add(general)
    return out


def _begin(held: Held) -> object:
    """Where to begin; like nothing else where that is not known."""
    return (held.function, held.file, held.line) if held.function and held.line else held


def _all_refined(rule: Rule, rules: Mapping[str, Rule]) -> set[str]:
    out: set[str] = set()
    waiting = list(rule.refines)
    while waiting:
        name = waiting.pop()
        if name not in out and name != rule.id:
            out.add(name)
            waiting += rules[name].refines if name in rules else ()
    return out
