"""Which stacks fit which condition: all conditions on frames at once, in one pass from parents to children.

For every stack a whole number has one bit for each condition, so that a hundred conditions cost as much as one. What the
heaviest of the stacks look like (where own code calls what matched, on which lines) is looked up afterwards, only for
conditions that hold, and for so many stacks that it takes no time worth mentioning.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from perf_action.judge.advice.table import Seen, Table
from perf_action.judge.code.language import Source, language_of_bits
from perf_action.model.builder import summed
from perf_action.model.profile import FunctionKey, Int64, Profile
from perf_action.model.tree import stack_self

#: stacks of which the frames are looked at, and frames altogether
_HEAVIEST, _MOST_FRAMES = 1000, 300_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where own code comes to what matched: the function and line next to it towards the root (None: there is none),
    and the stack from there to the leaf.
    """

    key: FunctionKey | None
    line: int
    keys: tuple[FunctionKey, ...]
    weight: int


class Trees:
    """The profiles of a snapshot, each walked once for all its kinds of cost."""

    def __init__(self, table: Table) -> None:
        self.table = table
        self._known: dict[int, _Tree] = {}

    def of(self, profile: Profile) -> _Tree:
        found = self._known.get(id(profile))
        if found is None:
            found = self._known[id(profile)] = _Tree(profile, self.table)
        return found


class Scan:
    """One source, looked at by all conditions of a table. Shares are of everything that is no waiting."""

    def __init__(self, source: Source, trees: Trees, native: str) -> None:
        self.source, self._table, self._native = source, trees.table, native
        self._parts = [_Part(trees.of(profile), column, source.idle) for profile, column in source.profiles]
        self._totals: Counter[tuple[int, int]] = Counter()  # by conditions that fit, and what the stacks say
        for part in self._parts:
            for state, weight in part.by_state().items():
                self._totals[state.fits, state.language] += weight
        self.total = sum(self._totals.values())

    @cached_property
    def _weights(self) -> dict[int, int]:
        out: Counter[int] = Counter()
        for (fits, bits), weight in self._totals.items():
            language = language_of_bits(bits, self._native)
            for i, asked in enumerate(self._table.asked):
                if fits >> i & 1 and asked.language in ("any", language):
                    out[i] += weight
        return out

    def share(self, condition: int) -> float:
        """Which part of everything fits a condition."""
        return self._weights.get(condition, 0) / self.total if self.total else 0.0

    def samples(self, share: float) -> float:
        """How many samples are behind a share; without end where everything was counted."""
        return float("inf") if self.source.samples is None else self.source.samples * share

    def largest(
        self, condition: int, among: Collection[FunctionKey] | None = None
    ) -> tuple[FunctionKey | None, float]:
        """The own function (`among` these, if any are given) that has the largest part of what fits, and its share of
        everything.
        """
        weights: Counter[FunctionKey] = Counter()
        for part, nodes, spent in self._nodes(condition):
            own = part.tree.own_nodes[nodes]
            functions = part.tree.functions[own[own >= 0]]
            for function, weight in _by(functions, spent[own >= 0]).items():
                key = part.tree.keys[function]
                if among is None or key in among:
                    weights[key] += weight
        if not weights or not self.total:
            return None, 0.0
        key, weight = weights.most_common(1)[0]
        return key, weight / self.total

    def sites(self, condition: int) -> tuple[Site, ...]:
        """Of the heaviest stacks that fit, where own code comes to what matched; heaviest first."""
        heaviest: list[tuple[int, int, _Tree]] = []
        for part, nodes, spent in self._nodes(condition):
            first = np.argsort(-spent, kind="stable")[:_HEAVIEST]
            pairs = zip(spent[first].tolist(), nodes[first].tolist(), strict=True)
            heaviest += [(weight, node, part.tree) for weight, node in pairs]
        out, left = [], _MOST_FRAMES
        for weight, node, tree in sorted(heaviest, key=lambda found: -found[0])[:_HEAVIEST]:
            site, walked = tree.site(node, weight, condition)
            out.append(site)
            left -= walked
            if left < 0:
                break
        return tuple(out)

    def _nodes(self, condition: int) -> Iterator[tuple[_Part, Int64, Int64]]:
        """Of each profile the stack nodes that fit, and what they spent by themselves."""
        wanted = self._table.asked[condition].language
        for part in self._parts:
            fits = [
                bool(state.fits >> condition & 1)
                and wanted in ("any", language_of_bits(state.language, self._native))
                for state in part.tree.known
            ]
            chosen = np.array(fits, dtype=np.bool_)[part.tree.states[part.nodes]]
            yield part, part.nodes[chosen], part.spent[chosen]


