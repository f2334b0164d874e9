"""How the fake answers each operation, from what it remembers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rig.api import description
from rig.api.state import CheckRun, Comment, Pull, Repository
from rig.tokens import Token

LIMIT = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """`path` holds the values of the operation's path, `query` those after the question mark."""

    operation: str
    path: dict[str, str]
    query: dict[str, str]
    body: Any
    token: Token


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """`total` is the length of the whole list where `body` is one page of it."""

    status: int
    body: Any = None
    pages: int | None = None


def error(status: int, message: str, **more: Any) -> Answer:
    """An error in GitHub's form."""
    return Answer(
        status=status,
        body={
            "message": message,
            "documentation_url": "http://docs.gh.localhost/",
            "status": str(status),
            **more,
        },
    )


def _list_files(repository: Repository, request: Request) -> Answer:
    pull = repository.pulls.get(int(request.path["pull_number"]))
    if pull is None:
        return error(404, "Not Found")
    # GitHub lists no more than 3,000
    files = [
        description.example(description.named("diff-entry"), filename=name, status="modified")
        for name in pull.files[:3000]
    ]
    return _page(files, request)


def _get_pull(repository: Repository, request: Request) -> Answer:
    pull = repository.pulls.get(int(request.path["pull_number"]))
    return error(404, "Not Found") if pull is None else Answer(status=200, body=_pull(pull, "pull-request"))


def _pulls_of_commit(repository: Repository, request: Request) -> Answer:
    sha = request.path["commit_sha"]
    found = [p for p in repository.pulls.values() if sha in (p.head_sha, p.merge_sha)]
    return _page([_pull(p, "pull-request-simple") for p in found], request)


def _get_commit(_: Repository, request: Request) -> Answer:
    """The fake does not know the history: of every commit it says the same."""
    made = description.example(description.named("commit"), sha=request.path["ref"])
    return Answer(status=200, body={**made, "commit": {**made["commit"], "message": "A commit"}})


def _list_events(repository: Repository, request: Request) -> Answer:
    pull = repository.pulls.get(int(request.path["issue_number"]))
    events = [
        description.example(
            description.named("labeled-issue-event"),
            event="labeled", actor=_user(who, 1), label={"name": name, "color": "ffffff"},
        )
        for name, who in (pull.labels if pull else {}).items()
    ]  # fmt: skip
    return error(404, "Not Found") if pull is None else _page(events, request)


def _pull(pull: Pull, schema: str) -> dict[str, Any]:
    made = description.example(
        description.named(schema), number=pull.number, title=pull.title, body=pull.body
    )
    names = [
        {
            "id": 1,
            "node_id": "x",
            "url": "http://gh.localhost/",
            "name": n,
            "description": "",
            "color": "f",
            "default": False,
        }
        for n in pull.labels
    ]
    return {**made, "labels": names, "user": _user("author", 2)}


def _list_comments(repository: Repository, request: Request) -> Answer:
    number = int(request.path["issue_number"])
    if number not in repository.pulls:
        return error(404, "Not Found")
    return _page([_comment(c) for c in repository.comments_of(number)], request)


def _create_comment(repository: Repository, request: Request) -> Answer:
    number = int(request.path["issue_number"])
    if number not in repository.pulls:
        return error(404, "Not Found")
    if refused := _too_long(request.body["body"]):
        return refused
    token = request.token
    made = repository.comment(number, token.login, token.user_id, request.body["body"])
    return Answer(status=201, body=_comment(made))


def _update_comment(repository: Repository, request: Request) -> Answer:
    comment = _find_comment(repository, request)
    if comment is None:
        return error(404, "Not Found")
    if refused := _too_long(request.body["body"]):
        return refused
    comment.body = request.body["body"]
    comment.edits += 1
    return Answer(status=200, body=_comment(comment))


def _delete_comment(repository: Repository, request: Request) -> Answer:
    comment = _find_comment(repository, request)
    if comment is None:
        return error(404, "Not Found")
    repository.comments.remove(comment)
    return Answer(status=204)


