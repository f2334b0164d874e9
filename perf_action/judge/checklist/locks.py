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
from typing import Final, NamedTuple

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


class Place(NamedTuple):
    """An own function, and the line of it that waits (0: not known)."""

    function: FunctionKey
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """How much waiting for locks there is, against the time that something was done; whose, largest first.

    `does` is what these functions do, `of` says in words what the share is of, ``{}``. `line` is where the first waits.
    """

    share: float
    does: str
    of: str
    by: tuple[tuple[FunctionKey, float], ...]
    line: int = 0
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
        line=worst.line,
    )


def _said(waiting: Waiting) -> str:
    said = waiting.of.format(f"{waiting.share:.1%}")
    return f"{waiting.by[0][0].name} {waiting.does}: {said}" if waiting.by and waiting.share else said


def _waiting(waited: Mapping[Place, int], whole: float, does: str, of: str) -> Waiting:
    """What was waited at each place, against `whole`."""
    by_function: Counter[FunctionKey] = Counter()
    for place, value in waited.items():
        by_function[place.function] += value
    most = by_function.most_common(_EVIDENCE)
    lines = {place.line: n for place, n in waited.items() if most and place.function == most[0][0]}
    return Waiting(
        share=sum(by_function.values()) / whole,
        does=does,
        of=of,
        by=tuple((key, value / whole) for key, value in most),
        line=max(lines, key=lambda line: lines[line], default=0),
    )


# --- counted by the program itself


def _counted(head: Snapshot) -> Iterator[Waiting]:
    """Nanoseconds that goroutines waited for a mutex, per request, against CPU per request."""
    cpu = head.metric("cpu.per_request")
    per_request = value_of(cpu, NS_PER_S) if cpu else None
    if per_request is None or not per_request.value:
        return
    waited: Counter[Place] = Counter()
    requests = 0
    for capture in head.captures:
        column = _mutex(capture.profile)
        if column is not None and capture.requests:
            requests += capture.requests
            waited.update(_own_waits(capture.profile, column))
    if requests:
        yield _waiting(
            waited,
            requests * per_request.value,
            "holds a mutex that others wait for",
            "the time waited for mutexes is {} of the CPU time",
        )


def _mutex(profile: Profile) -> int | None:
    """The column of waiting for mutexes. A profile of blocking also has what waits for work, which is no contention."""
    columns = [i for i, k in enumerate(profile.kinds) if k.kind == "lock_wait" and "block" not in k.event]
    return columns[0] if columns else None


def _own_waits(profile: Profile, column: int) -> Counter[Place]:
    """What waited below the user's own functions; the runtime's own locks are not theirs."""
    keys, functions = profile.function_keys, node_functions(profile)
    lines = _node_lines(profile)
    own = [is_own(key) for key in keys]
    parents: list[int] = profile.stack_parent.tolist()
    out: Counter[Place] = Counter()
    for stack, value in zip(
        profile.sample_stack.tolist(), profile.sample_values[:, column].tolist(), strict=True
    ):
        node = stack
        while node >= 0 and not own[functions[node]]:
            node = parents[node]
        if node >= 0 and value:
            out[Place(keys[functions[node]], lines[node])] += value
    return out


def _node_lines(profile: Profile) -> list[int]:
    """The line of every stack node."""
    lines: list[int] = profile.frame_line[profile.stack_frame].tolist()
    return lines


# --- seen in a time-line


def _timed(timelines: Sequence[CapturedProfile]) -> Iterator[Waiting]:
    """Python threads below own code: those that wait for a lock of it among all that do something."""
    waited: Counter[Place] = Counter()
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
                stacks.setdefault(role.waits.function, shown_stack(profile, stack))
    if done >= _LEAST_NS:
        found = _waiting(
            waited, done, "waits for a lock", "{} of the threads at work in the time-line wait for one"
        )
        yield replace(found, stacks=tuple(stacks[key] for key, _ in found.by[:1]))


@dataclass(frozen=True, slots=True)
class _Role:
    """What a stack node says of its thread: whether it is at work below own code, and whose lock it waits for."""

    active: bool = False
    waits: Place | None = None


def _roles(profile: Profile) -> list[_Role]:
    keys, functions, lines = profile.function_keys, node_functions(profile), _node_lines(profile)
    idle = idle_functions(keys, native=True)
    python = [key.file.endswith(".py") for key in keys]
    own = [is_own(key) and python[i] for i, key in enumerate(keys)]
    found: list[tuple[bool, bool, Place | None, Place | None]] = []
    for node, parent in enumerate(profile.stack_parent.tolist()):
        number = functions[node]
        key = keys[number]
        below, waiting, takes, waits = found[parent] if parent >= 0 else (False, False, None, None)
        if own[number]:
            takes = Place(key, lines[node])
        elif python[number] and not _takes(key):
            takes = None
        if key.name == _ACQUIRE and takes is not None:
            waits = takes
        found.append((below or own[number], waiting or key in idle, takes, waits))
    return [
        _Role(active=below and (not waiting or waits is not None), waits=waits)
        for below, waiting, _, waits in found
    ]


def _takes(key: FunctionKey) -> bool:
    return key.name.rpartition(".")[2] in _TAKES and key.file.endswith("threading.py")
