"""Anything on disk as a snapshot. Imports little: `show` and `compare` must start at once."""

from __future__ import annotations

from pathlib import Path

from perf_action import formats
from perf_action.errors import UsageError
from perf_action.model.snapshot import Snapshot
from perf_action.model.trial import Side
from perf_action.system import System


def load_snapshot(path: Path, system: System, *, side: Side = Side.HEAD) -> Snapshot:
    """A snapshot of anything on disk: a side of a run folder, a metric file, a sliced profile or any capture."""
    if not path.exists():
        raise UsageError(f"{path}: no such file or directory")
    if path.is_dir():
        from perf_action.recording import read_run  # noqa: PLC0415  # pydantic takes a quarter of a second

        return read_run(path).snapshot(side)
    return formats.snapshot_of(formats.read(path, system))
