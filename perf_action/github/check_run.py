"""The check run: the verdict beside the commit, with annotations on the changed files. Only where `check-run` asks for it.

A request carries 50 annotations, and each further one adds to those that are there
(https://docs.github.com/en/rest/checks/runs). It needs ``checks: write``, which a token that was given no such
permission, and any of a pull request from a fork, does not have.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from perf_action.errors import one_line
from perf_action.github.annotations import Annotation
from perf_action.github.client import ApiError, Client
from perf_action.github.context import Context
from perf_action.github.results import Results
from perf_action.render import escape

MAX_PER_REQUEST: Final = 50
#: nobody reads more, and each fifty cost a request
MAX_ANNOTATIONS: Final = 200
MAX_SUMMARY: Final = 65_535
_LEVELS: Final = {"notice": "notice", "warning": "warning", "error": "failure"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """`url` is the page of the check run, empty where there is none; `reason` then says why. `shown` are the annotations
    that are on it.
    """

    url: str = ""
    reason: str = ""
    shown: tuple[Annotation, ...] = ()


def post_check_run(
    client: Client,
    context: Context,
    results: Results,
    annotations: Sequence[Annotation],
    *,
    name: str,
    footer: str,
) -> Checked:
    """Create the check run. What GitHub refuses is a reason, never an error."""
    placed = tuple(a for a in annotations if a.file)[:MAX_ANNOTATIONS]
    sha = context.pull_request.head_sha if context.pull_request else context.sha
    if not sha:
        return Checked(reason="it is not known which commit this run is of")
    path = f"/repos/{context.repository}/check-runs"
    output = {"title": one_line(results.headline, 250), "summary": _summary(results, footer)}
    batches = [placed[i : i + MAX_PER_REQUEST] for i in range(0, len(placed), MAX_PER_REQUEST)] or [()]
    body: dict[str, Any] = {
        "name": name,
        "head_sha": sha,
        "status": "completed",
        "conclusion": conclusion(results),
        "output": {**output, "annotations": [_annotation(a) for a in batches[0]]},
    }
    if context.run_url:
        body["details_url"] = context.run_url
    shown: tuple[Annotation, ...] = ()
    try:
        made = client.post(path, body)
        shown = batches[0]
        number = made.get("id") if isinstance(made, dict) else None
        for batch in batches[1:]:
            client.patch(
                f"{path}/{number}", {"output": {**output, "annotations": [_annotation(a) for a in batch]}}
            )
            shown += batch
    except ApiError as error:
        return Checked(reason=str(error), shown=shown)
    return Checked(
        url=escape.url(str(made.get("html_url", "")) if isinstance(made, dict) else ""), shown=shown
    )


def conclusion(results: Results) -> str:
    """Failure under the policy only; a regression that the policy lets pass, and what nobody could tell, are neutral."""
    if results.report.fails:
        return "failure"
    if results.verdict == "skipped":
        return "skipped"
    return (
        "success" if results.verdict in ("unchanged", "improvement") and not results.alarming else "neutral"
    )


def _summary(results: Results, footer: str) -> str:
    text = results.comment + footer
    if len(text.encode()) <= MAX_SUMMARY:
        return text
    return f"{escape.markdown(results.headline)}\n\nThe report is in the job summary.{footer}"


def _annotation(a: Annotation) -> dict[str, Any]:
    line = max(1, a.line)
    return {
        "path": a.file,
        "start_line": line,
        "end_line": max(line, a.end_line),
        "annotation_level": _LEVELS[a.level],
        "title": one_line(a.title, 200),
        "message": one_line(a.message, 4_000) or a.title,
    }
