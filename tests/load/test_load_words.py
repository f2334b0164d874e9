"""Placeholders in commands: every value stays one word, whatever is in it and wherever it stands."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf_action.errors import ConfigError, LoadFailed
from perf_action.load.session import Amount, Where
from perf_action.load.words import command_line, environment, values
from perf_action.system import System

WHERE = Where(
    url="http://127.0.0.1:80", port=80, directory=Path("/co"), env={"A": "1", "B": "x y"}, out=Path("/o")
)


@given(st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)), min_size=1, max_size=20))
def test_the_shell_sees_each_value_as_it_is(value):
    argv = command_line('printf \'%s|\' {out} "{out}" \'{out}\' a{out}b "\\"{out}"', {"out": value})
    said = System().run(argv, timeout=10)
    expected = f'{value}|{value}|{value}|a{value}b|"{value}|'
    assert said.stdout.encode() == expected.encode(errors="replace")
    assert said.code == 0


def test_other_braces_stay():
    text = "awk '{print $1}' {unknown} ${port} {port}"
    assert command_line(text, {"port": "80"})[-1] == "awk '{print $1}' {unknown} $80 80"


def test_a_list_is_not_for_a_shell():
    known = values(WHERE, Amount(requests=5), "/o u t")
    assert command_line(["wrk", "-n{requests}", "{url}/a b", "{out}"], known) == [
        "wrk",
        "-n5",
        "http://127.0.0.1:80/a b",
        "/o u t",
    ]


@pytest.mark.parametrize(
    ("command", "amount", "said"),
    [
        (
            "x {requests}",
            Amount(seconds=1.5),
            r"\{requests\} has no value in this slice: it is measured in seconds",
        ),
        (
            "x {seconds}",
            Amount(requests=3),
            r"\{seconds\} has no value in this slice: it is measured in requests",
        ),
    ],
)
def test_an_amount_that_the_slice_has_not_is_an_error(command, amount, said):
    with pytest.raises(LoadFailed, match=said):
        command_line(command, values(WHERE, amount))


def test_the_environment_is_the_outer_one_then_ours_then_the_scenarios():
    own = {"B": "$A-${B}", "C": "$$A", "D": "a$", "TARGET": "{url}/api"}
    assert environment(own, WHERE, {"A": "2", "TARGET": "ours"}) == {
        "A": "2",
        "B": "1-x y",
        "C": "$A",
        "D": "a$",
        "TARGET": "http://127.0.0.1:80/api",
    }
    with pytest.raises(
        ConfigError, match=r"perf.yml: load.env.X: the environment variable NO is not set; set it"
    ):
        environment({"X": "${NO}"}, WHERE, {})
