from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pytest_httpserver import HTTPServer
from werkzeug import Request, Response

from perf_action.github import Client, Context, PullRequest
from perf_action.system import System

BOT = {"login": "github-actions[bot]", "id": 41898282}
HEAD = "b81e04f7a2c9d3e5f6071829a3b4c5d6e7f8091a"
#: what GitHub allows in a comment
LIMIT = 65_536

#: answers instead of the fake, or None to let it answer
Hook = Callable[[Request], Response | None]


@dataclass
class FakeGitHub:
    """Issue comments, the user and the files of pull request 7 of o/r, as far as the API's answers matter to us.

    `me` is whose token it is, `knows_me` whether it may ask that; `may_write` False answers 403 to every write;
    `hooks` see every request first.
    """

    url: str = ""
    me: Mapping[str, Any] = field(default_factory=lambda: BOT)
    knows_me: bool = False
    may_write: bool = True
    comments: list[dict[str, Any]] = field(default_factory=list)
    files: list[dict[str, Any]] = field(default_factory=list)
    hooks: list[Hook] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    next_id: int = 1000
    lock: threading.RLock = field(default_factory=threading.RLock)

    def add(self, body: str, user: Mapping[str, Any] | None = BOT) -> int:
        with self.lock:
            self.next_id += 1
            url = f"https://github.example/o/r/pull/7#issuecomment-{self.next_id}"
            self.comments.append({"id": self.next_id, "user": user, "body": body, "html_url": url})
            return self.next_id

    def mine(self, text: str = "<!-- perf-action comment-id=default -->") -> list[dict[str, Any]]:
        return [c for c in self.comments if c["body"].startswith(text) and c["user"] == self.me]

    def count(self, verb: str) -> int:
        return sum(r.startswith(verb + " ") for r in self.requests)

    def answer(self, request: Request) -> Response:
        self.requests.append(f"{request.method} {request.full_path.rstrip('?')}")
        for hook in list(self.hooks):
            answered = hook(request)
            if answered is not None:
                return answered
        if request.headers.get("Authorization") != "Bearer s3cret":
            return problem(401, "Bad credentials")
        with self.lock:
            return self._route(request)

    def _route(self, request: Request) -> Response:
        if request.path == "/user":
            return _json(self.me) if self.knows_me else problem(403, "Resource not accessible by integration")
        if request.method == "GET":
            return self._list(request)
        if not self.may_write:
            return problem(403, "Resource not accessible by integration")
        one = re.fullmatch(r"/repos/o/r/issues/comments/(\d+)", request.path)
        body = json.loads(request.data or b"{}").get("body", "")
        if len(body) > LIMIT:
            return problem(
                422, "Validation Failed", [{"message": f"body is too long (maximum is {LIMIT} characters)"}]
            )
        if request.method == "POST" and request.path == "/repos/o/r/issues/7/comments":
            self.add(body, self.me)
            return _json(self.comments[-1], 201)
        comment = next((c for c in self.comments if one and c["id"] == int(one[1])), None)
        if comment is None:
            return problem(404, "Not Found")
        if comment["user"] != self.me:
            return problem(403, "Must have admin rights to Repository.")
        if request.method == "DELETE":
            self.comments.remove(comment)
            return Response(status=204)
        comment["body"] = body
        return _json(comment)

    def _list(self, request: Request) -> Response:
        lists = {"/repos/o/r/issues/7/comments": self.comments, "/repos/o/r/pulls/7/files": self.files}
        if request.path not in lists:
            return problem(404, "Not Found")
        items, size = lists[request.path], int(request.args.get("per_page", 30))
        page = int(request.args.get("page", 1))
        response = _json(items[(page - 1) * size : page * size])
        if len(items) > page * size:
            after = f"{self.url}{request.path}?per_page={size}&page={page + 1}"
            response.headers["Link"] = f'<{after}>; rel="next", <{self.url}{request.path}?page=9>; rel="last"'
        return response


def _json(data: Any, status: int = 200) -> Response:
    return Response(json.dumps(data), status, content_type="application/json")


def problem(status: int, message: str, errors: list[Any] | None = None, **headers: str) -> Response:
    body = {"message": message, **({"errors": errors} if errors else {})}
    response = _json(body, status)
    response.headers.update(headers)
    return response


@pytest.fixture
def respond() -> Callable[..., Response]:
    return problem


@pytest.fixture(scope="session")
def api_server() -> Iterator[HTTPServer]:
    """One server for all tests: stopping one takes half a second."""
    with HTTPServer(host="127.0.0.1", threaded=True) as server:
        yield server


@pytest.fixture
def fake(api_server: HTTPServer) -> Iterator[FakeGitHub]:
    github = FakeGitHub(url=api_server.url_for("").rstrip("/"))
    api_server.expect_request(re.compile(".*")).respond_with_handler(github.answer)
    yield github
    api_server.check()
    api_server.clear()


class Sleepless(System):
    """The clock stands still and every sleep is noted."""

    def __init__(self) -> None:
        super().__init__({})
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def now(self) -> float:
        return 1_790_000_000.0


@pytest.fixture
def clock() -> Sleepless:
    return Sleepless()


@pytest.fixture
def connect(fake: FakeGitHub, clock: Sleepless) -> Iterator[Callable[..., Client]]:
    clients: list[Client] = []

    def make(token: str = "s3cret") -> Client:
        clients.append(Client(clock, api_url=fake.url, token=token, backoff_s=0.001))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def context(fake: FakeGitHub, tmp_path: Path) -> Context:
    return Context(
        event="pull_request",
        repository="o/r",
        sha="a" * 40,
        ref="refs/pull/7/merge",
        default_branch="main",
        run_id=500,
        attempt=1,
        server_url="https://github.example",
        api_url=fake.url,
        pull_request=PullRequest(number=7, head_sha=HEAD, base_ref="main", base_sha="c" * 40, is_fork=False),
        summary=tmp_path / "summary",
        output=tmp_path / "output",
    )
