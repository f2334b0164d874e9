"""Stacks in bulk: the same tree as one by one, whatever the batches; and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf_action.model.builder import ProfileBuilder
from perf_action.model.profile import FunctionKey, ValueKind
from perf_action.model.stacks import StackTable
from perf_action.model.tree import costs

stack = st.one_of(
    st.lists(st.integers(0, 3), min_size=1, max_size=12),
    st.builds(
        lambda head, n: head * n, st.lists(st.integers(0, 3), min_size=1, max_size=3), st.integers(80, 120)
    ),
)
batches = st.lists(st.tuples(st.lists(stack, max_size=30), st.booleans()), max_size=4)


def int32(values) -> np.ndarray:
    return np.array(values, dtype=np.int32)


def added(table: StackTable, rows: list[list[int]], *, leaf_first: bool = False) -> list[int]:
    flat = [frame for row in rows for frame in (row[::-1] if leaf_first else row)]
    return table.add(int32(flat), int32([len(row) for row in rows]), leaf_first=leaf_first).tolist()


@given(given_batches=batches)
def test_each_stack_is_found_again_and_no_node_is_there_twice(given_batches):
    table, rows, nodes = StackTable(), [], []
    for part, leaf_first in given_batches:
        rows += part
        nodes += added(table, part, leaf_first=leaf_first)
    distinct = {tuple(row[: n + 1]) for row in rows for n in range(len(row))}
    assert len(table) == len(distinct)
    parents, frames = (column.tolist() for column in table.columns())
    assert all(parent < node for node, parent in enumerate(parents))
    for row, leaf in zip(rows, nodes, strict=True):
        path, node = [], leaf
        while node >= 0:
            path.append(frames[node])
            node = parents[node]
        assert path[::-1] == row


def test_more_rows_than_fit_into_one_batch():
    count = 300_007
    frames = np.stack([np.arange(count) % 7, np.arange(count) % 150_001], axis=1).reshape(-1)
    table = StackTable()
    nodes = table.add(frames.astype(np.int32), np.full(count, 2, dtype=np.int32))
    distinct = len(np.unique(nodes))
    assert distinct == len({(n % 7, n % 150_001) for n in range(count)})
    assert len(table) == distinct + 7


def test_a_hundred_thousand_frames_deep():
    table = StackTable()
    first, second = added(table, [[1] * 100_000, [1] * 99_999 + [2]])
    assert (len(table), first != second) == (100_001, True)


@pytest.mark.parametrize(("frames", "lengths"), [([1, 2], [1]), ([1], [1, 0]), ([-1], [1])])
def test_what_does_not_fit_together_is_refused(frames, lengths):
    with pytest.raises(ValueError, match="stack"):
        StackTable().add(int32(frames), int32(lengths))


def builder_with(*names: str) -> ProfileBuilder:
    builder = ProfileBuilder([ValueKind("cpu", "samples"), ValueKind("faults", "samples")])
    for name in names:
        builder.frame(builder.function(name))
    return builder


def test_samples_of_one_stack_and_thread_are_summed_and_zeros_dropped():
    builder, table = builder_with("main", "f", "g"), StackTable()
    nodes = int32(added(table, [[0, 1], [0, 1], [0, 2], [0, 1]]))
    values = np.array([[1, 0], [2, 5], [0, 0], [4, 0]])
    builder.samples(table, nodes, values, frames=[0, 1, 2], threads=["a", "b"], thread=int32([0, 1, 1, 0]))
    profile = builder.build()
    profile.check()
    rows = zip(profile.sample_thread.tolist(), profile.sample_values.tolist(), strict=True)
    assert sorted((profile.strings[thread], row) for thread, row in rows) == [("a", [5, 0]), ("b", [2, 5])]
    assert costs(profile) == {FunctionKey("main"): (0, 7), FunctionKey("f"): (7, 7)}


def test_times_keep_samples_apart():
    builder, table = builder_with("f"), StackTable()
    nodes = int32(added(table, [[0], [0], [0]]))
    builder.samples(table, nodes, np.ones((3, 2), dtype=np.int64), frames=[0], times_ns=np.array([5, 9, 5]))
    profile = builder.build()
    assert profile.sample_time_ns.tolist() == [5, 9]
    assert profile.sample_values.tolist() == [[2, 2], [1, 1]]


@pytest.mark.parametrize(
    ("nodes", "values", "words"),
    [
        ([1], [[1, 0]], "stack does not exist"),
        ([0], [[1]], "shape"),
        ([0], [[-1, 0]], "negative value -1"),
        ([0, 0], [[2**62, 0], [2**62, 0]], "too large"),
    ],
)
def test_samples_that_no_profile_may_hold(nodes, values, words):
    table = StackTable()
    added(table, [[0]])
    with pytest.raises(ValueError, match=words):
        builder_with("f").samples(table, int32(nodes), np.array(values), frames=[0])


def test_one_by_one_and_all_at_once_do_not_mix():
    builder, table = builder_with("f"), StackTable()
    builder.stack(-1, 0)
    with pytest.raises(ValueError, match="not both"):
        builder.samples(table, int32([]), np.empty((0, 2), dtype=np.int64), frames=[])


@pytest.mark.parametrize(("row", "frames"), [([3], [0]), ([0], [7]), ([0], [-1])])
def test_frames_must_be_of_the_builder(row, frames):
    table = StackTable()
    nodes = int32(added(table, [row]))
    with pytest.raises(ValueError, match=r"frame .*does not exist"):
        builder_with("f").samples(table, nodes, np.array([[1, 0]]), frames=frames)


def test_no_samples_at_all_are_a_profile():
    profile = builder_with("f")
    profile.samples(StackTable(), int32([]), np.empty((0, 2), dtype=np.int64), frames=[])
    assert profile.build().total() == 0
