from __future__ import annotations

import json
import textwrap
from pathlib import Path

import pytest

from perf_action.cli import run
from perf_action.config import parse
from perf_action.errors import ToolMissing
from perf_action.machine.doctor import Check, Patient, examine, worst
from perf_action.system import System

CONFIG = {
    "service": {"command": "python -m app --port {port}", "env": {"KEY": "$API_KEY"}},
    "load": {"main": {"tool": "k6", "script": "load.js"}},
    "stages": {"cpu": {"profiler": "py-spy"}},
}


def found(_system: System) -> str:
    return "9.9"


def missing(_system: System) -> str:
    raise ToolMissing("k6", "see the internet")


@pytest.fixture
def checks(tmp_path, system):
    def examined(config=None, *, environ=(), k6=found) -> dict[str, Check]:
        there = System({**system.environ, "XDG_CACHE_HOME": str(tmp_path), **dict(environ)})
        parsed = parse(config, "perf.yml") if config else None
        patient = Patient(
            system=there,
            config=parsed,
            folder=tmp_path,
            loads={"locust": found, "k6": k6},
            watch_seconds=0.02,
        )
        return {check.name: check for check in examine(patient)}

    return examined


def test_what_works_is_ok_with_its_version(checks):
    seen = checks(CONFIG)
    assert seen["git"].state == "ok"
    assert seen["git"].value[0].isdigit()
    assert seen["variables"].state == "ok"
    assert seen["k6"] == Check(name="k6", state="ok", value="9.9")
    assert seen["memory"].value.endswith(" GiB")
    assert {"ptrace_scope", "perf_event_paranoid", "cores", "neighbours"} <= seen.keys()


def test_a_missing_tool_fails_with_one_command_if_it_is_needed(checks):
    seen = checks(CONFIG, k6=missing)
    assert seen["k6"].state == "fail"
    assert seen["k6"].value == "k6 is not installed"
    assert seen["k6"].remedy.startswith("sudo snap install k6")
    assert worst(tuple(seen.values())) == "fail"


def test_a_missing_tool_that_is_not_needed_is_no_failure(checks):
    locust = {**CONFIG, "load": {"main": {"tool": "locust", "script": "x.py"}}}
    assert checks(locust, k6=missing)["k6"] == Check(
        name="k6", state="ok", value="k6 is not installed; not used by perf.yml"
    )
    assert checks(k6=missing)["k6"].value == "k6 is not installed; only needed if perf.yml uses it"


def test_a_variable_that_is_not_set_is_found_before_a_run(checks):
    config = {**CONFIG, "load": {"main": {"tool": "k6", "script": "x.js", "env": {"TOKEN": "$NOT_SET_HERE"}}}}
    check = checks(config)["variables"]
    assert check.state == "fail"
    assert "load.main.env.TOKEN: the environment variable NOT_SET_HERE is not set" in check.value


def test_without_git_there_is_a_remedy(checks):
    check = checks(environ={"PATH": "/nonexistent"})["git"]
    assert check == Check(
        name="git", state="fail", value="not installed", remedy="sudo apt-get install -y git"
    )


def test_memray_that_is_not_there_for_the_services_python_is_brought_in_by_setup(checks, tmp_path):
    """A Python of another version than ours, as far as anyone can see."""
    other = tmp_path / "bin" / "python3.99"
    other.parent.mkdir()
    other.write_text("#!/bin/sh\necho cpython-399 3.99.1 - /opt/python3.99\n")
    other.chmod(0o755)
    config = {
        **CONFIG,
        "service": {"command": f"{other} app.py {{port}}"},
        "stages": {"m": {"profiler": "memray"}},
    }
    assert checks(config)["memray"] == Check(
        name="memray",
        state="warn",
        value="not there yet for Python 3.99.1 (/opt/python3.99)",
        remedy="perf-action setup memray",
    )
    del config["stages"]
    assert checks(config)["memray"].state == "ok"


@pytest.fixture
def in_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(folder: Path, text: str) -> None:
    (folder / "perf.yml").write_text(textwrap.dedent(text))


def test_doctor_prints_a_table_and_json(in_folder, capsys):
    assert run(["doctor"]) == 0
    table = capsys.readouterr().out
    assert "ok    git" in table
    assert run(["doctor", "--format", "json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert data["state"] in ("ok", "warn")
    assert {"name", "state", "value", "remedy"} == data["checks"][0].keys()


def test_doctor_ends_with_3_if_something_needed_does_not_work(in_folder, capsys):
    write(
        in_folder,
        """
        service: {command: python app.py, env: {K: $NOT_SET_HERE}}
        load: {main: {tool: locust, script: x.py}}
        """,
    )
    assert run(["doctor"]) == 3
    assert "fail  variables" in capsys.readouterr().out


def test_doctor_refuses_broken_settings(in_folder, capsys):
    write(in_folder, "service: {comand: x}\n")
    assert run(["doctor"]) == 2
    assert "did you mean 'command'?" in capsys.readouterr().err


def test_setup_says_what_is_there(in_folder, capsys):
    assert run(["setup", "py-spy", "locust"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("py-spy 0.")
    assert "locust 2." in out


@pytest.mark.parametrize(
    ("argv", "error"),
    [
        (["setup", "pyspy"], "error: there is no tool 'pyspy'; there is py-spy, memray, locust, k6"),
        (["setup"], "error: there is no perf.yml here; name the tools, or your settings with --config"),
        (
            ["setup", "--config", "no.yml"],
            "error: no.yml: no such file; write one, or name yours with --config",
        ),
    ],
)
def test_setup_refuses_what_it_does_not_know(in_folder, capsys, argv, error):
    assert run(argv) == 2
    assert capsys.readouterr().err.strip() == error
