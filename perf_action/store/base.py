"""What every kind of store can do. A store moves bytes and knows paths; what is in the bytes is not its business."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, Protocol

from perf_action.errors import StoreError, UsageError
from perf_action.store.key import EntryKey

#: a snapshot is some hundred kilobytes; GitHub warns from 50 MB and refuses 100 MB
MAX_ENTRY_BYTES: Final = 32 * 2**20


class Store(Protocol):
    """Snapshots of earlier runs. Every method raises StoreError when the store cannot be reached or used."""

    @property
    def name(self) -> str:
        """What to call it to people: a folder, or a branch and its repository."""

    def entries(self) -> tuple[EntryKey, ...]:
        """All snapshots, in no particular order; none if the store does not exist yet."""

    def points(self) -> tuple[EntryKey, ...]:
        """What the history keeps of runs (parts point and reference), in no particular order."""

    def read(self, key: EntryKey) -> bytes:
        """The bytes of one file, without fetching any other."""

    def read_all(self, keys: Sequence[EntryKey]) -> Iterator[tuple[EntryKey, bytes]]:
        """The bytes of many files, fetched at once."""

    def add(self, key: EntryKey, data: bytes, *more: tuple[EntryKey, bytes]) -> None:
        """Keep one entry, creating the store if need be; whole or not at all, and no other writer loses anything.
        `more` are other files of the same run.
        """

    def prune(self, keep: int) -> tuple[EntryKey, ...]:
        """Remove all but the newest `keep` snapshots of each series; returns what was removed. The history stays."""


def check_size(key: EntryKey, size: int) -> None:
    """StoreError if no snapshot can be this many bytes."""
    if size == 0:
        raise StoreError(f"{key.path}: empty")
    if size > MAX_ENTRY_BYTES:
        raise StoreError(
            f"{key.path}: {size} bytes, more than the {MAX_ENTRY_BYTES} that a baseline may have"
        )


def surplus(keys: Iterable[EntryKey], keep: int) -> tuple[EntryKey, ...]:
    """What goes when only the newest `keep` of each series stay."""
    if keep < 1:
        raise UsageError(f"at least 1 entry of each series is kept, not {keep}")
    series: defaultdict[str, list[EntryKey]] = defaultdict(list)
    for key in keys:
        series[key.series].append(key)
    return tuple(
        key
        for group in series.values()
        for key in sorted(group, key=lambda k: (k.age_order, k.commit), reverse=True)[keep:]
    )
