from __future__ import annotations

from pathlib import Path

import pytest
from rig.git_server import GitServer

from perf_action.git import Access
from perf_action.store import Remote, read_history, remote_of
from perf_action.system import System


class Repository:
    """main: a - b - c; topic: b - t; and GitHub's merge of topic into main, on refs/pull/7/merge."""

    def __init__(self, bare: Path, work: Path, git_in) -> None:
        work.mkdir()
        self.git, self.work, self.bare = git_in(work), work, bare
        git = self.git
        git("init", "--quiet")
        git("remote", "add", "origin", str(bare))
        self.a, self.b = git.commit("a", when=1000), git.commit("b", when=2000)
        git("checkout", "--quiet", "-b", "topic")
        self.t = git.commit("t", when=2500)
        git("checkout", "--quiet", "main")
        self.c = git.commit("c", when=3000)
        tree = git("rev-parse", "HEAD^{tree}")
        self.merge = git("commit-tree", tree, "-p", self.c, "-p", self.t, "-m", "merge")
        git("push", "--quiet", "origin", "main", "topic", f"{self.merge}:refs/pull/7/merge")

    def shallow(self, ref: str, folder: Path, git_in) -> Path:
        """As actions/checkout leaves it: one commit, detached."""
        folder.mkdir()
        git = git_in(folder)
        git("init", "--quiet")
        git("remote", "add", "origin", self.bare.as_uri())
        git("fetch", "--quiet", "--depth=1", "origin", f"+{ref}:refs/remotes/here")
        git("checkout", "--quiet", "--detach", "refs/remotes/here")
        return folder


@pytest.fixture
def repo(bare: Path, tmp_path: Path, git_in) -> Repository:
    return Repository(bare, tmp_path / "wörk tree", git_in)


@pytest.fixture
def ask(system: System, tmp_path: Path):
    def call(folder: Path, **commits: str):
        scratch = tmp_path / "scratch"
        scratch.mkdir(exist_ok=True)
        return read_history(system, folder, remote_of(system, folder, "origin"), scratch, **commits)

    return call


def test_a_push_builds_on_its_parent(repo: Repository, ask) -> None:
    history = ask(repo.work, head=repo.c)
    assert (history.start, history.distances()) == (repo.b, {repo.b: 0, repo.a: 1})
    assert history.commits[repo.b].time_s == 2000


def test_a_pull_request_builds_on_the_merge_base(repo: Repository, ask) -> None:
    assert ask(repo.work, head=repo.t, base=repo.c).start == repo.b


def test_a_merge_by_github_builds_on_the_base_it_merged(repo: Repository, ask) -> None:
    history = ask(repo.work, head=repo.merge, base=repo.b, pull_head=repo.t)
    assert history.distances() == {repo.c: 0, repo.b: 1, repo.a: 2}


@pytest.mark.parametrize(
    ("ref", "commits", "start"),
    [
        ("refs/pull/7/merge", {"base": "b", "pull_head": "t"}, "c"),
        ("refs/heads/topic", {"base": "c", "pull_head": "t"}, "b"),
        ("refs/heads/main", {}, "b"),
    ],
)
def test_a_shallow_clone_suffices(
    repo: Repository, ask, tmp_path: Path, git_in, *, ref, commits, start
) -> None:
    folder = repo.shallow(ref, tmp_path / "shallow", git_in)
    before = _state(folder, git_in)
    history = ask(folder, head="HEAD", **{name: getattr(repo, commit) for name, commit in commits.items()})
    assert history.notes == ()
    assert history.start == getattr(repo, start)
    assert repo.a in history.distances()
    assert _state(folder, git_in) == before


def _state(folder: Path, git_in) -> tuple[str, ...]:
    git = git_in(folder)
    return git("count-objects", "-v"), git("for-each-ref"), (folder / ".git" / "shallow").read_text()


def test_a_base_that_is_gone_is_a_note(repo: Repository, ask) -> None:
    history = ask(repo.work, head=repo.c, base="d" * 40)
    assert history.distances() == {}
    assert "could not be fetched" in history.notes[0]


def test_the_first_commit_and_no_repository_are_notes(
    repo: Repository, system: System, tmp_path: Path, ask
) -> None:
    assert "first commit" in ask(repo.work, head=repo.a).notes[0]
    assert "is not in" in ask(repo.work, head="").notes[0]
    elsewhere = tmp_path / "plain"
    elsewhere.mkdir()
    assert "is not in" in read_history(system, elsewhere, None, tmp_path, head="HEAD").notes[0]


def test_unrelated_histories_are_a_note(repo: Repository, ask) -> None:
    repo.git("checkout", "--quiet", "--orphan", "other")
    other = repo.git.commit("other")
    assert "no commit in common" in ask(repo.work, head=repo.c, base=other).notes[0]


def _remote(url: str, system: System, folder: Path, git_in, **environ: str) -> Remote:
    folder.mkdir(exist_ok=True)
    git = git_in(folder)
    git("init", "--quiet")
    git("config", "remote.origin.url", url)
    return remote_of(System({**system.environ, **environ}), folder, "origin")


def test_a_password_in_the_address_is_taken_out(system: System, tmp_path: Path, git_in) -> None:
    remote = _remote("https://me:s%40crt@git.example/o/r.git", system, tmp_path / "w", git_in)
    assert remote.url == "https://git.example/o/r.git"
    assert remote.access == Access("https://git.example", "Authorization: Basic bWU6c0BjcnQ=")
    assert remote.access.without_secret("fatal: bWU6c0BjcnQ= and s@crt") == "fatal: *** and ***"


def test_the_token_goes_only_to_the_server_that_gave_it(system: System, tmp_path: Path, git_in) -> None:
    for url, sent in [
        ("https://github.com/o/r.git", True),
        ("https://github.com.evil.example/o/r.git", False),
        ("http://github.com/o/r.git", False),
        ("https://elsewhere.example/o/r.git", False),
        ("git@github.com:o/r.git", False),
    ]:
        remote = _remote(url, system, tmp_path / "w", git_in, GITHUB_TOKEN="t0ken")
        assert (remote.access is not None) is sent, url


def test_the_credentials_that_checkout_persisted_are_used(
    system: System, tmp_path: Path, git_in, server: GitServer
) -> None:
    folder = tmp_path / "w"
    url = f"{server.url}/my%20r%C3%A9po.git"
    _remote(url, system, folder, git_in)
    git_in(folder)("config", f"http.{server.url}/.extraheader", "AUTHORIZATION: basic abc")
    assert remote_of(system, folder, "origin") == Remote(
        url=url, access=Access(server.url, "AUTHORIZATION: basic abc")
    )
