from __future__ import annotations

import os

import pytest

from perf_action.errors import CannotMeasure, UsageError
from perf_action.machine.worktree import in_place, revision, worktree
from perf_action.model.trial import Side


def test_two_sides_are_checked_out_beside_the_users_folder_and_removed(repo, system):
    old = repo.commit(app__py="1")
    new = repo.commit(app__py="2")
    with (
        worktree(system, repo.path, revision(system, repo.path, old), side=Side.BASE) as base,
        worktree(
            system, repo.path, revision(system, repo.path, "HEAD", uncommitted=True), side=Side.HEAD
        ) as head,
    ):
        assert ((base.path / "app.py").read_text(), (head.path / "app.py").read_text()) == ("1", "2")
        assert (base.commit, head.commit) == (old, new)
        assert base.tree != head.tree
        assert len(str(base.path)) == len(str(head.path))
        assert not base.path.is_relative_to(repo.path)
        assert not head.changed
    assert not base.path.exists()
    assert len(repo.git("worktree", "list").splitlines()) == 1
    assert repo.git("status", "--porcelain") == ""


def test_uncommitted_changes_of_tracked_files_are_in_head_and_stay_in_the_users_folder(repo, system):
    commit = repo.commit(app__py="1")
    (repo.path / "app.py").write_text("changed")
    (repo.path / "new.py").write_text("untracked")
    with worktree(
        system, repo.path, revision(system, repo.path, "HEAD", uncommitted=True), side=Side.HEAD
    ) as head:
        assert (head.path / "app.py").read_text() == "changed"
        assert not (head.path / "new.py").exists()
        assert head.changed
        assert head.commit == commit
        assert head.notes == (
            "head contains uncommitted changes of tracked files",
            "untracked files are not measured (new.py); git add them",
        )
    assert (repo.path / "app.py").read_text() == "changed"
    assert repo.git("stash", "list") == ""


def test_files_that_were_only_touched_are_no_change(repo, system):
    repo.commit(app__py="1")
    os.utime(repo.path / "app.py", (1, 1))
    with worktree(
        system, repo.path, revision(system, repo.path, "HEAD", uncommitted=True), side=Side.HEAD
    ) as head:
        assert not head.changed
        assert head.notes == ()


def test_untracked_files_elsewhere_and_ignored_ones_are_not_mentioned(repo, system):
    repo.commit(app__py="1", __gitignore="*.log")
    (repo.path / "other.txt").write_text("x")
    service = repo.path / "service"
    service.mkdir()
    (service / "x.log").write_text("x")
    with worktree(
        system,
        repo.path,
        revision(system, repo.path, "HEAD", uncommitted=True),
        side=Side.HEAD,
        directory="service",
    ) as head:
        assert head.notes == ()


def test_hooks_do_not_run_and_lfs_and_submodules_are_left_alone_with_a_note(repo, system, tmp_path):
    repo.commit(
        app__py="1",
        __gitattributes="*.bin filter=lfs diff=lfs merge=lfs -text\n",
        __gitmodules='[submodule "x"]\n\tpath = x\n\turl = ../x\n',
    )
    hook = repo.path / ".git/hooks/post-checkout"
    hook.write_text(f"#!/bin/sh\ntouch '{tmp_path}/hooked'\n")
    hook.chmod(0o755)
    with worktree(system, repo.path, revision(system, repo.path, "HEAD"), side=Side.HEAD) as head:
        assert head.notes == (
            "submodules are not checked out; do so in service.setup",
            "files of git LFS are left as pointers; run git lfs pull in service.setup",
        )
    assert not (tmp_path / "hooked").exists()


@pytest.mark.parametrize("rev", ["no-such-branch", "--output=/tmp/x", "HEAD:app.py"])
def test_a_revision_that_is_no_commit_is_an_error(repo, system, rev):
    repo.commit(app__py="1")
    with (
        pytest.raises(UsageError, match=r"there is no commit .*; fetch it, or name one with --base$"),
        worktree(system, repo.path, revision(system, repo.path, rev), side=Side.BASE),
    ):
        pass


def test_outside_git_there_is_nothing_to_check_out(tmp_path, system):
    with (
        pytest.raises(CannotMeasure, match="is in no git repository"),
        worktree(system, tmp_path, revision(system, tmp_path, "HEAD"), side=Side.HEAD),
    ):
        pass


def test_a_worktree_is_removed_when_measuring_fails(repo, system):
    repo.commit(app__py="1")
    made = []

    def measure():
        with worktree(system, repo.path, revision(system, repo.path, "HEAD"), side=Side.HEAD) as head:
            made.append(head.path / "made")
            made[0].write_text("by the build")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        measure()
    assert not made[0].parent.parent.exists()
    assert len(repo.git("worktree", "list").splitlines()) == 1


def test_two_runs_at_once_do_not_disturb_each_other(repo, system):
    repo.commit(app__py="1")
    with worktree(system, repo.path, revision(system, repo.path, "HEAD"), side=Side.HEAD) as one:
        with worktree(system, repo.path, revision(system, repo.path, "HEAD"), side=Side.HEAD) as other:
            assert one.path != other.path
        assert (one.path / "app.py").exists()
        assert len(repo.git("worktree", "list").splitlines()) == 2


def test_one_side_is_measured_where_it_lies(repo, system):
    commit = repo.commit(app__py="1")
    clean = in_place(system, repo.path)
    assert (clean.path, clean.commit, clean.changed) == (repo.path, commit, False)
    (repo.path / "app.py").write_text("2")
    changed = in_place(system, repo.path)
    assert changed.changed
    assert changed.tree != clean.tree
    assert changed.notes == ("uncommitted changes are measured too",)


def test_a_folder_outside_git_and_a_repository_without_commits_can_be_measured_in_place(
    repo, tmp_path, system
):
    assert in_place(system, tmp_path).notes == ("not a git repository",)
    assert in_place(system, repo.path).notes == ("the repository has no commit yet",)


def test_perf_names_the_functions_of_what_is_built_in_a_checkout(repo, system, tmp_path):
    source = "static volatile long sum; void spin(void) { for (long i = 0; i < 300000000; i++) sum += i; } int main(void) { spin(); }"
    repo.commit(spin__c=source)
    with worktree(system, repo.path, revision(system, repo.path, "HEAD"), side=Side.HEAD) as head:
        built = system.run(["cc", "-O0", "-o", "spin", "spin.c"], cwd=head.path)
        assert built.code == 0, built.stderr
        recorded = tmp_path / "perf.data"
        record = ["perf", "record", "-e", "cpu-clock:u", "-o", str(recorded), str(head.path / "spin")]
        assert system.run(record).code == 0
        said = system.run(["perf", "script", "-i", str(recorded), "-F", "ip,sym"]).stdout
    assert "spin" in said.split()