def _create_check_run(repository: Repository, request: Request) -> Answer:
    body = request.body
    output = body.get("output", {})
    made = CheckRun(
        id=next(repository.ids),
        name=body["name"],
        head_sha=body["head_sha"],
        conclusion=body.get("conclusion", ""),
        title=output.get("title", ""),
        summary=output.get("summary", ""),
    )
    repository.check_runs.append(made)
    return _check_run(made, output, 201)


def _update_check_run(repository: Repository, request: Request) -> Answer:
    number = int(request.path["check_run_id"])
    known = next((c for c in repository.check_runs if c.id == number), None)
    if known is None:
        return error(404, "Not Found")
    return _check_run(known, request.body.get("output", {}), 200)


def _check_run(run: CheckRun, output: dict[str, Any], status: int) -> Answer:
    """Annotations are added to those that are there, which is what GitHub does with each further request."""
    run.annotations += output.get("annotations", [])
    made = description.example(
        description.named("check-run"),
        id=run.id, name=run.name, head_sha=run.head_sha, status="completed", conclusion=run.conclusion or None,
        html_url=f"http://gh.localhost/runs/{run.id}",
    )  # fmt: skip
    return Answer(status=status, body=made)


def _get_user(_: Repository, request: Request) -> Answer:
    token = request.token
    if token.login.endswith("[bot]"):  # what an installation's token is told
        return error(403, "Resource not accessible by integration")
    made = description.example(description.named("public-user"), login=token.login, id=token.user_id)
    return Answer(status=200, body={**made, "user_view_type": "public"})


def _too_long(body: str) -> Answer | None:
    if not body.strip():
        return _invalid("body cannot be blank")
    return _invalid("body is too long (maximum is 65536 characters)") if len(body) > LIMIT else None


def _invalid(message: str) -> Answer:
    fault = {"resource": "IssueComment", "code": "unprocessable", "field": "data", "message": message}
    return error(422, "Validation Failed", errors=[fault])


def _find_comment(repository: Repository, request: Request) -> Comment | None:
    wanted = int(request.path["comment_id"])
    return next((c for c in repository.comments if c.id == wanted), None)


def _comment(comment: Comment) -> dict[str, Any]:
    user = _user(comment.login, comment.user_id)
    if comment.login.endswith("[bot]"):
        user["type"] = "Bot"
    return description.example(
        description.named("issue-comment"), id=comment.id, body=comment.body, user=user
    )


def _user(login: str, number: int) -> dict[str, Any]:
    return description.example(description.named("simple-user"), login=login, id=number, type="User")


def _page(items: list[Any], request: Request) -> Answer:
    size = min(int(request.query.get("per_page", 30)), 100) or 30
    number = max(int(request.query.get("page", 1)), 1)
    pages = max(-(-len(items) // size), 1)
    return Answer(status=200, body=items[(number - 1) * size : number * size], pages=pages)


#: operation -> (handler, the permissions of which one suffices, the level needed)
HANDLERS: dict[str, tuple[Callable[[Repository, Request], Answer], tuple[str, ...], str]] = {
    "checks/create": (_create_check_run, ("checks",), "write"),
    "checks/update": (_update_check_run, ("checks",), "write"),
    "issues/create-comment": (_create_comment, ("issues", "pull-requests"), "write"),
    "issues/delete-comment": (_delete_comment, ("issues", "pull-requests"), "write"),
    "issues/list-comments": (_list_comments, ("issues", "pull-requests"), "read"),
    "issues/update-comment": (_update_comment, ("issues", "pull-requests"), "write"),
    "issues/list-events": (_list_events, ("issues", "pull-requests"), "read"),
    "pulls/get": (_get_pull, ("pull-requests",), "read"),
    "repos/get-commit": (_get_commit, ("contents",), "read"),
    "repos/list-pull-requests-associated-with-commit": (_pulls_of_commit, ("pull-requests",), "read"),
    "pulls/list-files": (_list_files, ("pull-requests",), "read"),
    "users/get-authenticated": (_get_user, ("metadata", "contents"), "read"),
}
