"""Which event of which repository we run for: who, where, and what may be done.

Read from the environment and from the event file (https://docs.github.com/en/webhooks/webhook-events-and-payloads).
Both can be shaped by whoever opened the pull request, so nothing is believed that does not have the right form.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,38}/[A-Za-z0-9_.-]{1,100}")
_REF = re.compile(r"[^\s\x00-\x1f\x7f~^:?*\[\\]{1,255}")
_MAX_EVENT_BYTES: Final = 30_000_000
PULL_REQUEST_EVENTS: Final = ("pull_request", "pull_request_target")


@dataclass(frozen=True, slots=True, kw_only=True)
class PullRequest:
    """`base_sha` may be older than the base that GitHub merged. `is_fork`: the head is in another repository.
    `labels` are those at the time of the event.
    """

    number: int
    head_sha: str
    base_ref: str
    base_sha: str
    is_fork: bool
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """One run of a workflow. Strings are empty and `before` is too where the event does not have them.

    `sha` is what was checked out (for a pull request GitHub's merge of it); `before` what a push replaced.
    `summary` and `output` are the files of the step, None where the runner gave none.
    """

    event: str
    repository: str
    sha: str
    ref: str
    default_branch: str
    run_id: int
    attempt: int
    server_url: str
    api_url: str
    before: str = ""
    actor: str = ""
    pull_request: PullRequest | None = None
    summary: Path | None = None
    output: Path | None = None

    @property
    def run_url(self) -> str:
        """The page of this run; empty if it has none."""
        if not (self.repository and self.run_id):
            return ""
        return f"{self.server_url}/{self.repository}/actions/runs/{self.run_id}/attempts/{self.attempt}"

    @property
    def reads_only(self) -> bool:
        """Pull requests read the store and never write; so does whatever was started by one."""
        return self.event in (
            *PULL_REQUEST_EVENTS,
            "pull_request_review",
            "workflow_run",
            "issue_comment",
            "",
        )

    @property
    def keeps_baseline(self) -> bool:
        """A measurement of the default branch is kept: after a push, on its schedule, or started by hand."""
        on_default = self.default_branch != "" and self.ref == f"refs/heads/{self.default_branch}"
        return self.event in ("push", "schedule", "workflow_dispatch") and on_default

    @property
    def token_is_weak(self) -> bool:
        """Whether GitHub gives this run a token that can only read, whatever `permissions:` say."""
        fork = self.pull_request is not None and self.pull_request.is_fork
        return self.event == "pull_request" and (fork or self.actor == "dependabot[bot]")


def read_context(environ: Mapping[str, str]) -> Context | None:
    """The context of this run; None outside GitHub Actions."""
    if environ.get("GITHUB_ACTIONS") != "true":
        return None
    event = environ.get("GITHUB_EVENT_NAME", "")
    payload = _payload(environ.get("GITHUB_EVENT_PATH", ""))
    repository = _matching(_REPOSITORY, environ.get("GITHUB_REPOSITORY", ""))
    return Context(
        event=event,
        repository=repository,
        sha=_matching(_SHA, environ.get("GITHUB_SHA", "")),
        ref=_matching(_REF, environ.get("GITHUB_REF", "")),
        default_branch=_matching(_REF, _at(payload, "repository", "default_branch")),
        run_id=_number(environ.get("GITHUB_RUN_ID", "")),
        attempt=_number(environ.get("GITHUB_RUN_ATTEMPT", "")) or 1,
        server_url=environ.get("GITHUB_SERVER_URL", "https://github.com").rstrip("/"),
        api_url=environ.get("GITHUB_API_URL", "https://api.github.com").rstrip("/"),
        before=_matching(_SHA, _at(payload, "before")),
        actor=environ.get("GITHUB_ACTOR", ""),
        pull_request=_pull_request(payload, repository) if event in PULL_REQUEST_EVENTS else None,
        summary=_file(environ.get("GITHUB_STEP_SUMMARY", "")),
        output=_file(environ.get("GITHUB_OUTPUT", "")),
    )


def _payload(path: str) -> Any:
    """The event, or nothing if it cannot be read: then we know less and do less."""
    try:
        file = Path(path)
        if not path or file.stat().st_size > _MAX_EVENT_BYTES:
            return {}
        return json.loads(file.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}


def _pull_request(payload: Any, repository: str) -> PullRequest | None:
    number = _at(payload, "pull_request", "number")
    head = _matching(_SHA, _at(payload, "pull_request", "head", "sha"))
    if not isinstance(number, int) or isinstance(number, bool) or number < 1 or not head:
        return None
    # the repository of the head is null once the fork is deleted
    from_repository = _at(payload, "pull_request", "head", "repo", "full_name")
    return PullRequest(
        number=number,
        head_sha=head,
        base_ref=_matching(_REF, _at(payload, "pull_request", "base", "ref")),
        base_sha=_matching(_SHA, _at(payload, "pull_request", "base", "sha")),
        labels=_labels(_at(payload, "pull_request", "labels")),
        is_fork=not isinstance(from_repository, str) or from_repository.lower() != repository.lower(),
    )


def _labels(value: Any) -> tuple[str, ...]:
    """Their names, of which there are at most a hundred."""
    names = [_at(label, "name") for label in value[:100]] if isinstance(value, list) else []
    return tuple(name for name in names if isinstance(name, str))


def _at(data: Any, *keys: str) -> Any:
    for key in keys:
        data = data.get(key) if isinstance(data, dict) else None
    return data


def _matching(form: re.Pattern[str], value: Any) -> str:
    return value if isinstance(value, str) and form.fullmatch(value) else ""


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 19 else 0


def _file(path: str) -> Path | None:
    return Path(path) if path else None
