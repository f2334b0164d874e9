"""What head is measured against: the commit that ``--base`` means, fetched if it is not here.

actions/checkout fetches one commit. On a pull request that is the merge of head into its base, whose first parent is
named in the commit itself, though ``HEAD^1`` does not work there (github.md of the checkout action calls it depth 1).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from perf_action.errors import UsageError
from perf_action.git import Access, Git, complaint, open_repository
from perf_action.system import System

_ID = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_REMOTE = "origin"
_MAX_EVENT = 10_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """`commit` is a full id that can be checked out; empty if there is none, and then `notes` say why."""

    commit: str = ""
    notes: tuple[str, ...] = ()


def resolve_base(system: System, repository: Path, rev: str, access: Access | None = None) -> Base:
    """``none`` is no base, ``auto`` what the GitHub event or the branch says, anything else a revision.

    UsageError if a named revision is neither here nor at the remote.
    """
    if rev in ("none", ""):
        return Base()
    git = open_repository(system, repository, access)
    if rev != "auto":
        return Base(commit=_named(git, rev))
    if git.commit("HEAD") is None:
        return Base(notes=("the repository has no commit yet: head is measured alone",))
    event = system.environ.get("GITHUB_EVENT_NAME", "") if system.environ.get("GITHUB_ACTIONS") else ""
    if event in ("pull_request", "pull_request_target"):
        return _of_pull_request(git, system)
    if event == "push":
        return _of_push(git, _event(system))
    if event:
        return Base(notes=(f"the event {event} names no base: head is measured alone",))
    return _of_branch(git)


def _named(git: Git, rev: str) -> str:
    commit = git.commit(rev)
    if commit is None and not rev.startswith("-"):
        done = _fetch(git, rev)
        commit = git.commit("FETCH_HEAD") if done is None else None
    if commit is None:
        raise UsageError(
            f"there is no commit {rev!r} in {git.directory} or at {_REMOTE}; see `git log`, or use --base auto"
        )
    return commit


def _of_pull_request(git: Git, system: System) -> Base:
    """The first parent of GitHub's merge commit; where head itself is checked out, the merge base with the base branch."""
    parents = git.parents("HEAD")
    if len(parents) == 2 and re.fullmatch(r"refs/pull/\d+/merge", system.environ.get("GITHUB_REF", "")):
        return _present(git, parents[0], "the base of the pull request")
    branch = system.environ.get("GITHUB_BASE_REF", "")
    if git.run("check-ref-format", f"refs/heads/{branch}").code != 0:
        return Base(notes=("the pull request's base branch is not known: head is measured alone",))
    done = _fetch(git, f"refs/heads/{branch}")
    tip = git.commit("FETCH_HEAD") if done is None else git.commit(f"{_REMOTE}/{branch}")
    if tip is None:
        return Base(
            notes=(f"the base branch {branch} could not be fetched ({done}): head is measured alone",)
        )
    common = _merge_base(git, tip) or (_merge_base(git, tip) if _connect(git, tip) else None)
    if common is None:
        return _present(git, tip, f"the tip of {branch}, as no common ancestor is known")
    return _present(git, common, f"the merge base with {branch}")


def _of_push(git: Git, event: dict[str, Any]) -> Base:
    before = event.get("before")
    if not isinstance(before, str) or not _ID.fullmatch(before) or not before.strip("0"):
        return Base(notes=("the push made a new branch and has no commit before it: head is measured alone",))
    return _present(git, before, "the commit before the push")


def _of_branch(git: Git) -> Base:
    """On a laptop: where this branch left the remote's default branch; on that branch itself, the last commit if
    something is changed, else the one before.
    """
    head = git.out("rev-parse", "HEAD")
    default = next((b for b in _default_branches(git) if git.commit(b)), None)
    common = _merge_base(git, default) if default else None
    if common and common != head:
        return Base(commit=common, notes=(f"base is {common[:10]}, where this branch left {default}",))
    if git.out("status", "--porcelain", "--untracked-files=no"):
        return Base(
            commit=head, notes=(f"base is {head[:10]}, the last commit, without the uncommitted changes",)
        )
    before = git.commit("HEAD~1")
    if before is None:
        return Base(notes=("there is no commit before this one: head is measured alone",))
    return Base(commit=before, notes=(f"base is {before[:10]}, the commit before",))


def _default_branches(git: Git) -> tuple[str, ...]:
    named = git.run("rev-parse", "--abbrev-ref", f"{_REMOTE}/HEAD")
    first = (named.stdout.strip(),) if named.code == 0 else ()
    return (*first, f"{_REMOTE}/main", f"{_REMOTE}/master", "main", "master")


def _present(git: Git, commit: str, what: str) -> Base:
    """That commit, fetched if its files are not here; without it, the reason."""
    if git.run("cat-file", "-e", f"{commit}^{{tree}}").code != 0:
        failed = _fetch(git, commit)
        if failed is not None:
            return Base(
                notes=(f"{what}, {commit[:10]}, could not be fetched ({failed}): head is measured alone",)
            )
    return Base(commit=commit, notes=(f"base is {commit[:10]}, {what}",))


def _fetch(git: Git, what: str) -> str | None:
    """Fetch one commit or ref; why that failed, or None. A repository with its whole history stays one."""
    depth = ("--depth=1",) if git.shallow else ()
    done = git.run(
        "fetch", "--quiet", "--no-tags", "--no-recurse-submodules", *depth, _REMOTE, what, timeout=900
    )
    return complaint(done) if done.code != 0 else None


def _connect(git: Git, tip: str) -> bool:
    """Fetch the commits that lead to `tip` and to HEAD, without their files; whether that worked."""
    if not git.shallow:
        return False
    quietly = ("fetch", "--quiet", "--no-tags", "--no-recurse-submodules")
    ends = (tip, git.out("rev-parse", "HEAD"))
    done = git.run(*quietly, "--filter=tree:0", "--unshallow", _REMOTE, *ends, timeout=900)
    return done.code == 0


def _merge_base(git: Git, rev: str) -> str | None:
    done = git.run("merge-base", rev, "HEAD")
    return done.stdout.strip() or None if done.code == 0 else None


def _event(system: System) -> dict[str, Any]:
    """The event's payload, or nothing where there is none to read."""
    path = Path(system.environ.get("GITHUB_EVENT_PATH", ""))
    try:
        if not path.is_file() or path.stat().st_size > _MAX_EVENT:
            return {}
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}
