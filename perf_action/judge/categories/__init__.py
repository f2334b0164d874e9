"""What the costs of a profile were spent on: each sample belongs to one category, and is counted once.

`walk` says how a stack comes to its category, `rules` what a frame is by itself. Allocating is no
category of a memory profile, in which everything is allocated: there the code that asked for the memory counts.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from perf_action.compare.idle import idle_functions
from perf_action.judge.categories.rules import RuleBook, kept_rules
from perf_action.judge.categories.walk import Frames, Walk
from perf_action.judge.code.shown import shown_stack
from perf_action.model.category import CATEGORIES, OTHER, CategoryCost, CategoryRule
from perf_action.model.profile import CapturedProfile, FunctionKey, Profile
from perf_action.model.snapshot import Snapshot
from perf_action.model.tree import stack_self

#: kinds of cost that categories are told of
KINDS: Final = ("cpu", "instructions", "allocated", "allocations", "peak", "leaked", "lock_wait")
_OF_MEMORY: Final = frozenset({"allocated", "allocations", "temporary", "peak", "in_use", "leaked"})
_ALLOCATION: Final = "allocation"
#: kinds of which a sampler of threads sees also those that wait
_TIMES: Final = frozenset({"cpu", "wall"})
#: V8 has a function for the time in which it does nothing
_IDLE: Final = frozenset({"(idle)", "(IDLE)"})
#: what is listed of a category
_FUNCTIONS, _STACKS = 5, 3
#: of each profile and category so many stacks are looked at for the largest of all
_CANDIDATES: Final = 20
_SLICES: Final = "slices"


@dataclass(frozen=True, slots=True, kw_only=True)
class Categories:
    """The rules that apply, as questions. Make it with `builtin`. What was asked of a profile is remembered: it is asked
    again for every kind of cost, and of base also as what head is held against.
    """

    names: tuple[str, ...]
    book: RuleBook = field(repr=False)
    _frames: dict[str, Frames] = field(default_factory=dict, repr=False, compare=False)
    _walks: dict[tuple[Profile, str], Walk] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def builtin(cls, user: Sequence[CategoryRule] = ()) -> Categories:
        """The rules of the program, after those of the user."""
        names = dict.fromkeys((*CATEGORIES, *(rule.category for rule in user)))
        names.pop(OTHER, None)
        return cls(names=(*names, OTHER), book=RuleBook(user, [kept.rule for kept in kept_rules()]))

    def category_of(self, key: FunctionKey, caller: FunctionKey | None = None) -> str:
        """The category of a frame by itself, without the stack it stands on; `other` if no rule fits."""
        return self._known_frames("").step(key, caller).category or OTHER

    def of_stacks(self, profile: Profile, *, without: str = "") -> tuple[NDArray[np.int64], tuple[str, ...]]:
        """For every stack node the index of its category, and the names; a category `without` is looked through."""
        return self.walk(profile, without).nodes, self.names

    def walk(self, profile: Profile, without: str = "") -> Walk:
        """All stacks of a profile; a category `without` is looked through."""
        found = self._walks.get((profile, without))
        if found is None:
            found = Walk(self._known_frames(without), self.names, profile)
            self._walks[profile, without] = found
        return found

    def _known_frames(self, without: str) -> Frames:
        found = self._frames.get(without)
        if found is None:
            found = self._frames[without] = Frames(self.book, without)
        return found


def category_costs(
    categories: Categories, head: Snapshot, base: Snapshot | None, kinds: Sequence[str] = KINDS
) -> tuple[CategoryCost, ...]:
    """For each of `kinds` and each stage of head that has it: its categories, the largest share first.

    Functions that only wait are left out of times (`compare/idle.py`), and what measuring costs out of everything. All launches of a stage are one; of counted
    stages the longest. `samples` of a result is how many samples its share rests on, 0 where nothing was sampled.
    """
    out: list[CategoryCost] = []
    head, base = head.by_function(), base.by_function() if base is not None else None
    for kind in kinds:
        bases = _stages(base, kind) if base is not None else {}
        for stage, profiles in _stages(head, kind).items():
            spent = _spent(categories, profiles, kind)
            before = _spent(categories, bases[stage], kind) if stage in bases else None
            out += _costs(categories, stage, kind, spent, before)
    return tuple(out)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Spent:
    """Values by category, and under which functions and stacks; `per_sample` is the value of one sample, 0 if not known."""

    by_category: Counter[str]
    functions: Mapping[str, Counter[FunctionKey]]
    stacks: Mapping[str, Counter[str]]
    per_sample: float

    @property
    def total(self) -> int:
        return sum(self.by_category.values())


def _costs(
    categories: Categories, stage: str, kind: str, spent: _Spent, before: _Spent | None
) -> list[CategoryCost]:
    total = spent.total
    if not total:
        return []
    base_total = before.total if before else 0
    costs = [
        CategoryCost(
            category=name,
            kind=kind,
            stage=stage,
            share=spent.by_category[name] / total,
            samples=spent.by_category[name] / spent.per_sample if spent.per_sample else 0.0,
            base_share=before.by_category[name] / base_total if before and base_total else None,
            functions=tuple(
                (key.name, value / total) for key, value in spent.functions[name].most_common(_FUNCTIONS)
            ),
            stacks=tuple(text for text, _ in spent.stacks[name].most_common(_STACKS)),
        )
        for name in categories.names
        if spent.by_category[name] or (before and before.by_category[name])
    ]
    return sorted(costs, key=lambda cost: -cost.share)


def _stages(snapshot: Snapshot, kind: str) -> dict[str, list[Profile]]:
    """The profiles of each stage that have such a cost."""
    stages: defaultdict[str, list[CapturedProfile]] = defaultdict(list)
    for capture in snapshot.captures:
        if capture.profile.find_kind(kind) is not None:
            stages[capture.stage].append(capture)
    if not stages and kind == "cpu" and snapshot.slices:
        return {_SLICES: [s.profile for s in snapshot.slices]}
    return {stage: list(_pooled(captures)) for stage, captures in stages.items()}


def _pooled(captures: Sequence[CapturedProfile]) -> Iterator[Profile]:
    longest = max(capture.requests or 0 for capture in captures)
    for capture in captures:
        if capture.profile.fidelity == "sampled" or (capture.requests or 0) == longest:
            yield capture.profile


def _spent(categories: Categories, profiles: Sequence[Profile], kind: str) -> _Spent:
    by_category: Counter[str] = Counter()
    functions: defaultdict[str, Counter[FunctionKey]] = defaultdict(Counter)
    stacks: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for profile in profiles:
        walk = categories.walk(profile, _ALLOCATION if kind in _OF_MEMORY else "")
        values = stack_self(profile, profile.find_kind(kind) or 0)
        values[walk.measuring] = 0
        if kind in _TIMES:
            values[_idle(walk)] = 0
        nodes, own = walk.nodes, walk.own
        for index, name in enumerate(categories.names):
            mine = np.flatnonzero((nodes == index) & (values > 0))
            if not len(mine):
                continue
            by_category[name] += int(values[mine].sum())
            for function, value in _summed(own[mine], values[mine]):
                if function >= 0:
                    functions[name][walk.keys[function]] += value
            for node in mine[np.argsort(values[mine])[: -_CANDIDATES - 1 : -1]].tolist():
                stacks[name][shown_stack(profile, node)] += int(values[node])
    return _Spent(
        by_category=by_category, functions=functions, stacks=stacks, per_sample=_per_sample(profiles, kind)
    )


def _idle(walk: Walk) -> NDArray[np.bool_]:
    """The stack nodes that are a thread's waiting."""
    idle = idle_functions(walk.keys, native=False)
    waits = [key in idle or key.name in _IDLE for key in walk.keys]
    return np.array(waits, dtype=np.bool_)[walk.functions]


def _summed(groups: NDArray[np.int64], values: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    distinct, places = np.unique(groups, return_inverse=True)
    sums = np.zeros(len(distinct), dtype=np.int64)
    np.add.at(sums, places, values)
    yield from zip(distinct.tolist(), sums.tolist(), strict=True)


def _per_sample(profiles: Sequence[Profile], kind: str) -> float:
    """What one sample counts in values; 0 if that is not known, or if nothing was sampled."""
    known = {_value_of_sample(profile, kind) for profile in profiles}
    return known.pop() if len(known) == 1 else 0.0


def _value_of_sample(profile: Profile, kind: str) -> float:
    column = profile.find_kind(kind) or 0
    if profile.fidelity != "sampled":
        return 0.0
    if profile.kinds[column].unit == "samples":
        return 1.0
    return float(profile.period or 0) if column == 0 and kind in _TIMES else 0.0
