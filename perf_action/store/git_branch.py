"""A store on a branch of the repository itself (default ``perf-data``): nothing to set up, and it has a history.

Writers never meet in a file, since every entry is a new one; they only race for the tip of the branch. A writer
therefore fetches the newest tip without its files, puts its entry on top and pushes; if another was quicker, it does
so again after a random pause. That loses nothing, while rebasing and counting tries does. Never forced, except by
`prune`, which replaces the history by one commit on condition that the tip is still the one that it read.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from perf_action.errors import StoreError
from perf_action.git import Git, complaint
from perf_action.store.base import check_size, surplus
from perf_action.store.key import EntryKey, parse
from perf_action.store.remote import Remote
from perf_action.system import Completed, System

TRIES: Final = 60
NETWORK_TRIES: Final = 5
#: seconds to wait before the next try, drawn uniformly: exponential back-off has tails of a minute
JITTER: Final = (0.05, 1.5)

#: how git itself fetches files that a clone without them lacks; their ids come from standard input
_BLOBS = ("--no-tags", "--no-write-fetch-head", "--recurse-submodules=no", "--filter=blob:none", "--stdin")
_TIP = "refs/perf-action/tip"
_NO_BRANCH = re.compile(r"couldn't find remote ref", re.IGNORECASE)
_LOST_THE_RACE = re.compile(
    r"non-fast-forward|fetch first|cannot lock ref|failed to update ref|stale info|already exists|incorrect old value",
    re.IGNORECASE,
)
_REFUSED = re.compile(
    r"permission|denied|40[13]|authentication failed|could not read username|protected|hook declined|not allowed",
    re.IGNORECASE,
)
_NETWORK = re.compile(
    r"returned error: (429|5\d\d)|timed out|connection (reset|refused)|early eof|hung up|rpc failed|could not resolve",
    re.IGNORECASE,
)
_README = b"""# Measurements kept by perf-action