class _Part:
    """One kind of cost of one profile. `nodes`: stacks that spent something by themselves; `spent`: how much."""

    def __init__(self, tree: _Tree, column: int, idle: frozenset[FunctionKey]) -> None:
        self.tree = tree
        works = np.array([key not in idle for key in tree.keys], dtype=np.bool_)
        weights = stack_self(tree.profile, column)
        nodes = np.flatnonzero(weights)
        self.nodes: Int64 = nodes[works[tree.functions[nodes]]]
        self.spent: Int64 = weights[self.nodes]

    def by_state(self) -> dict[_State, int]:
        """What was spent, by what the stacks are to the conditions."""
        return {
            self.tree.known[i]: weight for i, weight in _by(self.tree.states[self.nodes], self.spent).items()
        }


class _State(NamedTuple):
    """What a stack is to all conditions: those that fit, those under which and not under which it stands; and what its
    frames say of its language.
    """

    fits: int = 0
    under: int = 0
    not_under: int = 0
    language: int = 0


class _Tree:
    """One profile. `states`: of every stack node its place in `known`, of which there are few different ones."""

    def __init__(self, profile: Profile, table: Table) -> None:
        self.profile, self._table = profile, table
        self.keys = profile.function_keys
        self._seen = [table.of(key) for key in self.keys]
        self.functions: Int64 = profile.frame_function[profile.stack_frame].astype(np.int64)
        self._parents: list[int] = profile.stack_parent.tolist()
        known = [_State()]
        numbers = {known[0]: 0}
        edges: dict[tuple[int, int], int] = {}
        states: list[int] = []
        for function, parent in zip(self.functions.tolist(), self._parents, strict=True):
            edge = (states[parent] if parent >= 0 else 0, function)
            state = edges.get(edge)
            if state is None:
                follows = self._after(known[edge[0]], self._seen[function])
                state = edges[edge] = numbers.setdefault(follows, len(known))
                if state == len(known):
                    known.append(follows)
            states.append(state)
        self.known, self.states = known, np.array(states, dtype=np.int64)

    def _after(self, before: _State, s: Seen) -> _State:
        table = self._table
        return _State(
            before.fits & table.kept | s.match & (before.under | table.free) & ~before.not_under,
            before.under | s.under,
            before.not_under | s.not_under,
            before.language | s.language,
        )

    @cached_property
    def own_nodes(self) -> Int64:
        """For every stack node the nearest own one towards the root, itself included; -1 if there is none."""
        is_own, loops = [s.own for s in self._seen], [s.loop for s in self._seen]
        out: list[int] = []
        for node, (function, parent) in enumerate(zip(self.functions.tolist(), self._parents, strict=True)):
            ends = loops[function] or parent < 0
            out.append(node if is_own[function] else -1 if ends else out[parent])
        return np.array(out, dtype=np.int64)

    def site(self, node: int, weight: int, condition: int) -> tuple[Site, int]:
        """Where own code comes to what matched, and how many frames were looked at."""
        frames = self.profile.frames_of(node)
        lines, functions = self.profile.frame_line, self.profile.frame_function
        asked = self._table.asked[condition].frames
        bit, place = 1 << condition, -1  # the place of the outermost frame that matches
        above = self._table.free & bit
        own = -1  # the nearest own frame so far
        for at, frame in enumerate(frames):
            s = self._seen[int(functions[frame])]
            is_leaf = at == len(frames) - 1
            fits = s.match & above & bit and (is_leaf or self._table.kept & bit)
            if fits and place < 0:
                place = at
            if place < 0 or (place == at and asked.own):
                own = at if s.own else -1 if s.loop else own
            elif asked.single and (s.own or s.loop):  # what was spent belongs to the nearest own function
                own = at if s.own else -1
            above |= s.under & bit
        keys = tuple(self.keys[int(functions[f])] for f in frames[max(own, 0) :])
        if own < 0:
            return Site(key=None, line=0, keys=keys, weight=weight), len(frames)
        line = int(lines[frames[own]]) or int(self.profile.function_line[int(functions[frames[own]])])
        return Site(key=keys[0], line=line, keys=keys, weight=weight), len(frames)


def _by(keys: Int64, values: Int64) -> dict[int, int]:
    """The sum of the values of each key."""
    (distinct,), sums = summed([keys], values[:, np.newaxis])
    return dict(zip(distinct.tolist(), sums[:, 0].tolist(), strict=True))
