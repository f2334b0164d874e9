"""Records a running process with heaptrack until SIGINT: a program of its own, the recorder of a slice.

heaptrack's script injects its library with gdb, and waits. What it does when it is told to end leaves half a file, so
gdb is asked here to stop the library, as the script would; the pipe is closed then, all is written, and the script ends.
"""

from __future__ import annotations

import signal
import sys
import tempfile
from pathlib import Path
from types import FrameType
from typing import Final

from perf_action.errors import CannotMeasure, PerfActionError
from perf_action.profilers.heaptrack import RECORDING
from perf_action.system import Process, System

_INJECT_TIMEOUT_S, _WRITE_TIMEOUT_S = 60.0, 50.0
_INJECTED: Final = "injection finished"
_STOP: Final = (
    "gdb", "--batch-silent", "-n", "-iex=set auto-solib-add off",
    "--eval-command=sharedlibrary libheaptrack_inject", "--eval-command=call (void) heaptrack_stop()",
    "--eval-command=detach",
)  # fmt: skip


class _Told(Exception):
    """SIGINT or SIGTERM came."""


def main(pid: str, output: str) -> int:
    """`output` ends in ``.zst`` or ``.gz``, as heaptrack will name it. 0, or 1 with the reason on stderr."""
    system = System()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _told)
    try:
        with tempfile.TemporaryDirectory(prefix="perf-action-") as folder:
            _record(pid, output, Path(folder) / "log", system)
    except (PerfActionError, OSError) as error:
        sys.stderr.write(f"heaptrack: {error}\n")
        return 1
    return 0


def _record(pid: str, output: str, log: Path, system: System) -> None:
    argv = ["heaptrack", "-o", output.rpartition(".")[0], "-p", pid]
    script = system.start(argv, log=log)
    injected = False
    try:
        _wait_for(script, log, system)
        injected = True
        sys.stdout.write(f"{RECORDING}\n")
        sys.stdout.flush()
        while script.wait(1.0) is None:
            pass
    except _Told:
        pass
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        if injected and Path(f"/proc/{pid}").exists():
            env = {key: value for key, value in system.environ.items() if key != "DEBUGINFOD_URLS"}
            system.run([*_STOP, "-p", pid], env=env, timeout=_INJECT_TIMEOUT_S)
        ended = script.wait(_WRITE_TIMEOUT_S if injected else 1.0)
        script.close()
    if ended is None:
        raise CannotMeasure("the capture was not written in time")


def _wait_for(script: Process, log: Path, system: System) -> None:
    deadline = system.monotonic_ns() + int(_INJECT_TIMEOUT_S * 1e9)
    while _INJECTED not in log.read_text(errors="replace"):
        if script.poll() is not None or system.monotonic_ns() > deadline:
            raise CannotMeasure(_last_words(log))
        system.sleep(0.02)


def _last_words(log: Path) -> str:
    """The line that says why, out of what the script and gdb printed."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    said = [line for line in lines if "annot" in line or "rror" in line or "not " in line]
    return (said or lines or ["it could not attach"])[0]


def _told(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
    raise _Told


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
