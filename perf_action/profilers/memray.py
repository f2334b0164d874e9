"""memray: every allocation of a Python program with its stack (https://bloomberg.github.io/memray).

It has to run inside the service's own interpreter. The command is left as it is: a ``sitecustomize`` on the PYTHONPATH
of the profiled launch starts memray in every Python of the service, which ``memray run`` could do for ``python …`` and
console scripts only. memray comes from the service's environment if it has our version, else from a folder of ours
(see `packages`), and nothing else of that folder is seen by the service.

Captures are ``memray.<pid>.bin``, and ``memray.<pid>.bin.<child>`` for each fork; beside each, for people, memray's own
flame graph of the peak.
"""

from __future__ import annotations

import signal
from importlib.metadata import version
from pathlib import Path
from typing import ClassVar, Final

from perf_action.errors import one_line
from perf_action.model.trial import Stage
from perf_action.profilers.bootstrap import python_path
from perf_action.profilers.interpreters import interpreters
from perf_action.profilers.packages import install_memray, memray_folder
from perf_action.profilers.plan import Plan, Report, Target, Traits
from perf_action.system import System, isolated

#: of a process, and of a fork
_CAPTURES: Final = ("memray.*[0-9].bin", "memray.*.bin.*[0-9]")
_FLAME: Final = Path(__file__).with_name("memray_flame.py")


class Memray:
    """Records from the first import to the end of the service."""

    name: ClassVar[str] = "memray"
    traits: ClassVar[Traits] = Traits(counts=True)

    def version(self, system: System) -> str:  # noqa: ARG002
        return version("memray")

    def plan(self, target: Target, stage: Stage, out: Path, system: System) -> Plan:
        """Installs memray for the service's Python if that has not been done yet."""
        for python in interpreters(target, system):
            install_memray(python, system)
        env = {
            # without it CPython fetches arenas of 1 MiB, and memray books each on whoever came by
            "PYTHONMALLOC": dict(target.env).get("PYTHONMALLOC", "malloc"),
            "PYTHONPATH": python_path(dict(target.env)),
            "PERF_ACTION_MEMRAY_OUT": str(out.resolve()),
            "PERF_ACTION_MEMRAY_PACKAGES": str(memray_folder(system)),
        }
        if stage.native:
            env["PERF_ACTION_MEMRAY_NATIVE"] = "1"
        if stage.subprocesses:
            env["PERF_ACTION_MEMRAY_CHILDREN"] = "1"
        return Plan(
            argv=target.argv,
            env=tuple(env.items()),
            stop_profiler=signal.SIGTERM,
            artifacts=_CAPTURES,
            reports=tuple(
                Report(
                    pattern=pattern,
                    argv=isolated(_FLAME, "{file}"),
                    suffix=".flamegraph.html",
                )
                for pattern in _CAPTURES
            ),
        )

    def silence(self, out: Path) -> str:
        """Why there is no capture."""
        said = out / "memray-failed.txt"
        if said.is_file():
            line = one_line(said.read_text(encoding="utf-8", errors="replace").splitlines()[0], 300)
            return f"memray did not start in {line}; run `perf-action setup memray`"
        return (
            "memray wrote nothing: no Python of the service read PYTHONPATH. Was it started with -I, -E or -S, "
            "with an environment of its own, or is it no Python program?"
        )
