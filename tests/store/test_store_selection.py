from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf_action.config import BaselineOptions
from perf_action.errors import InputError, UsageError
from perf_action.model.snapshot import Snapshot
from perf_action.store import (
    Commit,
    DirectoryStore,
    EntryKey,
    choose,
    find_baseline,
    history_of,
    open_store,
    save,
    select,
)
from perf_action.system import System

CONFIG, HERE, ELSEWHERE = "c" * 12, "f" * 12, "e" * 12
DAY = 86400


def sha(n: int) -> str:
    return f"{n:040x}"


def line(newest: int) -> tuple[Commit, ...]:
    """Commits newest … 1 in a row, one a day."""
    return tuple(
        Commit(sha=sha(n), parents=(sha(n - 1),) if n > 1 else (), time_s=n * DAY)
        for n in range(newest, 0, -1)
    )


HISTORY = history_of(sha(9), line(9))


def entry(
    n: int, *, run: int = 1, attempt: int = 1, fingerprint: str = HERE, config: str = CONFIG
) -> EntryKey:
    return EntryKey(config_digest=config, fingerprint=fingerprint, commit=sha(n), run_id=run, attempt=attempt)


def best(*entries: EntryKey) -> EntryKey | None:
    ranked = select(entries, HISTORY, config_digest=CONFIG, fingerprint=HERE)
    return ranked[0].key if ranked else None


def test_the_merge_base_itself_comes_first() -> None:
    assert best(entry(7, run=99), entry(9), entry(8)) == entry(9)


def test_else_the_nearest_ancestor() -> None:
    assert best(entry(3), entry(6), entry(50)) == entry(6)


def test_the_latest_run_and_attempt_win() -> None:
    assert best(entry(9, run=1, attempt=3), entry(9, run=2), entry(9, run=2, attempt=2)) == entry(
        9, run=2, attempt=2
    )


def test_a_distant_one_of_the_same_hardware_goes_before_a_near_one_of_another() -> None:
    assert best(entry(9, fingerprint=ELSEWHERE), entry(2)) == entry(2)
    only = select([entry(9, fingerprint=ELSEWHERE)], HISTORY, config_digest=CONFIG, fingerprint=HERE)
    assert [c.same_hardware for c in only] == [False]


def test_without_an_ancestor_an_earlier_measurement_of_the_commit_itself_serves(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path)
    store.add(entry(9), b"of itself")

    def chosen() -> tuple[str, str]:
        found = choose(
            store,
            history_of(sha(8), line(8)),
            lambda data, where: Snapshot(label=data.decode()),
            config_digest=CONFIG,
            fingerprint=HERE,
            now_s=10 * DAY,
            head=sha(9),
        )
        assert found.snapshot is not None
        return found.snapshot.label, found.baseline.note

    assert chosen() == ("of itself", "the same commit, measured earlier; no ancestor of it is in the store")
    store.add(entry(3), b"of an ancestor")
    assert chosen() == ("of an ancestor", "")


def test_another_configuration_never_serves() -> None:
    assert best(entry(9, config="d" * 12)) is None


def test_distance_follows_the_shortest_way_through_merges() -> None:
    merged = history_of(
        sha(5),
        [
            Commit(sha=sha(5), parents=(sha(4), sha(3))),
            Commit(sha=sha(4), parents=(sha(1),)),
            Commit(sha=sha(3), parents=(sha(2),)),
            Commit(sha=sha(2), parents=(sha(1),)),
            Commit(sha=sha(1), parents=(sha(99),)),
        ],
    )
    assert merged.distances() == {sha(5): 0, sha(4): 1, sha(3): 1, sha(1): 2, sha(2): 2}


@given(
    st.lists(
        st.builds(
            entry, st.integers(1, 12), run=st.integers(1, 3), fingerprint=st.sampled_from([HERE, ELSEWHERE])
        )
    )
)
def test_the_order_of_the_store_does_not_matter(entries: list[EntryKey]) -> None:
    forward = select(entries, HISTORY, config_digest=CONFIG, fingerprint=HERE)
    assert select(entries[::-1], HISTORY, config_digest=CONFIG, fingerprint=HERE) == forward
    assert {c.key for c in forward} == {e for e in entries if int(e.commit, 16) <= 9}


def decode(data: bytes, source: str) -> Snapshot:
    if data.startswith(b"bad"):
        raise InputError(source, "not gzip")
    return Snapshot(label=data.decode())


def chosen(store: DirectoryStore):
    return choose(store, HISTORY, decode, config_digest=CONFIG, fingerprint=HERE, now_s=11.5 * DAY)


def test_the_baseline_says_how_far_and_how_old_it_is(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path)
    store.add(entry(7), b"seven")
    found = chosen(store)
    assert found.snapshot is not None
    assert found.snapshot.label == "seven"
    baseline = found.baseline
    assert (baseline.how, baseline.commit, baseline.commits_behind, baseline.days_old) == (
        "stored",
        sha(7),
        2,
        4.5,
    )
    assert found.warnings == ()


def test_a_corrupt_entry_is_named_and_the_next_best_used(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path)
    store.add(entry(9, run=2), b"bad")
    store.add(entry(9, run=1), b"nine")
    store.add(entry(8), b"eight")
    found = chosen(store)
    assert found.snapshot is not None
    assert found.snapshot.label == "nine"
    assert len(found.warnings) == 1
    assert entry(9, run=2).path in found.warnings[0]
    assert "not gzip" in found.warnings[0]


