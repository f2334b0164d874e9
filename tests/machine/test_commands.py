from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perf_action.errors import ConfigError
from perf_action.machine.commands import Places, Secrets, argv_of, expand, inherited

PLACES = Places(checkout=Path("/c o"), python="/usr/bin/python3", port=8080, work=Path("/tmp/w"))


def argv(command, places=PLACES):
    return argv_of(command, places, key="service.command")


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("python -m app --port {port}", ("python", "-m", "app", "--port", "8080")),
        ("{python} '{checkout}/a b.py'", ("/usr/bin/python3", "/c o/a b.py")),
        ("{checkout}/run", ("/c o/run",)),
        ("app --json '{\"a\": 1}'", ("app", "--json", '{"a": 1}')),
        (["app", "{port}", "$HOME; x"], ("app", "8080", "$HOME; x")),
        ("app --url http://127.0.0.1:{port}/a#b", ("app", "--url", "http://127.0.0.1:8080/a#b")),
    ],
)
def test_a_command_without_shell_syntax_is_started_directly(command, expected):
    assert argv(command) == expected


@pytest.mark.parametrize(
    ("command", "line"),
    [
        ("app $PORT", "exec app $PORT"),
        ("A=1 app", "exec env A=1 app"),
        ("app > out 2>&1", "exec app > out 2>&1"),
        ("cd src && app", "cd src && app"),
        ("app | tee log", "app | tee log"),
        ("exec app $A", "exec app $A"),
        (". ./env; app {port}", ". ./env; app 8080"),
        ("app \"$A\" '{checkout}'", "exec app \"$A\" '/c o'"),
        ("app {checkout} $A", "exec app '/c o' $A"),
    ],
)
def test_shell_syntax_goes_through_sh_and_one_command_replaces_it(command, line):
    assert argv(command) == ("sh", "-c", line)


@settings(max_examples=25)
@given(
    st.text(st.characters(codec="utf-8", exclude_characters="\0\r", exclude_categories=["Cs"]), min_size=1)
)
def test_a_placeholder_keeps_its_value_in_any_quotes(value):
    places = Places(checkout=Path("/"), python=value)
    command = "printf '%s|' {python} \"{python}\" '{python}' && :"
    done = subprocess.run(argv(command, places), capture_output=True, text=True, check=True)
    assert done.stdout == f"{value}|" * 3


@pytest.mark.parametrize("command", ["", "  ", [], [""], "app 'x"])
def test_nothing_to_start_is_an_error_that_names_the_key(command):
    with pytest.raises(ConfigError, match=r"^perf\.yml: service\.command: "):
        argv(command)


def test_values_are_taken_from_the_environment_and_known_as_secrets():
    values, secrets = expand(
        {"A": "$KEY", "B": "x-${KEY}-$$y", "C": "plain value", "DB_PASSWORD": "in the file", "E": "{work}/x"},
        {"KEY": "hunter2!"},
        key="service.env",
    )
    assert values["A"] == "hunter2!"
    assert values["B"] == "x-hunter2!-$y"
    assert values["E"] == "{work}/x"
    assert secrets.mask("hunter2! x-hunter2!-$y; plain value; in the file") == "*** ***; plain value; ***"
    assert "hunter2" not in repr(secrets)


def test_a_path_is_no_secret_and_a_short_value_cannot_be_one():
    _, secrets = expand({"A": "$DIR", "B": "$N"}, {"DIR": "/tmp", "N": "1"}, key="service.env")
    assert secrets == Secrets()


def test_a_variable_that_is_not_set_is_an_error_that_names_it():
    with pytest.raises(ConfigError) as error:
        expand({"TOKEN": "$MISSING_KEY"}, {}, key="service.env")
    assert str(error.value) == (
        "perf.yml: service.env.TOKEN: the environment variable MISSING_KEY is not set; "
        "set it; on GitHub, in the env of the step"
    )


def test_tokens_of_the_job_are_withheld_from_services():
    environ = {
        "PATH": "/bin",
        "GITHUB_TOKEN": "t",
        "INPUT_TOKEN": "t",
        "PERF_INPUT_CONFIG": "x",
        "ACTIONS_RUNTIME_TOKEN": "t",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "t",
        "GITHUB_SHA": "abc",
    }
    assert inherited(environ) == {"PATH": "/bin", "GITHUB_SHA": "abc"}
