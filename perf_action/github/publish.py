"""Tell people on GitHub what was found: comment, job summary, annotations, outputs, and a check run where it is asked for.
Findings never fail this step.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from perf_action.config import Comment
from perf_action.github.annotations import command, plain_line, shown, warning
from perf_action.github.check_run import post_check_run
from perf_action.github.client import Client
from perf_action.github.comment import Posted, StickyComment, is_wanted
from perf_action.github.comment_text import Result
from perf_action.github.context import Context
from perf_action.github.outputs import write_outputs
from perf_action.github.results import Results, annotations_of, outputs_of
from perf_action.github.summary import append_summary
from perf_action.render import escape


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
    artifact_url: str,
    roots: Sequence[Path],
    now_s: float,
    check_run: bool = False,
) -> Outcome:
    """Do all of them. What GitHub refuses becomes a warning; the results are then in the summary and the artifact.

    `roots` are where the files of the service may be named from, the repository first.
    """
    footer = _footer(context, artifact_url)
    posted = _comment(results, context, client, settings, footer, now_s=now_s)
    if context.summary is not None:
        append_summary(context.summary, results.summary + footer + _refusal(posted, context))
    if context.output is not None:
        write_outputs(context.output, {**outputs_of(results), **_outputs_of(posted)})
    warnings = [warning(f"The comment was not posted: {posted.reason}")] if posted.refused else []
    found = annotations_of(results, roots)
    said = [
        plain_line(results.headline),
        plain_line(f"comment: {posted.state}, {posted.reason or posted.url}"),
    ]
    if check_run:
        name = "perf-action" if settings.id == "default" else f"perf-action ({settings.id})"
        checked = post_check_run(client, context, results, found, name=name, footer=footer)
        warnings += [warning(f"The check run was not posted: {checked.reason}")] if checked.reason else []
        said.append(plain_line(f"check run: {checked.url or 'not posted'}"))
        found = tuple(a for a in found if a not in checked.shown)  # else they would stand there twice
    annotations = shown(found)
    return Outcome(posted=posted, lines=(*said, *warnings, *map(command, annotations)))


def preview(results: Results, settings: Comment, *, roots: Sequence[Path]) -> tuple[str, ...]:
    """What `publish` would do, where there is no GitHub to do it on."""
    wanted = is_wanted(settings.mode, verdict=results.verdict, alarming=results.alarming, exists=False)
    annotations = shown(annotations_of(results, roots))
    would = "post" if wanted else "not post, unless there is one already,"
    why = f"mode {settings.mode.value}, verdict {results.verdict}"
    return (
        results.headline,
        "not on GitHub Actions, so nothing is published; on a pull request this would",
        f"  - {would} the comment {settings.id!r} ({results.folder / 'comment.md'}; {why})",
        f"  - add {results.folder / 'summary.md'} to the job summary",
        f"  - annotate {len(annotations)} findings",
        *(f"      {a.level}: {a.message}" for a in annotations),
        f"  - set the outputs {', '.join(outputs_of(results))}",
    )


def _comment(
    results: Results, context: Context, client: Client, settings: Comment, footer: str, *, now_s: float
) -> Posted:
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
    address = f"{context.server_url}/{context.repository}"
    sticky = StickyComment(client, context.repository, pull_request.number, settings.id, address)
    return sticky.publish(
        settings.mode, results.comment + footer, result, verdict=results.verdict, alarming=results.alarming
    )


def _footer(context: Context, artifact_url: str) -> str:
    """Links to what there is more; the artifact is uploaded after the documents were rendered."""
    links = [("Profiles, flame graphs and logs", artifact_url), ("this run", context.run_url)]
    shown_links = [f"[{text}]({url})" for text, link in links if (url := escape.url(link))]
    return f"\n\n{' · '.join(shown_links)}\n" if shown_links else ""


def _refusal(posted: Posted, context: Context) -> str:
    if not posted.refused:
        return ""
    why = "GitHub refused it; the log of this step says why"
    if context.token_is_weak:
        why = "GitHub gives pull requests from forks and from Dependabot a token that can only read"
    return f"\n> The comment was not posted: {why}.\n"


def _outputs_of(posted: Posted) -> dict[str, str]:
    return {
        "comment-id": str(posted.comment_id or ""),
        "comment-file-written": "true" if posted.refused else "false",
    }