One file per run, written by the workflow on the default branch and read by pull requests. Nothing here is meant to
be edited; `perf-action baseline list` shows it, `perf-action baseline prune` makes it smaller, and deleting the
branch starts anew.
"""


class GitBranchStore:
    """Entries are files of `branch` at `remote`. `scratch` is a folder of our own, gone when the caller is done.

    The wait between tries is `pause(low, high)`: it draws the seconds and lets them pass.
    """

    def __init__(
        self,
        remote: Remote,
        branch: str,
        system: System,
        scratch: Path,
        *,
        tries: int = TRIES,
        pause: Callable[[float, float], None] | None = None,
    ) -> None:
        self.remote, self.branch, self.system = remote, branch, system
        self._scratch, self._tries = scratch, tries
        self._git = Git(system, scratch / "store.git", remote.access, error=StoreError)
        self._pause = pause or (lambda low, high: system.sleep(random.uniform(low, high)))  # noqa: S311
        self._objects: dict[EntryKey, str] | None = None

    @property
    def name(self) -> str:
        return f"branch {self.branch} of {self.remote.url}"

    def entries(self) -> tuple[EntryKey, ...]:
        self._objects = self._list(self._fetch())
        return tuple(key for key in self._objects if key.part == "snapshot")

    def points(self) -> tuple[EntryKey, ...]:
        return tuple(key for key in self._known() if key.part != "snapshot")

    def read_all(self, keys: Sequence[EntryKey]) -> Iterator[tuple[EntryKey, bytes]]:
        """One request for all that is not here yet, as git itself makes one for what a checkout of such a clone lacks."""
        wanted = [self._object(key) for key in keys]
        if wanted:
            ids = "".join(f"{blob}\n" for blob in wanted).encode()
            fetch = ("-c", "fetch.negotiationAlgorithm=noop", "fetch", "--quiet", *_BLOBS)
            done = self._git.run(*fetch, "origin", stdin=ids)
            if done.code:
                raise StoreError(f"{self.name}: could not be read: {complaint(done)}")
        return ((key, self.read(key)) for key in keys)

    def _known(self) -> dict[EntryKey, str]:
        if self._objects is None:
            self.entries()
        return self._objects or {}

    def _object(self, key: EntryKey) -> str:
        blob = self._known().get(key)
        if blob is None:
            raise StoreError(f"{self.name}: there is no {key.path}")
        return blob

    def read(self, key: EntryKey) -> bytes:
        blob = self._object(key)
        # the one command that gives bytes without a decoding in between; in a clone without files it fetches this one
        file = self._git.directory / self._git.out("unpack-file", blob)
        try:
            check_size(key, file.stat().st_size)
            return file.read_bytes()
        finally:
            file.unlink()

    def add(self, key: EntryKey, data: bytes, *more: tuple[EntryKey, bytes]) -> None:
        kept = ((key, data), *more)
        for one, content in kept:
            check_size(one, len(content))

        def change(tip: str) -> str | None:
            files = [(self._blob(content), one.path) for one, content in kept]
            if not tip:
                files.append((self._blob(_README), "README.md"))
            tree = self._tree(tip, put=files)
            if tip and tree == self._git.out("rev-parse", f"{tip}^{{tree}}"):
                return None  # an earlier push had arrived, only its answer had not
            return self._commit(tree, f"Measurement of {key.commit[:12]}", parent=tip)

        self._replace_tip(change)

    def prune(self, keep: int) -> tuple[EntryKey, ...]:
        gone: tuple[EntryKey, ...] = ()

        def change(tip: str) -> str | None:
            nonlocal gone
            gone = surplus((key for key in self._list(tip) if key.part == "snapshot"), keep)
            tree = self._tree(tip, drop=[key.path for key in gone]) if gone else ""
            return self._commit(tree, f"Keep the newest {keep} of each series") if tree else None

        self._replace_tip(change, compact=True)
        return gone

    def _replace_tip(self, change: Callable[[str], str | None], *, compact: bool = False) -> None:
        """Put `change(tip)`, a commit, in the place of the tip; None means that there is nothing to do."""
        network_failures = 0
        for _ in range(self._tries):
            tip = self._fetch()
            commit = change(tip)
            if commit is None:
                return
            lease = [f"--force-with-lease=refs/heads/{self.branch}:{tip}"] if compact else []
            done = self._git.run("push", "--quiet", *lease, "origin", f"{commit}:refs/heads/{self.branch}")
            if done.code == 0:
                self._objects = None
                return
            if not _LOST_THE_RACE.search(done.stderr):
                network_failures += 1
                if network_failures >= NETWORK_TRIES or not _NETWORK.search(done.stderr):
                    raise self._push_failed(done)
            self._pause(*JITTER)
        raise StoreError(f"{self.name}: other writers were quicker {self._tries} times; run the job again")

    def _push_failed(self, done: Completed) -> StoreError:
        remedy = "; the job needs `permissions: contents: write`" if _REFUSED.search(done.stderr) else ""
        return StoreError(f"{self.name}: could not be written: {complaint(done)}{remedy}")

    def _fetch(self) -> str:
        """The newest tip with its trees, but no files; empty if there is no such branch."""
        if not self._git.directory.exists():
            self._git.start(self.remote.url)
        refspec = f"+refs/heads/{self.branch}:{_TIP}"
        for attempt in range(1, NETWORK_TRIES + 1):
            done = self._git.run(
                "fetch", "--quiet", "--depth=1", "--filter=blob:none", "--no-tags", "origin", refspec
            )
            if done.code == 0:
                return self._git.out("rev-parse", _TIP)
            if _NO_BRANCH.search(done.stderr):
                return ""
            if attempt == NETWORK_TRIES or not _NETWORK.search(done.stderr):
                break
            self._pause(*JITTER)
        raise StoreError(f"{self.name}: could not be read: {complaint(done)}")

    def _list(self, tip: str) -> dict[EntryKey, str]:
        """The object of each entry. Links, submodules and names that are not ours are passed over."""
        found: dict[EntryKey, str] = {}
        if not tip:
            return found
        for line in self._git.out("ls-tree", "-r", "-z", "--full-tree", tip).split("\0"):
            meta, _, path = line.partition("\t")
            key = parse(path)
            if key is not None and meta.startswith("100644 blob "):
                found[key] = meta.split()[2]
        return found

    def _blob(self, data: bytes) -> str:
        return self._git.out("hash-object", "-w", "--stdin", stdin=data)

    def _tree(self, tip: str, *, put: Sequence[tuple[str, str]] = (), drop: Sequence[str] = ()) -> str:
        """The tree of `tip` (empty: none) with these (object, path) in it and those paths not. Needs no other file."""
        index = self._scratch / "index"
        index.unlink(missing_ok=True)
        env = {"GIT_INDEX_FILE": str(index)}
        self._git.out("read-tree", tip or "--empty", env=env)
        lines = [f"0 {'0' * 40}\t{path}" for path in drop] + [f"100644 {blob}\t{path}" for blob, path in put]
        self._git.out(
            "update-index", "-z", "--index-info", stdin=b"".join(b"%s\0" % x.encode() for x in lines), env=env
        )
        return self._git.out("write-tree", "--missing-ok", env=env)

    def _commit(self, tree: str, message: str, *, parent: str = "") -> str:
        return self._git.out(
            "commit-tree", tree, *(["-p", parent] if parent else []), "-m", f"{message} [skip ci]"
        )
