"""Blocking in async code: found in real time-lines of a service with one defect a route, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from cases import captured, profile, seen, timed

from perf_action import formats
from perf_action.judge.checklist.blocking import blocking
from perf_action.judge.checklist.loops import OUTSIDE, callbacks
from perf_action.judge.checklist.stretches import Moment, stays, threads
from perf_action.model.finding import State
from perf_action.model.profile import CapturedProfile, Profile
from perf_action.model.snapshot import Snapshot
from perf_action.system import System


@pytest.mark.parametrize(
    ("sample", "function", "said"),
    [
        ("sleepy", "sleepy", "sleeps"),
        ("files", "files", "reads or writes a file"),
        ("process", "process", "waits for a process"),
    ],
)
def test_a_known_call_below_a_coroutine_is_found(sample: str, function: str, said: str) -> None:
    found = blocking(seen(sample), {})
    assert (found.state, found.file) == (State.FAIL, "/srv/app/app.py")
    assert found.message.startswith(f"{function} {said} in an event loop's callback")
    assert found.line > 30
    assert function in found.evidence[0]


@pytest.mark.parametrize(("sample", "function"), [("busy", "crunch"), ("query", "query")])
def test_whoever_keeps_the_loop_to_himself_is_found(sample: str, function: str) -> None:
    found = blocking(seen(sample, requests=18), {})
    assert found.state is State.FAIL
    assert found.value is not None
    assert found.value > 100e6
    assert found.message.startswith(f"{function} keeps the event loop")
    assert function in found.evidence[0]


@pytest.mark.parametrize("sample", ["fine", "threaded", "locked"])
def test_what_does_not_block_passes(sample: str) -> None:
    found = blocking(seen(sample, requests=500), {})
    assert (found.state, found.value) == (State.PASS, None), found.message
    assert "of time-line" in found.message


def test_a_limit_of_the_user_counts() -> None:
    assert blocking(seen("busy", requests=18), {"cpu.blocking_in_async": 1e9}).state is State.PASS


def test_without_c_functions_nobody_can_tell_that_nothing_waits() -> None:
    """A thread that sleeps and one that works look the same in a time-line of Python's functions alone."""
    python = timed(["_run asyncio/events.py;handler app.py", "_run asyncio/events.py;other app.py"] * 150)
    found = blocking(Snapshot(label="h", timelines=(CapturedProfile(stage="cpu", profile=python),)), {})
    assert (found.state, "no C functions" in found.message) == (State.CANNOT_TELL, True)


def test_a_short_time_line_says_nothing() -> None:
    short = timed(["_run asyncio/events.py;handler app.py", "_run asyncio/events.py;json_dumps"] * 20)
    found = blocking(Snapshot(label="h", timelines=(CapturedProfile(stage="cpu", profile=short),)), {})
    assert (found.state, "only 0.4 s" in found.message) == (State.CANNOT_TELL, True)


def test_a_profile_alone_proves_the_bad_only() -> None:
    loop = "main app.py;_run asyncio/events.py;handler app.py"
    good = captured(profile({f"{loop};encode app.py": 500}))
    assert blocking(good, {}).state is State.CANNOT_TELL
    assert "py-spy" in blocking(good, {}).message
    bad = captured(profile({f"{loop};send requests/sessions.py;recv": 30, f"{loop};encode app.py": 500}))
    found = blocking(bad, {})
    assert (found.state, found.file, found.line) == (State.FAIL, "app.py", 7)
    assert found.message.startswith("handler makes a blocking HTTP request")


def test_two_samples_are_an_accident() -> None:
    loop = "main app.py;_run asyncio/events.py;handler app.py"
    some = captured(profile({f"{loop};send requests/sessions.py": 2, f"{loop};encode app.py": 20}))
    assert blocking(some, {}).state is State.CANNOT_TELL


def test_no_loop_no_async_code_and_nothing_measured() -> None:
    plain = blocking(captured(profile({"main app.py;send requests/sessions.py": 500})), {})
    assert (plain.state, "no event loop" in plain.message) == (State.PASS, True)
    assert blocking(Snapshot(label="head"), {}).state is State.CANNOT_TELL


TOKIO = "main;tokio::runtime::scheduler::multi_thread::worker::Context::run_task"
POLL = f"{TOKIO};tokio::runtime::task::harness::Harness<T,S>::poll;shop::handle::{{{{closure}}}}"


