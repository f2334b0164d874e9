"""The command line as people meet it: help, errors, exit codes."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from perf_action.cli import COMMANDS, run

ALL = sorted(name for names in COMMANDS.values() for name in names)


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(re.search(rf"^  {name}\b", shown, re.MULTILINE) for name in ALL)


@pytest.mark.parametrize("name", ALL)
def test_every_command_explains_itself(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([name, "--help"]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith(f"Usage: perf-action {name}")
    assert len(shown) > 200
    assert "\\b" not in shown


@pytest.mark.parametrize(
    ("argv", "expected"),
    [
        (["frobnicate"], "No such command 'frobnicate'"),
        (["run", "--config", "nowhere.yml"], "nowhere.yml: no such file"),
        (["run", "--set", "measure"], "write KEY=VALUE"),
        (["assess", "nowhere"], "nowhere: not a run folder"),
        (["assess", "nowhere", "--verdict-only"], "was not assessed"),
        (["assess", "nowhere", "--fail-on", "everything"], "'everything' is not one of regression"),
        (["compare", "nowhere", "nowhere"], "nowhere: no such file"),
        (["show", "nowhere"], "nowhere"),
    ],
)
def test_wrong_calls_are_one_line_and_exit_2(
    argv: list[str],
    expected: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(argv) == 2
    shown = capsys.readouterr().err
    assert shown.startswith("error: ")
    assert shown.count("\n") == 1
    assert expected in shown
