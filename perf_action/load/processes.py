"""Which processors a running process may use."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from pathlib import Path


def pin(pid: int, cores: Sequence[int]) -> None:
    """Move every thread of a process to `cores`; nothing happens without any, or if the process has ended."""
    if not cores:
        return
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(ProcessLookupError):
                os.sched_setaffinity(int(task.name), set(cores))
