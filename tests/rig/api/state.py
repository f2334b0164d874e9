"""What the fake GitHub remembers: one repository, its pull requests, their comments and check runs."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass(slots=True, kw_only=True)
class Pull:
    """`head_repository` differs from the repository's name where it comes from a fork. `labels` are by whom each was
    set.
    """

    number: int
    title: str
    head_sha: str
    head_ref: str
    head_repository: str
    base_sha: str
    base_ref: str = "main"
    merge_sha: str = ""
    files: list[str] = field(default_factory=list)
    state: str = "open"
    body: str = ""
    labels: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True)
class Comment:
    id: int
    pull: int
    login: str
    user_id: int
    body: str
    edits: int = 0


@dataclass(slots=True, kw_only=True)
class CheckRun:
    """`annotations` are those of all requests."""

    id: int
    name: str
    head_sha: str
    conclusion: str
    title: str
    summary: str
    annotations: list[dict[str, Any]] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Repository:
    """`name` is owner/name."""

    name: str
    default_branch: str = "main"
    pulls: dict[int, Pull] = field(default_factory=dict)
    comments: list[Comment] = field(default_factory=list)
    check_runs: list[CheckRun] = field(default_factory=list)
    ids: Iterator[int] = field(default_factory=lambda: itertools.count(9001))

    def comment(self, pull: int, login: str, user_id: int, body: str) -> Comment:
        made = Comment(id=next(self.ids), pull=pull, login=login, user_id=user_id, body=body)
        self.comments.append(made)
        return made

    def comments_of(self, pull: int) -> list[Comment]:
        """In GitHub's order, oldest first."""
        return [c for c in self.comments if c.pull == pull]
