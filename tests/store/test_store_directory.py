from __future__ import annotations

import os
from pathlib import Path

import pytest

from perf_action.errors import StoreError
from perf_action.store import MAX_ENTRY_BYTES, DirectoryStore


def test_a_store_that_does_not_exist_yet_is_empty(tmp_path: Path) -> None:
    assert DirectoryStore(tmp_path / "nowhere").entries() == ()


def test_what_is_added_is_listed_and_read(tmp_path: Path, key) -> None:
    store = DirectoryStore(tmp_path / "mit Leerzeichen und ümlaut")
    store.add(key(1), b"one")
    store.add(key(2), b"two")
    assert set(store.entries()) == {key(1), key(2)}
    assert store.read(key(2)) == b"two"


def test_names_and_links_that_are_not_ours_are_passed_over(tmp_path: Path, key) -> None:
    store = DirectoryStore(tmp_path / "store")
    store.add(key(1), b"one")
    series = (tmp_path / "store" / key(1).path).parent
    (series / f".{'a' * 40}-1-1.json.gz.half").write_bytes(b"left by a crash")
    (series / "notes.json.gz").write_bytes(b"x")
    secret = tmp_path / "secret"
    secret.write_bytes(b"secret")
    (tmp_path / "store" / key(2).path).symlink_to(secret)
    (tmp_path / "store" / ("d" * 12)).symlink_to(series.parent)
    assert store.entries() == (key(1),)
    with pytest.raises(StoreError):
        store.read(key(2))


def test_an_entry_of_impossible_size_is_refused(tmp_path: Path, key) -> None:
    store = DirectoryStore(tmp_path)
    with pytest.raises(StoreError, match="empty"):
        store.add(key(1), b"")
    with pytest.raises(StoreError, match="more than"):
        store.add(key(1), bytes(MAX_ENTRY_BYTES + 1))
    path = tmp_path / key(1).path
    path.parent.mkdir(parents=True)
    with path.open("wb") as file:
        os.truncate(file.fileno(), MAX_ENTRY_BYTES + 1)
    with pytest.raises(StoreError, match="more than"):
        store.read(key(1))


def test_a_missing_entry_and_a_file_in_the_way_are_plain_errors(tmp_path: Path, key) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(StoreError, match="not a folder"):
        DirectoryStore(tmp_path / "file").entries()
    with pytest.raises(StoreError, match="could not be written"):
        DirectoryStore(tmp_path / "file").add(key(1), b"x")
    with pytest.raises(StoreError, match="could not be read: No such file"):
        DirectoryStore(tmp_path).read(key(1))


@pytest.mark.usefixtures("full_disk")
def test_a_full_disk_leaves_nothing_behind(tmp_path: Path, key) -> None:
    store = DirectoryStore(tmp_path)
    with pytest.raises(StoreError, match="could not be written: File too large"):
        store.add(key(1), os.urandom(200 * 1024))
    assert store.entries() == ()
    assert [p for p in tmp_path.rglob("*") if p.is_file()] == []


def test_prune_keeps_the_newest(tmp_path: Path, key) -> None:
    store = DirectoryStore(tmp_path)
    for n in range(1, 5):
        store.add(key(n, run=n), b"x")
    assert set(store.prune(1)) == {key(n, run=n) for n in (1, 2, 3)}
    assert store.entries() == (key(4, run=4),)
