"""Questions to a profile that need its call tree: self and total cost, merging, folding.

None of them recurses: stacks may be a hundred thousand frames deep.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple, TypeVar

import numpy as np

from perf_action.model.builder import ProfileBuilder, summed
from perf_action.model.profile import FunctionKey, Int64, Profile
from perf_action.model.stacks import Edges

Number = TypeVar("Number", int, float)


class Cost(NamedTuple):
    """What a function costs itself, and with all that it calls (counted once per stack, however often it recurs)."""

    self: int
    total: int


def stack_self(profile: Profile, kind: int = 0) -> Int64:
    """Value of each stack node itself, shape (stacks,)."""
    out = np.zeros(len(profile.stack_parent), dtype=np.int64)
    np.add.at(out, profile.sample_stack, profile.sample_values[:, kind])
    return out


def stack_total(profile: Profile, kind: int = 0) -> Int64:
    """Value of each stack node with everything above it, shape (stacks,)."""
    totals = inclusive(stack_self(profile, kind).tolist(), profile.stack_parent.tolist())
    return np.array(totals, dtype=np.int64)


def inclusive(own: Iterable[Number], parents: Sequence[int]) -> list[Number]:
    """Values of nodes with those of everything above them; `parents` are -1 or come before their children."""
    totals = list(own)
    for node in range(len(parents) - 1, -1, -1):
        parent = parents[node]
        if parent >= 0:
            totals[parent] += totals[node]
    return totals


def function_ids(profile: Profile) -> tuple[list[FunctionKey], list[int]]:
    """The distinct functions by identity, and for each function of the table its place among them."""
    ids: dict[FunctionKey, int] = {}
    mapped = [ids.setdefault(key, len(ids)) for key in profile.function_keys]
    return list(ids), mapped


def costs(profile: Profile, kind: int = 0) -> dict[FunctionKey, Cost]:
    """Self and total value of every function that has any; the self values add up to the profile's total."""
    keys, mapped = function_ids(profile)
    node_ids = np.array(mapped, dtype=np.int64)[profile.frame_function][profile.stack_frame]
    outer = outermost(profile.stack_parent.tolist(), node_ids.tolist())
    self_of, total_of = np.zeros(len(keys), dtype=np.int64), np.zeros(len(keys), dtype=np.int64)
    np.add.at(self_of, node_ids, stack_self(profile, kind))
    np.add.at(total_of, node_ids[outer], stack_total(profile, kind)[outer])
    values = zip(keys, self_of.tolist(), total_of.tolist(), strict=True)
    return {key: Cost(own, total) for key, own, total in values if total}


def self_costs(profile: Profile, kind: int = 0) -> dict[FunctionKey, int]:
    """Self value of every function that has any."""
    keys, mapped = function_ids(profile)
    own = np.zeros(len(keys), dtype=np.int64)
    places = np.array(mapped, dtype=np.int64)[profile.frame_function][
        profile.stack_frame[profile.sample_stack]
    ]
    np.add.at(own, places, profile.sample_values[:, kind])
    return {key: value for key, value in zip(keys, own.tolist(), strict=True) if value}


def outermost(parents: Sequence[int], ids: Sequence[int]) -> list[int]:
    """Nodes whose function does not occur further down their own stack, ascending.

    With nodes numbered depth first, the subtree of a node is an interval; of the nodes of one function those are inside
    of another that begin before the furthest end so far.
    """
    if not parents:
        return []
    begin, end = _intervals(parents)
    functions = np.array(ids, dtype=np.int64)
    order = np.lexsort((begin, functions))
    offset = functions[order] * (len(parents) + 1)  # keeps the functions apart
    furthest = np.maximum.accumulate(offset + end[order])
    first = np.ones(len(order), dtype=np.bool_)
    first[1:] = (offset + begin[order])[1:] >= furthest[:-1]
    nodes: list[int] = np.sort(order[first]).tolist()
    return nodes


def _intervals(parents: Sequence[int]) -> tuple[Int64, Int64]:
    """Place of each node in depth-first order, and the place behind its subtree."""
    sizes = inclusive([1] * len(parents), parents)
    begin = [0] * len(parents)
    free = [0] * (len(parents) + 1)  # where the next child goes; the last entry, at -1, is for the roots
    for node, parent in enumerate(parents):
        begin[node] = free[parent]
        free[parent] += sizes[node]
        free[node] = begin[node] + 1
    starts = np.array(begin, dtype=np.int64)
    return starts, starts + np.array(sizes, dtype=np.int64)


