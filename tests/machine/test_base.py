from __future__ import annotations

import base64
import json
import subprocess
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from perf_action.errors import CannotMeasure, UsageError
from perf_action.git import Access
from perf_action.machine.base import Base, resolve_base
from perf_action.machine.worktree import revision, worktree
from perf_action.model.trial import Side
from perf_action.system import System

from .conftest import Repository


@dataclass(frozen=True)
class Remote:
    """main: 1 2 3; feature leaves it at 2 with two commits; refs/pull/7/merge is what GitHub makes of it."""

    url: str
    fork: str
    head: str
    tip: str


@pytest.fixture(scope="module")
def remote(tmp_path_factory):
    repo = Repository(tmp_path_factory.mktemp("remote é"))
    repo.git("config", "uploadpack.allowAnySHA1InWant", "true")
    repo.git("config", "uploadpack.allowFilter", "true")
    repo.commit(app__py="1")
    fork = repo.commit(app__py="2")
    repo.git("checkout", "--quiet", "-b", "feature")
    repo.commit(feature__py="1")
    head = repo.commit(feature__py="2")
    repo.git("checkout", "--quiet", "main")
    tip = repo.commit(app__py="3")
    repo.git("checkout", "--quiet", "--detach", "main")
    repo.git("merge", "--quiet", "--no-ff", "-m", "Merge", "feature")
    repo.git("update-ref", "refs/pull/7/merge", "HEAD")
    repo.git("checkout", "--quiet", "main")
    return Remote(url=repo.path.as_uri(), fork=fork, head=head, tip=tip)


@pytest.fixture
def clone(remote, tmp_path):
    """What actions/checkout leaves: one commit, detached."""

    def make(ref: str, *, depth: int | None = 1) -> Repository:
        here = Repository(tmp_path / "clone é")
        here.git("remote", "add", "origin", remote.url)
        here.git("fetch", "--quiet", "--no-tags", *([f"--depth={depth}"] if depth else []), "origin", ref)
        here.git("checkout", "--quiet", "--detach", "FETCH_HEAD")
        return here

    return make


def on_github(system: System, **environ: str) -> System:
    return System({**system.environ, "GITHUB_ACTIONS": "true", **environ})


def pull_request(system: System, ref: str = "refs/pull/7/merge") -> System:
    return on_github(system, GITHUB_EVENT_NAME="pull_request", GITHUB_REF=ref, GITHUB_BASE_REF="main")


def push(system: System, tmp_path: Path, before: object) -> System:
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"before": before}))
    return on_github(system, GITHUB_EVENT_NAME="push", GITHUB_EVENT_PATH=str(event))


def test_none_is_no_base(tmp_path, system):
    assert resolve_base(system, tmp_path, "none") == Base()


def test_the_base_of_a_pull_request_is_the_first_parent_of_the_merge(clone, remote, system):
    here = clone("refs/pull/7/merge")
    base = resolve_base(pull_request(system), here.path, "auto")
    assert base.commit == remote.tip
    assert base.notes == (f"base is {remote.tip[:10]}, the base of the pull request",)
    with worktree(system, here.path, revision(system, here.path, base.commit), side=Side.BASE) as checkout:
        assert (checkout.path / "app.py").read_text() == "3"


def test_where_the_head_of_a_pull_request_is_checked_out_base_is_the_merge_base(clone, remote, system):
    here = clone("feature")
    base = resolve_base(pull_request(system), here.path, "auto")
    assert base.commit == remote.fork
    assert base.notes == (f"base is {remote.fork[:10]}, the merge base with main",)
    with worktree(system, here.path, revision(system, here.path, base.commit), side=Side.BASE) as checkout:
        assert (checkout.path / "app.py").read_text() == "2"


def test_the_base_of_a_push_is_the_commit_before_it(clone, remote, system, tmp_path):
    here = clone("main")
    assert resolve_base(push(system, tmp_path, remote.fork), here.path, "auto").commit == remote.fork


@pytest.mark.parametrize(
    ("before", "reason"),
    [
        ("0" * 40, "the push made a new branch and has no commit before it: head is measured alone"),
        (None, "the push made a new branch and has no commit before it: head is measured alone"),
        ("--upload-pack=x", "the push made a new branch and has no commit before it: head is measured alone"),
        ("1" * 40, "the commit before the push, 1111111111, could not be fetched ("),
    ],
)
def test_a_push_without_a_commit_before_it_has_no_base_and_a_reason(clone, system, tmp_path, before, reason):
    here = clone("main")
    base = resolve_base(push(system, tmp_path, before), here.path, "auto")
    assert base.commit == ""
    assert base.notes[0].startswith(reason)


