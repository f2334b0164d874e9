"""The guide's lists of what to do before, during and after profiling, as far as a program can see whether it was done.

What only a person can know (whether the data are like production's) is in no list here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from perf_action.model.change import Comparison
from perf_action.model.check import Check
from perf_action.model.finding import Finding, State

_LISTS: Final = {"before profiling": "before", "during profiling": "during"}


def conditions(
    checks: Sequence[Check], comparison: Comparison | None, *, budgets: int
) -> tuple[Finding, ...]:
    """One finding for each check of the two lists, and the list after."""
    return (*_checked(checks), *_after(comparison, budgets=budgets))


def _checked(checks: Sequence[Check]) -> Iterator[Finding]:
    for check in checks:
        part = _LISTS.get(check.topic)
        if part is not None:
            yield Finding(
                rule=f"{part}.{check.name}",
                state=check.state,
                message="; ".join(text for text in (check.evidence, check.remedy) if text),
            )


def _after(comparison: Comparison | None, *, budgets: int) -> Iterator[Finding]:
    known = comparison is not None and not comparison.not_comparable
    yield Finding(
        rule="after.compared with a baseline",
        state=State.PASS if known else State.CANNOT_TELL,
        message=""
        if known
        else "there is nothing to compare with yet; run with --base, or keep one with perf-action baseline save",
    )
    yield Finding(
        rule="after.budgets are set",
        state=State.PASS if budgets else State.CANNOT_TELL,
        message=f"{budgets} of them" if budgets else "perf.yml sets none; the preset guide has its targets",
    )
