"""The reproducer: settings that are read, a script that runs, and only where there is something to see again."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import factories
import pytest
import yaml

from perf_action.config import parse, read_config
from perf_action.config.shareable import shareable
from perf_action.model.change import Comparison, Verdict
from perf_action.model.outcome import StageOutcome
from perf_action.model.report import Report
from perf_action.model.suspect import Confidence, Suspect
from perf_action.render.again import commands, stages_to_repeat
from perf_action.render.reproducer import reproducer

SETTINGS: dict[str, Any] = {
    "service": {"command": "python app.py --port {port}", "env": {"API_KEY": "$API_KEY", "TOKEN": "s3cret"}},
    "load": {"quick": {"script": "a.py"}, "slow": {"script": "b.py"}},
    "stages": {"cpu": {"profiler": "auto", "load": "slow"}, "memory": {"profiler": "memray"}},
    "measure": {"launches": "3..9", "soak": "20s"},
}


def stages(*names: str) -> tuple[StageOutcome, ...]:
    return tuple(
        StageOutcome(
            name=n, profiler="py-spy" if n == "cpu" else "none", state="done", launches=5, seconds=30.0
        )
        for n in names
    )


def regressed(*kinds: str, **more: Any) -> Report:
    whole = factories.regression()
    rows = tuple(factories.function_change("encode", kind=kind, verdict=Verdict.REGRESSION) for kind in kinds)
    return replace(
        whole, comparison=Comparison(functions=rows), stages=stages("clean", "cpu", "soak", "memory"), **more
    )


def kept(settings: dict[str, Any]) -> dict[str, Any]:
    return shareable(parse(settings, "perf.yml"))


@pytest.mark.parametrize(
    ("kinds", "names"),
    [(["cpu"], ("cpu",)), (["leaked"], ("memory",)), (["cpu", "leaked"], ("cpu", "memory"))],
)
def test_the_stages_that_show_it_are_measured_again(kinds: list[str], names: tuple[str, ...]) -> None:
    report = regressed(*kinds)
    assert stages_to_repeat(report) == names
    only = " ".join(f"--only {n}" for n in names)
    assert commands(report)[1] == f"perf-action run {only} --base {factories.BASE_COMMIT}"


def test_a_metric_alone_needs_its_launches_and_a_leak_the_soak() -> None:
    report = regressed()
    metric = factories.metric_change("cpu.per_request", verdict=Verdict.REGRESSION)
    clean = replace(report, comparison=Comparison(metrics=(metric,), leaks=(factories.leak_change(),)))
    assert stages_to_repeat(clean) == ("clean", "soak")
    assert stages_to_repeat(factories.identical()) == ()


def test_the_settings_are_cut_down_and_hold_no_secret(tmp_path: Path) -> None:
    found = reproducer(regressed("cpu"), kept(SETTINGS))
    assert set(found) == {"reproduce/perf.yml", "reproduce/run.sh", "reproduce/README.md"}
    assert "s3cret" not in json.dumps(found)
    (tmp_path / "perf.yml").write_text(found["reproduce/perf.yml"])
    config = read_config(tmp_path / "perf.yml")
    assert (list(config.stages), config.stages["cpu"].profiler, list(config.load)) == (
        ["cpu"],
        "py-spy",
        ["slow"],
    )
    assert (config.measure.clean, config.measure.soak) == (False, 0)


def test_a_stage_keeps_its_load_where_another_comes_first() -> None:
    config = parse(yaml.safe_load(reproducer(regressed("leaked"), kept(SETTINGS))["reproduce/perf.yml"]), "x")
    assert list(config.load) == ["quick"]
    both = parse(
        yaml.safe_load(reproducer(regressed("leaked", "cpu"), kept(SETTINGS))["reproduce/perf.yml"]), "x"
    )
    assert {n: both.load_of(s) for n, s in both.stages.items()} == {"cpu": "slow", "memory": "quick"}


def test_it_says_what_to_expect() -> None:
    text = reproducer(regressed("cpu"), kept(SETTINGS))["reproduce/README.md"]
    assert "Set before: `API_KEY`, `TOKEN`" in text
    assert "- `encode` costs **+31 %** CPU per request" in text


@pytest.mark.parametrize(
    "report",
    [
        factories.identical(),
        factories.first_run(),
        factories.skipped(),
        factories.failed(),
        regressed("cpu", base=None, baseline=replace(factories.regression().baseline, commit="")),
        regressed("cpu", head=replace(factories.regression().head, commit="$(id)")),
    ],
)
def test_where_there_is_nothing_to_see_again_there_is_none(report: Report) -> None:
    assert reproducer(report, kept(SETTINGS)) == {}


@pytest.mark.parametrize(
    "settings",
    [
        None,
        {},
        {"service": 3},
        {"service": {"pid": 3}, "load": {"a": {"script": "a.py"}}, "stages": {"cpu": {}}},
    ],
)
def test_settings_that_cannot_be_used_give_none(settings: dict[str, Any] | None) -> None:
    assert reproducer(regressed("cpu"), settings) == {}


def test_hostile_names_reach_no_command() -> None:
    report = factories.hostile()
    bad = tuple(replace(s, state="done") for s in report.stages)
    assert stages_to_repeat(replace(report, stages=bad)) == ()


def git(where: Path, *args: str) -> str:
    who = ["-c", "user.name=t", "-c", "user.email=t@localhost", "-c", "init.defaultBranch=main"]
    done = subprocess.run(["git", *who, *args], cwd=where, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_the_script_measures_both_commits_in_a_clone_and_leaves_it_as_it_was(tmp_path: Path) -> None:
    repository, folder, tools = tmp_path / "my clone", tmp_path / "re produce", tmp_path / "bin"
    for made in (repository, folder, tools):
        made.mkdir()
    git(repository, "init", "-q")
    commits = []
    for text in ("base", "head", "later"):
        (repository / "app.py").write_text(text)
        git(repository, "add", "-A")
        git(repository, "commit", "-qm", text)
        commits.append(git(repository, "rev-parse", "HEAD"))
    report = regressed("cpu")
    report = replace(
        report,
        head=replace(report.head, commit=commits[1]),
        baseline=replace(report.baseline, commit=commits[0]),
    )
    for name, text in reproducer(report, kept(SETTINGS)).items():
        (folder / name.rpartition("/")[2]).write_text(text)
    told = tmp_path / "told"
    (tools / "perf-action").write_text(
        f'#!/bin/sh\n{{ cat app.py; echo; ls; printf "%s|" "$@"; echo; }} >>"{told}"\n'
    )
    (tools / "perf-action").chmod(0o755)
    env = {"PATH": f"{tools}:{os.environ['PATH']}", "HOME": str(tmp_path), "API_KEY": "x"}
    script = ["bash", str(folder / "run.sh"), str(repository)]
    refused = subprocess.run(script, env=env, capture_output=True, text=True)
    assert (refused.returncode, refused.stderr) == (2, "set TOKEN first, as the run had it\n")
    done = subprocess.run(script, env={**env, "TOKEN": "y"}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    lines = told.read_text().splitlines()
    assert lines[:3] == ["head", "app.py", "perf-reproduce.yml"]
    assert (
        lines[3] == f"run|--config|perf-reproduce.yml|--only|cpu|--base|{commits[0]}|--out|{folder}/perf-run|"
    )
    assert lines[-1] == f"assess|{folder}/perf-run|"
    assert len(git(repository, "worktree", "list").splitlines()) == 1
    assert git(repository, "status", "--porcelain") == ""


def test_a_suspect_is_told_with_names_as_names() -> None:
    suspect = Suspect(
        function="encode", kind="cpu", change=0.3, relation="calls it", changed="a|b", file="a.py", lines=((4, 7),),
        confidence=Confidence.HIGH, function_file="codec.py",
    )  # fmt: skip
    text = reproducer(regressed("cpu", suspects=(suspect,)), kept(SETTINGS))["reproduce/README.md"]
    assert (
        "  - called from <code>a&#124;b</code>, changed in this pull request, lines 4–7 of `a.py` (sure)"
        in text
    )
