"""Whether anything changed that could matter: `paths` of perf.yml, which reads as `paths` of a workflow does.

What changed is asked of the API for a pull request and of git for a push. Where that cannot be found out, or GitHub
does not list all of it, everything counts as changed: a measurement too many is better than one too few.
https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-syntax#filter-pattern-cheat-sheet
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from perf_action.errors import ConfigError, PerfActionError
from perf_action.git import Git
from perf_action.github.client import ApiError, Client
from perf_action.github.context import Context
from perf_action.store import remote_of
from perf_action.system import System

#: GitHub lists no more files of a pull request than this
MAX_LISTED: Final = 3000
_TOKEN = re.compile(r"\*\*/|\*\*|\*|\?|\+|\[[^\]]*\]|\\.|.", re.DOTALL)
_MEANING: Final = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "?", "+": "+"}


def matches(patterns: Sequence[str], path: str) -> bool:
    """Whether `path` is meant: the last pattern that fits decides, ``!`` excludes; with only those, all others are."""
    meant = all(p.startswith("!") for p in patterns)
    for pattern in patterns:
        if _compiled(pattern.removeprefix("!")).fullmatch(path):
            meant = not pattern.startswith("!")
    return meant


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(_regex(pattern), re.DOTALL)
    except re.error as error:
        raise ConfigError(
            "perf.yml", "paths", f"{pattern!r} is no pattern: {error}", "write it as in `on.push.paths`"
        ) from None


def _regex(pattern: str) -> str:
    return "".join(_MEANING.get(token) or _literal(token) for token in _TOKEN.findall(pattern))


def _literal(token: str) -> str:
    if token.startswith("[") and len(token) > 2:
        return "[" + re.sub(r"([\\^\[&~|])", r"\\\1", token[1:-1]) + "]"
    return re.escape(token[1:] if token.startswith("\\") and len(token) > 1 else token)


def skip_reason(patterns: Sequence[str], changed: Sequence[str] | None) -> str:
    """One sentence why there is nothing to measure, or nothing. `changed` is None where that is not known."""
    if not patterns or changed is None or any(matches(patterns, path) for path in changed):
        return ""
    return f"none of the {len(changed)} changed files matches `paths` ({', '.join(patterns)})"


def changed_by_pull_request(client: Client, repository: str, number: int) -> tuple[str, ...] | None:
    """The files of a pull request, both names of a renamed one; None if GitHub cannot list them all."""
    try:
        listed = [f for f in client.pages(f"/repos/{repository}/pulls/{number}/files") if isinstance(f, dict)]
    except ApiError:
        return None
    if not listed or len(listed) >= MAX_LISTED:
        return None
    names = [f.get(key) for f in listed for key in ("filename", "previous_filename")]
    return tuple(name for name in names if isinstance(name, str))


def changed_by_push(
    system: System, repository: Path, scratch: Path, before: str, after: str
) -> tuple[str, ...] | None:
    """The files that differ between two commits, fetched into a repository of our own if the checkout lacks one.

    None if one is not to be had any more, as after a force-push, or there is none, as on a new branch.
    """
    if not before.strip("0") or not after:
        return None
    try:
        git = Git(system, repository)
        if any(git.run("cat-file", "-e", f"{commit}^{{tree}}").code for commit in (before, after)):
            git = _fetched(system, repository, scratch, before, after)
        listed = git.out("diff-tree", "-r", "-z", "--name-only", "--no-renames", before, after)
    except PerfActionError:
        return None
    return tuple(path for path in listed.split("\0") if path)


def _fetched(system: System, repository: Path, scratch: Path, *commits: str) -> Git:
    """A repository of our own with the trees of these commits."""
    remote = remote_of(system, repository, "origin")
    git = Git(system, scratch / "paths.git", remote.access)
    git.start(remote.url)
    git.out("fetch", "--quiet", "--depth=1", "--filter=blob:none", "--no-tags", "origin", *commits)
    return git


def why_skip(
    patterns: Sequence[str],
    context: Context | None,
    client: Client | None,
    *,
    system: System,
    repository: Path,
    scratch: Path,
) -> str:
    """Why this run may be skipped, or nothing if it has to measure. Schedules and starts by hand always measure."""
    if not patterns or context is None:
        return ""
    if context.pull_request is not None and client is not None:
        changed = changed_by_pull_request(client, context.repository, context.pull_request.number)
    elif context.event == "push":
        changed = changed_by_push(system, repository, scratch, context.before, context.sha)
    else:
        return ""
    return skip_reason(patterns, changed)
