"""No profiler: the service as it is, for times."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from perf_action.model.trial import Stage
from perf_action.profilers.plan import Plan, Target, Traits
from perf_action.system import System


class NoProfiler:
    """Starts the service unchanged and writes nothing."""

    name: ClassVar[str] = "none"
    traits: ClassVar[Traits] = Traits()

    def version(self, system: System) -> str:  # noqa: ARG002
        return ""

    def plan(self, target: Target, stage: Stage, out: Path, system: System) -> Plan:  # noqa: ARG002
        return Plan(argv=target.argv)

    def silence(self, out: Path) -> str:  # noqa: ARG002
        return "no profiler ran"
