"""The budget on the hottest function: the largest share of CPU that one function may take by itself."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from perf_action.compare.idle import idle_functions
from perf_action.judge.budgets.limits import LEAST_SAMPLES, half_of_share
from perf_action.model.finding import Budget, Finding, State
from perf_action.model.profile import UNKNOWN, FunctionKey, Profile
from perf_action.model.snapshot import Snapshot
from perf_action.model.tree import self_costs

_EVIDENCE = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class _Hot:
    """Self shares of one source, largest first, and the number of samples behind them (0: not sampled)."""

    shares: tuple[tuple[FunctionKey, float], ...]
    samples: float
    line: int


def hot_function(budget: Budget, head: Snapshot) -> Finding | None:
    """The finding; None if head has no CPU profile. Slices are pooled; of several stages the hottest counts."""
    found = [hot for group in _sources(head) if (hot := _hot(group)) is not None]
    if not found:
        return None
    hot = max(found, key=lambda h: h.shares[0][1])
    (key, share), limit = hot.shares[0], budget.limit
    state = State.FAIL if share > limit else State.PASS
    message = f"{key.name} takes {share:.1%} of the CPU time itself"
    if hot.samples and hot.samples < LEAST_SAMPLES:
        state, message = State.CANNOT_TELL, f"only {hot.samples:.0f} samples; {LEAST_SAMPLES} are needed"
    elif hot.samples and abs(share - limit) < half_of_share(share, hot.samples):
        state = State.CANNOT_TELL
        message += ", too close to the limit for so few samples"
    return Finding(
        rule=budget.rule,
        state=state,
        limit=limit,
        value=share,
        unit="ratio",
        message=message,
        evidence=tuple(f"{_place(k)} {s:.1%}" for k, s in hot.shares if s),
        file=key.file,
        line=hot.line,
    )


def _place(key: FunctionKey) -> str:
    return f"{key.name} ({key.file})" if key.file else key.name


def _sources(head: Snapshot) -> Iterable[Sequence[tuple[Profile, int]]]:
    """Profiles that belong together, each with its column of CPU time."""
    if head.slices:
        yield [(s.profile, 0) for s in head.slices]
        return
    stages: defaultdict[str, list[tuple[Profile, int]]] = defaultdict(list)
    for capture in head.captures:
        column = capture.profile.find_kind("cpu")
        if column is not None:
            stages[capture.stage].append((capture.profile, column))
    yield from stages.values()


def _hot(group: Sequence[tuple[Profile, int]]) -> _Hot | None:
    idle = idle_functions({k for p, _ in group for k in p.function_keys}, native=False)
    own: Counter[FunctionKey] = Counter()
    total = 0
    for profile, column in group:
        for key, value in self_costs(profile, column).items():
            if key not in idle:
                total += value
                if key.name != UNKNOWN:
                    own[key] += value
    if not total or not own:
        return None
    ranked = tuple((key, value / total) for key, value in own.most_common(_EVIDENCE))
    sampled = all(p.kinds[c].unit == "samples" for p, c in group)
    return _Hot(
        shares=ranked, samples=total if sampled else 0, line=_line(ranked[0][0], [p for p, _ in group])
    )


def _line(key: FunctionKey, profiles: Iterable[Profile]) -> int:
    """Where the function is defined, 0 if no profile knows."""
    for profile in profiles:
        for candidate, line in zip(profile.function_keys, profile.function_line.tolist(), strict=True):
            if candidate == key and line:
                return int(line)
    return 0
