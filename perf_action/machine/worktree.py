"""A commit as files in a folder of its own, beside the user's checkout and never in it."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from perf_action.errors import CannotMeasure, UsageError, one_line
from perf_action.git import Access, Git, complaint, open_repository
from perf_action.machine.builds import Kept
from perf_action.model.trial import Side
from perf_action.system import System


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkout:
    """Files to be measured. `commit` is the full id they come from, empty outside git; `tree` says what is in them: two
    with the same tree have the same files. `changed`: uncommitted changes are in it.
    """

    path: Path
    commit: str
    tree: str
    changed: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """What is to be checked out, looked up once. `content` is the commit that holds the files: `commit` itself, or one of
    the tracked files as they are now where those were asked for (`uncommitted`) and something is changed.
    """

    commit: str
    content: str
    tree: str
    uncommitted: bool = False

    @property
    def changed(self) -> bool:
        return self.content != self.commit


def revision(
    system: System, repo: Path, rev: str, *, uncommitted: bool = False, access: Access | None = None
) -> Revision:
    """The commit that `rev` means; with `uncommitted`, and `rev` HEAD, the changes of tracked files go with it.

    UsageError if there is no such commit.
    """
    git = open_repository(system, repo, access)
    commit = git.commit(rev)
    if commit is None:
        raise UsageError(f"{repo}: there is no commit {rev!r}; fetch it, or name one with --base")
    return _revision(git, commit, uncommitted=uncommitted)


def _revision(git: Git, commit: str, *, uncommitted: bool) -> Revision:
    content = (_stash(git) if uncommitted else None) or commit
    tree = git.out("rev-parse", f"{content}^{{tree}}")
    return Revision(commit=commit, content=content, tree=tree, uncommitted=uncommitted)


def in_place(system: System, path: Path) -> Checkout:
    """The folder as it is: what one side alone is measured in. Also works outside git."""
    try:
        git = open_repository(system, path)
    except CannotMeasure:
        return Checkout(path=path.resolve(), commit="", tree="", notes=("not a git repository",))
    commit = git.commit("HEAD")
    if commit is None:
        return Checkout(path=git.directory, commit="", tree="", notes=("the repository has no commit yet",))
    found = _revision(git, commit, uncommitted=True)
    notes = ("uncommitted changes are measured too",) if found.changed else ()
    return Checkout(path=git.directory, commit=commit, tree=found.tree, changed=found.changed, notes=notes)


@contextlib.contextmanager
def worktree(
    system: System,
    repo: Path,
    wanted: Revision,
    *,
    side: Side,
    directory: str = ".",
    access: Access | None = None,
    kept: Kept | None = None,
) -> Iterator[Checkout]:
    """A detached worktree in a temporary folder, removed at the end; with `kept`, in its place.

    The paths of both sides are equally long: their length moves the stack, and with it the times.
    """
    git = open_repository(system, repo, access)
    with contextlib.ExitStack() as stack:
        path = kept.checkout if kept else _temporary(stack) / side.value
        stack.callback(_remove, git, path)
        how = ("--no-checkout",) if kept and kept.built else ()
        done = git.run(
            "worktree", "add", "--detach", "--force", *how, str(path), wanted.content, timeout=1800
        )
        if done.code != 0:
            raise CannotMeasure(f"{wanted.commit} could not be checked out: {complaint(done)}")
        if kept:
            if kept.built:
                kept.fill()
                open_repository(system, path).out("read-tree", "HEAD")
            stack.callback(kept.put_aside)
        yield Checkout(
            path=path,
            commit=wanted.commit,
            tree=wanted.tree,
            changed=wanted.changed,
            notes=_notes(git, path, directory, wanted),
        )


def _temporary(stack: contextlib.ExitStack) -> Path:
    # never /tmp/perf-…: perf takes every file there for a map of a just-in-time compiler, and names no function of it
    home = Path(tempfile.mkdtemp(prefix="checkout-"))
    stack.callback(shutil.rmtree, home, ignore_errors=True)
    return home


def _remove(git: Git, path: Path) -> None:
    git.run("worktree", "remove", "--force", "--force", str(path))
    shutil.rmtree(path, ignore_errors=True)
    git.run("worktree", "prune")


def _stash(git: Git) -> str | None:
    """A commit of the tracked files as they are now, or None if nothing is changed. Nothing in the checkout is touched."""
    done = git.run("stash", "create")
    if done.code == 1 and not (done.stdout + done.stderr).strip():
        return None  # files that were only touched: git looks for a change, and finds none
    if done.code != 0:
        raise CannotMeasure(
            f"the uncommitted changes could not be read: {complaint(done)}; commit them first"
        )
    return done.stdout.strip() or None


def _notes(git: Git, path: Path, directory: str, wanted: Revision) -> tuple[str, ...]:
    out = []
    if wanted.changed:
        out.append("head contains uncommitted changes of tracked files")
    if wanted.uncommitted and (left := _untracked(git, directory)):
        out.append(
            f"untracked files are not measured ({one_line(left[0], 100)}{', …' if len(left) > 1 else ''}); git add them"
        )
    if (path / ".gitmodules").exists():
        out.append("submodules are not checked out; do so in service.setup")
    attributes = path / ".gitattributes"
    if attributes.is_file() and "filter=lfs" in attributes.read_text(encoding="utf-8", errors="replace"):
        out.append("files of git LFS are left as pointers; run git lfs pull in service.setup")
    return tuple(out)


def _untracked(git: Git, directory: str) -> list[str]:
    listed = git.out("ls-files", "--others", "--exclude-standard", "-z", "--", directory)
    return [name for name in listed.split("\0") if name]
