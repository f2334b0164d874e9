"""`perf-action publish` as the action calls it: argv and GitHub's environment in, lines and an exit code out."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from perf_action.model.report import Baseline, Report
from perf_action.model.snapshot import Snapshot
from perf_action.render import documents
from perf_action.system import write_text

Publish = Callable[..., Any]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A first run, assessed."""
    report = Report(
        title="", head=Snapshot(label="head"), base=None, baseline=Baseline(how="none"), comparison=None
    )
    out = tmp_path / "perf-run"
    out.mkdir()
    for name, text in documents(report).items():
        write_text(out / name, text)
    return out


@pytest.fixture
def publish(fake, tmp_path: Path, folder: Path, command) -> Publish:
    event = tmp_path / "event.json"
    head = {"sha": "b" * 40, "repo": {"full_name": "o/r"}}
    event.write_text(json.dumps({"pull_request": {"number": 7, "head": head}}))
    actions = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_EVENT_NAME": "pull_request",
        "GITHUB_EVENT_PATH": str(event),
        "GITHUB_REPOSITORY": "o/r",
        "GITHUB_API_URL": fake.url,
        "GITHUB_RUN_ID": "500",
        "GITHUB_TOKEN": "s3cret",
        "GITHUB_WORKSPACE": str(tmp_path),
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary"),
        "GITHUB_OUTPUT": str(tmp_path / "output"),
    }

    def call(*args: str, on_github: bool = True, **environ: str) -> Any:
        env = {**(actions if on_github else {}), **environ}
        return command("publish", str(folder), *args, cwd=tmp_path, env=env)

    return call


def test_on_a_pull_request(fake, publish: Publish, tmp_path: Path) -> None:
    done = publish("--comment-id", "api")
    assert (done.returncode, done.stderr) == (0, "")
    assert "comment: created" in done.stdout
    assert fake.comments[0]["body"].startswith("<!-- perf-action comment-id=api -->")
    assert "verdict<<" in (tmp_path / "output").read_text()
    assert "First run" in (tmp_path / "summary").read_text()
    assert "s3cret" not in done.stdout + (tmp_path / "summary").read_text() + fake.comments[0]["body"]


def test_the_inputs_of_the_action_and_perf_yml_are_followed(fake, publish: Publish, tmp_path: Path) -> None:
    (tmp_path / "perf.yml").write_text(
        "service: {command: x}\nload: {a: {script: l.py}}\ncomment: {id: from-file, mode: never}\n"
    )
    assert "comment-mode is never" in publish().stdout
    publish(PERF_INPUT_COMMENT_MODE="always")
    publish("--comment-mode", "always", "--comment-id", "from-call", PERF_INPUT_COMMENT_MODE="never")
    markers = [c["body"].splitlines()[0] for c in fake.comments]
    assert markers == [f"<!-- perf-action comment-id={n} -->" for n in ("from-file", "from-call")]


def test_403_ends_green_with_a_warning(fake, publish: Publish) -> None:
    fake.may_write = False
    done = publish()
    assert done.returncode == 0
    assert "\n::warning title=perf-action::The comment was not posted: POST" in done.stdout


def test_elsewhere_it_says_what_it_would_do(fake, publish: Publish) -> None:
    done = publish(on_github=False)
    assert done.returncode == 0
    assert "not on GitHub Actions, so nothing is published" in done.stdout
    assert fake.requests == []


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["--comment-id", "a --> b"], "error: comment-id 'a --> b': "),
        (["--comment-mode", "loud"], "error: Invalid value for '--comment-mode'"),
        (["--config", "broken.yml"], "error: broken.yml: servce: unknown key; did you mean 'service'?"),
    ],
)
def test_bad_usage_is_one_line_and_exit_2(publish: Publish, tmp_path: Path, args, says) -> None:
    (tmp_path / "broken.yml").write_text("servce: {}\n")
    done = publish(*args)
    assert done.returncode == 2
    assert done.stderr.startswith(says)
    assert done.stderr.count("\n") == 1


def test_a_broken_config_that_failed_the_run_is_told_all_the_same(
    fake, publish: Publish, tmp_path: Path
) -> None:
    (tmp_path / "broken.yml").write_text("servce: {}\n")
    (tmp_path / "failures").write_text("run\t2\tbroken.yml: servce: unknown key\n")
    done = publish("--config", "broken.yml", "--failures", "failures")
    assert done.returncode == 0
    assert "unknown key" in fake.comments[0]["body"]
