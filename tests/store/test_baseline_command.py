"""`perf-action baseline` on a folder and on a branch of a real repository: argv in, lines and an exit code out."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from perf_action.model.environment import Environment
from perf_action.model.metric import Metric
from perf_action.model.snapshot import Snapshot
from perf_action.model.trial import Side
from perf_action.recording import Run, write_run
from perf_action.system import System

Call = Callable[..., Any]
MACHINE = Environment(cpu_model="Fast 1", cores=2, tools=(("py-spy", "0.4.0"),))


class Checkout:
    def __init__(self, folder: Path, bare: Path, git_in) -> None:
        folder.mkdir()
        self.folder, self.git = folder, git_in(folder)
        self.git("init", "--quiet")
        self.git("remote", "add", "origin", bare.as_uri())

    def run(self, commit: str) -> str:
        """A run folder of `commit`; returns its path relative to the checkout."""
        metric = Metric(name="cpu.per_request", unit="s", better="lower", samples=(0.011, 0.010, 0.012))
        head = Snapshot(label="main", commit=commit, environment=MACHINE, metrics=(metric,))
        name = f"perf run {commit[:4]}"
        run = Run(config_digest="c" * 12, created=0.0, environment=MACHINE, sides={Side.HEAD: head})
        write_run(self.folder / name, run)
        return name


@pytest.fixture
def checkout(tmp_path: Path, bare: Path, git_in) -> Checkout:
    return Checkout(tmp_path / "wörk dir", bare, git_in)


@pytest.fixture
def baseline(checkout: Checkout, command, system: System) -> Call:
    def call(*args: str, **environ: str) -> Any:
        env = {**system.environ, "COLUMNS": "120", **environ}
        return command("baseline", *args, cwd=checkout.folder, env=env)

    return call


def test_save_list_show_and_prune_on_the_branch(
    baseline: Call, checkout: Checkout, bare: Path, git_in
) -> None:
    assert "no baseline yet in branch perf-data" in baseline("list").stdout
    for n, commit in enumerate(("a" * 40, "b" * 40), 1):
        saved = baseline("save", checkout.run(commit), GITHUB_RUN_ID=str(n), GITHUB_RUN_ATTEMPT="2")
        assert (saved.returncode, saved.stderr) == (0, "")
    listed = json.loads(baseline("list", "--format", "json").stdout)
    assert [(e["commit"], e["run_id"], e["attempt"]) for e in listed] == [("b" * 40, 2, 2), ("a" * 40, 1, 2)]
    assert listed[0]["fingerprint"] == MACHINE.fingerprint()
    shown = json.loads(baseline("show", "aaaa", "--format", "json").stdout)
    assert shown["metrics"] == [{"name": "cpu.per_request", "unit": "s", "samples": 3, "median": 0.011}]
    assert shown["environment"]["cpu_model"] == "Fast 1"
    assert "removed 1 entry" in baseline("prune", "--keep", "1").stdout
    assert git_in(bare)("rev-list", "--count", "perf-data") == "1"
    table = baseline("list").stdout
    assert "b" * 12 in table
    assert "a" * 12 not in table
    assert checkout.git("for-each-ref") == ""


def test_a_folder_as_store(baseline: Call, checkout: Checkout) -> None:
    saved = baseline("save", checkout.run("a" * 40), "--store", "kept here")
    assert saved.stdout.startswith(f"kept {'c' * 12}/{MACHINE.fingerprint()}/{'a' * 40}-")
    assert len(list((checkout.folder / "kept here").rglob("*.json.gz"))) == 1
    shown = baseline("show", "--store", "kept here").stdout
    assert "cpu_model: Fast 1" in shown
    assert "tools: py-spy 0.4.0" in shown
    assert "11.0 ms" in shown


def test_perf_yml_says_where(baseline: Call, checkout: Checkout, bare: Path, git_in) -> None:
    (checkout.folder / "perf.yml").write_text(
        "service: {command: x}\nload: {a: {script: l.py}}\nbaseline: {branch: from-file}\n"
    )
    baseline("save", checkout.run("a" * 40))
    baseline("save", checkout.run("a" * 40), "--branch", "from-call")
    baseline("save", checkout.run("a" * 40), PERF_INPUT_BASELINE_BRANCH="from-input")
    branches = git_in(bare)("for-each-ref", "--format=%(refname:short)").split()
    assert branches == ["from-call", "from-file", "from-input"]


@pytest.mark.parametrize("event", ["pull_request", "pull_request_target", "workflow_run"])
def test_pull_requests_never_write(
    baseline: Call, checkout: Checkout, bare: Path, git_in, event: str
) -> None:
    github = {"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": event, "GITHUB_RUN_ID": "1"}
    done = baseline("save", checkout.run("a" * 40), **github)
    assert (done.returncode, done.stdout) == (
        0,
        f"nothing kept: the event is {event}, and only runs of a branch write to the store\n",
    )
    assert baseline("prune", "--keep", "1", **github).returncode == 2
    assert git_in(bare)("for-each-ref") == ""


@pytest.mark.parametrize(
    ("args", "code", "says"),
    [
        (["list", "--branch", "../x"], 2, "baseline branch: '../x' is not a plain name"),
        (["list", "--branch", "--upload-pack=x"], 2, "baseline branch: "),
        (["show", "abc"], 2, "no baseline yet in branch perf-data"),
        (["save", "none"], 2, "none: not a run folder"),
        (["prune", "--keep", "0"], 2, "Invalid value for '--keep'"),
        (["list", "--store", "a-file"], 3, "a-file: not a folder"),
    ],
)
def test_errors_are_one_line_with_their_exit_code(
    baseline: Call, checkout: Checkout, args, code, says
) -> None:
    (checkout.folder / "a-file").write_text("")
    done = baseline(*args)
    assert done.returncode == code
    assert done.stderr.startswith("error: ")
    assert says in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_store_switched_off_keeps_nothing(baseline: Call, checkout: Checkout) -> None:
    assert "baseline.store is none" in baseline("save", checkout.run("a" * 40), "--store", "none").stdout


def test_a_run_that_was_skipped_keeps_nothing(baseline: Call, checkout: Checkout, bare: Path, git_in) -> None:
    run = Run(
        config_digest="c" * 12, created=0.0, environment=MACHINE, sides={}, skipped="only the README changed"
    )
    write_run(checkout.folder / "run", run)
    saved = baseline("save", "run")
    assert (saved.returncode, saved.stdout) == (0, "nothing kept: only the README changed\n")
    assert git_in(bare)("for-each-ref") == ""


def test_what_cannot_be_read_is_named(baseline: Call, checkout: Checkout) -> None:
    baseline("save", checkout.run("a" * 40), "--store", "kept")
    entry = next((checkout.folder / "kept").rglob("*.json.gz"))
    entry.write_bytes(b"not gzip at all")
    done = baseline("show", "--store", "kept")
    assert done.returncode == 2
    assert entry.name in done.stderr
    assert done.stderr.count("\n") == 1
