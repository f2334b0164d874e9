"""Lock contention: CPU time spent in locks, and time spent waiting for them, of which a CPU clock knows nothing.

Waiting is seen where a profiler counts it (Go's mutex profile), and in a time-line of Python with its C functions: a
thread that stands in `PyThread_acquire_lock_timed` right below the service's own code waits for a lock of that code.
https://go.dev/doc/diagnostics#profiling
https://github.com/python/cpython/blob/main/Python/thread_pthread.h
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from perf_action.compare.idle import idle_functions
from perf_action.judge.budgets.limits import joined
from perf_action.judge.budgets.metrics import value_of
from perf_action.judge.checklist import targets
from perf_action.judge.checklist.cpu import as_budget
from perf_action.judge.checklist.loops import node_functions
from perf_action.judge.code.own import is_own
from perf_action.judge.code.shown import shown_stack
from perf_action.model.category import CategoryCost
from perf_action.model.finding import Finding, State
from perf_action.model.profile import CapturedProfile, FunctionKey, Profile
from perf_action.model.snapshot import Snapshot
from perf_action.model.units import NS_PER_S

_ACQUIRE: Final = "PyThread_acquire_lock_timed"
#: of the standard library, what takes a lock for its caller; `join`, `wait` and `get` wait for something to happen
_TAKES: Final = frozenset({"acquire", "__enter__", "_acquire_restore"})
#: below this much of a time-line nothing is said
_LEAST_NS: Final = NS_PER_S
_EVIDENCE: Final = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """How much waiting for locks there is, against the time that something was done; by whom, largest first."""

    share: float
    how: str
    by: tuple[tuple[FunctionKey, float], ...]
    stacks: tuple[str, ...] = ()


def contention(head: Snapshot, categories: Sequence[CategoryCost], limits: Mapping[str, float]) -> Finding:
    """The larger of the two shares, that of CPU and that of waiting, against the limit."""
    spinning = as_budget(targets.LOCKS, head, categories, limits)
    waits = [*_counted(head), *_timed(head.timelines)]
    worst = max(waits, key=lambda w: w.share, default=None)
    if worst is None or (spinning.value is not None and worst.share <= spinning.value):
        return spinning
    limit = spinning.limit if spinning.limit is not None else targets.LIMITS[targets.LOCKS][0]
    if worst.share <= limit and spinning.state is not State.PASS:
        return replace(spinning, message=joined(spinning.message, _said(worst)))
    return Finding(
        rule=targets.LOCKS,
        state=State.FAIL if worst.share > limit else State.PASS,
        limit=limit,
        value=worst.share,
        unit="ratio",
        message=_said(worst),
        evidence=(*(f"{key.name} {share:.1%}" for key, share in worst.by), *worst.stacks),
        function=worst.by[0][0].name if worst.by else "",
        file=worst.by[0][0].file if worst.by else "",
    )


def _said(waiting: Waiting) -> str:
    most = f", most of it in {waiting.by[0][0].name}" if waiting.by and waiting.share else ""
    return f"{waiting.how} {waiting.share:.1%}{most}"


# --- counted by the program itself


def _counted(head: Snapshot) -> Iterator[Waiting]:
    """Nanoseconds that goroutines waited for a mutex, per request, against CPU per request."""
    cpu = head.metric("cpu.per_request")
    per_request = value_of(cpu, NS_PER_S) if cpu else None
    if per_request is None or not per_request.value:
        return
    waited: Counter[FunctionKey] = Counter()
    requests = 0
    for capture in head.captures:
        column = _mutex(capture.profile)
        if column is not None and capture.requests:
            requests += capture.requests
            waited.update(_own_waits(capture.profile, column))
    if requests:
        scale = requests * per_request.value
        yield Waiting(
            share=sum(waited.values()) / scale,
            how="waiting for mutexes against CPU time:",
            by=tuple((key, ns / scale) for key, ns in waited.most_common(_EVIDENCE)),
        )


def _mutex(profile: Profile) -> int | None:
    """The column of waiting for mutexes. A profile of blocking also has what waits for work, which is no contention."""
    columns = [i for i, k in enumerate(profile.kinds) if k.kind == "lock_wait" and "block" not in k.event]
    return columns[0] if columns else None


def _own_waits(profile: Profile, column: int) -> Counter[FunctionKey]:
    """What waited below the user's own functions; the runtime's own locks are not theirs."""
    keys, functions = profile.function_keys, node_functions(profile)
    own = [is_own(key) for key in keys]
    parents: list[int] = profile.stack_parent.tolist()
    out: Counter[FunctionKey] = Counter()
    for stack, value in zip(
        profile.sample_stack.tolist(), profile.sample_values[:, column].tolist(), strict=True
    ):
        node = stack
        while node >= 0 and not own[functions[node]]:
            node = parents[node]
        if node >= 0 and value:
            out[keys[functions[node]]] += value
    return out


# --- seen in a time-line


def _timed(timelines: Sequence[CapturedProfile]) -> Iterator[Waiting]:
    """Python threads below own code: those that wait for a lock of it among all that do something."""
    waited: Counter[FunctionKey] = Counter()
    stacks: dict[FunctionKey, str] = {}
    done = 0
    for capture in timelines:
        profile = capture.profile
        roles = _roles(profile)
        for stack, value in zip(
            profile.sample_stack.tolist(), profile.sample_values[:, 0].tolist(), strict=True
        ):
            role = roles[stack]
            if role.active:
                done += value
            if role.waits is not None:
                waited[role.waits] += value
                stacks.setdefault(role.waits, shown_stack(profile, stack))
    if done >= _LEAST_NS:
        yield Waiting(
            share=sum(waited.values()) / done,
            how="in the time-line, the share of threads at work that waits for a lock:",
            by=tuple((key, ns / done) for key, ns in waited.most_common(_EVIDENCE)),
            stacks=tuple(stacks[key] for key, _ in waited.most_common(1)),
        )


@dataclass(frozen=True, slots=True)
class _Role:
    """What a stack node says of its thread: whether it is at work below own code, and whose lock it waits for."""

    active: bool = False
    waits: FunctionKey | None = None


def _roles(profile: Profile) -> list[_Role]:
    keys, functions = profile.function_keys, node_functions(profile)
    idle = idle_functions(keys, native=True)
    python = [key.file.endswith(".py") for key in keys]
    own = [is_own(key) and python[i] for i, key in enumerate(keys)]
    found: list[tuple[bool, bool, FunctionKey | None, FunctionKey | None]] = []
    for node, parent in enumerate(profile.stack_parent.tolist()):
        number = functions[node]
        key = keys[number]
        below, waiting, takes, waits = found[parent] if parent >= 0 else (False, False, None, None)
        if python[number]:
            takes = key if own[number] else takes if _takes(key) else None
        if key.name == _ACQUIRE and takes is not None:
            waits = takes
        found.append((below or own[number], waiting or key in idle, takes, waits))
    return [
        _Role(active=below and (not waiting or waits is not None), waits=waits)
        for below, waiting, _, waits in found
    ]


def _takes(key: FunctionKey) -> bool:
    return key.name.rpartition(".")[2] in _TAKES and key.file.endswith("threading.py")
