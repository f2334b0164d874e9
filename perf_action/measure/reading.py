"""The captures of a launch are read as soon as it has ended, those of both sides at the same time.

Reading takes time too (a memray file, seconds), and so it counts as the trial's own: it is in what is left of
`measure.max-minutes`, and in what the next launch is expected to take.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path

from perf_action.errors import InputError
from perf_action.measure.campaign import Execute
from perf_action.measure.captured import Read, trial_folder
from perf_action.model.snapshot import Capture
from perf_action.model.trial import Trial, TrialRecord
from perf_action.model.units import NS_PER_S
from perf_action.system import System


class Captures:
    """Reads with `read` below the run folder `run`. Each capture is handed out once, and then no longer held."""

    def __init__(self, read: Read, run: Path, system: System) -> None:
        self._read, self._run, self._system = read, run, system
        self._done: dict[Path, Capture | InputError] = {}

    def execute(self, trial: Trial, *, perform: Execute) -> TrialRecord:
        """The trial, and then its captures."""
        record = perform(trial)
        if record.failure is not None or not record.captures:
            return record
        began = self._system.monotonic_ns()
        folder = trial_folder(self._run, trial.number)
        self._read_all([folder / file.path for file in record.captures])
        return replace(record, seconds=record.seconds + (self._system.monotonic_ns() - began) / NS_PER_S)

    def read(self, path: Path) -> Capture:
        """What was read of a file of a trial. InputError if it could not be."""
        found = self._done.pop(path, None) or self._attempt(path)
        if isinstance(found, InputError):
            raise found
        return found

    def forget(self) -> None:
        """Let go of all: trials are numbered anew."""
        self._done.clear()

    def _read_all(self, paths: list[Path]) -> None:
        # threads will do: what takes long is done in processes of its own
        with ThreadPoolExecutor(min(len(paths), len(self._system.cores()))) as pool:
            results = [pool.submit(self._attempt, path) for path in paths]
            try:
                self._done.update((path, r.result()) for path, r in zip(paths, results, strict=True))
            except BaseException:
                self._give_up(results)
                raise

    def _give_up(self, results: list[Future[Capture | InputError]]) -> None:
        left = {r for r in results if not r.cancel()}
        while left:
            self._system.kill_running()
            left = wait(left, timeout=0.1).not_done

    def _attempt(self, path: Path) -> Capture | InputError:
        try:
            return self._read(path)
        except InputError as error:
            return error
