"""What people said on GitHub about accepting a regression: labels of the pull request, its text, the commit's message.

A label takes the triage role (https://docs.github.com/en/organizations/managing-user-access-to-your-organizations-repositories/managing-repository-roles/repository-roles-for-an-organization);
text and message are the author's own. What is said is asked of the API, since the event of a run that is started again
is as old as the first one. After a push the pull request that the commit came from is asked for. What GitHub does not
answer was not said.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Final

from perf_action.github.client import ApiError, Client
from perf_action.github.context import Context
from perf_action.judge.accepted import is_label
from perf_action.model.accepted import Spoken

#: labels have been set within so many events of a pull request, or nobody knows by whom
_EVENTS: Final = 1000
_TEXT: Final = 65_536


def spoken(context: Context, client: Client) -> tuple[Spoken, ...]:
    """All that was said; labels first."""
    if context.pull_request is None:
        return _after_push(context, client)
    number, sha = context.pull_request.number, context.pull_request.head_sha
    try:
        found = _of_pull_request(client.get(f"/repos/{context.repository}/pulls/{number}"), context, client)
    except ApiError:
        found = [
            Spoken(source="label", text=name, where=f"label of #{number}")
            for name in context.pull_request.labels
            if is_label(name)
        ]
    return (*found, *_of_commit(sha, context, client))


def _after_push(context: Context, client: Client) -> tuple[Spoken, ...]:
    if context.event != "push" or not context.sha:
        return ()
    out: list[Spoken] = []
    try:
        for pull_request in client.get(f"/repos/{context.repository}/commits/{context.sha}/pulls")[:3]:
            out += _of_pull_request(pull_request, context, client)
    except (ApiError, TypeError):
        out = []
    return (*out, *_of_commit(context.sha, context, client))


def _of_pull_request(data: Any, context: Context, client: Client) -> list[Spoken]:
    number = _at(data, "number")
    labels = _at(data, "labels")
    named = [
        label for label in (labels if isinstance(labels, list) else []) if is_label(_text(label, "name"))
    ]
    who = _who(number, context, client) if named else {}
    out = [
        Spoken(
            source="label",
            text=_text(label, "name"),
            where=f"label of #{number}",
            by=who.get(_text(label, "name"), ""),
            description=_text(label, "description"),
        )
        for label in named
    ]
    body = _text(data, "body")
    if body:
        author = _text(_at(data, "user"), "login")
        out.append(Spoken(source="commit", text=body, where=f"text of #{number}", by=author))
    return out


def _who(number: Any, context: Context, client: Client) -> dict[str, str]:
    """Label -> who set it last (https://docs.github.com/en/rest/issues/events)."""
    found: dict[str, str] = {}
    try:
        pages = client.pages(f"/repos/{context.repository}/issues/{number}/events")
        for event in islice(pages, _EVENTS):
            if _at(event, "event") == "labeled":
                found[_text(_at(event, "label"), "name")] = _text(_at(event, "actor"), "login")
    except ApiError:
        return {}
    return found


def _of_commit(sha: str, context: Context, client: Client) -> Iterator[Spoken]:
    try:
        data = client.get(f"/repos/{context.repository}/commits/{sha}")
    except ApiError:
        return
    message = _text(_at(data, "commit"), "message")
    author = _text(_at(data, "author"), "login")
    if message:
        yield Spoken(source="commit", text=message, where=f"commit {sha[:10]}", by=author)


def _at(data: Any, key: str) -> Any:
    return data.get(key) if isinstance(data, Mapping) else None


def _text(data: Any, key: str) -> str:
    value = _at(data, key)
    return value[:_TEXT] if isinstance(value, str) else ""
