"""What git is told about a repository, and what it says when it fails."""

from __future__ import annotations

from pathlib import Path

import pytest

from perf_action.errors import CannotMeasure, StoreError
from perf_action.git import Access, Git, access_of, complaint, open_repository
from perf_action.system import Completed, System


def git_in(folder: Path, system: System, **environ: str) -> Git:
    folder.mkdir(exist_ok=True)
    git = Git(System({**system.environ, **environ}), folder)
    git.out("init", "--quiet")
    return git


def test_a_hooks_variables_do_not_lead_into_its_repository(system: System, tmp_path: Path) -> None:
    git_in(tmp_path / "theirs", system)
    mine = git_in(tmp_path / "mine", system, GIT_DIR=str(tmp_path / "theirs" / ".git"))
    assert mine.out("rev-parse", "--absolute-git-dir") == str(tmp_path / "mine" / ".git")


def test_no_hook_of_the_repository_runs(system: System, tmp_path: Path) -> None:
    git = git_in(tmp_path / "w", system)
    hook = git.directory / ".git" / "hooks" / "pre-commit"
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    git.out("commit", "--quiet", "--allow-empty", "-m", "x")
    assert git.commit("HEAD") is not None
    assert git.commit("nowhere") is None
    assert git.parents("HEAD") == ()


def test_settings_of_the_environment_stay(system: System, tmp_path: Path) -> None:
    given = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "x.y", "GIT_CONFIG_VALUE_0": "kept"}
    git = git_in(tmp_path / "w", system, **given)
    assert git.out("config", "x.y") == "kept"
    assert git.out("config", "core.hooksPath") == "/dev/null"


def test_the_error_is_gits_own_word_of_the_kind_asked_for(system: System, tmp_path: Path) -> None:
    with pytest.raises(CannotMeasure, match=r"^git rev-parse failed: not a git repository"):
        Git(system, tmp_path).out("rev-parse", "HEAD")
    with pytest.raises(StoreError):
        Git(system, tmp_path, error=StoreError).out("rev-parse", "HEAD")
    with pytest.raises(CannotMeasure, match="is in no git repository"):
        open_repository(system, tmp_path)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("hint: try\nremote: Permission denied.\nfatal: unable to access: 403\n", "Permission denied."),
        ("warning: x\nerror: pathspec 'y' did not match\n", "pathspec 'y' did not match"),
        ("no prefix\nat all\n", "at all"),
        ("", "exit code 128"),
    ],
)
def test_the_line_that_says_what_is_wrong_is_found(said: str, shown: str) -> None:
    assert complaint(Completed(argv=(), code=128, stdout="", stderr=said, seconds=0)) == shown


def test_a_token_is_shown_nowhere() -> None:
    access = access_of({"GH_TOKEN": "t0ken", "GITHUB_SERVER_URL": "https://ghe.example/"})
    assert access == Access.of_token("https://ghe.example", "t0ken")
    assert "t0ken" not in repr(access)
    assert access.without_secret("fatal: t0ken") == "fatal: ***"
    assert access_of({}) is None
