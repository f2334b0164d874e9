"""The one more slice for the time-line: how long it is, and that a launch outlives it if it cannot be recorded."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import cast

import pytest

from perf_action.errors import CannotMeasure
from perf_action.measure.execute import _amount, _start_recording
from perf_action.measure.launch import Launch, SideError
from perf_action.model.trial import Side, Slice, Stage, Trial

STAGE = Stage(
    name="cpu", profiler="py-spy", load="l", placement="alone", min_launches=1, max_launches=1, slices=2, requests=500
)  # fmt: skip
TRIAL = Trial(number=1, stage=STAGE, pair=0, sides=(Side.HEAD,))


def lasting(seconds: float) -> list[Slice]:
    zeros = dict.fromkeys(
        ("rss_bytes", "read_bytes", "written_bytes", "user_ns", "system_ns", "errors", "cpu_ns"), 0
    )
    none = dict.fromkeys(("latency_p50_ns", "latency_p95_ns", "latency_p99_ns", "pss_bytes", "core"))
    return [
        Slice(
            side=Side.HEAD, launch=0, pair=0, index=1, start_ns=0, end_ns=int(seconds * 1e9), requests=500, **zeros,
            **none,
        )
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("index", "pair", "seconds", "requests"),
    [
        (0, 0, 0.5, 500),
        (2, 0, 0.5, 3000),
        (2, 0, 0.01, 8000),
        (2, 0, 60.0, 500),
        (2, 1, 0.5, 500),
    ],
)
def test_the_time_line_lasts_for_seconds(index: int, pair: int, seconds: float, requests: int) -> None:
    amount = _amount(replace(TRIAL, pair=pair), index, lasting(seconds))
    assert (amount.requests, amount.seconds) == (requests, None)


def test_a_timed_slice_stays_as_long_as_it_is() -> None:
    timed = replace(TRIAL, stage=replace(STAGE, requests=None, seconds=2.0))
    assert _amount(timed, 2, lasting(2.0)).seconds == 2.0


class Broken:
    """A recorder that cannot attach."""

    closed = False

    def start(self, template: object, index: int) -> None:
        raise CannotMeasure("the profiler ended before it recorded: no unwinder")

    def close(self) -> None:
        self.closed = True


def test_a_time_line_that_cannot_be_recorded_is_a_note() -> None:
    one = SimpleNamespace(recorder=Broken(), notes=[], side=Side.HEAD)
    launch = cast("Launch", one)
    _start_recording(launch, ("py-spy",), 2, needed=False)
    assert one.notes == ["there is no time-line: the profiler ended before it recorded: no unwinder"]
    assert one.recorder.closed
    with pytest.raises(SideError, match="no unwinder"):
        _start_recording(launch, ("py-spy",), 0, needed=True)
