"""Async code does not block: what an event loop calls back returns within 100 ms and calls nothing that waits.

Two things are looked for below a callback of an event loop (`loops`): functions that are known to block (`waits`), in the
time-line and in every CPU profile, for which one stack is a proof and a few rule out chance; and in the time-line one
function that keeps the loop's thread for longer than the limit (`stretches`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from perf_action.judge.budgets.unmeasured import TIMELINE, remedy
from perf_action.judge.checklist import targets
from perf_action.judge.checklist.loops import OUTSIDE, callbacks, is_python, node_functions
from perf_action.judge.checklist.stretches import stays, threads
from perf_action.judge.checklist.waits import blocks
from perf_action.judge.code.own import is_own
from perf_action.judge.code.shown import shown_stack
from perf_action.model.finding import Finding, State
from perf_action.model.profile import FunctionKey, Profile
from perf_action.model.snapshot import Snapshot
from perf_action.model.units import NS_PER_S

#: so many samples of a blocking call, and this share of what the loop called back, are no accident
_LEAST_SAMPLES, _LEAST_SHARE = 3, 0.01
#: a loop of which less was seen may block where nobody looked
_LEAST_SECONDS: Final = 1.0
_EVIDENCE = 3
#: modules that only pass on what their callers ask of the C library
_THIN: Final = ("/socket.py", "/ssl.py")


@dataclass(frozen=True, slots=True, kw_only=True)
class Blocked:
    """A call that blocks the loop: what it does, from which own function, the share of the loop's callbacks."""

    does: str
    caller: FunctionKey
    line: int
    samples: float
    share: float
    longest_ns: int = 0
    stack: str = ""


@dataclass(frozen=True, slots=True)
class _Looked:
    """A profile, with `nodes`: for every stack node where an event loop called back."""

    profile: Profile
    nodes: Sequence[int]

    @classmethod
    def at(cls, profile: Profile) -> _Looked:
        return cls(profile, callbacks(profile))


@dataclass(slots=True)
class _Seen:
    """What the profiles showed: samples below callbacks, and what blocked."""

    in_callbacks: float = 0.0
    blocked: Counter[tuple[str, FunctionKey, int]] = field(default_factory=Counter)
    stacks: dict[tuple[str, FunctionKey, int], str] = field(default_factory=dict)
    longest: Counter[tuple[str, FunctionKey, int]] = field(default_factory=Counter)

    def found(self) -> list[Blocked]:
        return [
            Blocked(
                does=does,
                caller=caller,
                line=line,
                samples=n,
                share=n / self.in_callbacks,
                longest_ns=self.longest[does, caller, line],
                stack=self.stacks[does, caller, line],
            )
            for (does, caller, line), n in self.blocked.most_common()
            if n >= _LEAST_SAMPLES and n / self.in_callbacks >= _LEAST_SHARE
        ]


def blocking(head: Snapshot, limits: Mapping[str, float]) -> Finding:
    """Whether anything blocks an event loop, with the function that calls it."""
    limit = limits.get(targets.BLOCKING, targets.LIMITS[targets.BLOCKING][0])
    sampled, timed = _Seen(), _Seen()
    profiles = [_Looked.at(profile) for profile in _cpu_profiles(head)]
    for looked in profiles:
        _look(looked, sampled)
    timelines = [_Looked.at(capture.profile) for capture in head.timelines]
    long: list[tuple[float, int, Profile]] = []
    for looked, capture in zip(timelines, head.timelines, strict=True):
        _look(looked, timed)
        long += [(ns, node, looked.profile) for ns, node in _long(looked, capture.requests, limit)]
    found = [*timed.found(), *sampled.found()]
    if found:
        return _failed(found, limit)
    if long:
        return _too_long(*max(long, key=lambda found: found[0]), limit)
    return _nothing_found(limit, profiles, timelines, head)


def _cpu_profiles(head: Snapshot) -> list[Profile]:
    """Every profile of CPU time once."""
    if head.slices:
        return [s.profile for s in head.slices]
    return [c.profile for c in head.captures if c.profile.find_kind("cpu") is not None]


# --- known calls


def _look(looked: _Looked, seen: _Seen) -> None:
    """Add up what blocks below callbacks; in a time-line with the longest stretch of each."""
    profile, nodes = looked.profile, looked.nodes
    reasons = list(_reasons(profile, nodes))
    column = profile.find_kind("cpu")
    weight = _weight(profile, column if column is not None else 0)
    places = _Places(profile)
    for stack, value in zip(
        profile.sample_stack.tolist(), profile.sample_values[:, column or 0].tolist(), strict=True
    ):
        if nodes[stack] == OUTSIDE:
            continue
        seen.in_callbacks += value / weight
        does, at = reasons[stack]
        if does:
            key = (does, *places.own(at))
            seen.blocked[key] += value / weight
            seen.stacks.setdefault(key, shown_stack(profile, stack))
    for moments in threads(profile):
        for key, stay in stays(moments, lambda stack: _key(stack, reasons, places)).items():
            seen.longest[key] = max(seen.longest[key], stay.longest)


def _key(
    stack: int, reasons: Sequence[tuple[str, int]], places: _Places
) -> tuple[str, FunctionKey, int] | None:
    does, at = reasons[stack]
    return (does, *places.own(at)) if does else None


def _weight(profile: Profile, column: int) -> float:
    """What one sample counts."""
    if profile.kinds[column].unit == "samples":
        return 1.0
    if profile.period and column == 0:
        return float(profile.period)
    return max(1.0, float(profile.sample_values[:, column].mean())) if len(profile.sample_values) else 1.0


