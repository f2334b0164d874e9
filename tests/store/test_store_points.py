"""What the history keeps beside the snapshots: in a folder and on a branch, read in one request, never pruned."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from perf_action.errors import StoreError
from perf_action.store import DirectoryStore, EntryKey, GitBranchStore, Remote, Store, parse
from perf_action.system import System


@pytest.fixture(params=["folder", "branch"])
def open_store(request, bare: Path, system: System, tmp_path: Path) -> Callable[[], Store]:
    count = iter(range(100))

    def make() -> Store:
        if request.param == "folder":
            return DirectoryStore(tmp_path / "kept")
        scratch = tmp_path / f"scratch {next(count)}"
        scratch.mkdir()
        return GitBranchStore(Remote(url=bare.as_uri()), "perf-data", system, scratch)

    return make


def test_a_point_lies_beside_its_snapshot(open_store, key) -> None:
    one, two = key(1, run=1), key(2, run=2)
    open_store().add(one, b"snapshot", (one.beside("point"), b"{}\n"))
    open_store().add(two, b"another", (two.beside("reference"), "{…}".encode()))
    store = open_store()
    assert set(store.entries()) == {one, two}
    assert set(store.points()) == {one.beside("point"), two.beside("reference")}
    wanted = [two.beside("reference"), one.beside("point"), one]
    assert list(store.read_all(wanted)) == list(
        zip(wanted, ["{…}".encode(), b"{}\n", b"snapshot"], strict=True)
    )
    assert list(store.read_all([])) == []
    with pytest.raises(StoreError):
        list(store.read_all([two.beside("point")]))


def test_pruning_leaves_the_history(open_store, key) -> None:
    for n in range(1, 4):
        open_store().add(key(n, run=n), b"x%d" % n, (key(n, run=n).beside("point"), b"p%d" % n))
    assert {k.run_id for k in open_store().prune(1)} == {1, 2}
    store = open_store()
    assert store.entries() == (key(3, run=3),)
    points = sorted(store.points(), key=lambda k: k.run_id)
    assert [data for _, data in store.read_all(points)] == [b"p1", b"p2", b"p3"]


def test_points_on_a_branch_are_fetched_at_once(bare: Path, system: System, tmp_path: Path, key) -> None:
    for name in ("writer", "reader"):
        (tmp_path / name).mkdir()
    writer = GitBranchStore(Remote(url=bare.as_uri()), "perf-data", system, tmp_path / "writer")
    for n in range(1, 6):
        writer.add(key(n), bytes(1000) + b"%d" % n, (key(n).beside("point"), b"%d" % n))
    reader = GitBranchStore(Remote(url=bare.as_uri()), "perf-data", system, tmp_path / "reader")
    snapshot = next(iter(reader.entries()))
    found = reader.read_all(reader.points())
    bare.rename(bare.with_name("gone"))
    assert sorted(data for _, data in found) == [b"1", b"2", b"3", b"4", b"5"]
    with pytest.raises(StoreError):
        reader.read(snapshot)  # only what was asked for is here


def test_the_path_says_what_part_it_is(key: Callable[..., EntryKey]) -> None:
    for part in ("snapshot", "point", "reference"):
        one = key().beside(part)
        assert parse(one.path) == one
        assert parse(one.path + ".gz") is None
    assert key().beside("point").path.endswith("-1-1.point.json")
