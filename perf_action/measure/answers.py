"""Whether both sides answered the same load in the same way: one that fails early is cheap, and no faster for it. Pure."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

from perf_action.model.trial import CLEAN, Side, TrialRecord

#: so many standard errors apart are no chance (one answer of another class on a route asked for once is)
_SIGMAS = 4.0
_NAMED = 3

Answers = Mapping[str, Counter[str]]


def other_answers(records: Sequence[TrialRecord], max_error_rate: float) -> str:
    """How head's answers differ from base's, by route; empty if they do not, or one side was not measured.

    They differ where the share of a class of statuses on a route differs by more than `max_error_rate` and by more than
    chance: |p − q| > 4 √(m (1 − m) (1/n + 1/k)), m the share on both sides together.
    """
    clean = [r for r in records if r.trial.stage.name == CLEAN and r.failure is None]
    base, head = (_of(clean, side) for side in (Side.BASE, Side.HEAD))
    if not base or not head:
        return ""
    found = sorted(_differences(base, head, max_error_rate), reverse=True)
    return "; ".join(text for _, text in found[:_NAMED])


def _of(clean: Sequence[TrialRecord], side: Side) -> Answers:
    routes: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for record in clean:
        for route, outcome, count in dict(record.answers).get(side, ()):
            routes[route][outcome] += count
    return routes


def _differences(base: Answers, head: Answers, max_error_rate: float) -> Iterator[tuple[int, str]]:
    """(requests concerned, what to say)."""
    for route in base.keys() & head.keys():
        ours, theirs = base[route], head[route]
        n, k = ours.total(), theirs.total()
        for outcome in sorted(ours.keys() | theirs.keys()):
            p, q, m = ours[outcome] / n, theirs[outcome] / k, (ours[outcome] + theirs[outcome]) / (n + k)
            chance = _SIGMAS * math.sqrt(m * (1 - m) * (1 / n + 1 / k))
            if abs(p - q) > max(max_error_rate, chance):
                yield (
                    n + k,
                    f"head answers {route} otherwise than base: {_shares(theirs)}, not {_shares(ours)}",
                )
                break


def _shares(outcomes: Counter[str]) -> str:
    """Such as ``2xx`` or ``2xx 97 %, 5xx 3 %``."""
    if len(outcomes) == 1:
        return next(iter(outcomes))
    total = outcomes.total()
    return ", ".join(f"{name} {count / total:.0%}" for name, count in outcomes.most_common())