def merge(profiles: Iterable[Profile]) -> Profile:
    """The sum of profiles of the same kinds; threads and times are dropped. ValueError if kinds differ or none is given."""
    parts = list(profiles)
    if not parts:
        raise ValueError("nothing to merge")
    first = parts[0]
    if any(p.kinds != first.kinds for p in parts):
        raise ValueError("profiles of different kinds cannot be merged")
    builder = ProfileBuilder(
        first.kinds, tool=first.tool, tool_version=first.tool_version, fidelity=first.fidelity
    )
    edges = Edges()
    frames = [_copy_frames(builder, p) for p in parts]
    nodes = [
        edges.nodes(p.stack_parent, known[p.stack_frame])[p.sample_stack]
        for p, known in zip(parts, frames, strict=True)
    ]
    builder.samples(
        edges,
        np.concatenate(nodes),
        np.concatenate([p.sample_values for p in parts]),
        frames=range(max(int(known.max(initial=-1)) for known in frames) + 1),
    )
    for p in parts:
        for note in p.notes:
            builder.note(note)
    durations = [p.duration_ns for p in parts if p.duration_ns is not None]
    requests = [p.requests for p in parts if p.requests is not None]
    return builder.build(
        period=first.period if all(p.period == first.period for p in parts) else None,
        duration_ns=sum(durations) if len(durations) == len(parts) else None,
        requests=sum(requests) if len(requests) == len(parts) else None,
        granule=max(p.granule for p in parts),
    )


def by_function(profile: Profile) -> Profile:
    """The profile with lines that are executed not told apart: far fewer stacks, with the same cost of every function.
    What is merged has no threads and times any more. Functions and frames that there are stay in their tables.
    """
    keys, mapped = function_ids(profile)
    functions = np.array(mapped, dtype=np.int32)
    of_stacks = functions[profile.frame_function][profile.stack_frame]
    if not profile.frame_line[profile.stack_frame].any() and len(set(profile.stack_frame.tolist())) == len(
        set(of_stacks.tolist())
    ):
        return profile  # it is so already
    edges = Edges()
    (nodes,), values = summed(
        [edges.nodes(profile.stack_parent, of_stacks)[profile.sample_stack]], profile.sample_values
    )
    parents, numbers = edges.columns()
    first = np.unique(functions, return_index=True)[1].astype(np.int32)
    return replace(
        profile,
        frame_function=np.concatenate([profile.frame_function, first]),
        frame_line=np.concatenate([profile.frame_line, np.zeros(len(keys), dtype=np.int32)]),
        stack_parent=parents,
        stack_frame=(numbers + len(profile.frame_function)).astype(np.int32),
        sample_stack=nodes.astype(np.int32, copy=False),
        sample_values=values,
        sample_thread=None,
        sample_time_ns=None,
    )


def _copy_frames(builder: ProfileBuilder, p: Profile) -> Int64:
    """For each frame of a profile its number in the builder."""
    s = p.strings
    functions = [
        builder.function(s[n], file=s[f], module=s[m], line=line)
        for n, f, m, line in zip(
            p.function_name.tolist(),
            p.function_file.tolist(),
            p.function_module.tolist(),
            p.function_line.tolist(),
            strict=True,
        )
    ]
    frames = [
        builder.frame(functions[f], line)
        for f, line in zip(p.frame_function.tolist(), p.frame_line.tolist(), strict=True)
    ]
    return np.array(frames, dtype=np.int64)


def rename_files(profile: Profile, rename: Callable[[str], str]) -> Profile:
    """The profile with every function's file as `rename` says; functions that become the same are not merged."""
    strings = list(profile.strings)
    places = {text: i for i, text in enumerate(strings)}
    renamed: dict[int, int] = {}
    for old in set(profile.function_file.tolist()):
        new = rename(strings[old]) if old else ""
        if new not in places:
            places[new] = len(strings)
            strings.append(new)
        renamed[old] = places[new]
    files = np.array([renamed[i] for i in profile.function_file.tolist()], dtype=np.int32)
    return replace(profile, strings=tuple(strings), function_file=files)
