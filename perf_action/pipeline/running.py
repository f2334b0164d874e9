"""From perf.yml to a run folder."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

from perf_action import formats, github, recording
from perf_action.config import digest
from perf_action.config.shareable import shareable
from perf_action.errors import UsageError
from perf_action.git import Access, token_of
from perf_action.machine.base import Base, resolve_base
from perf_action.machine.environment import environment
from perf_action.measure import job
from perf_action.measure.captured import Read
from perf_action.measure.folder import run_folder
from perf_action.measure.listener import Listener
from perf_action.measure.sides import prepared_sides
from perf_action.model.snapshot import Capture
from perf_action.pipeline.settings import Settings
from perf_action.recording import Run
from perf_action.store import scratch_folder
from perf_action.system import System


def run(
    settings: Settings,
    system: System,
    listener: Listener,
    *,
    out: Path,
    base: str,
    access: Access | None = None,
) -> Run:
    """Measure into the folder `out`, which is whole in the end or not there; `base` is a revision, ``auto`` or ``none``."""
    config = settings.config
    with run_folder(out) as folder:
        skipped = _why_skip(settings, system)
        if skipped:
            listener.say(f"nothing to measure: {skipped}")
            nothing = Run(
                config_digest=digest(config),
                created=system.now(),
                environment=environment(system),
                sides={},
                skipped=skipped,
            )
            recording.write_run(folder, nothing)
            return nothing
        against = _base(settings, system, base, access)
        with (
            listener.group("Set-up and build"),
            prepared_sides(
                config.service,
                settings.repository,
                against.commit,
                system,
                logs=folder / "logs",
                access=access,
                say=listener.say,
            ) as sides,
            listener.group("Measuring"),
        ):
            measured = job.measure(config, sides, system, listener, folder=folder, read=reader(system))
        measured = replace(measured, notes=(*against.notes, *measured.notes), settings=shareable(config))
        recording.write_run(folder, measured)
    return measured


def _base(settings: Settings, system: System, base: str, access: Access | None) -> Base:
    """What head is measured against side by side. A service that runs already has no base that could be started."""
    existing = settings.config.service.existing
    if not existing:
        return resolve_base(system, settings.repository, base, access)
    if base not in ("auto", "none"):
        raise UsageError(
            f"--base {base}: service.{existing} names a service that runs already, so there is no base to start; "
            "leave --base out and compare with a stored baseline"
        )
    note = (
        f"the service ran already (service.{existing}): how starts differ is not in the spread of its numbers"
    )
    return Base(commit="", notes=(note,))


def _why_skip(settings: Settings, system: System) -> str:
    """Why nothing has to be measured, on GitHub, where `paths` says so."""
    context = github.read_context(system.environ)
    if context is None or not settings.config.paths:
        return ""
    client = github.Client(system, api_url=context.api_url, token=token_of(system.environ))
    try:
        with scratch_folder(system) as scratch:
            return github.why_skip(
                settings.config.paths,
                context,
                client,
                system=system,
                repository=settings.repository,
                scratch=scratch,
            )
    finally:
        client.close()


def reader(system: System) -> Read:
    """Reads any capture."""
    return partial(_read, system=system)


def _read(path: Path, *, system: System) -> Capture:
    return formats.read(path, system)
