"""py-spy: samples the Python stacks of a running process tree from outside (https://github.com/benfred/py-spy).

What was measured with 0.4.3, and why it is called as it is:

* ``--format raw``, one recording for each slice. The Chrome trace has no samples, only changes of the stack: without
  ``--idle`` the last stack before a wait lasts until the next sample, with it nothing tells waiting from working. On a
  service that slept for 70 % of its time the trace gave the sleeping function 40 and 79 % of the cost, true were 7 %.
  Attaching takes 10 to 20 ms, so that a slice of its own is better than cutting. The Chrome trace of one more slice is
  kept all the same, for questions of when rather than how much: with waiting threads, and with C frames where py-spy
  can unwind them (x86-64), since ``clock_nanosleep`` below a coroutine says what its line of Python only hides.
* On another core than the service. py-spy asks the kernel which threads run, then stops them; on a shared core the
  service moves on in between, and the function that waits got 45 % (on a core of its own 10 %).
* Blocking, never ``--nonblocking``: a third of the stacks would be torn.
* ``--full-filenames``: the short ones of two folders with a ``views.py`` each are the same.
* SIGINT ends a recording and writes the file, SIGTERM does not; it is also written when the service ends first.
"""

from __future__ import annotations

import platform
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar, Literal

from perf_action.errors import CannotMeasure, ToolMissing, one_line
from perf_action.model.trial import Stage
from perf_action.profilers.bootstrap import python_path
from perf_action.profilers.plan import Plan, Target, Traits
from perf_action.system import Process, System

#: as it is; with the service's consent, where Yama lets only ancestors attach; as its parent
Way = Literal["attach", "consent", "wrap"]

_DEFAULT_RATE = 250.0
#: ten samples are the 100 ms that an event loop may not be held up; C frames take their time
_TIMELINE_RATE = "100"
_TIMELINE = "py-spy.timeline.json"
_PROBE = "import time; print('up', flush=True); time.sleep(60)"
_REMEDY = "allow it with `sudo sysctl kernel.yama.ptrace_scope=1`, in a container with `--cap-add SYS_PTRACE`"


class PySpy:
    """Attaches to the service for each slice. `binary` None: the installed one."""

    name: ClassVar[str] = "py-spy"
    traits: ClassVar[Traits] = Traits()

    def __init__(self, binary: str | None = None) -> None:
        self._binary = binary

    def version(self, system: System) -> str:
        words = system.run([self._binary or program(system), "--version"], timeout=30).stdout.split()
        return words[-1] if words else "unknown"

    def plan(self, target: Target, stage: Stage, out: Path, system: System) -> Plan:
        """Attached for each slice. Where nothing but wrapping is allowed, the recording is of the whole launch, start-up
        and warm-up included, and a note says so.
        """
        spy = self._binary or program(system)
        common = ("--full-filenames", *("--subprocesses",) * stage.subprocesses)
        samples = (
            "--format",
            "raw",
            "--rate",
            f"{stage.rate_hz or _DEFAULT_RATE:.0f}",
            *common,
            *("--native",) * stage.native,
            *("--gil",) * stage.gil,
        )
        env = consent(dict(target.env))
        way = way_in(spy, env, system)
        if way == "wrap":
            output = str(out / "py-spy.launch.raw")
            return Plan(
                argv=(spy, "record", *samples, "--output", output, "--", *target.argv),
                own_processes=("py-spy",),
                artifacts=("py-spy.launch.raw",),
                notes=(
                    "py-spy may not attach here and started the service: start-up and warm-up are in the profile",
                ),
            )
        record = (spy, "record", "--pid", "{pid}")
        timeline = (
            *("--format", "chrometrace", "--idle", "--rate", _TIMELINE_RATE),
            *common,
            *("--native",) * (stage.native or platform.machine() == "x86_64"),
        )
        return Plan(
            argv=target.argv,
            env=tuple(env.items()) if way == "consent" else (),
            attach=(*record, *samples, "--output", str(out / "py-spy.{slice}.raw")),
            timeline=(*record, *timeline, "--output", str(out / _TIMELINE)),
            timeline_artifact=_TIMELINE,
            attached="Sampling process",
            stop_profiler=signal.SIGINT,
            own_processes=("py-spy",),
            artifacts=("py-spy.*.raw",),
        )

    def silence(self, out: Path) -> str:  # noqa: ARG002
        """Why there may be no capture."""
        return "py-spy wrote nothing: is the service a Python program (CPython 3.6 to 3.13)? its output is in the log"


def program(system: System) -> str:
    """The py-spy installed with this program, else the one on the PATH. ToolMissing if there is none."""
    beside = Path(sys.executable).with_name("py-spy")
    found = str(beside) if beside.is_file() else system.which("py-spy")
    if found is None:
        raise ToolMissing("py-spy", "python -m pip install py-spy")
    return found


def consent(env: Mapping[str, str]) -> dict[str, str]:
    """What is added to the environment of a service that lets itself be traced by any process of its user."""
    return {"PYTHONPATH": python_path(env), "PERF_ACTION_PTRACER": "1"}


def way_in(spy: str, consenting: Mapping[str, str], system: System) -> Way:
    """How this process may look into another one of its user's: found by trying on a small Python that does nothing.

    CannotMeasure with py-spy's words and the remedy if no way works.
    """
    refused = _refused(spy, system.environ, system)
    if not refused:
        return "attach"
    if not _refused(spy, {**system.environ, **consenting}, system):
        return "consent"
    tried = system.run(
        [spy, "record", "--duration", "1", "--rate", "20", "--format", "raw", "--output", "/dev/null", "--",
         sys.executable, "-c", _PROBE], timeout=60,
    )  # fmt: skip
    if tried.code == 0:
        return "wrap"
    raise CannotMeasure(f"py-spy may not look into other processes here ({refused}); {_REMEDY}")


def _refused(spy: str, env: Mapping[str, str], system: System) -> str:
    """Why py-spy cannot attach to a process with that environment; empty if it can."""
    child = system.start([sys.executable, "-c", _PROBE], env=env, pipes=True)
    try:
        if not _is_up(child):
            return "the trial process did not start"
        done = system.run([spy, "dump", "--pid", str(child.pid)], timeout=60)
    finally:
        child.close()
    lines = [line for line in done.stderr.splitlines() if line.strip()]
    return "" if done.code == 0 else one_line(lines[0] if lines else f"exit code {done.code}", 200)


def _is_up(child: Process) -> bool:
    return child.stdout is not None and child.stdout.readline().strip() == b"up"
