"""Functions whose cost is not their own: those that wait, and those that hand data to the kernel.

A sampler that looks at threads sees waiting, the CPU clock does not. What a system call on a socket costs depends on
what the other side and the rest of the machine do just then: receiving cost 2.4 times as much in runs whose code
differed elsewhere only.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath

from perf_action.model.profile import FunctionKey

#: module of the standard library -> the last part of the names of functions in it that wait
_WAITING = {
    "socket.py": {"readinto", "accept"},
    "selectors.py": {"select"},
    "threading.py": {"wait", "_wait_for_tstate_lock", "join"},
    "queue.py": {"get"},
    "ssl.py": {"accept"},
    "multiprocessing/connection.py": {"poll", "_poll", "wait"},
    "multiprocessing/popen_fork.py": {"poll", "wait"},
    "subprocess.py": {"_try_wait", "_wait"},
    "concurrent/futures/thread.py": {"_worker"},
}
#: modules whose functions are little more than a system call on a socket
_TRANSFERRING = ("socket.py", "ssl.py", "selectors.py", "asyncio/selector_events.py")
_NATIVE_WAITING = {
    *("accept", "accept4", "epoll_wait", "epoll_pwait", "poll", "ppoll", "select", "pselect", "__select"),
    *("recv", "recvfrom", "recvmsg", "__libc_recv", "__poll", "__GI___poll", "__accept", "nanosleep"),
    *("clock_nanosleep", "__clock_nanosleep", "futex", "futex_wait", "__futex_abstimed_wait_common"),
    *("pthread_cond_wait", "pthread_cond_timedwait", "sem_wait", "sem_timedwait", "kevent", "wait4"),
}
_NATIVE_TRANSFERRING = {
    *("__libc_send", "__libc_sendto", "__libc_sendmsg", "__libc_recv", "__libc_recvfrom", "__libc_recvmsg"),
    *("__libc_read", "__libc_write", "__GI___libc_read", "__GI___libc_write", "__GI___writev", "epoll_ctl"),
    *("syscall.Syscall", "syscall.Syscall6", "syscall.RawSyscall6", "runtime/internal/syscall.Syscall6"),
    *("internal/runtime/syscall.Syscall6", "entry_SYSCALL_64_after_hwframe", "do_syscall_64"),
}


def idle_functions(keys: Iterable[FunctionKey], *, native: bool) -> frozenset[FunctionKey]:
    """Those of `keys` that wait. `native` also looks at C functions by name, which only a sampler of threads may."""
    return frozenset(key for key in keys if _waits(key, native=native))


def is_transfer(key: FunctionKey) -> bool:
    """Whether a function's own cost is that of moving data in the kernel."""
    if key.file.endswith(".py"):
        return any(_is_module(key.file, module) for module in _TRANSFERRING)
    return key.name in _NATIVE_TRANSFERRING


def _waits(key: FunctionKey, *, native: bool) -> bool:
    if key.file.endswith(".py"):
        name = key.name.rsplit(".", 1)[-1]
        return any(name in names and _is_module(key.file, module) for module, names in _WAITING.items())
    return native and key.name in _NATIVE_WAITING


def _is_module(file: str, module: str) -> bool:
    """Whether a file, as a whole path or as profilers shorten it, is that module of the standard library."""
    if file == module:
        return True
    path = PurePosixPath(file)
    return file.endswith("/" + module) and (
        "/" in module or path.parent.name.startswith("python3") or "/python3" in file
    )
