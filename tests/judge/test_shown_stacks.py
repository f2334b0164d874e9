"""A stack as evidence: one line, whatever the names are and however deep it is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from perf_action.judge.code.shown import shown_names


def test_a_deep_stack_shows_where_it_begins_and_what_is_nearest_to_the_leaf():
    line = shown_names([f"f{i}" for i in range(100_000)]).split(";")
    assert line[:3] == ["f0", "…", "f99982"]
    assert line[-1] == "f99999"
    assert len(line) == 20


def test_nothing_in_a_name_breaks_the_line():
    assert shown_names(["a;b", "c\nd", "", "x" * 10_000]) == f"a:b;c d;[unknown];{'x' * 200}"


@given(st.lists(st.text(), min_size=1, max_size=30))
def test_it_is_always_one_line_of_few_names(names):
    line = shown_names(names)
    assert len(line.splitlines()) == 1
    assert len(line.split(";")) == min(len(names), 20)
