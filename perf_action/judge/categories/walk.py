"""From the frames of a stack to its one category.

The stack is walked from the leaf to the root, and the first frame that a rule fits decides, with two amendments.

1. **Own code ends the walk.** What the service's own function computes is not its event loop's, and not the doing of the
   library that called it back: beneath it there is only what the frames nearer to the leaf say, else `other`. A plain C
   symbol may also be of a library linked into the program; it ends the walk for the weak categories only.
2. **Some categories are weak**: what they say holds unless a frame nearer to the root says what it was done for.
   A page fault (kernel) belongs to whatever touched the memory; a scheduler's work (runtime) to whatever asked for it;
   reading and writing (io) to the database or the log they were for, but not to the serializer that wrote into a socket;
   a waiting thread (locks) to the pool of connections, or to the scheduler that had nothing to do.

One kind of frame is above all of this: what Python does to import a module covers all that the module's code does
meanwhile.

As a machine: what the walk ends with depends on the frame and on what would follow for its caller, of which there are
few different answers. So one pass from parents to children does, whatever the depth.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from perf_action.judge.categories.rules import Match, RuleBook
from perf_action.judge.code.own import is_instrument, is_own_place, is_plain_place
from perf_action.judge.code.places import place_of
from perf_action.model.category import CATEGORIES, OTHER
from perf_action.model.profile import FunctionKey, Profile
from perf_action.model.tree import function_ids

#: what a walk holds in its hand: nothing, or a weak category
_NOTHING, _KERNEL, _RUNTIME, _IO, _WAITING = range(5)
_HELD: Final = ("", "kernel", "runtime", "io", "locks")
_WEAK: Final = {"kernel": _KERNEL, "runtime": _RUNTIME, "io": _IO}
#: held category -> those that take it over; None: every one
_TAKEN_BY: Final[tuple[frozenset[str] | None, ...]] = (
    None,
    None,
    None,
    frozenset({"database", "logging"}),
    frozenset({"database", "locks", "garbage collection"}),
)
#: held category -> weak categories that take its place
_GIVES_WAY_TO: Final = (
    {_KERNEL, _RUNTIME, _IO, _WAITING},
    {_RUNTIME, _IO, _WAITING},
    {_IO},
    set[int](),
    {_RUNTIME},
)
#: further on the walk is beyond a plain symbol of C
_BEYOND: Final = len(_HELD)

#: what follows for each thing that may be held, first without and then beyond a plain symbol
Row = tuple[str, ...]


class Step(NamedTuple):
    """What a frame is to the walk: a category, or nothing (`category` empty), own code, perhaps own code."""

    category: str = ""
    waiting: bool = False
    covers: bool = False
    own: bool = False
    plain: bool = False


#: what a walk ends with at the root, and at own code
END: Final[Row] = tuple(_HELD[h] or OTHER for h in range(_BEYOND)) * 2
#: ends the row of what is beneath a frame that covers everything
_COVERED: Final = "*"


def follow(step: Step, above: Row) -> Row:
    """What a walk ends with that comes to a frame whose caller's row is `above`."""
    if above[-1] == _COVERED:
        return above
    if step.covers:
        return (*(step.category,) * 2 * _BEYOND, _COVERED)
    if not step.category:
        if step.own:
            return END
        return above[_BEYOND:] * 2 if step.plain else above
    weak = _WAITING if step.waiting else _WEAK.get(step.category, _NOTHING)
    if not weak:
        return tuple(_strong(step.category, held) for held in range(_BEYOND)) * 2
    return (*(above[weak if weak in _GIVES_WAY_TO[h] else h] for h in range(_BEYOND)), *END[_BEYOND:])


def _strong(category: str, held: int) -> str:
    takers = _TAKEN_BY[held]
    if not held or takers is None or category in takers or category not in CATEGORIES:
        return category
    return _HELD[held]


class Frame(NamedTuple):
    """A function by itself. `matches` are the rules that fit, some of them only under a certain caller; `interpreted`:
    what it calls in C is the interpreter's, or an extension's.
    """

    matches: tuple[Match, ...]
    step: Step
    own: bool
    interpreted: bool


