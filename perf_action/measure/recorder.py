"""The recorder that a profiler attaches to a service for one slice: started, awaited, told to write."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from pathlib import Path

from perf_action.errors import CannotMeasure
from perf_action.machine.running import RunningService
from perf_action.profilers.plan import Plan
from perf_action.system import Process, System

#: how long it may take until it records, and to write its file after it was told to stop, in seconds
_ATTACH_TIMEOUT, _FLUSH_TIMEOUT = 20.0, 60.0


class Recorder:
    """Runs on `cores` (empty: anywhere), with its output in ``profiler-N.log`` of `out`. `seconds` is the length of a
    slice where it is a fixed time.
    """

    def __init__(
        self,
        plan: Plan,
        service: RunningService,
        system: System,
        *,
        out: Path,
        cores: Sequence[int],
        seconds: float | None,
    ) -> None:
        self._plan, self._service, self._system = plan, service, system
        self._out, self._cores, self._seconds = out, cores, seconds
        self._process: Process | None = None
        self._log = out

    def start(self, template: Sequence[str], index: int) -> None:
        """Start what `template` says for slice `index` and wait until it records. CannotMeasure with its last words."""
        words = self._words(index)
        argv = [_filled(word, words) for word in template]
        self._log = self._out / f"profiler-{index}.log"
        env = {**self._system.environ, **dict(self._plan.recorder_env)}
        self._process = self._system.start(argv, env=env, log=self._log, cores=self._cores)
        self._wait_until_recording()

    def tell_to_stop(self) -> None:
        """Ask it to write its file, if it has to be asked; returns at once."""
        if self._process is not None and self._plan.stop_profiler is not None:
            self._process.signal(self._plan.stop_profiler)

    def finish(self) -> None:
        """Wait until it has written its file. CannotMeasure if it does not, or says that it failed."""
        if self._process is None:
            return
        code = self._process.wait(_FLUSH_TIMEOUT)
        if code is None:
            raise CannotMeasure(f"the profiler did not write its file within {_FLUSH_TIMEOUT:g} s")
        self.close()
        if code and self._plan.stop_profiler is None:
            raise CannotMeasure(f"the profiler failed: {self._last_words()}")

    def close(self) -> None:
        """Kill it if it still runs."""
        if self._process is not None:
            self._process.close()
            self._process = None

    def _words(self, index: int) -> dict[str, str]:
        pids = [str(pid) for pid in self._service.tree.service_pids()] or [str(self._service.pid)]
        return {
            "{pid}": pids[0],
            "{tree}": ",".join(pids),
            "{slice}": str(index),
            "{seconds}": str(math.ceil(self._seconds or 0)),
            "{port}": str(self._service.port),
        }

    def _wait_until_recording(self) -> None:
        deadline = self._system.monotonic_ns() + int(_ATTACH_TIMEOUT * 1e9)
        expression = re.compile(self._plan.attached)
        while self._system.monotonic_ns() < deadline:
            if expression.search(self._said()):
                return
            if self._process is not None and self._process.poll() is not None:
                raise CannotMeasure(f"the profiler ended before it recorded: {self._last_words()}")
            self._system.sleep(0.005)
        raise CannotMeasure(f"the profiler did not begin to record within {_ATTACH_TIMEOUT:g} s")

    def _said(self) -> str:
        return self._log.read_text(errors="replace") if self._log.is_file() else ""

    def _last_words(self) -> str:
        """Why it ended: the first line that says error, else the last (a backtrace may follow the error)."""
        lines = [line.strip() for line in self._said().splitlines() if line.strip()]
        errors = (line for line in lines if line.lower().startswith("error"))
        return next(errors, lines[-1] if lines else "it printed nothing")


def _filled(word: str, words: dict[str, str]) -> str:
    for name, value in words.items():
        word = word.replace(name, value)
    return word
