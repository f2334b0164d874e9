"""What a row says, as the middle of a sentence: the same words in the comment, in annotations, in SARIF and in reproducers."""

from __future__ import annotations

from dataclasses import replace

from perf_action.model.change import FunctionChange, LeakChange, LeakState, MetricChange
from perf_action.model.finding import Finding
from perf_action.render import escape, numbers, words
from perf_action.render.sentence import Sentence, Span, code, say, strong


def function_clause(f: FunctionChange) -> Sentence:
    """`encode` costs +31 % CPU per request (12.1 → 15.9 µs)."""
    kind, per = words.kind_words(f.kind), words.per_of(f.unit)
    bare = f.unit.partition("/")[0] if per else f.unit
    bare = "count" if bare == kind.noun else bare  # said once
    inclusive = " with all it calls" if f.value == "total" else ""
    head, base = numbers.quantity(f.head, bare), numbers.quantity(f.base, bare)
    costs = say(code(f.name), f" {kind.verb} ", strong(head), f" {kind.noun}{per}{inclusive}")
    if f.change is None or f.base == 0:
        return say(*costs, ", nothing before")
    if f.change >= 9:
        return say(*costs, f", up from {base}")
    if f.head == 0:
        return say(
            code(f.name), f" {kind.verb} ", strong("nothing"), f" any more, it was {base} {kind.noun}{per}"
        )
    return say(
        code(f.name),
        f" {kind.verb} ",
        strong(numbers.change(f.change)),
        f" {kind.noun}{per}{inclusive} ({numbers.before_after(f.base, f.head, bare)})",
    )


def leak_clause(k: LeakChange) -> Sentence:
    """Process memory leaks 1.1 kB per request."""
    if k.per_request is not None:
        speed = numbers.quantity(k.per_request, f"{k.unit}/request")
    else:
        speed = numbers.per_minute(k.per_second, k.unit) if k.per_second is not None else ""
    return say(name_of(k.name), " leaks ", strong(speed)) if speed else say(name_of(k.name), " leaks")


def metric_clause(m: MetricChange) -> Sentence:
    """CPU time per request +7.7 % (102 → 110 µs)."""
    if m.change is None:
        return say(name_of(m.name), " ", strong(numbers.before_after(m.base, m.head, m.unit)))
    return say(
        name_of(m.name),
        " ",
        strong(numbers.change(m.change)),
        f" ({numbers.before_after(m.base, m.head, m.unit)})",
    )


def check_clause(f: Finding) -> Sentence:
    """`wait_for_replicas` sleeps in an event loop's callback: 20% of the time of all callbacks."""
    said = f.message.rstrip(".") or f"{f.rule} is over its limit"
    if f.function and said.startswith(f"{f.function} "):
        return say(code(f.function), escape.without_hashes(said.removeprefix(f.function)))
    return say(escape.without_hashes(said))


def short_check(f: Finding) -> Sentence:
    """`wait_for_replicas` sleeps in an event loop's callback."""
    return check_clause(replace(f, message=f.message.partition(": ")[0]))


def name_of(name: str) -> Span:
    """A metric, series or budget as people call it; one that has no such name as code."""
    label = words.metric_label(name)
    return Span(label) if label else code(name)


def is_new_leak(k: LeakChange) -> bool:
    return k.verdict is LeakState.LEAKING and k.new