def _reasons(profile: Profile, nodes: Sequence[int]) -> Iterator[tuple[str, int]]:
    """For every stack node what blocks in it, and the node of the function that does."""
    keys = profile.function_keys
    functions = node_functions(profile)
    known: dict[tuple[int, str], str] = {}
    found: list[tuple[str, int]] = []
    python: list[str] = []
    for node, parent in enumerate(profile.stack_parent.tolist()):
        key = keys[functions[node]]
        above = python[parent] if parent >= 0 else ""
        python.append(key.file if is_python(key.file) and not key.file.endswith(_THIN) else above)
        if nodes[node] == OUTSIDE:
            found.append(("", OUTSIDE))
        elif parent >= 0 and found[parent][0]:
            found.append(found[parent])
        else:
            asked = (functions[node], above)
            if asked not in known:
                known[asked] = blocks(key, above)
            found.append((known[asked], node))
    yield from found


class _Places:
    """The user's own function nearest to a stack node, with its line; in a Python service one of Python's."""

    def __init__(self, profile: Profile) -> None:
        self._profile, self._keys = profile, profile.function_keys
        python = any(is_python(key.file) for key in self._keys)
        self._own = [is_own(key) and (is_python(key.file) or not python) for key in self._keys]

    def own(self, node: int) -> tuple[FunctionKey, int]:
        above = node
        while above >= 0:
            function, line = self._frame(above)
            if self._own[function]:
                return self._keys[function], line
            above = int(self._profile.stack_parent[above])
        function, line = self._frame(node)
        return self._keys[function], line

    def _frame(self, node: int) -> tuple[int, int]:
        frame = int(self._profile.stack_frame[node])
        return int(self._profile.frame_function[frame]), int(self._profile.frame_line[frame])


# --- long ones


def _long(looked: _Looked, requests: int | None, limit: float) -> Iterator[tuple[float, int]]:
    """For how long functions surely kept a loop's thread at once, where that is more than the limit, and a stack node."""
    profile, nodes = looked.profile, looked.nodes
    leaf = _python_leaf(profile)
    for moments in threads(profile):
        if not any(nodes[m.stack] != OUTSIDE for m in moments):
            continue
        for stay in stays(moments, lambda s: leaf[s] if nodes[s] != OUTSIDE else None).values():
            ns = stay.one_call(len(moments), requests, limit)
            if ns is not None:
                yield ns, stay.node


def _python_leaf(profile: Profile) -> list[tuple[int, int]]:
    """For every stack node the function nearest to the leaf that is no C function, and whence it was called: however
    its own line moves, and whatever C functions it calls.
    """
    files = [profile.strings[i] for i in profile.function_file.tolist()]
    functions = node_functions(profile)
    found: list[tuple[int, int]] = []
    for node, parent in enumerate(profile.stack_parent.tolist()):
        file = files[functions[node]]
        found.append((functions[node], parent) if is_python(file) or parent < 0 else found[parent])
    return found


# --- what is said


def _failed(found: Sequence[Blocked], limit: float) -> Finding:
    worst = max(found, key=lambda b: b.share)
    longest = f", up to {worst.longest_ns / 1e6:.0f} ms without a pause" if worst.longest_ns else ""
    return Finding(
        rule=targets.BLOCKING,
        state=State.FAIL,
        limit=limit,
        unit="ns",
        message=f"{worst.caller.name} {worst.does} in an event loop's callback: "
        f"{worst.share:.0%} of the time of all callbacks{longest}",
        evidence=tuple(f"{b.caller.name} {b.does}: {b.stack}" for b in found[:_EVIDENCE]),
        function=worst.caller.name,
        file=worst.caller.file,
        line=worst.line,
    )


def _too_long(ns: float, node: int, profile: Profile, limit: float) -> Finding:
    key, line = _Places(profile).own(node)
    return Finding(
        rule=targets.BLOCKING,
        state=State.FAIL,
        limit=limit,
        value=ns,
        unit="ns",
        message=f"{key.name} keeps the event loop to itself for so long at once",
        evidence=(shown_stack(profile, node),),
        function=key.name,
        file=key.file,
        line=line,
    )


def _nothing_found(
    limit: float, profiles: Sequence[_Looked], timelines: Sequence[_Looked], head: Snapshot
) -> Finding:
    finding = Finding(rule=targets.BLOCKING, state=State.CANNOT_TELL, limit=limit, unit="ns")
    seen = [looked for looked in (*profiles, *timelines) if len(looked.profile.sample_stack)]
    if not seen:
        return replace(finding, message=f"it was not measured; {remedy(TIMELINE, head)}")
    if not any(node != OUTSIDE for looked in seen for node in looked.nodes):
        return replace(
            finding,
            state=State.PASS,
            message="no event loop was seen: there is no async code under this load",
        )
    if not timelines:
        said = "no known blocking call was sampled, but how long callbacks took is not known"
        return replace(finding, message=f"{said}; {remedy(TIMELINE, head)}")
    if not any(_has_c_frames(looked.profile) for looked in timelines):
        said = "the time-line has no C functions, which tell waiting from working; py-spy sees them on x86-64"
        return replace(finding, message=said)
    seconds = sum(map(_loop_seconds, timelines))
    if seconds < _LEAST_SECONDS:
        return replace(
            finding, message=f"the event loop was seen for only {seconds:.1f} s; more load would tell"
        )
    return replace(
        finding,
        state=State.PASS,
        message=f"in {seconds:.0f} s of time-line nothing kept the event loop from going on",
    )


def _has_c_frames(profile: Profile) -> bool:
    return any(not is_python(key.file) for key in profile.function_keys)


def _loop_seconds(looked: _Looked) -> float:
    """For how long threads that run an event loop were seen."""
    seen = (
        moments
        for moments in threads(looked.profile)
        if any(looked.nodes[m.stack] != OUTSIDE for m in moments)
    )
    return sum(m.ns for moments in seen for m in moments) / NS_PER_S
