"""The glue: run, assess, publish and keep, each a straight line through the rooms.

Where a branch wants to appear here, it belongs into the room that knows the answer.
"""

from __future__ import annotations

from pathlib import Path

from perf_action import formats, recording
from perf_action.errors import UsageError
from perf_action.model.snapshot import Snapshot
from perf_action.model.trial import Side
from perf_action.system import System


def load_snapshot(path: Path, system: System, *, side: Side = Side.HEAD) -> Snapshot:
    """A snapshot of anything on disk: a side of a run folder, a metric file, a sliced profile or any capture."""
    if not path.exists():
        raise UsageError(f"{path}: no such file or directory")
    if path.is_dir():
        return recording.read_run(path).snapshot(side)
    return formats.snapshot_of(formats.read(path, system))
