"""A store in a folder: for a laptop, a shared disk, or a cache that a workflow keeps itself."""

from __future__ import annotations

import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

from perf_action.errors import StoreError
from perf_action.store.base import MAX_ENTRY_BYTES, check_size, surplus
from perf_action.store.key import EntryKey, parse
from perf_action.system import write_bytes


class DirectoryStore:
    """Entries are files below `root`, which need not exist yet. Links are not followed: a folder may come from anywhere."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @property
    def name(self) -> str:
        return str(self.root)

    def entries(self) -> tuple[EntryKey, ...]:
        return tuple(key for key in self._files() if key.part == "snapshot")

    def points(self) -> tuple[EntryKey, ...]:
        return tuple(key for key in self._files() if key.part != "snapshot")

    def _files(self) -> tuple[EntryKey, ...]:
        if not self.root.exists():
            return ()
        try:
            if not self.root.is_dir():
                raise StoreError(f"{self.root}: not a folder; a directory store is one")
            paths = [
                path
                for path in self.root.glob("*/*/*.json*")
                if all(_is_plain(p) for p in (path, path.parent, path.parent.parent))
            ]
        except OSError as error:
            raise self._failed("read", error) from None
        keys = (parse(p.relative_to(self.root).as_posix()) for p in paths)
        return tuple(key for key in keys if key is not None)

    def read(self, key: EntryKey) -> bytes:
        path = self.root / key.path
        try:
            check_size(key, path.lstat().st_size if _is_plain(path) else 0)
            with path.open("rb") as file:
                return file.read(MAX_ENTRY_BYTES)
        except OSError as error:
            raise self._failed("read", error, key) from None

    def read_all(self, keys: Sequence[EntryKey]) -> Iterator[tuple[EntryKey, bytes]]:
        return ((key, self.read(key)) for key in keys)

    def add(self, key: EntryKey, data: bytes, *more: tuple[EntryKey, bytes]) -> None:
        files = (*more, (key, data))  # the snapshot last: with it the run is there
        for one, content in files:
            check_size(one, len(content))
        for one, content in files:
            try:
                write_bytes(self.root / one.path, content)
            except OSError as error:
                raise self._failed("written", error, one) from None

    def prune(self, keep: int) -> tuple[EntryKey, ...]:
        gone = surplus(self.entries(), keep)
        for key in gone:
            try:
                (self.root / key.path).unlink(missing_ok=True)
            except OSError as error:
                raise self._failed("removed", error, key) from None
        return gone

    def _failed(self, what: str, error: OSError, key: EntryKey | None = None) -> StoreError:
        place = self.root / key.path if key else self.root
        return StoreError(f"{place}: the baseline could not be {what}: {error.strerror or error}")


def _is_plain(path: Path) -> bool:
    """A file or folder that is really there, not a link to another place; OSError if it is not."""
    mode = path.lstat().st_mode
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode)
