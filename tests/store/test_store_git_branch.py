"""The branch store against real repositories: a folder (file://) and a server over HTTP that asks for a token."""

from __future__ import annotations

import base64
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from rig.git_server import GitServer

from perf_action.errors import StoreError
from perf_action.store import EntryKey, GitBranchStore, Remote, remote_of
from perf_action.system import System


@pytest.fixture
def open_branch(bare: Path, system: System, tmp_path: Path) -> Callable[..., GitBranchStore]:
    """A new clone of the store each time, as every job has its own; waits are short."""
    count = iter(range(1000))

    def make(remote: Remote | None = None, *, system: System = system, tries: int = 60) -> GitBranchStore:
        scratch = tmp_path / f"scratch ü {next(count)}"
        scratch.mkdir()
        return GitBranchStore(
            remote or Remote(url=bare.as_uri()),
            "perf-data",
            system,
            scratch,
            tries=tries,
            pause=lambda low, high: system.sleep((low + high) / 50),
        )

    return make


@pytest.fixture
def over_http(server: GitServer, system: System, tmp_path: Path, git_in) -> Callable[[str], Remote]:
    """The remote as a job finds it: in a checkout, with the token in the environment."""
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    git = git_in(checkout)
    git("init", "--quiet")
    git("remote", "add", "origin", f"{server.url}/my%20r%C3%A9po.git")

    def make(token: str) -> Remote:
        environ = {**system.environ, "GITHUB_TOKEN": token, "GITHUB_SERVER_URL": server.url}
        return remote_of(System(environ), checkout, "origin")

    return make


def test_the_branch_is_created_on_first_use(open_branch, bare: Path, git_in, key) -> None:
    store = open_branch()
    assert store.entries() == ()
    store.add(key(1), b"one")
    git = git_in(bare)
    assert git("rev-list", "--count", "perf-data") == "1"
    assert git("show", f"perf-data:{key(1).path}") == "one"
    assert git("log", "-1", "--format=%an|%ae|%s", "perf-data") == (
        "github-actions[bot]|41898282+github-actions[bot]@users.noreply.github.com|"
        "Measurement of 000000000000 [skip ci]"
    )
    assert "README.md" in git("ls-tree", "--name-only", "perf-data").splitlines()


def test_an_entry_is_read_back_whole_by_another_clone(open_branch, key) -> None:
    data = bytes(range(256)) * 500 + b"\r\n\0\xff"
    open_branch().add(key(1), data)
    open_branch().add(key(2), b"two")
    store = open_branch()
    assert store.read(key(1)) == data
    assert set(store.entries()) == {key(1), key(2)}
    with pytest.raises(StoreError, match="there is no"):
        store.read(key(3))


def test_reading_one_entry_does_not_fetch_the_others(open_branch, key, tmp_path: Path) -> None:
    writer = open_branch()
    for n in range(1, 6):
        writer.add(key(n), os.urandom(200_000))
    store = open_branch()
    store.read(key(3))
    newest = max(tmp_path.glob("scratch ü *"), key=lambda p: int(p.name.split()[-1]))
    fetched = sum(p.stat().st_size for p in newest.rglob("*") if p.is_file())
    assert 200_000 < fetched < 300_000


def test_the_same_run_may_save_twice(open_branch, bare: Path, git_in, key) -> None:
    for data in (b"one", b"one", b"better"):
        open_branch().add(key(1), data)
    assert open_branch().read(key(1)) == b"better"
    assert git_in(bare)("rev-list", "--count", "perf-data") == "2"


def test_other_files_of_the_branch_stay(open_branch, bare: Path, git_in, key, tmp_path: Path) -> None:
    work = tmp_path / "work"
    git_in(tmp_path)("clone", "--quiet", str(bare), str(work))
    git = git_in(work)
    git("checkout", "--quiet", "--orphan", "perf-data")
    (work / "notes.txt").write_text("mine")
    git("add", ".")
    git.commit("mine")
    git("push", "--quiet", "origin", "perf-data")
    store = open_branch()
    store.add(key(1, run=1), b"one")
    store.add(key(2, run=2), b"two")
    store.prune(1)
    assert git_in(bare)("show", "perf-data:notes.txt") == "mine"


def test_hostile_trees_are_passed_over(open_branch, bare: Path, git_in, key) -> None:
    open_branch().add(key(1), b"one")
    git = git_in(bare)
    blob = git("hash-object", "-w", "--stdin", stdin=b"evil")
    name = Path(key(2).path).name
    inner = git(
        "mktree", stdin=f"120000 blob {blob}\t{name}\n100755 blob {blob}\t{'e' * 40}-1-1.json.gz\n".encode()
    )
    series = git("mktree", stdin=f"040000 tree {inner}\t{'f' * 12}\n".encode())
    raw = f"{'c' * 12}\0".encode() + bytes.fromhex(series)
    entries = b"40000 " + b"..\0" + bytes.fromhex(series) + b"40000 " + raw
    tree = git("hash-object", "-t", "tree", "-w", "--literally", "--stdin", stdin=entries)
    git("update-ref", "refs/heads/perf-data", git("commit-tree", tree, "-m", "evil"))
    assert open_branch().entries() == ()


def test_an_empty_branch_is_an_empty_store(open_branch, bare: Path, git_in, key) -> None:
    git = git_in(bare)
    git("update-ref", "refs/heads/perf-data", git("commit-tree", git("mktree", stdin=b""), "-m", "empty"))
    assert open_branch().entries() == ()
    open_branch().add(key(1), b"one")
    assert open_branch().entries() == (key(1),)