@pytest.mark.parametrize(
    ("entries", "data", "says"),
    [
        ([], b"", "no baseline yet: the store is empty"),
        ([entry(9)], b"bad", "none of the 1 that fit could be read"),
        ([entry(9, config="d" * 12)], b"x", "measured with another one"),
        ([entry(50)], b"x", "none of the 1 in the store is of an ancestor"),
    ],
)
def test_no_baseline_is_an_answer_that_says_why(tmp_path: Path, entries, data, says) -> None:
    store = DirectoryStore(tmp_path)
    for one in entries:
        store.add(one, data)
    found = chosen(store)
    assert found.snapshot is None
    assert found.baseline.how == "none"
    assert says in found.baseline.note


def test_different_hardware_is_said(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path)
    store.add(entry(9, fingerprint=ELSEWHERE), b"x")
    found = chosen(store)
    assert (found.same_hardware, found.baseline.note) == (
        False,
        "measured on other hardware or with other tools: times are shown, not judged",
    )


def _encode(snapshot: Snapshot) -> bytes:
    return snapshot.label.encode()


def test_save_keys_by_run_and_attempt_or_by_the_time(tmp_path: Path) -> None:
    store = DirectoryStore(tmp_path)
    snapshot = Snapshot(label="main", commit=sha(1))
    for environ, expected in [
        ({"GITHUB_RUN_ID": "17", "GITHUB_RUN_ATTEMPT": "3"}, (17, 3)),
        ({}, (1_700_000_000_123, 1)),
        ({"GITHUB_RUN_ID": "x; rm", "GITHUB_RUN_ATTEMPT": "../"}, (1_700_000_000_123, 1)),
    ]:
        key = save(
            store,
            snapshot,
            _encode,
            config_digest=CONFIG,
            fingerprint=HERE,
            environ=environ,
            now_s=1_700_000_000.1234,
        )
        assert (key.run_id, key.attempt, key.fingerprint) == (*expected, HERE)
        assert store.read(key) == b"main"


@pytest.mark.parametrize(
    ("snapshot", "says"),
    [
        (Snapshot(label="m.json"), "full commit"),
        (
            Snapshot(label="m.json", commit=sha(1), not_comparable="every request failed"),
            "every",
        ),
    ],
)
def test_what_cannot_be_a_baseline_is_refused(tmp_path: Path, snapshot: Snapshot, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        save(
            DirectoryStore(tmp_path),
            snapshot,
            _encode,
            config_digest=CONFIG,
            fingerprint=HERE,
            environ={},
            now_s=1.0,
        )
    assert list(tmp_path.iterdir()) == []


def test_from_settings_to_the_baseline_of_a_change(
    tmp_path: Path, bare: Path, system: System, git_in
) -> None:
    git = git_in(tmp_path)
    git("init", "--quiet", "wörk")
    work = tmp_path / "wörk"
    git = git_in(work)
    git("remote", "add", "origin", str(bare))
    base, head = git.commit("base"), git.commit("head")
    git("push", "--quiet", "origin", "main")
    options = BaselineOptions()

    def find():
        return find_baseline(options, system, work, decode, config_digest=CONFIG, fingerprint=HERE, head=head)

    assert "the store is empty" in find().baseline.note
    with open_store(options, system, work) as store:
        snapshot = Snapshot(label="base", commit=base)
        save(store, snapshot, _encode, config_digest=CONFIG, fingerprint=HERE, environ={}, now_s=system.now())
    found = find()
    assert found.snapshot is not None
    assert (found.snapshot.label, found.baseline.commits_behind) == ("base", 0)
    assert git("status", "--porcelain") == ""
    assert git("for-each-ref", "--format=%(refname)").splitlines() == [
        "refs/heads/main",
        "refs/remotes/origin/main",
    ]


def test_a_store_that_cannot_be_reached_costs_a_warning_only(tmp_path: Path, system: System, git_in) -> None:
    git_in(tmp_path)("init", "--quiet")
    git_in(tmp_path)("remote", "add", "origin", str(tmp_path / "none.git"))
    found = find_baseline(
        BaselineOptions(), system, tmp_path, decode, config_digest=CONFIG, fingerprint=HERE, head="HEAD"
    )
    assert found.snapshot is None
    assert "could not be read" in found.warnings[0]


def test_a_repository_without_a_remote_has_no_baseline(tmp_path: Path, system: System, git_in) -> None:
    git_in(tmp_path)("init", "--quiet")
    found = find_baseline(
        BaselineOptions(), system, tmp_path, decode, config_digest=CONFIG, fingerprint=HERE, head="HEAD"
    )
    assert found.snapshot is None
    assert "no git remote 'origin'" in found.baseline.note


def test_no_remote_names_the_remedy(tmp_path: Path, system: System, git_in) -> None:
    git_in(tmp_path)("init", "--quiet")
    with (
        pytest.raises(UsageError, match=r"no git remote 'origin'.*--store DIR"),
        open_store(BaselineOptions(), system, tmp_path),
    ):
        pass
    with (
        pytest.raises(UsageError, match=r"store is none"),
        open_store(BaselineOptions(store="none"), system, tmp_path),
    ):
        pass
