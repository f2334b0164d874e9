"""Self and total cost against the plain definition: a function counts once per stack."""

from __future__ import annotations

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from perf_action.model.builder import ProfileBuilder
from perf_action.model.profile import ValueKind
from perf_action.model.tree import Cost, by_function, costs, merge, outermost

STACKS = st.lists(
    st.tuples(st.lists(st.sampled_from("abcd"), min_size=1, max_size=7), st.integers(0, 9)), max_size=12
)


@settings(max_examples=200)
@given(stacks=STACKS)
def test_costs_are_what_they_are_defined_as(stacks: list[tuple[list[str], int]]) -> None:
    builder = ProfileBuilder([ValueKind("cpu", "samples")])
    own: Counter[str] = Counter()
    total: Counter[str] = Counter()
    for names, value in stacks:
        builder.sample(builder.stack_of([builder.frame(builder.function(n)) for n in names]), (value,))
        own[names[-1]] += value
        total.update(dict.fromkeys(names, value))
    found = {key.name: (cost.self, cost.total) for key, cost in costs(builder.build()).items()}
    assert found == {name: (own[name], value) for name, value in total.items() if value}


def test_no_nodes_are_no_outermost_ones() -> None:
    assert outermost([], []) == []
    assert outermost([-1, 0, 1, 0, -1], [7, 8, 7, 8, 7]) == [0, 1, 3, 4]


@given(stacks=STACKS)
def test_by_function_nothing_but_lines_is_lost(stacks: list[tuple[list[str], int]]) -> None:
    builder = ProfileBuilder([ValueKind("cpu", "samples")])
    for at, (names, value) in enumerate(stacks):
        frames = [builder.frame(builder.function(n, line=3), at + i) for i, n in enumerate(names)]
        builder.sample(builder.stack_of(frames), (value,), thread=f"t{at}", time_ns=at)
    profile = builder.build()
    flat = by_function(profile)
    flat.check()
    assert costs(flat) == costs(profile)
    paths = [
        tuple(flat.key(int(flat.frame_function[f])) for f in flat.frames_of(s))
        for s in range(len(flat.stack_parent))
    ]
    assert len(set(paths)) == len(paths)
    assert set(flat.sample_stack.tolist()) <= set(range(len(paths)))
    assert by_function(flat) is flat
    assert costs(merge([profile, flat])) == {
        key: Cost(2 * c.self, 2 * c.total) for key, c in costs(profile).items()
    }