def _write_at_once(stores: list[GitBranchStore], keys: list[list[EntryKey]]) -> list[BaseException]:
    failures: list[BaseException] = []

    def write(store: GitBranchStore, mine: list[EntryKey]) -> None:
        try:
            for one in mine:
                store.add(one, one.path.encode())
        except BaseException as error:  # noqa: BLE001
            failures.append(error)

    threads = [threading.Thread(target=write, args=pair) for pair in zip(stores, keys, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(240)
    return failures


def test_three_writers_at_once_lose_nothing(open_branch, bare: Path, git_in, key) -> None:
    keys = [[key(n * 10 + k) for k in range(2)] for n in range(1, 4)]
    assert _write_at_once([open_branch() for _ in keys], keys) == []
    assert set(open_branch().entries()) == {k for mine in keys for k in mine}
    assert git_in(bare)("rev-list", "--count", "perf-data") == "6"


@pytest.mark.slow
def test_eight_writers_and_a_compaction_lose_nothing(open_branch, over_http, key) -> None:
    keys = [[key(n * 10 + k, run=n * 10 + k) for k in range(2)] for n in range(1, 9)]
    stores = [open_branch(over_http("writer-token")) for _ in keys]
    compactor = open_branch(over_http("writer-token"))
    compactions = threading.Thread(target=lambda: [compactor.prune(1000 - n) for n in range(3)])
    compactions.start()
    failures = _write_at_once(stores, keys)
    compactions.join(240)
    assert failures == []
    assert set(open_branch(over_http("reader-token")).entries()) == {k for mine in keys for k in mine}


def test_prune_leaves_one_commit_and_the_newest(open_branch, bare: Path, git_in, key) -> None:
    store = open_branch()
    for n in range(1, 5):
        store.add(key(n, run=n), b"%d" % n)
    assert set(open_branch().prune(2)) == {key(1, run=1), key(2, run=2)}
    assert git_in(bare)("rev-list", "--count", "perf-data") == "1"
    assert open_branch().read(key(4, run=4)) == b"4"
    assert open_branch().prune(2) == ()
    store.add(key(5, run=5), b"5")
    assert set(store.entries()) == {key(n, run=n) for n in (3, 4, 5)}


def test_prune_of_no_branch_does_nothing(open_branch, bare: Path, git_in) -> None:
    assert open_branch().prune(5) == ()
    assert git_in(bare)("for-each-ref") == ""


def test_over_http_with_a_token(open_branch, over_http, server: GitServer, key) -> None:
    open_branch(over_http("writer-token")).add(key(1), b"one")
    assert open_branch(over_http("reader-token")).read(key(1)) == b"one"
    assert server.requests
    assert not [line for line in server.requests if "@" in line or "token" in line]


def test_a_token_that_may_only_read(open_branch, over_http, bare: Path, git_in, key) -> None:
    store = open_branch(over_http("reader-token"))
    assert store.entries() == ()
    with pytest.raises(StoreError, match=r"could not be written.*`permissions: contents: write`") as caught:
        store.add(key(1), b"one")
    assert "reader-token" not in str(caught.value)
    assert git_in(bare)("for-each-ref") == ""


def test_a_wrong_token_is_one_line_without_the_token(open_branch, over_http) -> None:
    with pytest.raises(StoreError, match="could not be read") as caught:
        open_branch(over_http("wrong-token")).entries()
    assert "wrong-token" not in str(caught.value)


def test_a_server_that_stumbles_is_asked_again(open_branch, over_http, server: GitServer, key) -> None:
    server.outages = 2
    open_branch(over_http("writer-token")).add(key(1), b"one")
    assert open_branch(over_http("reader-token")).entries() == (key(1),)
    server.outages = 100
    with pytest.raises(StoreError, match="Bad gateway"):
        open_branch(over_http("reader-token")).entries()


def test_the_token_is_nowhere_on_disk_nor_in_an_argv(
    open_branch, over_http, system: System, key, tmp_path: Path
) -> None:
    argvs: list[str] = []

    class Watched(System):
        def run(self, argv, **options):
            argvs.extend(argv)
            return super().run(argv, **options)

    store = open_branch(over_http("writer-token"), system=Watched(system.environ))
    store.add(key(1), b"one")
    store.read(key(1))
    secrets = [b"writer-token", base64.b64encode(b"x-access-token:writer-token")]
    assert not [p for p in tmp_path.rglob("*") if p.is_file() and any(s in p.read_bytes() for s in secrets)]
    assert argvs
    assert not [a for a in argvs if any(s in a.encode() for s in secrets)]
    assert "token" not in repr(over_http("writer-token"))


def test_a_remote_that_is_not_there(open_branch, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="could not be read"):
        open_branch(Remote(url=(tmp_path / "none").as_uri())).entries()


@pytest.mark.usefixtures("full_disk")
def test_a_full_disk_is_an_error_and_the_branch_stays(open_branch, bare: Path, git_in, key) -> None:
    with pytest.raises(StoreError):
        open_branch().add(key(1), os.urandom(300_000))
    assert git_in(bare)("for-each-ref") == ""


def test_giving_up_after_losing_every_race(open_branch, bare: Path, git_in, key) -> None:
    hook = bare / "hooks" / "update"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho 'cannot lock ref' >&2\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(StoreError, match="quicker 4 times"):
        open_branch(tries=4).add(key(1), b"one")
    assert git_in(bare)("for-each-ref") == ""
