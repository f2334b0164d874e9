"""Calls that block a thread: known functions of Python's libraries, the C library, Rust's standard library and Node.

Each is a name with the file it is in (Python), or a symbol (everything native). What an event loop's own transports do
with their sockets does not block, though the functions are the same ones.
"""

from __future__ import annotations

from typing import Final

from perf_action.judge.checklist.loops import is_python
from perf_action.model.profile import FunctionKey

_LONGEST: Final = 2000
_HTTP, _PROCESS, _SOCKET = "makes a blocking HTTP request", "waits for a process", "waits for a socket"
_FILE, _SLEEP, _LOCK = "reads or writes a file", "sleeps", "waits for a lock"
_NAME, _DISK, _OTHERS = "looks up a host name", "waits for the disk", "waits for other threads"

#: end of a Python file -> its functions that block (empty: all), and what they do
_PYTHON: Final[tuple[tuple[str, frozenset[str], str], ...]] = (
    ("requests/sessions.py", frozenset({"request", "send"}), _HTTP),
    ("urllib3/connectionpool.py", frozenset({"urlopen"}), _HTTP),
    ("urllib/request.py", frozenset({"urlopen", "urlretrieve"}), _HTTP),
    ("http/client.py", frozenset({"getresponse"}), _HTTP),
    ("httpx/_transports/default.py", frozenset({"handle_request"}), _HTTP),
    ("botocore/httpsession.py", frozenset({"send"}), _HTTP),
    (
        "python3/subprocess.py",
        frozenset(
            {"run", "call", "check_call", "check_output", "communicate", "_communicate", "wait", "_wait"}
        ),
        _PROCESS,
    ),
    ("python3/socket.py", frozenset({"create_connection", "readinto"}), _SOCKET),
    ("python3/smtplib.py", frozenset(), _SOCKET),
    ("python3/ftplib.py", frozenset(), _SOCKET),
    ("python3/imaplib.py", frozenset(), _SOCKET),
    ("pymysql/connections.py", frozenset({"_read_bytes", "_read_packet", "connect"}), _SOCKET),
    ("redis/connection.py", frozenset({"read_response", "connect"}), _SOCKET),
    ("redis/_parsers/socket.py", frozenset(), _SOCKET),
    (
        "python3/pathlib.py",
        frozenset({"read_text", "read_bytes", "write_text", "write_bytes"}),
        _FILE,
    ),
    ("python3/shutil.py", frozenset({"copyfile", "copyfileobj", "copytree", "rmtree", "move"}), _FILE),
    ("python3/threading.py", frozenset({"join"}), _OTHERS),
)
#: C functions that block whoever calls them
_NATIVE: Final[dict[str, str]] = {
    **dict.fromkeys(
        ("clock_nanosleep", "__clock_nanosleep", "nanosleep", "__nanosleep", "usleep", "sleep"), _SLEEP
    ),
    **dict.fromkeys(("wait4", "waitpid", "waitid", "__waitpid", "__wait4"), _PROCESS),
    **dict.fromkeys(("fsync", "fdatasync", "flock", "sync_file_range"), _DISK),
    "getaddrinfo": _NAME,
    "PyThread_acquire_lock_timed": _LOCK,
}
#: and those that do only where no event loop has made them ready
_NATIVE_SOCKETS: Final = frozenset(
    {
        *(
            "recv",
            "__libc_recv",
            "recvfrom",
            "__libc_recvfrom",
            "recvmsg",
            "connect",
            "__connect",
            "accept",
            "accept4",
        ),
        *("poll", "__poll", "ppoll", "select", "__select", "epoll_wait", "epoll_pwait", "epoll_pwait2"),
    }
)
_NATIVE_FILES: Final = frozenset(
    {
        "open64",
        "__open64",
        "openat64",
        "open",
        "openat",
        "read",
        "__read",
        "__libc_read",
        "pread64",
        "__pread64",
    }
)
#: start of a Rust symbol -> what it does
_RUST: Final[tuple[tuple[str, str], ...]] = (
    ("std::thread::sleep", _SLEEP),
    ("std::thread::functions::sleep", _SLEEP),
    ("std::fs::", _FILE),
    ("<std::fs::File as ", _FILE),
    ("<&std::fs::File as ", _FILE),
    ("reqwest::blocking::", _HTTP),
    ("ureq::", _HTTP),
    ("std::process::Child::wait", _PROCESS),
    ("std::process::Command::output", _PROCESS),
    ("std::process::Command::status", _PROCESS),
    ("std::net::tcp::TcpStream::connect", _SOCKET),
    ("<std::net::tcp::TcpStream as ", _SOCKET),
    ("std::sync::mpsc::Receiver<T>::recv", _OTHERS),
    ("futures_executor::local_pool::block_on", _OTHERS),
)
#: module of Node -> what its functions with Sync at the end do
_NODE: Final[dict[str, str]] = {
    "node:fs": _FILE,
    "node:child_process": _PROCESS,
    "node:internal/child_process": _PROCESS,
    "node:zlib": "compresses at once",
    "node:internal/crypto/pbkdf2": "computes a key at once",
    "node:internal/crypto/scrypt": "computes a key at once",
}
#: Python code between a callback and a socket that knows the socket to be ready
_READY: Final = ("asyncio/", "uvloop/", "trio/", "anyio/")
#: code that reads files or pipes for reasons of its own
_OTHER_READERS: Final = (
    "importlib",
    "subprocess.py",
    "linecache.py",
    "logging/",
    "zipimport",
    "multiprocessing/",
)


def blocks(key: FunctionKey, python: str) -> str:
    """What a function does that blocks, or nothing. `python` is the file of the nearest Python function that called it,
    empty where there is none.
    """
    if is_python(key.file):
        return _python(key)
    name = key.name[:_LONGEST]
    if key.file in _NODE:
        return _NODE[key.file] if name.endswith("Sync") else ""
    if name in _NATIVE:
        return "" if _NATIVE[name] == _LOCK and _any(python, _READY) else _NATIVE[name]
    if name in _NATIVE_SOCKETS:
        return "" if _any(python, _READY) or not python else _SOCKET
    if name in _NATIVE_FILES:
        return (
            "" if _any(python, (*_READY, *_OTHER_READERS)) or not python or python.startswith("<") else _FILE
        )
    return next((does for start, does in _RUST if name.startswith(start)), "")


def _python(key: FunctionKey) -> str:
    file, name = key.file[-_LONGEST:].replace("\\", "/"), key.name.rpartition(".")[2]
    for end, names, does in _PYTHON:
        standard, module = end.startswith("python3/"), end.removeprefix("python3/")
        if (not names or name in names) and file.endswith("/" + module):
            if standard and not _is_standard(file, module):
                continue
            return does
        if file == module and (not names or name in names):
            return does
    return ""


def _is_standard(file: str, module: str) -> bool:
    """``…/lib/python3.12/socket.py``, not a file of the user's by that name."""
    return file.removesuffix("/" + module).rpartition("/")[2].startswith("python3")


def _any(text: str, parts: tuple[str, ...]) -> bool:
    return any(part in text for part in parts)
