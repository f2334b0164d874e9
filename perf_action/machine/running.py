"""A service as the measurement sees it: started by us, or there already."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from perf_action.machine.queries import Counter
from perf_action.machine.tree import Tree, Usage
from perf_action.profilers.plan import Plan, Target


class RunningService(AbstractContextManager["RunningService"], Protocol):
    """One launch. Leaving the context ends what we started, and nothing else."""

    port: int
    target: Target
    #: who counts its database queries, if anybody
    queries: Counter | None

    @property
    def pid(self) -> int:
        """The process that was started (with a wrapping profiler, the wrapper) or found."""
        ...

    @property
    def tree(self) -> Tree:
        """The processes of the service."""
        ...

    def start(self, plan: Plan, cores: Sequence[int] = ()) -> None:
        """Start it as `plan` says. Returns at once; see `wait_ready`."""
        ...

    def wait_ready(self) -> int | None:
        """Wait until it answers; how long that took, in ns (None: it ran already)."""
        ...

    def alive(self) -> bool:
        """Whether it runs."""
        ...

    def usage(self, *, pss: bool = True) -> Usage:
        """What the tree has used until now."""
        ...

    def pin(self, cores: Sequence[int]) -> None:
        """Move every thread of it to `cores`."""
        ...

    def log_tail(self) -> str:
        """The last lines of its output, secrets masked; empty if nobody can know."""
        ...

    def stop(self) -> object:
        """End it, so that what was wrapped round it writes."""
        ...

    def scrub(self, capture: Path) -> None:
        """Mask secrets in a text file that a profiler wrote."""
        ...
