"""bytecodes: how many bytecodes each Python function executes for a request, by stack. It needs nothing installed.

The count of a request repeats nearly to the digit whatever else the machine does, so it shows changes of one function
that a sampler cannot: `docs/statistics.md`. It says nothing of time spent in C, and a bytecode is no unit of time.

The counting is done by `bootstrap/bytecode_counter.py` in the service's own interpreter. Hash seeds are fixed, because
the order of a set decides how often a loop over it runs.
"""

from __future__ import annotations

import signal
from pathlib import Path
from typing import ClassVar

from perf_action.errors import CannotMeasure
from perf_action.model.trial import Stage
from perf_action.profilers.bootstrap import python_path
from perf_action.profilers.interpreters import interpreters
from perf_action.profilers.plan import Plan, Target, Traits
from perf_action.system import System


class Bytecodes:
    """Counts from the moment the service binds its address to its end."""

    name: ClassVar[str] = "bytecodes"
    traits: ClassVar[Traits] = Traits(counts=True, slowdown=8.0)

    def version(self, system: System) -> str:  # noqa: ARG002
        return "sys.settrace"

    def plan(self, target: Target, stage: Stage, out: Path, system: System) -> Plan:
        """CannotMeasure if the service runs already, or is no Python program."""
        if target.pid is not None:
            raise CannotMeasure(
                "bytecodes are counted from inside a service, which has to be started for that"
            )
        interpreters(target, system)
        env = {
            "PYTHONPATH": python_path(dict(target.env)),
            "PYTHONHASHSEED": dict(target.env).get("PYTHONHASHSEED", "0"),
            "PERF_ACTION_BYTECODES_OUT": str(out.resolve()),
        }
        if stage.subprocesses:
            env["PERF_ACTION_BYTECODES_CHILDREN"] = "1"
        return Plan(
            argv=target.argv,
            env=tuple(env.items()),
            stop_profiler=signal.SIGTERM,
            artifacts=("bytecodes.*.json",),
        )

    def silence(self, out: Path) -> str:  # noqa: ARG002
        """Why there is no capture."""
        return (
            "no bytecodes were counted: no Python of the service read PYTHONPATH (was it started with -I, -E or -S, or "
            "with an environment of its own?), or it was killed before it could write; raise service.stop-timeout"
        )
