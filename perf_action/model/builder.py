"""Builds profiles: interns what it is given, and refuses what no profile may hold.

Importers use nothing else, so a negative count, a value that overflows, or a stack that does not exist is found
where it is read. `ValueError` says what is wrong; the importer adds file and place.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from perf_action.model.profile import UNKNOWN, Fidelity, Int32, Int64, Profile, ValueKind
from perf_action.model.stacks import Edges, Stacks

_INT64_MAX = 2**63 - 1


class ProfileBuilder:
    """Collects stacks and samples; `build()` gives the finished, checked `Profile`.

    Samples of one stack, thread and time are summed, so that the result has one row for each.
    """

    def __init__(
        self,
        kinds: Sequence[ValueKind],
        *,
        tool: str = "",
        tool_version: str = "",
        fidelity: Fidelity = "sampled",
    ) -> None:
        if not kinds:
            raise ValueError("a profile needs at least one kind of value")
        self._kinds = tuple(kinds)
        self._tool, self._tool_version, self._fidelity = tool, tool_version, fidelity
        self._strings: dict[str, int] = {"": 0}
        self._functions: dict[tuple[int, int, int, int], int] = {}
        self._frames: dict[tuple[int, int], int] = {}
        self._stacks = Edges()
        self._samples: dict[tuple[int, int, int], list[int]] = {}
        self._totals = [0] * len(self._kinds)
        self._notes: dict[str, None] = {}
        self._has_thread = self._has_time = False
        self._bulk: _Bulk | None = None

    def _string(self, text: str) -> int:
        return self._strings.setdefault(text, len(self._strings))

    def function(self, name: str, *, file: str = "", module: str = "", line: int = 0) -> int:
        """The index of a function; an empty name becomes ``[unknown]``. `line` is where it is defined, 0 if not known."""
        key = (
            self._string(name or UNKNOWN),
            self._string(file),
            self._string(module),
            max(0, min(line, 2**31 - 1)),
        )
        return self._functions.setdefault(key, len(self._functions))

    def frame(self, function: int, line: int = 0) -> int:
        """The index of a place in a function; `line` is the line being executed, 0 if not known."""
        return self._frames.setdefault((function, max(0, min(line, 2**31 - 1))), len(self._frames))

    def stack(self, parent: int, frame: int) -> int:
        """The index of the stack that is `parent` (-1: nothing) with `frame` called on top of it."""
        if not -1 <= parent < len(self._stacks):
            raise ValueError(f"stack {parent} does not exist")
        if not 0 <= frame < len(self._frames):
            raise ValueError(f"frame {frame} does not exist")
        return self._stacks[parent << 32 | frame]

    def stack_of(self, frames: Sequence[int]) -> int:
        """The index of a whole stack, root first; no frames at all are one ``[unknown]`` frame."""
        frames = frames or (self.frame(self.function(UNKNOWN)),)
        if not 0 <= min(frames) <= max(frames) < len(self._frames):
            raise ValueError("a frame of the stack does not exist")
        stacks, parent = self._stacks, -1
        for frame in frames:  # `stack` without its checks: importers spend most of their time here
            parent = stacks[parent << 32 | frame]
        return parent

    def sample(
        self, stack: int, values: Sequence[int], *, thread: str | None = None, time_ns: int | None = None
    ) -> None:
        """Add values (one per kind, none negative) to a stack. Zeros are dropped."""
        if len(values) != len(self._kinds):
            raise ValueError(f"{len(values)} values for {len(self._kinds)} kinds")
        if not 0 <= stack < len(self._stacks):
            raise ValueError(f"stack {stack} does not exist")
        for i, value in enumerate(values):
            if value < 0:
                raise ValueError(f"negative value {value}")
            self._totals[i] += value
            if self._totals[i] > _INT64_MAX:
                raise ValueError(f"value {value} is too large for a profile")
        if not any(values):
            return
        self._has_thread |= thread is not None
        self._has_time |= time_ns is not None
        key = (stack, self._string(thread or ""), -1 if time_ns is None else time_ns)
        row = self._samples.get(key)
        if row is None:
            self._samples[key] = list(values)
        else:
            for i, value in enumerate(values):
                row[i] += value

    def samples(
        self,
        stacks: Stacks,
        nodes: Int32,
        values: Int64,
        *,
        frames: Sequence[int],
        threads: Sequence[str] = (),
        thread: Int32 | None = None,
        times_ns: Int64 | None = None,
    ) -> None:
        """All samples at once, instead of `stack` and `sample` one by one: values of the shape (samples, kinds) on
        nodes of `stacks`, which is used up; `frames` are the frames of this builder that its numbers stand for. `thread`
        indexes `threads`.
        """
        if self._stacks or self._bulk:
            raise ValueError("a builder takes samples one by one or all at once, not both")
        _check(len(stacks), nodes, values, len(self._kinds))
        parents, numbers = stacks.columns()
        if len(numbers) and int(numbers.max()) >= len(frames):
            raise ValueError("a frame of the stack does not exist")
        stack_frames = np.take(np.array(frames, dtype=np.int32), numbers, out=numbers, mode="clip")
        if len(numbers) and not 0 <= int(stack_frames.min()) <= int(stack_frames.max()) < len(self._frames):
            raise ValueError("a frame does not exist")
        self._has_thread, self._has_time = thread is not None, times_ns is not None
        keys: list[_Column] = [nodes]
        if thread is not None:
            names = np.array([self._string(name) for name in threads], dtype=np.int32)
            keys.append(names[thread])
        if times_ns is not None:
            keys.append(times_ns)
        self._bulk = _Bulk(parents, stack_frames, *summed(keys, values))

    def note(self, text: str) -> None:
        """Remember something that was dropped or guessed; the same text is kept once."""
        self._notes[text] = None

    def build(
        self,
        *,
        period: int | None = None,
        duration_ns: int | None = None,
        requests: int | None = None,
        granule: int = 0,
    ) -> Profile:
        functions = np.array(list(self._functions), dtype=np.int32).reshape(-1, 4)
        frames = np.array(list(self._frames), dtype=np.int32).reshape(-1, 2)
        bulk = self._bulk or self._one_by_one()
        return Profile(
            strings=tuple(self._strings),
            function_name=functions[:, 0],
            function_file=functions[:, 1],
            function_module=functions[:, 2],
            function_line=functions[:, 3],
            frame_function=frames[:, 0],
            frame_line=frames[:, 1],
            stack_parent=bulk.parents,
            stack_frame=bulk.frames,
            sample_stack=bulk.keys[0].astype(np.int32, copy=False),
            sample_thread=bulk.keys[1].astype(np.int32, copy=False) if self._has_thread else None,
            sample_time_ns=bulk.keys[-1].astype(np.int64, copy=False) if self._has_time else None,
            sample_values=bulk.values,
            kinds=self._kinds,
            period=period,
            duration_ns=duration_ns,
            requests=requests,
            tool=self._tool,
            tool_version=self._tool_version,
            fidelity=self._fidelity,
            granule=granule,
            notes=tuple(self._notes),
        )

    def _one_by_one(self) -> _Bulk:
        keys = np.array(list(self._samples), dtype=np.int64).reshape(-1, 3)
        values = np.array(list(self._samples.values()), dtype=np.int64).reshape(-1, len(self._kinds))
        return _Bulk(*self._stacks.columns(), list(keys.T), values)


_Column = NDArray[np.signedinteger[Any]]


class _Bulk(NamedTuple):
    """Stacks and samples as columns; `keys` are the stack of a sample and, where there are any, its thread and time."""

    parents: Int32
    frames: Int32
    keys: Sequence[_Column]
    values: Int64


def _check(n_stacks: int, nodes: Int32, values: Int64, n_kinds: int) -> None:
    """ValueError if samples in bulk do not fit together or hold what no profile may hold."""
    if len(nodes) and not 0 <= int(nodes.min()) <= int(nodes.max()) < n_stacks:
        raise ValueError("a stack does not exist")
    if values.shape != (len(nodes), n_kinds):
        raise ValueError(f"values of the shape {values.shape} for {len(nodes)} samples of {n_kinds} kinds")
    if not values.size:
        return
    least, most = int(values.min()), int(values.max())
    if least < 0:
        raise ValueError(f"negative value {least}")
    if most * len(values) > _INT64_MAX and max(sum(column) for column in values.T.tolist()) > _INT64_MAX:
        raise ValueError(f"value {most} is too large for a profile")


def summed(keys: Sequence[_Column], values: Int64) -> tuple[Sequence[_Column], Int64]:
    """Samples with the same keys become one; those with no value are dropped."""
    keep = values.any(axis=1)
    if not keep.all():
        keys, values = [key[keep] for key in keys], values[keep]
    order = np.lexsort(keys[::-1])
    keys = [key[order] for key in keys]
    first = np.ones(len(order), dtype=np.bool_)
    if len(order):
        first[1:] = np.any([key[1:] != key[:-1] for key in keys], axis=0)
    starts = np.flatnonzero(first)
    sums = np.add.reduceat(values[order], starts, axis=0) if len(starts) else values
    return [key[starts] for key in keys], sums
