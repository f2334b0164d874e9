"""The commits before a commit, also where actions/checkout has fetched only one: baselines are looked up by them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from perf_action.machine.git import Access, Git, open_repository
from perf_action.system import System

_REMOTE = "origin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ancestor:
    """A commit; `time` is its commit date in seconds since the epoch."""

    commit: str
    time: float


def history(
    system: System, repository: Path, commit: str, *, limit: int = 500, access: Access | None = None
) -> tuple[Ancestor, ...]:
    """`commit` and its ancestors, latest first, at most `limit`. Empty outside git, or if the commit cannot be had.

    In a shallow repository the commits are fetched, without trees and files (about 1 kB each).
    """
    git = open_repository(system, repository, access)
    found = _walk(git, commit, limit)
    if len(found) < limit and git.shallow and connect(git, (commit,), limit):
        found = _walk(git, commit, limit)
    return found


def connect(git: Git, revs: Iterable[str], limit: int | None = None) -> bool:
    """Fetch the commits that lead to `revs`, `limit` of them or all; whether that worked. Files are not fetched."""
    if not git.shallow:
        return False
    ids = [found for rev in revs if (found := git.commit(rev))] or list(revs)
    depth = f"--depth={limit}" if limit else "--unshallow"
    fetched = (
        "fetch",
        "--quiet",
        "--no-tags",
        "--no-recurse-submodules",
        "--filter=tree:0",
        depth,
        _REMOTE,
        *ids,
    )
    return git.try_run(*fetched, timeout=900).code == 0


def _walk(git: Git, commit: str, limit: int) -> tuple[Ancestor, ...]:
    done = git.try_run("log", "--format=%H %ct", f"--max-count={limit}", "--end-of-options", commit)
    if done.code != 0:
        return ()
    rows = (line.split() for line in done.stdout.splitlines())
    return tuple(Ancestor(commit=sha, time=float(when)) for sha, when in rows)
