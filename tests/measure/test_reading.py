"""Captures are read right after their launch, at once, within its time, and an interruption leaves nothing running."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from perf_action.errors import InputError
from perf_action.measure.captured import Read
from perf_action.measure.reading import Captures
from perf_action.model.snapshot import Capture
from perf_action.model.trial import CaptureFile, Side, Stage, Trial, TrialRecord
from perf_action.system import System

STAGE = Stage(name="memory", profiler="memray", load="x", placement="duet", min_launches=2, max_launches=2)
SIDES = (Side.BASE, Side.HEAD)
TRIAL = Trial(number=3, stage=STAGE, pair=0, sides=SIDES, cores=(0, 1))
RUN = Path("run")


class TwoCores(System):
    def cores(self) -> tuple[int, ...]:
        return 0, 1


def measured(trial: Trial, failure: str | None = None) -> TrialRecord:
    files = [CaptureFile(side=s, launch=0, path=f"{s.value}/x", tool="memray") for s in trial.sides]
    return TrialRecord(trial=trial, captures=tuple(files), seconds=1.0, failure=failure)


def path_of(side: Side) -> Path:
    return RUN / "trials" / "003" / side.value / "x"


def after(read: Read) -> tuple[Captures, TrialRecord]:
    captures = Captures(read, RUN, TwoCores())
    return captures, captures.execute(TRIAL, perform=measured)


def test_both_sides_are_read_at_the_same_time_and_once() -> None:
    together = threading.Barrier(2, timeout=10)
    calls: list[Path] = []

    def read(path: Path) -> Capture:
        calls.append(path)
        together.wait()
        return Capture(format=str(path))

    captures, _ = after(read)
    assert [captures.read(path_of(side)).format for side in SIDES] == [str(path_of(s)) for s in SIDES]
    assert len(calls) == 2


def test_reading_counts_as_the_launchs_time() -> None:
    def read(path: Path) -> Capture:
        time.sleep(0.05)
        return Capture(format=str(path))

    _, record = after(read)
    assert 1.05 <= record.seconds < 5


def test_a_capture_that_cannot_be_read_is_an_error_for_who_asks() -> None:
    def read(path: Path) -> Capture:
        if path == path_of(Side.BASE):
            raise InputError(path, "is broken")
        return Capture(format="x")

    captures, record = after(read)
    assert record.failure is None
    assert captures.read(path_of(Side.HEAD)).format == "x"
    with pytest.raises(InputError, match="is broken"):
        captures.read(path_of(Side.BASE))


def test_nothing_is_read_of_a_launch_that_failed() -> None:
    def read(path: Path) -> Capture:
        raise AssertionError(path)

    captures = Captures(read, RUN, TwoCores())
    record = captures.execute(TRIAL, perform=lambda trial: measured(trial, failure="it died"))
    assert record.seconds == 1.0


def test_what_was_read_before_the_trials_began_anew_is_forgotten() -> None:
    names = iter("abcd")
    captures, _ = after(lambda _: Capture(format=next(names)))
    captures.forget()
    assert captures.read(path_of(Side.HEAD)).format == "c"


def test_an_interruption_kills_what_is_being_read() -> None:
    system = TwoCores()
    began = threading.Event()

    def read(path: Path) -> Capture:
        if path == path_of(Side.BASE):
            began.wait(10)
            raise KeyboardInterrupt
        began.set()
        system.run(["sleep", "60"])
        return Capture(format="x")

    captures = Captures(read, RUN, system)
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        captures.execute(TRIAL, perform=measured)
    assert time.monotonic() - started < 30
