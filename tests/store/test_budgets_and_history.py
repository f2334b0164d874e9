"""Ratchets and accepted regressions from perf.yml and a commit's message to the report, the exit code and the history."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from pytest_httpserver import HTTPServer

from perf_action.config import digest, read_config
from perf_action.config.budgets import parse_budgets
from perf_action.model.environment import Environment
from perf_action.model.metric import Metric
from perf_action.model.snapshot import Snapshot
from perf_action.model.trial import Side
from perf_action.recording import Run, write_run
from perf_action.system import System

MACHINE = Environment(cpu_model="Fast 1", cores=2)
PERF_YML = """
service: {command: x, ready: {log: up}}
load: {a: {script: l.py}}
baseline: {store: directory, path: kept}
budgets: {ratchet: true, memory.peak: 500MB}
fail-on: [regression, budget]
"""
LINE = "Perf-accept: memory.peak cpu.per_request until 2999-12-31 because signatures are <b>checked</b>"


def snapshot(commit: str, peak: float, cpu: float = 0.001) -> Snapshot:
    launches = tuple(range(10))
    metrics = (
        Metric(name="memory.peak", unit="bytes", better="lower", samples=(peak,), exact=True),
        Metric(
            name="cpu.per_request",
            unit="s",
            better="lower",
            samples=tuple(cpu * (1 + i / 1000) for i in launches),
            launches=launches,
            pairs=launches,
        ),
    )
    return Snapshot(label=commit[:7], commit=commit, environment=MACHINE, metrics=metrics)


class Checkout:
    """A repository with perf.yml, runs of its commits, and the command line in it."""

    def __init__(self, folder: Path, git: Any, command: Any, system: System) -> None:
        self.folder, self.git, self.command, self.system = folder, git, command, system
        self.previous = snapshot("0" * 40, 200e6)
        self.git("init", "--quiet", "--initial-branch=main")
        (folder / "perf.yml").write_text(PERF_YML)

    def commit(self, message: str) -> str:
        self.git("add", "perf.yml")
        self.git("commit", "--quiet", "--allow-empty", "-m", message)
        return str(self.git("rev-parse", "HEAD")).strip()

    def call(self, *args: str) -> Any:
        return self.command(*args, cwd=self.folder, env=dict(self.system.environ))

    def measured(self, message: str, peak: float, cpu: float = 0.001) -> Path:
        head = snapshot(self.commit(message), peak, cpu)
        config = read_config(self.folder / "perf.yml")
        run = Run(
            config_digest=digest(config),
            created=1.7e9,
            environment=MACHINE,
            sides={Side.BASE: self.previous, Side.HEAD: head},
        )
        self.previous = head
        write_run(self.folder / "run", run)
        return self.folder / "run"

    def assessed(self, message: str, peak: float, cpu: float = 0.001) -> tuple[Any, dict[str, Any]]:
        run = self.measured(message, peak, cpu)
        words = "regression,budget"
        done = self.call("assess", str(run), "--config", "perf.yml", "--fail-on", words)
        return done, json.loads((run / "report.json").read_text())

    def kept(self, message: str, peak: float, cpu: float = 0.001) -> None:
        self.assessed(message, peak, cpu)
        saved = self.call("baseline", "save", "run")
        assert (saved.returncode, saved.stderr) == (0, "")


@pytest.fixture
def checkout(tmp_path: Path, git_in, command, system: System) -> Checkout:
    folder = tmp_path / "wörk dir"
    folder.mkdir()
    return Checkout(folder, git_in(folder), command, system)


def test_a_ratchet_holds_what_three_runs_kept_to(checkout):
    for _ in range(3):
        checkout.kept("same", 200e6)
    done, report = checkout.assessed("bigger", 230e6)
    (budget,) = report["budgets"]
    assert (budget["state"], budget["limit"]) == ("fail", pytest.approx(210e6))
    assert budget["origin"].startswith("the ratchet: 3 runs up to")
    assert done.returncode == 1
    assert "the ratchet" in (checkout.folder / "run" / "summary.md").read_text()


def test_without_enough_history_the_limit_of_perf_yml_stands(checkout):
    checkout.kept("same", 200e6)
    _, report = checkout.assessed("bigger", 230e6)
    assert (report["budgets"][0]["state"], report["budgets"][0]["limit"]) == ("pass", 500e6)
    assert report["budgets"][0]["origin"] == "the ratchet needs 2 more runs"


def test_an_accepted_regression_shows_fails_nothing_is_kept_and_moves_the_ratchet(checkout):
    (checkout.folder / "perf.yml").write_text(PERF_YML + "accept: [commit]\n")
    for _ in range(3):
        checkout.kept("same", 200e6)
    done, report = checkout.assessed(f"Check signatures\n\n{LINE}", 260e6, 0.0013)
    assert report["verdict"] == "regression"
    assert report["fails"] == []
    assert done.returncode == 0
    states = {a["subject"]: (a["state"], tuple(a["rows"])) for a in report["accepted"]}
    assert states == {
        "memory.peak": ("honoured", ("metric memory.peak", "budget memory.peak")),
        "cpu.per_request": ("honoured", ("metric cpu.per_request",)),
    }
    text = (checkout.folder / "run" / "comment.md").read_text()
    assert "Accepted: `memory.peak`" in text
    assert "until 2999-12-31: signatures are" in text
    assert "<b>checked" not in text
    checkout.call("baseline", "save", "run")
    said = json.loads(checkout.call("trend", "kept", "--format", "json").stdout)
    assert any("what memory.peak cost more at" in note for note in said["notes"])
    for _ in range(2):
        checkout.kept("same", 260e6, 0.0013)
    _, report = checkout.assessed("same", 262e6, 0.0013)
    assert report["budgets"][0]["limit"] == pytest.approx(260e6 * 1.05)
    assert report["fails"] == []


def test_a_message_is_not_enough_by_default(checkout):
    done, report = checkout.assessed(f"Slower\n\n{LINE}", 260e6)
    assert {a["state"] for a in report["accepted"]} == {"not allowed"}
    assert done.returncode == 1
    assert "Not accepted" in (checkout.folder / "run" / "comment.md").read_text()


@pytest.fixture
def api(httpserver: HTTPServer) -> str:
    """An API that gives nothing away."""
    httpserver.expect_request(re.compile("")).respond_with_data("", status=403)
    return httpserver.url_for("").rstrip("/")


def pull_request(checkout: Checkout, tmp_path: Path, base: str, api: str, **more: str) -> dict[str, str]:
    """The environment of a pull request."""
    event = {
        "pull_request": {
            "number": 7,
            "head": {"sha": "b" * 40, "repo": {"full_name": "o/r"}},
            "base": {"sha": base, "ref": "main"},
            "labels": [{"name": "perf-accepted"}],
        }
    }
    (tmp_path / "event.json").write_text(json.dumps(event))
    return {
        **checkout.system.environ,
        "GITHUB_ACTIONS": "true",
        "GITHUB_EVENT_NAME": "pull_request",
        "GITHUB_EVENT_PATH": str(tmp_path / "event.json"),
        "GITHUB_REPOSITORY": "o/r",
        "GITHUB_API_URL": api,
        **more,
    }


@pytest.mark.parametrize(
    ("of_base", "of_head", "state"),
    [
        ("", "", "honoured"),
        ("accept: []\n", "", "not allowed"),
        ("accept: []\n", "accept: [label, commit]\n", "not allowed"),
        ("", "accept: []\n", "not allowed"),
        ("accept: {broken", "", "honoured"),
    ],
)
def test_a_pull_request_cannot_allow_itself_more_than_base_does(
    checkout, tmp_path, api, *, of_base, of_head, state
):
    (checkout.folder / "perf.yml").write_text(PERF_YML + of_base)
    base = checkout.commit("base")
    checkout.previous = snapshot(base, 200e6)
    (checkout.folder / "perf.yml").write_text(PERF_YML + of_head)
    run = checkout.measured("head", 260e6)
    environ = pull_request(checkout, tmp_path, base, api)
    checkout.command("assess", str(run), "--config", "perf.yml", cwd=checkout.folder, env=environ)
    report = json.loads((run / "report.json").read_text())
    assert [a["state"] for a in report["accepted"]] == [state]
    assert bool(report["fails"]) is (state != "honoured")


def suggested(checkout: Checkout, *more: str) -> Any:
    return checkout.call("budgets", "suggest", "kept", *more)


def test_suggestions_can_be_pasted_and_hold_what_there_was(checkout):
    for i in range(12):
        checkout.kept("same", 200e6 + i * 1e6, 0.001 + i * 1e-6)
    done = suggested(checkout)
    assert (done.returncode, done.stderr) == (0, "")
    budgets = {b.rule: b for b in parse_budgets(yaml.safe_load(done.stdout)["budgets"])}
    assert 211e6 < budgets["memory.peak"].limit < 240e6
    assert 1.011e6 < budgets["cpu.per_request"].limit < 1.2e6
    assert "# 12 runs kept to 211 MB" in done.stdout
    only = json.loads(suggested(checkout, "--metric", "memory.*", "--format", "json").stdout)
    assert [s["name"] for s in only] == ["memory.peak"]


def test_with_too_little_history_it_says_how_many_runs_are_missing(checkout):
    checkout.kept("same", 200e6)
    done = suggested(checkout)
    assert done.returncode == 0
    assert "7 more runs" in done.stdout
    assert yaml.safe_load(done.stdout) is None
    assert "8 more runs" in checkout.call("budgets", "suggest", "nowhere").stdout


def test_what_is_in_force_can_be_looked_at(checkout):
    written = "{preset: guide, ratchet: true, memory.peak: 500MB, cpu.per_request: +5%}"
    (checkout.folder / "perf.yml").write_text(
        PERF_YML.replace("{ratchet: true, memory.peak: 500MB}", written)
    )
    for _ in range(3):
        checkout.kept("same", 200e6)
    done = checkout.call("budgets", "show")
    assert (done.returncode, done.stderr) == (0, "")
    lines = {line.split("  ")[0]: line for line in done.stdout.splitlines()}
    assert "210MB" in lines["memory.peak"]
    assert "the ratchet: 3 runs" in lines["memory.peak"]
    assert "5%" in lines["category locks"]
    assert "preset guide" in lines["category locks"]
    assert "+5%" in lines["cpu.per_request"]
    assert lines["cpu.per_request"].endswith("perf.yml")
