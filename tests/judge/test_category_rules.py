"""Every rule that comes with the program fits its examples and none of its counter-examples; bad files are refused."""

from __future__ import annotations

import contextlib
import fnmatch
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf_action.errors import InputError
from perf_action.judge.categories import Categories
from perf_action.judge.categories.rules import FILES, KeptRule, RuleBook, kept_rules, read_rules
from perf_action.judge.categories.walk import Frames
from perf_action.judge.globs import Glob, Globs
from perf_action.model.category import CATEGORIES
from perf_action.model.profile import FunctionKey

ALL = Categories.builtin()


@pytest.mark.parametrize("kept", kept_rules(), ids=lambda kept: kept.place)
def test_a_rule_fits_its_examples_and_nothing_else(kept: KeptRule) -> None:
    assert kept.examples, "a rule needs an example that it must fit"
    assert kept.counter_examples, "a rule needs an example that it must not fit"
    alone = Frames(RuleBook([], [kept.rule]))
    for example in kept.examples:
        assert alone.step(example.key, example.caller).category == kept.rule.category, example
        assert ALL.category_of(example.key, example.caller) == kept.rule.category, example
    for example in kept.counter_examples:
        assert alone.step(example.key, example.caller).category == "", example


def test_every_category_has_rules_in_every_ecosystem_that_has_it() -> None:
    assert {kept.rule.category for kept in kept_rules()} == set(CATEGORIES)
    for name, without in {
        "rust": {"kernel"},
        "c": {"kernel"},
        "python": {"kernel"},
        "go": {"kernel"},
        "node": {"kernel"},
    }.items():
        there = {kept.rule.category for kept in kept_rules() if kept.place.startswith(f"{name}.yml")}
        assert there == set(CATEGORIES) - without
    assert set(FILES) == {"rust", "c", "python", "go", "node", "kernel"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- a\n", "no categories in it"),
        ("regex: {function: a}\n", "regex: is no list of rules"),
        ("regex: [a]\n", "regex[0]: is no rule"),
        ("regex:\n  - functoin: a\n", "unknown key 'functoin'; did you mean 'function'?"),
        ("regex:\n  - caller: a\n", "regex[0]: fits every frame; give function, file or module"),
        ("regex:\n  - function: '*'\n", "fits everything"),
        ("regex:\n  - function: [a, 3]\n", "regex[0].function: is neither text nor a list of texts"),
        ("regex:\n  - function: '(?:a+)+'\n", "looks like a regular expression"),
        ("regex:\n  - function: '^(a|b)*$'\n", "looks like a regular expression"),
        ("regex:\n  - function: a*b*c*d*e*f*g*h*i*j\n", "9 stars"),
        ("regex:\n  - function: " + "a" * 300 + "\n", "300 characters"),
        ("regex:\n  - {function: a, languages: [cobol]}\n", "no language 'cobol'"),
        ("regex:\n  - {function: a, is: {functoin: b}}\n", "regex[0].is: is no example"),
        ("regex: [\n", "not YAML"),
        ("[" * 100_000, "rules.yml: "),
        ("a: " + "x" * 300_000, "longer than"),
    ],
)
def test_a_bad_file_is_refused_in_one_line(text: str, said: str) -> None:
    with pytest.raises(InputError) as refused:
        read_rules(text, "rules.yml")
    assert said in str(refused.value)
    assert "\n" not in str(refused.value)


@given(st.text(max_size=2000))
def test_any_text_is_read_or_refused(text: str) -> None:
    with contextlib.suppress(InputError):
        read_rules(text, "rules.yml")


@given(
    st.text(alphabet="ab*", min_size=1, max_size=8),
    st.text(alphabet="ab", max_size=10),
)
def test_a_pattern_fits_what_fnmatch_says(pattern: str, text: str) -> None:
    assert Glob(pattern).fits(text) == fnmatch.fnmatchcase(text, pattern)


@given(
    st.lists(st.text(alphabet="abc*", min_size=1, max_size=9), max_size=12),
    st.text(alphabet="abc", max_size=9),
)
def test_many_patterns_say_what_each_does(patterns: list[str], text: str) -> None:
    globs = Globs((pattern, i) for i, pattern in enumerate(patterns))
    assert globs.fitting(text) == {i for i, pattern in enumerate(patterns) if Glob(pattern).fits(text)}


def test_patterns_made_to_backtrack_take_no_time() -> None:
    glob = Glob("*a*a*a*a*a*a*a*b")
    start = time.process_time()
    assert not glob.fits("a" * 1_000_000)
    assert time.process_time() - start < 1


def test_a_function_of_the_users_with_the_name_of_a_librarys_is_the_users() -> None:
    assert ALL.category_of(FunctionKey("inflate", "src/balloon.c", "shop")) == "other"
    assert ALL.category_of(FunctionKey("inflate", "", "libz.so.1")) == "compression"
