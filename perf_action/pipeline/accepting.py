"""Which regressions of a run were accepted, and by whom: from labels, messages and perf.yml to the report."""

from __future__ import annotations

import datetime as dt

import yaml

from perf_action.config import Accept
from perf_action.errors import CannotMeasure
from perf_action.git import Git, token_of
from perf_action.github import Client, Context
from perf_action.github.accepting import spoken
from perf_action.judge.accepted import accepted
from perf_action.model.accepted import Accepted, Spoken
from perf_action.model.report import Report
from perf_action.pipeline.settings import Settings
from perf_action.system import System

_LONGEST = 1_000_000


def today(system: System) -> dt.date:
    """The day in UTC, by which acceptances end."""
    return dt.datetime.fromtimestamp(system.now(), dt.timezone.utc).date()


def accepted_of(
    report: Report, settings: Settings | None, context: Context | None, system: System
) -> tuple[Accepted, ...]:
    """What was accepted of what the report found; nothing without settings, which say what counts."""
    if settings is None:
        return ()
    said = _said(report.head.commit, settings, context, system)
    if not said:
        return ()
    return accepted(
        said,
        report.comparison,
        report.budgets,
        allowed=_allowed(report, settings, context, system),
        today=today(system),
    )


def _said(commit: str, settings: Settings, context: Context | None, system: System) -> tuple[Spoken, ...]:
    if context is not None and context.repository:
        client = Client(system, api_url=context.api_url, token=token_of(system.environ))
        try:
            return spoken(context, client)
        finally:
            client.close()
    git = Git(system, settings.repository, None, error=CannotMeasure)
    done = git.run("log", "-1", "--format=%an%n%B", commit) if commit else None
    if done is None or done.code:
        return ()
    author, _, message = done.stdout.partition("\n")
    return (Spoken(source="commit", text=message, where=f"commit {commit[:10]}", by=author),)


def _allowed(report: Report, settings: Settings, context: Context | None, system: System) -> set[str]:
    """What perf.yml accepts; of a pull request only what base's accepts too, since head's is the author's own."""
    mine = {word.value for word in settings.config.accept}
    if context is None or context.pull_request is None:
        return mine
    return mine & _of_base(report.baseline.commit or context.pull_request.base_sha, settings, system)


def _of_base(commit: str, settings: Settings, system: System) -> set[str]:
    """The words of base's perf.yml. Where it has none, or cannot be read, what holds if nobody says anything."""
    usual = {Accept.LABEL.value}
    path = settings.file.relative_to(settings.repository).as_posix() if settings.file else ""
    if not commit or not path:
        return usual
    git = Git(system, settings.repository, None, error=CannotMeasure)
    done = git.run("show", f"{commit}:{path}")
    if done.code or len(done.stdout) > _LONGEST:
        return usual
    try:
        words = yaml.safe_load(done.stdout).get("accept", list(usual))
    except (yaml.YAMLError, AttributeError, RecursionError, ValueError):
        return usual
    return {word for word in words if isinstance(word, str)} if isinstance(words, list) else usual
