"""The fake GitHub refuses what GitHub refuses; otherwise a test that passes on it says nothing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from perf_action.github import Client, Context
from perf_action.github.accepting import spoken
from perf_action.github.context import PullRequest
from perf_action.system import System
from rig.api.server import ApiServer, Fault
from rig.api.state import Pull, Repository
from rig.tokens import Token
from rig.world import COMMENTING, KEEPING, NAME, READING, TOKENS

PERSON = Token(secret="rig-token-person", permissions={"contents": "read"}, login="octo", user_id=7)
COMMENTS = f"/repos/{NAME}/issues/7/comments"


@pytest.fixture
def api() -> Iterator[ApiServer]:
    pull = Pull(
        number=7,
        title="t",
        head_sha="b" * 40,
        head_ref="x",
        head_repository=NAME,
        base_sha="a" * 40,
        files=["a"],
    )
    with ApiServer(Repository(name=NAME, pulls={7: pull}), (*TOKENS, PERSON)) as server:
        yield server


def ask(api: ApiServer, verb: str, path: str, token: Token = COMMENTING, **more: object) -> requests.Response:
    headers = {"Authorization": f"Bearer {token.secret}"}
    return requests.request(verb, api.url + path, headers=headers, timeout=10, **more)  # type: ignore[arg-type]


def test_a_comment_lives_and_dies(api: ApiServer) -> None:
    made = ask(api, "POST", COMMENTS, json={"body": "one"})
    assert made.status_code == 201
    assert made.json()["user"]["login"] == "github-actions[bot]"
    path = f"/repos/{NAME}/issues/comments/{made.json()['id']}"
    assert ask(api, "PATCH", path, json={"body": "two"}).json()["body"] == "two"
    assert [c["body"] for c in ask(api, "GET", COMMENTS).json()] == ["two"]
    assert ask(api, "DELETE", path).status_code == 204
    assert ask(api, "DELETE", path).status_code == 404
    assert api.violations == []


def test_lists_come_in_pages_of_thirty(api: ApiServer) -> None:
    for number in range(205):
        api.repository.comment(7, "someone", 1, f"comment {number}")
    first = ask(api, "GET", COMMENTS)
    assert len(first.json()) == 30
    assert "page=7" in first.links["last"]["url"]
    third = ask(api, "GET", COMMENTS, params={"per_page": 100, "page": 3})
    assert len(third.json()) == 5
    assert "next" not in third.links
    assert "page=2" in third.links["prev"]["url"]


@pytest.mark.parametrize(("token", "status"), [(READING, 403), (KEEPING, 403), (COMMENTING, 201)])
def test_permissions_are_enforced(api: ApiServer, token: Token, status: int) -> None:
    assert ask(api, "POST", COMMENTS, token, json={"body": "x"}).status_code == status


def test_an_unknown_token_is_no_token(api: ApiServer) -> None:
    assert ask(api, "GET", COMMENTS, Token(secret="guess", permissions={})).status_code == 401


def test_a_body_may_have_65536_characters(api: ApiServer) -> None:
    assert ask(api, "POST", COMMENTS, json={"body": "é" * 65_536}).status_code == 201
    refused = ask(api, "POST", COMMENTS, json={"body": "é" * 65_537})
    assert refused.status_code == 422
    assert "too long" in refused.json()["errors"][0]["message"]


@pytest.mark.parametrize("body", [{}, {"body": 1}, {"body": "x", "boddy": "y"}])
def test_a_body_that_is_not_in_the_description_is_refused_and_noted(api: ApiServer, body: object) -> None:
    assert ask(api, "POST", COMMENTS, json=body).status_code == 422
    assert api.violations[0].startswith("issues/create-comment: ")


@pytest.mark.parametrize("query", [{"per_pages": 100}, {"page": "first"}])
def test_a_query_that_is_not_in_the_description_is_refused_and_noted(
    api: ApiServer, query: dict[str, object]
) -> None:
    assert ask(api, "GET", COMMENTS, params=query).status_code == 422
    assert len(api.violations) == 1


def test_an_operation_that_is_not_in_the_description_is_noted(api: ApiServer) -> None:
    assert ask(api, "GET", f"/repos/{NAME}/comment").status_code == 404
    assert len(api.violations) == 1


def test_only_a_person_is_told_who_they_are(api: ApiServer) -> None:
    assert ask(api, "GET", "/user").status_code == 403
    assert ask(api, "GET", "/user", PERSON).json()["login"] == "octo"


def test_files_of_a_pull_request_are_listed(api: ApiServer) -> None:
    assert [f["filename"] for f in ask(api, "GET", f"/repos/{NAME}/pulls/7/files", READING).json()] == ["a"]
    assert ask(api, "GET", f"/repos/{NAME}/pulls/8/files", READING).status_code == 404


def test_it_fails_when_it_is_told_to(api: ApiServer) -> None:
    api.faults.append(Fault(match="GET /user", status=503, headers={"Retry-After": "1"}))
    assert [ask(api, "GET", "/user", PERSON).status_code for _ in range(2)] == [503, 200]


@pytest.mark.parametrize("event", ["pull_request", "push"])
def test_who_accepted_what_is_asked_as_github_describes_it(
    api: ApiServer, system: System, event: str
) -> None:
    api.repository.pulls[7].labels["perf-accepted"] = "ann"
    pull = PullRequest(number=7, head_sha="b" * 40, base_ref="main", base_sha="a" * 40, is_fork=False)
    context = Context(
        event=event,
        repository=NAME,
        sha="b" * 40,
        ref="",
        default_branch="main",
        run_id=1,
        attempt=1,
        server_url="",
        api_url=api.url,
        pull_request=pull if event == "pull_request" else None,
    )
    client = Client(system, api_url=api.url, token=COMMENTING.secret)
    said = spoken(context, client)
    client.close()
    assert ("label", "perf-accepted", "ann") in {(s.source, s.text, s.by) for s in said}
    assert api.violations == []
