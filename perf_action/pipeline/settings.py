"""perf.yml with its overrides, in the repository that it lies in: where running and assessing both begin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from perf_action.config import Config, read_config
from perf_action.errors import UsageError
from perf_action.machine.worktree import in_place
from perf_action.system import System


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """perf.yml with its overrides, in the `repository` that it lies in; `file` is its path, None if it is none."""

    config: Config
    repository: Path
    file: Path | None = None


def read_settings(path: Path, overrides: Mapping[str, str], system: System) -> Settings:
    """The settings, with the service's folder relative to the repository instead of to perf.yml."""
    config = read_config(path, overrides)
    here = path.resolve().parent
    repository = in_place(system, here).path
    directory = (here / config.service.directory).resolve()
    if not directory.is_relative_to(repository):
        raise UsageError(
            f"{path}: service.directory: {config.service.directory!r} is outside the repository {repository}"
        )
    service = config.service.model_copy(update={"directory": str(directory.relative_to(repository))})
    return Settings(
        config=config.model_copy(update={"service": service}), repository=repository, file=here / path.name
    )
