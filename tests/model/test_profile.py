from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf_action.model.builder import ProfileBuilder
from perf_action.model.profile import FunctionKey, Profile, ValueKind
from perf_action.model.tree import costs, merge

CPU = ValueKind("cpu", "samples")


def build(stacks: dict[str, int]) -> Profile:
    """``{"main;encode": 3}``"""
    builder = ProfileBuilder([CPU])
    for text, value in stacks.items():
        frames = [builder.frame(builder.function(name)) for name in text.split(";")]
        builder.sample(builder.stack_of(frames), [value])
    return builder.build()


def names(profile: Profile) -> dict[str, tuple[int, int]]:
    return {key.name: tuple(cost) for key, cost in costs(profile).items()}


def test_self_and_total() -> None:
    assert names(build({"main;encode": 3, "main;encode;copy": 2, "main": 1})) == {
        "main": (1, 6), "encode": (3, 5), "copy": (2, 2),
    }  # fmt: skip


def test_a_function_counts_once_per_stack() -> None:
    assert names(build({"a;b;a;b;a": 7, "a;b": 1})) == {"a": (7, 8), "b": (1, 8)}


def test_a_hundred_thousand_frames_do_not_recurse() -> None:
    assert names(build({";".join(["f"] * 100_000): 2})) == {"f": (2, 2)}


def test_what_no_profile_may_hold_is_refused() -> None:
    builder = ProfileBuilder([CPU])
    stack = builder.stack_of([])
    for wrong in ([-1], [2**64], [1, 2]):
        with pytest.raises(ValueError, match="value"):
            builder.sample(stack, wrong)
    with pytest.raises(ValueError, match="does not exist"):
        builder.sample(99, [1])
    with pytest.raises(ValueError, match="does not exist"):
        builder.stack(5, 0)


stacks = st.dictionaries(
    st.lists(st.sampled_from("abcd"), min_size=1, max_size=6).map(";".join), st.integers(1, 1000), min_size=1
)


@given(stacks)
def test_self_adds_up_and_total_is_never_less(given_stacks: dict[str, int]) -> None:
    profile = build(given_stacks)
    found = costs(profile)
    assert sum(c.self for c in found.values()) == profile.total() == sum(given_stacks.values())
    for key, cost in found.items():
        assert cost.total == sum(v for s, v in given_stacks.items() if key.name in s.split(";")) >= cost.self


@given(stacks, stacks)
def test_merging_adds(one: dict[str, int], other: dict[str, int]) -> None:
    both = costs(merge([build(one), build(other)]))
    for key in both:
        parts = [costs(build(s)).get(key) for s in (one, other)]
        assert both[key].self == sum(p.self for p in parts if p)


def test_identity_is_name_file_and_module() -> None:
    builder = ProfileBuilder([CPU])
    for file in ("a.py", "b.py"):
        frame = builder.frame(builder.function("f", file=file, line=3), line=9)
        builder.sample(builder.stack_of([frame]), [1])
    assert set(costs(builder.build())) == {FunctionKey("f", "a.py"), FunctionKey("f", "b.py")}
