"""What in a pull request made a check of waiting fail: no row of the comparison leads there, the time-line does."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cases import captured, metric, profile, seen

from perf_action.judge.blame import blame_checks
from perf_action.judge.checklist.blocking import blocking
from perf_action.judge.checklist.locks import contention
from perf_action.model.finding import Finding, State
from perf_action.model.snapshot import Snapshot
from perf_action.model.suspect import Confidence, Suspect
from perf_action.model.touched import Span, TouchedFile


def edited(path: str, function: str, line: int, *calls: str) -> TouchedFile:
    span = Span(function=function, first=line - 1, last=line + 3, lines=((line, line),), calls=calls)
    return TouchedFile(
        base=path, head=path, head_lines=span.lines, functions=(function,), spans=(span,), parsed=True
    )


def blamed(finding: Finding, head: Snapshot, *files: TouchedFile) -> tuple[Suspect, ...]:
    assert finding.state is State.FAIL
    return blame_checks([finding], head, files)


def test_a_coroutine_that_the_pull_request_makes_sleep() -> None:
    head = seen("sleepy")
    (found,) = blamed(blocking(head, {}), head, edited("app/app.py", "sleepy", 32))
    assert (found.function, found.relation, found.confidence) == ("sleepy", "itself", Confidence.HIGH)
    assert (found.kind, found.change, found.file, found.lines) == (
        "cpu.blocking_in_async", None, "app/app.py", ((32, 32),),
    )  # fmt: skip


def test_a_call_that_the_pull_request_adds() -> None:
    head = seen("busy", requests=18)
    (found,) = blamed(blocking(head, {}), head, edited("app/app.py", "busy", 44, "str", "crunch"))
    assert (found.function, found.relation, found.changed) == ("crunch", "calls it", "busy")
    assert (found.path, found.confidence) == (("busy", "crunch"), Confidence.HIGH)


def test_a_condition_that_the_pull_request_changes_around_a_call() -> None:
    """The call stands on a line of its own, which is not changed."""
    head = seen("busy", requests=18)
    (found,) = blamed(blocking(head, {}), head, edited("app/app.py", "busy", 43, "startswith"))
    assert (found.changed, found.confidence) == ("busy", Confidence.MEDIUM)


@pytest.mark.parametrize(
    "file",
    [
        edited("app/app.py", "fine", 26, "sleep", "dumps"),  # not on the way
        edited("other/app.py", "busy", 44, "crunch"),  # another file
    ],
)
def test_what_does_not_lead_to_it_is_not_suspected(file: TouchedFile) -> None:
    head = seen("busy", requests=18)
    assert not blamed(blocking(head, {}), head, file)


def test_a_mutex_is_traced_through_the_profile_of_waiting() -> None:
    """The function that the lock is held in is not changed; of its two callers one now asks for it, too."""
    put = "main.(*Store).Put /srv/app/store.go;sync.(*Mutex).Unlock"
    stacks = {
        f"main.main /srv/app/main.go;main.register /srv/app/handlers.go;{put}": 40_000_000,
        f"main.main /srv/app/main.go;main.warm /srv/app/warm.go;{put}": 10_000_000,
    }
    head = replace(
        captured(profile(stacks, "lock_wait", "ns", event="mutex")),
        metrics=(metric("cpu.per_request", "s", 100e-6),),
    )
    finding = contention(head, (), {})
    register = edited("handlers.go", "register", 7, "Put")
    warm = edited("warm.go", "warm", 7, "Put")
    sure, likely = blamed(finding, head, warm, register)
    assert (sure.changed, sure.confidence, sure.share) == ("register", Confidence.HIGH, 0.8)
    assert (likely.changed, likely.confidence, likely.share) == ("warm", Confidence.MEDIUM, 0.2)


def test_other_checks_are_the_business_of_the_comparison() -> None:
    hot = Finding(rule="cpu.hot_function", state=State.FAIL, function="sleepy", file="/srv/app/app.py")
    assert not blame_checks([hot], seen("sleepy"), [edited("app/app.py", "sleepy", 32)])
