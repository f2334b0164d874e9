"""perf: samples the stacks of running processes in the kernel (https://perf.wiki.kernel.org).

What was found with 6.1, and why it is called as it is:

* The event is named. Without hardware counters plain ``perf record`` takes the timer instead and says nothing; a virtual
  machine may let the counter be opened and never count. So what counts is tried before.
* ``--delay 1``: nothing else says when it begins to record ("Events enabled").
* ``--no-buildid-cache``: the programs are not copied into the user's ~/.debug. The files are read before the checkouts are
  gone, and their text is kept beside them.
* SIGINT ends a recording and writes the file. Children and threads that begin meanwhile are recorded too.

Captures are ``perf.<slice>.data``, with the text of ``perf report`` beside them.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, Final

from perf_action.errors import CannotMeasure, ToolMissing
from perf_action.model.trial import CallGraph, Stage
from perf_action.profilers.allowed import PerfEvents, perf_events
from perf_action.profilers.plan import Plan, Report, Target, Traits
from perf_action.profilers.subject import look
from perf_action.system import System

_REMEDY: Final = (
    "perf-action setup perf, or sudo apt-get install linux-perf (Ubuntu: linux-tools-$(uname -r))"
)
_ALLOW: Final = (
    "allow it with `sudo sysctl kernel.perf_event_paranoid=1`, in a container with `--cap-add PERFMON`"
)
_GUIDE_RATE: Final = 99.0
_REPORT: Final = (
    "report",
    "--stdio",
    "--force",
    "--no-inline",
    "--percent-limit",
    "0.5",
    "--input",
    "{file}",
)
#: asks for a little work, so that a counter that counts has something to show
_WORK: Final = ("-I", "-S", "-c", "sum(range(100_000))")


class Perf:
    """Attaches to the service for each slice. `allowed` says what the kernel lets be sampled of a process."""

    name: ClassVar[str] = "perf"
    traits: ClassVar[Traits] = Traits()

    def __init__(self, allowed: Callable[[int], PerfEvents] = perf_events) -> None:
        self._allowed = allowed

    def version(self, system: System) -> str:
        words = system.run([program(system), "--version"], timeout=60).stdout.split()
        return words[-1] if words else "unknown"

    def plan(self, target: Target, stage: Stage, out: Path, system: System) -> Plan:
        """Attached for each slice, to all processes of the service or, without `subprocesses`, to its first one."""
        perf = program(system)
        event, notes = sampled_event(perf, self._allowed(target.pid or 0), system)
        return Plan(
            argv=target.argv,
            env=_python_env(target, stage, system),
            attach=(
                perf,
                "record",
                "--delay",
                "1",
                "--no-buildid-cache",
                *recording(event, stage.rate_hz or _GUIDE_RATE, stage.call_graph or "fp"),
                "--pid",
                "{tree}" if stage.subprocesses else "{pid}",
                "--output",
                str(out / "perf.{slice}.data"),
            ),
            attached="Events enabled",
            stop_profiler=signal.SIGINT,
            own_processes=("perf",),
            artifacts=("perf.*.data",),
            reports=(Report(pattern="perf.*.data", argv=(perf, *_REPORT), suffix=".txt"),),
            notes=notes,
        )

    def silence(self, out: Path) -> str:  # noqa: ARG002
        """Why there may be no capture."""
        return "perf wrote nothing: its output is in the profiler's log; a full disk and a killed perf are usual reasons"


def program(system: System) -> str:
    """The path of perf. ToolMissing if there is none."""
    found = system.which("perf")
    if found is None:
        raise ToolMissing("perf", _REMEDY)
    return found


def recording(event: str, rate_hz: float, call_graph: CallGraph) -> tuple[str, ...]:
    """What `perf record` is told of the samples. CannotMeasure if that cannot be recorded."""
    if call_graph == "lbr" and not event.startswith("cycles"):
        raise CannotMeasure(
            "call-graph: lbr needs the processor's cycles counter, which cannot be sampled here; use fp or dwarf"
        )
    return ("--freq", f"{rate_hz:.0f}", "--event", event, "--call-graph", call_graph)


def sampled_event(perf: str, allowed: PerfEvents, system: System) -> tuple[str, tuple[str, ...]]:
    """The best event that can be sampled and counts, as perf names it, and what has to be said of it.

    CannotMeasure with the kernel's reason if there is none.
    """
    if not allowed.event:
        raise CannotMeasure(f"perf may not look at the service here ({allowed.error}); {_ALLOW}")
    event, why = allowed.event, allowed.cycles_error
    if event == "cycles" and not _counts(perf, system):
        event, why = "cpu-clock", "the counter can be opened, but does not count"
    notes = []
    if event != "cycles":
        notes.append(f"perf: sampled by {event}, a timer: no hardware cycles here ({why})")
    if not allowed.kernel:
        notes.append("perf: the kernel's own time is not seen (kernel.perf_event_paranoid)")
    return (event if allowed.kernel else f"{event}:u"), tuple(notes)


def _counts(perf: str, system: System) -> bool:
    """Whether hardware cycles are counted, not only accepted: what `perf stat` says of a small program."""
    argv = [perf, "stat", "--field-separator", ",", "--event", "cycles:u", "--", sys.executable, *_WORK]
    done = system.run(argv, timeout=60)
    counts = [line.split(",")[0] for line in done.stderr.splitlines() if ",cycles:u," in line]
    return any(count.isdigit() and int(count) > 0 for count in counts)


def _python_env(target: Target, stage: Stage, system: System) -> tuple[tuple[str, str], ...]:
    """With `native`, CPython from 3.12 on names its own functions to perf (https://docs.python.org/3/howto/perf_profiling.html)."""
    if not stage.native or target.pid is not None:
        return ()
    subject = look(target, system)
    return (("PYTHONPERFSUPPORT", "1"),) if subject is not None and subject.language == "python" else ()
