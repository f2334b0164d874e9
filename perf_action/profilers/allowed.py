"""What the kernel lets this process look at: found by trying, since a setting, a capability, a container's filter of
system calls and a missing counter all say no in the same places.

perf_event_open(2) is called with the smallest `perf_event_attr` (version 0, 64 bytes), as perf calls it for sampling;
ptrace(2) is tried from one process on another that it did not start, as a profiler that attaches does.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
import sys
from collections.abc import Callable
from dataclasses import dataclass

from perf_action.errors import CannotMeasure
from perf_action.system import System

#: number of the system call (asm/unistd.h)
_PERF_EVENT_OPEN = {"x86_64": 298, "aarch64": 241, "riscv64": 241, "ppc64le": 319, "s390x": 331}
_EVENTS = (("cycles", 0, 0), ("cpu-clock", 1, 0))  # name, PERF_TYPE_*, PERF_COUNT_*
_SAMPLE_IP, _CLOSE_ON_EXEC = 1, 8
_DISABLED, _EXCLUDE_KERNEL, _EXCLUDE_HV, _FREQ = 1 << 0, 1 << 5, 1 << 6, 1 << 10
_SLEEP = "import time; print('up', flush=True); time.sleep(60)"
#: PTRACE_SEIZE attaches without stopping, and ends with the process that did it
_SEIZE = (
    "import ctypes, os, sys\n"
    "c = ctypes.CDLL(None, use_errno=True)\n"
    "c.ptrace.argtypes = [ctypes.c_long] * 4\n"
    "c.ptrace.restype = ctypes.c_long\n"
    "print(ctypes.get_errno() if c.ptrace(0x4206, int(sys.argv[1]), 0, 0) else 0)\n"
)

#: (type, config, exclude_kernel, pid) -> 0 or errno
Open = Callable[[int, int, bool, int], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class PerfEvents:
    """`event` is what can be sampled: ``cycles`` (hardware), else ``cpu-clock`` (a timer), else empty; `kernel` whether
    the kernel's own time is seen. `cycles_error` says why there are no hardware cycles, `error` why there is nothing.
    """

    event: str = ""
    kernel: bool = False
    cycles_error: str = ""
    error: str = ""


def perf_events(pid: int = 0, open_event: Open | None = None) -> PerfEvents:
    """What perf can sample of process `pid` (0: this one)."""
    attempt = open_event or _open_event
    reasons: dict[str, str] = {}
    for name, kind, config in _EVENTS:
        for kernel in (True, False):
            code = attempt(kind, config, not kernel, pid)
            if code == 0:
                why_not = reasons.get("cycles", "") if name != "cycles" else ""
                return PerfEvents(event=name, kernel=kernel, cycles_error=why_not)
            reasons[name] = _words(code)
    return PerfEvents(cycles_error=reasons["cycles"], error=reasons["cpu-clock"])


def ptrace_refusal(system: System, pid: int | None = None) -> str:
    """Why a process may not attach to `pid` (None: to a process of ours that it did not start); empty if it may."""
    if pid is not None:
        return _seize(pid, system)
    child = system.start([sys.executable, "-c", _SLEEP], pipes=True)
    try:
        if child.stdout is None or child.stdout.readline().strip() != b"up":
            return "the trial process did not start"
        return _seize(child.pid, system)
    finally:
        child.close()


def _seize(pid: int, system: System) -> str:
    try:
        done = system.run([sys.executable, "-I", "-c", _SEIZE, str(pid)], timeout=30)
    except CannotMeasure as error:
        return str(error)
    said = done.stdout.strip()
    if not said.isdigit():
        return f"the trial ended with exit code {done.code}"
    return "" if said == "0" else _words(int(said))


def _open_event(kind: int, config: int, exclude_kernel: bool, pid: int) -> int:
    number = _PERF_EVENT_OPEN.get(os.uname().machine)
    if number is None:
        return errno.ENOSYS
    flags = _DISABLED | _EXCLUDE_HV | _FREQ | (_EXCLUDE_KERNEL if exclude_kernel else 0)
    attr = struct.pack("=IIQQQQQIIQ", kind, 64, config, 99, _SAMPLE_IP, 0, flags, 0, 0, 0)
    libc = ctypes.CDLL(None, use_errno=True)
    libc.syscall.restype = ctypes.c_long
    descriptor = libc.syscall(
        ctypes.c_long(number), ctypes.create_string_buffer(attr, 64), ctypes.c_long(pid), ctypes.c_long(-1),
        ctypes.c_long(-1), ctypes.c_ulong(_CLOSE_ON_EXEC),
    )  # fmt: skip
    if descriptor < 0:
        return ctypes.get_errno()
    os.close(descriptor)
    return 0


def _words(code: int) -> str:
    known = {
        errno.ENOENT: "this processor has none, or the virtual machine does not pass them on",
        errno.EOPNOTSUPP: "this processor's cannot be sampled",
        errno.ENOSYS: "the kernel was built without them, or a filter of system calls hides them",
    }
    return known.get(code, f"{os.strerror(code)}")
