"""The pull request comment and the job summary: GitHub-flavoured Markdown from one template.

Whatever a template prints is escaped unless it is already Markdown (`Md`), so a forgotten filter shows a backslash and
opens no hole. A comment may have 65,536 characters and a step summary 1 MiB, and GitHub drops larger ones whole:
sections are left out in a declared order until the text fits, and the text says which.
https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#adding-a-job-summary
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import jinja2

from perf_action.model.report import Report
from perf_action.render import escape, numbers
from perf_action.render import sentence as sentences
from perf_action.render.facts import Facts, facts
from perf_action.render.sentence import Span


class Md(str):
    """Text that is Markdown already."""

    __slots__ = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Medium:
    """How much a place takes: UTF-8 bytes in all, rows in a table, lines of a failed service's log."""

    max_bytes: int
    rows: int
    metrics: int
    log_lines: int


COMMENT = Medium(max_bytes=59_000, rows=10, metrics=12, log_lines=20)
SUMMARY = Medium(max_bytes=1_000_000, rows=200, metrics=40, log_lines=200)

#: the sections that may be left out, the first one first, and what they are called where that is said
DROPPED_FIRST: tuple[tuple[str, str], ...] = (
    ("all_metrics", "all metrics"),
    ("notes", "notes"),
    ("environment", "environment"),
    ("stages", "stages and cost"),
    ("hottest", "hottest functions"),
    ("categories", "what it was spent on"),
    ("conditions", "how it was profiled"),
    ("reproduce", "how to reproduce"),
    ("leaks", "memory over time"),
    ("checklist", "checklist"),
    ("functions", "functions"),
    ("advice", "advice"),
    ("budgets", "budgets"),
    ("flames", "stacks"),
    ("failed", "log of the service"),
)


def comment(report: Report, known: Facts | None = None) -> str:
    """The comment on a pull request, below 60,000 characters; without the hidden marker of the sticky comment."""
    return markdown(report, COMMENT, known)


def summary(report: Report, known: Facts | None = None) -> str:
    """The job summary, below 1 MiB: the same with longer tables."""
    return markdown(report, SUMMARY, known)


def markdown(report: Report, medium: Medium, known: Facts | None = None) -> str:
    """The report in at most `medium.max_bytes`: sections go, in the order of `DROPPED_FIRST`, until it fits."""
    f = known or facts(report)
    for n in range(len(DROPPED_FIRST) + 1):
        text = _render(f, medium, DROPPED_FIRST[:n])
        if len(text.encode()) <= medium.max_bytes:
            return text
    return _render_bare(f)


def _render(f: Facts, medium: Medium, dropped: tuple[tuple[str, str], ...]) -> str:
    gone = {key for key, _ in dropped}
    kept = {key for key, _ in DROPPED_FIRST} - gone
    text = _ENVIRONMENT.get_template("comment.md.j2").render(
        f=f, medium=medium, show=kept, dropped=[title for _, title in dropped]
    )
    return _BLANK.sub("\n\n", text).strip() + "\n"


_BLANK = re.compile(r"\n{3,}")


def _render_bare(f: Facts) -> str:
    """Nothing but the verdict: what is left when even the fixed parts are too long."""
    return f"### {f.icon} {f.word}: {sentences.markdown(f.headline)}\n"


def _finalize(value: object) -> str:
    if isinstance(value, Md):
        return value
    if isinstance(value, Span):
        return sentences.markdown((value,))
    if isinstance(value, tuple):
        return sentences.markdown(value)
    return escape.markdown(str(value))


def _log(text: str, lines: int) -> Md:
    """The end of a log as a code block."""
    kept = [line[:200] for line in text.rstrip().split("\n")[-lines:]]
    return Md(escape.fence("\n".join(kept)))


def _cell(value: str) -> Md:
    """A number in a table, never broken before its unit."""
    return Md(escape.markdown(value).replace(" ", "\u00a0"))


def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("perf_action", "templates"),
        autoescape=False,  # noqa: S701  not HTML: `_finalize` escapes every value for Markdown
        finalize=_finalize,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        code=lambda text: Md(escape.code(text)) if text else Md(""),
        fence=lambda text, language="": Md(escape.fence(text, language)),
        log=_log,
        host=escape.host,
        block=lambda text: Md(escape.block(text)),
        plural=numbers.plural,
        md=Md,
        cell=_cell,
    )
    return environment


_ENVIRONMENT = _environment()
