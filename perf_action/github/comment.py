"""The one comment on a pull request: found again wherever it is, updated in place, never a second one.

Several jobs may do this at once, and a token can belong to the bot, to an app or to a person; so who we are is asked
first and, once a comment is written, taken from it. https://docs.github.com/en/rest/issues/comments
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

from perf_action.config import CommentMode
from perf_action.github.client import ApiError, Client, Forbidden, NotFound, Unprocessable, Unreachable
from perf_action.github.comment_text import CommentText, Result, compose, decompose, is_ours, merge

#: who writes with the token of a workflow, which may not ask who it is
BOT: Final = ("github-actions[bot]", 41898282)
#: a second try with this many characters, should GitHub find the first too long
SHORT: Final = 20_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """What became of the comment; `reason` says why where it is "not posted", which is never an error."""

    state: Literal["created", "updated", "not posted"]
    comment_id: int | None = None
    url: str = ""
    reason: str = ""
    refused: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Comment:
    id: int
    author: tuple[str, int]
    body: str
    url: str


def is_wanted(mode: CommentMode, *, verdict: str, alarming: bool, exists: bool) -> bool:
    """Whether this result is posted. `alarming`: a regression, a failed budget, or anything that fails the job.
    Nothing changed, and nothing that was worth measuring, is nothing to tell.

    A comment that exists is brought up to date, so that it never tells of a problem that is gone.
    """
    if mode is CommentMode.CHANGES:
        return verdict not in ("unchanged", "skipped") or alarming or exists
    if mode is CommentMode.REGRESSIONS:
        return alarming or exists
    return mode is CommentMode.ALWAYS


class StickyComment:
    """The comment `comment_id` of pull request `number`. `repository_url` is where links to commits lead."""

    def __init__(
        self, client: Client, repository: str, number: int, comment_id: str, repository_url: str
    ) -> None:
        self._client, self._comment_id, self._repository_url = client, comment_id, repository_url
        self._issue = f"/repos/{repository}/issues/{number}/comments"
        self._one = f"/repos/{repository}/issues/comments"

    def publish(
        self, mode: CommentMode, main: str, result: Result, *, verdict: str, alarming: bool
    ) -> Posted:
        """Create or update. What GitHub refuses comes back as "not posted" with the reason."""
        if mode is CommentMode.NEVER:
            return Posted(state="not posted", reason="comment-mode is never")
        try:
            me = self._who_am_i()
            mine = self._mine(me)
            if not is_wanted(mode, verdict=verdict, alarming=alarming, exists=bool(mine)):
                return Posted(
                    state="not posted", reason=f"comment-mode is {mode.value} and the verdict is {verdict}"
                )
            return self._update(mine, main, result) if mine else self._create(me, main, result)
        except Forbidden as error:
            remedy = (
                "the job needs `permissions: pull-requests: write`, which pull requests from forks never get"
            )
            return Posted(state="not posted", reason=f"{error}; {remedy}", refused=True)
        except ApiError as error:
            return Posted(state="not posted", reason=str(error), refused=True)

    def _who_am_i(self) -> tuple[str, int]:
        try:
            user = self._client.get("/user")
        except (Forbidden, NotFound):
            return BOT
        return _author({"user": user})

    def _mine(self, me: tuple[str, int]) -> list[Comment]:
        """Our comments, the oldest first. Others may have copied the marker: theirs are not touched."""
        found = [_comment(raw) for raw in self._client.pages(self._issue)]
        return sorted(
            (c for c in found if c and c.author == me and is_ours(c.body, self._comment_id)),
            key=lambda c: c.id,
        )

    def _create(self, me: tuple[str, int], main: str, result: Result) -> Posted:
        text = merge(None, main, result)
        try:
            created = _comment(self._write("POST", self._issue, text))
        except Unreachable:
            # it may have arrived all the same; a POST is not simply repeated
            mine = self._mine(me)
            if mine:
                return self._update(mine, main, result)
            created = _comment(self._write("POST", self._issue, text))
        if created is None:
            raise ApiError(f"POST {self._issue}: the answer is not a comment")
        # another job may have created one in the meantime; the oldest stays, and every job agrees which one that is
        mine = self._mine(created.author)
        if mine and mine[0].id != created.id:
            return self._update(mine, main, result)
        self._delete(mine[1:])
        return Posted(state="created", comment_id=created.id, url=created.url)

    def _update(self, mine: list[Comment], main: str, result: Result) -> Posted:
        oldest, *younger = mine
        text = merge(decompose(oldest.body), main, result)
        updated = _comment(self._write("PATCH", f"{self._one}/{oldest.id}", text)) or oldest
        self._delete(younger)
        return Posted(state="updated", comment_id=oldest.id, url=updated.url)

    def _write(self, verb: Literal["POST", "PATCH"], path: str, text: CommentText) -> Any:
        send = self._client.post if verb == "POST" else self._client.patch
        try:
            return send(path, {"body": compose(text, self._comment_id, self._repository_url)})
        except Unprocessable:
            return send(path, {"body": compose(text, self._comment_id, self._repository_url, limit=SHORT)})

    def _delete(self, comments: list[Comment]) -> None:
        for comment in comments:
            try:
                self._client.delete(f"{self._one}/{comment.id}")
            except NotFound:
                continue  # whoever made it was quicker


def _comment(raw: Any) -> Comment | None:
    if not isinstance(raw, dict) or not isinstance(raw.get("id"), int):
        return None
    return Comment(
        id=raw["id"], author=_author(raw), body=str(raw.get("body") or ""), url=str(raw.get("html_url") or "")
    )


def _author(raw: Any) -> tuple[str, int]:
    """Login and number; the user is null once the account is deleted."""
    user = raw.get("user") or {}
    return str(user.get("login", "")), int(user.get("id") or 0)