@pytest.mark.parametrize(
    ("stack", "state"),
    [
        (f"{POLL};std::thread::sleep;clock_nanosleep", State.FAIL),
        (f"{POLL};std::fs::read::inner;read", State.FAIL),
        (f"{POLL};reqwest::blocking::get", State.FAIL),
        (f"{POLL};serde_json::to_string", State.CANNOT_TELL),
        (f"{POLL};tokio::task::block_in_place;std::thread::sleep", State.CANNOT_TELL),
        ("main;tokio::runtime::blocking::pool::Inner::run;std::fs::read", State.PASS),
        (
            f"{TOKIO};tokio::runtime::scheduler::multi_thread::park::Parker::park;std::thread::sleep",
            State.PASS,
        ),
    ],
)
def test_polls_of_tokio(stack: str, state: State) -> None:
    assert (
        blocking(
            captured(profile({stack: 40, f"{POLL};encode": 1} if state is not State.PASS else {stack: 40})),
            {},
        ).state
        is state
    )


@pytest.mark.parametrize(
    ("stack", "inside"),
    [
        (
            "main m.py;run asyncio/runners.py;run_until_complete asyncio/base_events.py;select selectors.py",
            False,
        ),
        ("main m.py;run asyncio/runners.py;handler app.py;encode app.py", True),
        ("run uvloop/__init__.py;uvloop.loop.Loop.run_forever uvloop/loop.pyx;handler app.py", True),
        ("unrolled_run trio/_core/_run.py;handler app.py", True),
        ("unrolled_run trio/_core/_run.py;get_events trio/_core/_io_epoll.py", False),
        ("_run app.py;handler app.py", False),
    ],
)
def test_where_loops_call_back(stack: str, inside: bool) -> None:
    nodes = callbacks(profile({stack: 1}))
    assert (nodes[-1] != OUTSIDE) is inside


def test_short_calls_in_a_row_are_no_long_one() -> None:
    """Calls of 20 ms that a sample of 10 ms always hits, for 90 % of the time: nothing is sure of them."""
    rng = np.random.default_rng(1)
    places = (rng.random(300) < 0.9).astype(int).tolist()
    moments = tuple(Moment(at=i * 10_000_000, ns=10_000_000, stack=p) for i, p in enumerate(places))
    stay = stays(moments, lambda s: "busy" if s else None)["busy"]
    assert stay.longest > 100e6
    assert stay.one_call(300, 2000, 100e6) is None


def test_a_rare_long_call_is_sure() -> None:
    places = [int(100 <= i < 130) for i in range(300)]
    moments = tuple(Moment(at=i * 10_000_000, ns=10_000_000, stack=p) for i, p in enumerate(places))
    stay = stays(moments, lambda s: "busy" if s else None)["busy"]
    assert (stay.lengths, stay.one_call(300, None, 100e6)) == ((300_000_000,), 300e6)


def test_a_break_ends_a_stretch() -> None:
    moments = tuple(Moment(at=at, ns=10, stack=1) for at in (0, 10, 5_000_000, 5_000_010))
    assert stays(moments, lambda s: s)[1].lengths == (20, 20)


def test_a_profile_without_times_has_no_threads() -> None:
    bare: Profile = profile({"a;b": 3})
    assert threads(bare) == ()


@pytest.mark.parametrize(
    ("stack", "state"),
    [
        ("(root);handle /srv/app.js;readFileSync node:fs;openSync node:fs", State.FAIL),
        ("(root);handle /srv/app.mjs;spawnSync node:child_process", State.FAIL),
        ("(root);handle /srv/app.js;stringify /srv/app.js", State.CANNOT_TELL),
        (
            "(root);Module.load node:internal/modules/cjs/loader;main /srv/app.js;readFileSync node:fs",
            State.PASS,
        ),
    ],
)
def test_everything_is_a_callback_in_node_but_loading(stack: str, state: State) -> None:
    assert blocking(captured(profile({stack: 40})), {}).state is state


@pytest.mark.parametrize(("capture", "state"), [("go", State.PASS), ("c", State.PASS), ("node", State.FAIL)])
def test_real_programs_in_other_languages(capture: str, state: State, repository: Path) -> None:
    """The program of Node calls one Sync function of its modules after the other."""
    found = formats.read(repository / "tests" / "judge" / "captures" / f"{capture}.pb.gz", System())
    head = Snapshot(label="head", captures=found.captures)
    assert blocking(head, {}).state is state