class Frames:
    """Functions by themselves, each looked at once. A category `without` does not exist for them."""

    def __init__(self, book: RuleBook, without: str = "") -> None:
        self._book, self._without = book, without
        self._known: dict[FunctionKey, Frame] = {}

    def frame(self, key: FunctionKey) -> Frame:
        """The function without regard to its caller."""
        found = self._known.get(key)
        if found is None:
            place = place_of(key)
            matches = tuple(m for m in self._book.matches(place) if m.category != self._without)
            own = is_own_place(place, key)
            plain = own and is_plain_place(place)
            alone = Step(own=own and not plain, plain=plain)
            if plain and matches and not matches[0].is_users:
                own = False  # of a library that is linked into the program
            found = self._known[key] = Frame(
                matches, _decided(matches, (), alone), own, interpreted=place.language in ("python", "node")
            )
        return found

    def step(self, key: FunctionKey, caller: FunctionKey | None) -> Step:
        """The function under its caller."""
        frame = self.frame(key)
        if caller is None or not any(m.caller for m in frame.matches):
            return frame.step
        return _decided(frame.matches, place_of(caller).names, frame.step)


def _decided(matches: Sequence[Match], callers: Sequence[str], otherwise: Step) -> Step:
    for match in matches:
        if not match.caller or any(glob.fits(name) for glob in match.caller for name in callers):
            return Step(match.category, waiting=match.waiting, covers=match.covers)
    return otherwise


class Walk:
    """All stacks of a profile, its answers found once. `keys` are its functions, `functions` the place in them of every stack node."""

    def __init__(self, frames: Frames, names: Sequence[str], profile: Profile) -> None:
        self._frames, self._index = frames, {name: i for i, name in enumerate(names)}
        self._parents: list[int] = profile.stack_parent.tolist()
        self.keys, mapped = function_ids(profile)
        self.functions: NDArray[np.int64] = np.array(mapped, dtype=np.int64)[profile.frame_function][
            profile.stack_frame
        ]
        self._found = [frames.frame(key) for key in self.keys]
        self._called_by_interpreted = self._beneath([frame.interpreted for frame in self._found])

    @cached_property
    def nodes(self) -> NDArray[np.int64]:
        """The index of the category of every stack node."""
        numbers: dict[Row, int] = {END: 0}
        rows: list[Row] = [END]
        edges: dict[tuple[Step, int], int] = {}
        states: list[int] = []
        for step, parent in zip(self._steps(), self._parents, strict=True):
            edge = (step, states[parent] if parent >= 0 else 0)
            state = edges.get(edge)
            if state is None:
                row = follow(step, rows[edge[1]])
                state = edges[edge] = numbers.setdefault(row, len(rows))
                if state == len(rows):
                    rows.append(row)
            states.append(state)
        results = np.array([self._index[row[0]] for row in rows], dtype=np.int64)
        return results[np.array(states, dtype=np.int64)]

    @cached_property
    def own(self) -> NDArray[np.int64]:
        """For every stack node the place in `keys` of the nearest of the service's own functions, -1 if there is none."""
        own = np.array([frame.own for frame in self._found], dtype=np.bool_)[self.functions]
        own &= ~(self._called_by_interpreted & self._plain())
        out: list[int] = []
        for function, parent, mine in zip(self.functions.tolist(), self._parents, own.tolist(), strict=True):
            out.append(function if mine else out[parent] if parent >= 0 else -1)
        return np.array(out, dtype=np.int64)

    @cached_property
    def measuring(self) -> NDArray[np.bool_]:
        """The stack nodes that are what measuring costs."""
        return self._beneath([is_instrument(key) for key in self.keys])

    def _beneath(self, marked: list[bool]) -> NDArray[np.bool_]:
        """The stack nodes of marked functions, and all that those call."""
        out: list[bool] = []
        if any(marked):
            for function, parent in zip(self.functions.tolist(), self._parents, strict=True):
                out.append(marked[function] or (parent >= 0 and out[parent]))
        return np.array(out or np.zeros(len(self._parents)), dtype=np.bool_)

    def _plain(self) -> NDArray[np.bool_]:
        """The stack nodes that are plain symbols of C without a category."""
        return np.array([frame.step.plain for frame in self._found], dtype=np.bool_)[self.functions]

    def _steps(self) -> list[Step]:
        """What every stack node's frame is to the walk."""
        functions: list[int] = self.functions.tolist()
        steps = [frame.step for frame in self._found]
        out = [steps[function] for function in functions]
        for node in np.flatnonzero(self._called_by_interpreted & self._plain()).tolist():
            out[node] = Step()
        depending = [any(m.caller for m in frame.matches) for frame in self._found]
        known: dict[tuple[int, int], Step] = {}
        for node in np.flatnonzero(np.array(depending, dtype=bool)[self.functions]).tolist():
            pair = functions[node], functions[self._parents[node]] if self._parents[node] >= 0 else -1
            if pair not in known:
                caller = self.keys[pair[1]] if pair[1] >= 0 else None
                known[pair] = self._frames.step(self.keys[pair[0]], caller)
            out[node] = known[pair]
        return out
