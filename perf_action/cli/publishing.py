"""`publish`: tell GitHub what was found."""

from __future__ import annotations

from pathlib import Path

import click
from pydantic import ValidationError

from perf_action import github
from perf_action.config import Comment, CommentMode, read_config
from perf_action.config.inputs import overrides
from perf_action.errors import ConfigError, UsageError
from perf_action.git import token_of
from perf_action.github.failures import read_failures
from perf_action.system import System


@click.command()
@click.argument("folder", metavar="RUN", type=click.Path(path_type=Path))
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    default="perf.yml",
    show_default=True,
    help="Take `comment:` from here, if it is there.",
)
@click.option("--comment-id", help="Tells several uses in one repository apart.")
@click.option(
    "--comment-mode",
    type=click.Choice([mode.value for mode in CommentMode]),
    help="When to comment; default: changes, which is silent only while nothing changed.",
)
@click.option(
    "--failures",
    type=click.Path(path_type=Path),
    help="A file with a line for each step of the action that failed before.",
)
def publish(
    folder: Path, config: Path, comment_id: str | None, comment_mode: str | None, failures: Path | None
) -> None:
    """Publish an assessed run folder: comment, job summary, annotations, outputs, and a check run if asked for.

    Everything but the options comes from the environment that GitHub Actions gives, the token from GITHUB_TOKEN.
    Elsewhere it says what it would do. What GitHub refuses is a warning and no failure.
    """
    system = System()
    failed = read_failures(failures)
    settings = _comment(config, system, comment_id, comment_mode, lenient=bool(failed))
    check_run = _check_run(config, system)
    results = github.read_results(folder, failed)
    context = github.read_context(system.environ)
    workspace = system.environ.get("GITHUB_WORKSPACE", "")
    roots = [Path(workspace), Path.cwd()] if workspace else [Path.cwd()]
    if context is None:
        click.echo("\n".join(github.preview(results, settings, roots=roots)))
        return
    client = github.Client(system, api_url=context.api_url, token=token_of(system.environ))
    outcome = github.publish(
        results,
        context,
        client,
        settings,
        artifact_url=system.environ.get("PERF_ARTIFACT_URL", ""),
        roots=roots,
        now_s=system.now(),
        check_run=check_run,
    )
    client.close()
    click.echo("\n".join(outcome.lines))


def _check_run(path: Path, system: System) -> bool:
    """Whether the settings or the action's input ask for a check run; no where they cannot be read, which is told elsewhere."""
    given = overrides(system.environ)
    try:
        if path.exists():
            return read_config(path, given).check_run
    except ConfigError:
        pass
    return given.get("check-run", "").strip().lower() == "true"


def _comment(
    path: Path, system: System, comment_id: str | None, comment_mode: str | None, *, lenient: bool
) -> Comment:
    """`comment:` of the settings and of the action's inputs, and over them what the call says.

    With `lenient`, settings that cannot be read are left aside: they may be the very failure to be told.
    """
    given = overrides(system.environ)
    comment = Comment()
    try:
        if path.exists():
            comment = read_config(path, given).comment
    except ConfigError:
        if not lenient:
            raise
    from_inputs = {"id": given.get("comment.id"), "mode": given.get("comment.mode")}
    from_call = {"id": comment_id, "mode": comment_mode}
    chosen = {k: v for part in (from_inputs, from_call) for k, v in part.items() if v}
    try:
        return Comment.model_validate({**comment.model_dump(), **chosen})
    except ValidationError as error:
        first = error.errors()[0]
        raise UsageError(f"comment-{first['loc'][0]} {first['input']!r}: {first['msg']}") from None
