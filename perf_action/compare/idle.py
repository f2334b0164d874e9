"""Functions that wait rather than work: a sampler that looks at threads sees them, the CPU clock does not."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath

from perf_action.model.profile import FunctionKey

#: file of the standard library -> the last part of the names of functions in it that block
_PYTHON = {
    "socket.py": {"readinto", "accept"},
    "selectors.py": {"select"},
    "threading.py": {"wait", "_wait_for_tstate_lock", "join"},
    "queue.py": {"get"},
    "ssl.py": {"read", "accept"},
    "connection.py": {"poll", "_poll", "wait"},
    "popen_fork.py": {"poll", "wait"},
    "subprocess.py": {"_try_wait", "_wait"},
    "thread.py": {"_worker"},
}
_NATIVE = {
    *("accept", "accept4", "epoll_wait", "epoll_pwait", "poll", "ppoll", "select", "pselect", "__select"),
    *("recv", "recvfrom", "recvmsg", "__libc_recv", "__poll", "__GI___poll", "__accept", "nanosleep"),
    *("clock_nanosleep", "__clock_nanosleep", "futex", "futex_wait", "__futex_abstimed_wait_common"),
    *("pthread_cond_wait", "pthread_cond_timedwait", "sem_wait", "sem_timedwait", "kevent", "wait4"),
}


def idle_functions(keys: Iterable[FunctionKey], *, native: bool) -> frozenset[FunctionKey]:
    """Those of `keys` that wait. `native` also looks at C functions by name, which only a sampler of threads may."""
    return frozenset(key for key in keys if _waits(key, native=native))


def _waits(key: FunctionKey, *, native: bool) -> bool:
    name = key.name.rsplit(".", 1)[-1]
    if key.file.endswith(".py"):
        return name in _PYTHON.get(PurePosixPath(key.file).name, ())
    return native and key.name in _NATIVE
