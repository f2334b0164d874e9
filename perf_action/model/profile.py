"""The profile: who spent what, by call stack, as columns.

One shape for every profiler: interned strings, functions, frames and a stack tree in which every parent comes before
its children (`parent[i] < i`), so that inclusive totals need one backward pass and no recursion. It carries a vector
of values per sample (as https://github.com/google/pprof/blob/main/proto/profile.proto does), each with a kind and a
unit. Profiles are made by `ProfileBuilder` only, which checks what it is given.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]

#: sampled: counts scatter around the truth; exact: every event was counted; reconstructed: the values are exact
#: but the stacks were put together from caller-callee pairs
Fidelity = Literal["sampled", "exact", "reconstructed"]

UNKNOWN = "[unknown]"
#: a pattern: what legacy mangling of Rust ends names with, another one with every build
#: (https://doc.rust-lang.org/rustc/symbol-mangling/legacy.html)
RUST_HASH = r"h[0-9a-f]{16}"


class ValueKind(NamedTuple):
    """What one column of sample values counts.

    `kind` is a word of the contract (cpu, wall, instructions, lock_wait, allocations, temporary, allocated, peak,
    in_use, leaked …), `unit` one of samples, ns, bytes, count, instructions; `event` tells events of one kind apart.
    """

    kind: str
    unit: str
    event: str = ""


class FunctionKey(NamedTuple):
    """What makes two functions the same one in two captures: never an address, a line or a process."""

    name: str
    file: str = ""
    module: str = ""


@dataclass(frozen=True, kw_only=True, eq=False)
class Profile:
    """A capture of one profiler, as parallel columns.

    `function_*` index `strings` (0 is the empty string); `frame_function` indexes functions, `stack_frame` frames,
    `stack_parent` stacks (-1 is the root); `sample_stack` indexes stacks. `sample_values` has the shape
    (samples, kinds). `sample_time_ns` counts from the start of the capture, `sample_thread` indexes `strings`.
    `period` is the distance of two samples in the unit of the first kind, or None.
    `requests` is how many requests the service answered during the capture, or None where nobody counted.
    `granule`: the values are booked in pieces of this size on whoever came by (an allocator behind which the profiler
    cannot see fetches memory in bulk); 0 where each is booked on its own.
    """

    strings: tuple[str, ...]
    function_name: Int32
    function_file: Int32
    function_module: Int32
    function_line: Int32
    frame_function: Int32
    frame_line: Int32
    stack_parent: Int32
    stack_frame: Int32
    sample_stack: Int32
    sample_values: Int64
    kinds: tuple[ValueKind, ...]
    sample_thread: Int32 | None = None
    sample_time_ns: Int64 | None = None
    period: int | None = None
    duration_ns: int | None = None
    requests: int | None = None
    tool: str = ""
    tool_version: str = ""
    fidelity: Fidelity = "sampled"
    granule: int = 0
    notes: tuple[str, ...] = ()

    def key(self, function: int) -> FunctionKey:
        s = self.strings
        return FunctionKey(
            s[self.function_name[function]],
            s[self.function_file[function]],
            s[self.function_module[function]],
        )

    @cached_property
    def function_keys(self) -> tuple[FunctionKey, ...]:
        """The identity of every function, in the order of the function table."""
        s = self.strings
        columns = (self.function_name.tolist(), self.function_file.tolist(), self.function_module.tolist())
        return tuple(
            FunctionKey(s[name], s[file], s[module]) for name, file, module in zip(*columns, strict=True)
        )

    def total(self, kind: int = 0) -> int:
        return int(self.sample_values[:, kind].sum()) if len(self.sample_values) else 0

    def check(self) -> None:
        """ValueError if a column is of another length or type than the others say, or points to what is not there."""
        tables = (
            (len(self.strings), (self.function_name, self.function_file, self.function_module)),
            (len(self.function_name), (self.frame_function,)),
            (len(self.frame_function), (self.stack_frame,)),
            (len(self.stack_parent), (self.sample_stack,)),
        )
        for length, columns in tables:
            for column in columns:
                if (
                    column.ndim != 1
                    or column.dtype.kind != "i"
                    or (column.size and not 0 <= column.min() <= column.max() < length)
                ):
                    raise ValueError("a column points to what is not there")
        together = (
            (self.function_name, self.function_file, self.function_module, self.function_line),
            (self.frame_function, self.frame_line),
            (self.stack_parent, self.stack_frame),
        )
        if any(len({column.shape for column in columns}) != 1 for columns in together):
            raise ValueError("columns of one table have different lengths")
        if (
            self.stack_parent.dtype.kind != "i"
            or (self.stack_parent >= np.arange(len(self.stack_parent))).any()
            or (self.stack_parent < -1).any()
        ):
            raise ValueError("a stack comes before its parent")
        if not self.kinds or self.sample_values.shape != (len(self.sample_stack), len(self.kinds)):
            raise ValueError("samples and their values do not fit")
        if self.sample_values.dtype.kind != "i" or (self.sample_values < 0).any():
            raise ValueError("a value is negative or no number")

    def find_kind(self, kind: str) -> int | None:
        """The index of the first column of that kind."""
        return next((i for i, k in enumerate(self.kinds) if k.kind == kind), None)

    def frames_of(self, stack: int) -> list[int]:
        """Frame indices of one stack, root first."""
        frames: list[int] = []
        while stack >= 0:
            frames.append(int(self.stack_frame[stack]))
            stack = int(self.stack_parent[stack])
        return frames[::-1]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ProfileSlice:
    """What a sampling profiler saw of one side during one slice of load.

    `cpu_ns_per_request` comes from the process CPU clock, not from the samples; `rate_hz` is the sampling rate asked
    for. The first kind of `profile` counts samples.
    """

    launch: int
    slice: int
    requests: int
    cpu_ns_per_request: float
    rate_hz: float
    profile: Profile


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CapturedProfile:
    """A profile as a run or a file holds it: which stage and launch it is of, and how much work it covers."""

    stage: str
    launch: int = 0
    requests: int | None = None
    profile: Profile = field(repr=False)
