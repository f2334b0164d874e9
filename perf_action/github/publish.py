"""Tell people on GitHub what was found: comment, job summary, annotations, outputs. Findings never fail this step."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from perf_action.config import Comment
from perf_action.github.annotations import command, shown, warning
from perf_action.github.client import Client
from perf_action.github.comment import Posted, StickyComment, is_wanted
from perf_action.github.comment_text import Result
from perf_action.github.context import Context
from perf_action.github.outputs import write_outputs
from perf_action.github.results import Results, annotations_of, outputs_of
from perf_action.github.summary import append_summary


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """`lines` are for the log of the job, workflow commands among them, in order."""

    posted: Posted
    lines: tuple[str, ...]


def publish(
    results: Results,
    context: Context,
    client: Client,
    settings: Comment,
    *,
    roots: Sequence[Path],
    now_s: float,
) -> Outcome:
    """Do all four. What GitHub refuses becomes a warning; the results are then in the summary and the artifact."""
    posted = _comment(results, context, client, settings, now_s)
    warnings = [warning(f"The comment was not posted: {posted.reason}")] if posted.refused else []
    if context.summary is not None:
        note = f"\n\n> The comment was not posted: {_why_refused(context)}.\n" if posted.refused else ""
        append_summary(context.summary, results.summary + note)
    annotations = shown(annotations_of(results, roots))
    if context.output is not None:
        write_outputs(context.output, {**outputs_of(results), **_outputs_of(posted)})
    said = [results.headline, f"comment: {_describe(posted)}"]
    return Outcome(posted=posted, lines=(*said, *warnings, *map(command, annotations)))


def preview(results: Results, settings: Comment, *, roots: Sequence[Path]) -> tuple[str, ...]:
    """What `publish` would do, where there is no GitHub to do it on."""
    wanted = is_wanted(settings.mode, verdict=results.verdict, alarming=results.alarming, exists=False)
    annotations = shown(annotations_of(results, roots))
    names = ", ".join(outputs_of(results))
    return (
        results.headline,
        "not on GitHub Actions, so nothing is published; on a pull request this would",
        f"  - {'post' if wanted else 'not post, unless there is one already,'} the comment {settings.id!r} "
        f"({results.folder / 'comment.md'}, mode {settings.mode.value}, verdict {results.verdict})",
        f"  - add {results.folder / 'summary.md'} to the job summary",
        f"  - annotate {len(annotations)} findings",
        *(f"      {a.level}: {a.message}" for a in annotations),
        f"  - set the outputs {names}",
    )


def _comment(results: Results, context: Context, client: Client, settings: Comment, now_s: float) -> Posted:
    pull_request = context.pull_request
    if pull_request is None:
        return Posted(
            state="not posted", reason=f"the event {context.event or 'of this run'} has no pull request"
        )
    result = Result(
        sha=pull_request.head_sha,
        headline=results.headline,
        when=time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(now_s)),
        run_id=context.run_id,
        attempt=context.attempt,
    )
    sticky = StickyComment(
        client,
        context.repository,
        pull_request.number,
        settings.id,
        f"{context.server_url}/{context.repository}",
    )
    return sticky.publish(
        settings.mode, results.comment, result, verdict=results.verdict, alarming=results.alarming
    )


def _why_refused(context: Context) -> str:
    if context.token_is_weak:
        return "GitHub gives pull requests from forks and from Dependabot a token that can only read"
    return "GitHub refused it; the log of this step says why"


def _outputs_of(posted: Posted) -> dict[str, str]:
    return {
        "comment-id": str(posted.comment_id or ""),
        "comment-file-written": "true" if posted.refused else "false",
    }


def _describe(posted: Posted) -> str:
    return f"{posted.state}, {posted.reason or posted.url}"