def test_a_schedule_has_no_base(clone, system):
    base = resolve_base(on_github(system, GITHUB_EVENT_NAME="schedule"), clone("main").path, "auto")
    assert base == Base(notes=("the event schedule names no base: head is measured alone",))


def test_a_base_branch_with_a_hostile_name_is_not_fetched(clone, system):
    hostile = System(
        {**pull_request(system).environ, "GITHUB_BASE_REF": "--upload-pack=touch x; ..", "GITHUB_REF": "x"}
    )
    base = resolve_base(hostile, clone("feature").path, "auto")
    assert base.notes == ("the pull request's base branch is not known: head is measured alone",)


def test_on_a_laptop_base_is_where_the_branch_left_main(clone, remote, system):
    here = clone("+refs/heads/*:refs/remotes/origin/*", depth=None)
    here.git("checkout", "--quiet", "feature")
    assert resolve_base(system, here.path, "auto").commit == remote.fork


def test_on_main_base_is_the_last_commit_if_something_is_changed_else_the_one_before(repo, system):
    first = repo.commit(app__py="1")
    assert resolve_base(system, repo.path, "auto").notes == (
        "there is no commit before this one: head is measured alone",
    )
    second = repo.commit(app__py="2")
    assert resolve_base(system, repo.path, "auto").commit == first
    (repo.path / "app.py").write_text("3")
    assert resolve_base(system, repo.path, "auto").commit == second


def test_an_empty_repository_has_no_base(repo, system):
    assert resolve_base(system, repo.path, "auto").commit == ""


def test_a_named_revision_is_taken_or_fetched(clone, remote, system):
    here = clone("main")
    assert resolve_base(system, here.path, "HEAD").commit == remote.tip
    assert resolve_base(system, here.path, "feature").commit == remote.head
    assert resolve_base(system, here.path, remote.fork).commit == remote.fork


@pytest.mark.parametrize("rev", ["nowhere", "--help", "-x"])
def test_a_revision_that_is_nowhere_is_an_error(clone, system, rev):
    with pytest.raises(
        UsageError, match=r"there is no commit '.*' in .* or at origin; see `git log`, or use --base auto$"
    ):
        resolve_base(system, clone("main").path, rev)


def test_outside_git_a_base_cannot_be_found(tmp_path, system):
    with pytest.raises(CannotMeasure, match="is in no git repository"):
        resolve_base(system, tmp_path, "auto")


class _Asked(BaseHTTPRequestHandler):
    """A git host that lets nobody in and remembers what was sent."""

    headers_seen: list[list[str]]

    def do_GET(self):
        type(self).headers_seen.append(self.headers.get_all("Authorization") or [])
        self.send_response(403)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass


def test_the_token_goes_by_environment_and_replaces_one_that_checkout_left(clone, remote, system, tmp_path):
    handler = type("Handler", (_Asked,), {"headers_seen": []})
    here = clone("main")
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        root = f"http://127.0.0.1:{server.server_port}"
        here.git("remote", "set-url", "origin", f"{root}/o/r")
        here.git("config", f"http.{root}/.extraheader", "AUTHORIZATION: basic b2xk")
        seen: list[list[str]] = []
        access = Access.of_token(root, "t0ken")
        base = resolve_base(push(_Watching(system, seen), tmp_path, remote.fork), here.path, "auto", access)
        server.shutdown()
        thread.join()
    login = base64.b64encode(b"x-access-token:t0ken").decode()
    assert handler.headers_seen == [[f"Basic {login}"]]
    assert "could not be fetched" in base.notes[0]
    assert "t0ken" not in repr(access) + str(base)
    assert "t0ken" not in (here.path / ".git/config").read_text()


class _Watching(System):
    """Refuses a token in an argv."""

    def __init__(self, system: System, seen: list[list[str]]) -> None:
        super().__init__(system.environ)
        self.seen = seen

    def run(self, argv, **options):
        assert not any("t0ken" in word or "dDBrZW4" in word for word in argv)
        self.seen.append(list(argv))
        return super().run(argv, **options)


def test_credentials_are_found_nowhere_on_disk(clone, system):
    here = clone("main")
    resolve_base(pull_request(system), here.path, "auto", Access.of_token("https://example.org", "t0ken"))
    found = subprocess.run(["grep", "-r", "t0ken", str(here.path)], capture_output=True, text=True)
    assert found.stdout == ""
