"""What the kernel allows: on this machine, and as it would be on others."""

from __future__ import annotations

import errno
import shutil
import subprocess
import sys

from perf_action.profilers.allowed import PerfEvents, perf_events, ptrace_refusal
from perf_action.system import System


def kernel(**answers: int):
    """An perf_event_open that answers with an errno per `cycles`, `cycles_user`, `clock`, `clock_user`."""

    def attempt(kind: int, config: int, exclude_kernel: bool, pid: int) -> int:
        assert config == 0
        name = ("cycles", "clock")[kind] + ("_user" if exclude_kernel else "")
        return answers.get(name, 0)

    return attempt


def test_hardware_cycles_are_taken_where_there_are_any():
    assert perf_events(open_event=kernel()) == PerfEvents(event="cycles", kernel=True)


def test_without_hardware_counters_the_clock_is_left():
    seen = perf_events(open_event=kernel(cycles=errno.ENOENT, cycles_user=errno.ENOENT))
    assert (seen.event, seen.kernel, seen.error) == ("cpu-clock", True, "")
    assert seen.cycles_error == "this processor has none, or the virtual machine does not pass them on"


def test_a_careful_kernel_shows_the_service_but_not_itself():
    seen = perf_events(open_event=kernel(cycles=errno.EACCES, clock=errno.EACCES))
    assert seen == PerfEvents(event="cycles", kernel=False)


def test_a_kernel_that_forbids_all_is_quoted():
    denied = dict.fromkeys(("cycles", "cycles_user", "clock", "clock_user"), errno.EACCES)
    seen = perf_events(open_event=kernel(**denied))
    assert (seen.event, seen.error) == ("", "Permission denied")


def test_this_kernel_says_what_perf_says():
    """perf itself, on this process: where it samples the clock we do, and the other way round."""
    if shutil.which("perf") is None:
        assert perf_events().event or perf_events().error
        return
    done = subprocess.run(
        ["perf", "record", "-q", "-e", "cpu-clock", "-o", "/dev/null", "--", "true"],
        capture_output=True,
        check=False,
    )
    seen = perf_events()
    assert (done.returncode == 0) == bool(seen.event), (done.stderr, seen)


def test_a_process_of_ours_may_be_looked_into_or_the_kernel_says_why_not(system: System):
    assert ptrace_refusal(system) in ("", "Operation not permitted")


def test_a_process_that_is_not_there(system: System):
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    assert ptrace_refusal(system, child.pid) == "No such process"
