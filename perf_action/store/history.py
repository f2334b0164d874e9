"""Where a change stands in the history: which commits are its ancestors, how far away and how old.

A checkout in CI usually has one commit (depth 1). What is missing is then fetched, commits only, into a repository
of our own: the user's checkout stays as shallow as it was.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Final

from perf_action.errors import StoreError
from perf_action.git import Git, complaint
from perf_action.store.remote import Remote
from perf_action.system import System

#: older baselines than this many commits back are not looked for
LIMIT: Final = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """`time_s`: when it was committed, seconds since the epoch."""

    sha: str
    parents: tuple[str, ...] = ()
    time_s: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """`start` and its ancestors, newest first; `start` is the commit that a change builds on, empty if unknown.

    `notes` says in words for people why it is shorter than it should be.
    """

    start: str = ""
    commits: Mapping[str, Commit] = field(default_factory=lambda: MappingProxyType({}))
    notes: tuple[str, ...] = ()

    def distances(self) -> dict[str, int]:
        """How many steps from child to parent lead from `start` to each ancestor, by the shortest way."""
        steps = {self.start: 0} if self.start in self.commits else {}
        todo = deque(steps)
        while todo:
            sha = todo.popleft()
            for parent in self.commits[sha].parents:
                if parent in self.commits and parent not in steps:
                    steps[parent] = steps[sha] + 1
                    todo.append(parent)
        return steps


def history_of(start: str, commits: Iterable[Commit], *notes: str) -> History:
    return History(start=start, commits=MappingProxyType({c.sha: c for c in commits}), notes=notes)


def read_history(
    system: System,
    repository: Path,
    remote: Remote | None,
    scratch: Path,
    *,
    head: str,
    base: str = "",
    pull_head: str = "",
) -> History:
    """The history that `head`, the measured commit, builds on.

    That is its first parent if GitHub made `head` by merging `pull_head` into the base (the base as it was merged,
    which the event's `base.sha` may not be any more); else the merge-base with `base`, a commit of the target branch;
    without one, as on a push, the first parent. What cannot be found out is a note, not an error: there is then no
    baseline.
    """
    git = Git(system, repository, remote.access if remote else None, error=StoreError)
    known = git.run("rev-parse", "--verify", "--quiet", f"{head}^{{commit}}")
    if known.code:
        return history_of(
            "", (), f"{head or 'the measured commit'} is not in {repository}, so its ancestors are unknown"
        )
    head = known.stdout.strip()
    merged = git.parents(head)
    first = merged[0] if merged else ""
    ends = (first,) if not base or (pull_head and merged[1:] == (pull_head,)) else (head, base)
    if not ends[0]:
        return history_of("", (), f"{head[:12]} is the first commit")
    if _is_complete(git, ends):
        return _from(git, ends)
    if remote is None:
        return history_of(
            "", (), f"{repository} is a shallow clone without a remote; fetch its history first"
        )
    try:
        return _from_remote(system, remote, scratch, ends)
    except StoreError as error:
        return history_of("", (), f"the history before {head[:12]} could not be fetched: {error}")


def _is_complete(git: Git, ends: tuple[str, ...]) -> bool:
    return not git.shallow and all(git.run("cat-file", "-e", f"{end}^{{commit}}").code == 0 for end in ends)


def _from(git: Git, ends: tuple[str, ...]) -> History:
    start = ends[0]
    if len(ends) > 1:
        common = git.run("merge-base", *ends)
        if common.code:
            return history_of("", (), f"{ends[0][:12]} and {ends[1][:12]} have no commit in common")
        start = common.stdout.strip()
    listed = git.out("log", f"--max-count={LIMIT}", "--format=%H %ct %P", start)
    return history_of(start, (_commit(line) for line in listed.splitlines()))


def _commit(line: str) -> Commit:
    sha, time_s, *parents = line.split()
    return Commit(sha=sha, time_s=int(time_s), parents=tuple(parents))


def _from_remote(system: System, remote: Remote, scratch: Path, ends: tuple[str, ...]) -> History:
    """Fetch commits without trees; so many that they usually suffice, and all if the ends have not met by then."""
    git = Git(system, scratch / "history.git", remote.access, error=StoreError)
    git.start(remote.url)
    for depth in (f"--depth={LIMIT}", "--unshallow"):
        done = git.run("fetch", "--quiet", "--filter=tree:0", "--no-tags", depth, "origin", *ends)
        if done.code:
            raise StoreError(f"git fetch failed: {complaint(done)}")
        if len(ends) == 1 or not git.shallow or git.run("merge-base", *ends).code == 0:
            break
    return _from(git, ends)
