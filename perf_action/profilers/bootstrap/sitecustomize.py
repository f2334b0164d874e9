"""Runs inside the service, before the first line of it, in profiled launches only; imported by nothing of this package.

Python's `site` imports ``sitecustomize`` from the PYTHONPATH at the start of every interpreter
(https://docs.python.org/3/library/site.html), so this reaches the service however it is started: ``python -m``, a
console script, through a shell, ``uv run`` or gunicorn, and the interpreters that it starts itself. Nothing of the
command line has to be rewritten. It starts memray (PERF_ACTION_MEMRAY_OUT), counts bytecodes (PERF_ACTION_BYTECODES_OUT) or
lets py-spy look (PERF_ACTION_PTRACER).

It must work in any Python the service may have, with the standard library alone, and may never stop the service from
starting: a failure is written to a file for the one who started it.
"""

# pathlib would be one more import that the service did not ask for
# ruff: noqa: PTH100, PTH118, PTH120, PTH123

from __future__ import annotations

import os
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))

#: what memray needs and the service must not find; kept, so that the room it takes is not there for the service to fill
_KEPT = []  # type: ignore[var-annotated]

#: prctl(2): PR_SET_PTRACER, PR_SET_PTRACER_ANY
_SET_PTRACER, _ANY = 0x59616D61, -1


def load_memray(folder: str):  # type: ignore[no-untyped-def]  # noqa: ANN201
    """memray, from `folder` if that is there. Nothing else of the folder stays importable or imported: the service finds
    its own versions of what memray needs, or none, as it would without us.
    """
    before = set(sys.modules)
    sys.path.insert(0, folder)
    try:
        import memray  # noqa: PLC0415
        import memray.reporters.module_tools  # noqa: PLC0415
    finally:
        sys.path.remove(folder)
        for name in set(sys.modules) - before:
            file = getattr(sys.modules[name], "__file__", None) or ""
            if file.startswith(folder + os.sep) and name.partition(".")[0] != "memray":
                _KEPT.append(sys.modules.pop(name))
    return memray


def record_memory(memray, out: str, *, native: bool, children: bool) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    """Record every allocation until this process ends, however it does. Forked children get files of their own."""
    import gc  # noqa: PLC0415
    import threading  # noqa: PLC0415

    # compressing takes seconds at the end of a busy process, which has stop-timeout to end in
    destination = memray.FileDestination(
        os.path.join(out, f"memray.{os.getpid()}.bin"), overwrite=True, compress_on_exit=False
    )
    # the capture holds sys.argv, and a command line may hold a secret
    argv, sys.argv = sys.argv, sys.argv[:1]
    tracker = memray.Tracker(destination=destination, native_traces=native, follow_fork=children)
    sys.argv = argv
    failed = []

    def enter() -> None:
        try:
            tracker.__enter__()
        except Exception as error:  # noqa: BLE001  # raised below
            failed.append(error)

    # memray leaves out the frames that stand above the one that starts it, in the thread that starts it. Here those are
    # gone when the service begins, and its own frames would be left out instead
    starter = threading.Thread(target=enter)
    starter.start()
    starter.join()
    if failed:
        raise failed[0]

    def close() -> None:
        # garbage in cycles is no leak; how much of it there is depends on when the collector last ran
        gc.collect()
        tracker.__exit__(None, None, None)

    at_the_end(close)


def at_the_end(write) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    """Call `write` once when this process ends, by itself or by SIGTERM; in forked children too."""
    import atexit  # noqa: PLC0415
    import signal  # noqa: PLC0415

    done_in = set()

    def close() -> None:
        if os.getpid() not in done_in:
            done_in.add(os.getpid())
            write()

    def terminated(number: int, _frame: object) -> None:
        close()
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)

    leave = os._exit

    def close_and_leave(status: int) -> None:
        close()
        leave(status)

    atexit.register(close)
    # children made by multiprocessing end with os._exit, which runs no exit handlers
    os._exit = close_and_leave  # type: ignore[assignment]
    # without a handler SIGTERM would end the process with its last records unwritten; a server that has its own replaces this
    if signal.getsignal(signal.SIGTERM) == signal.SIG_DFL:
        signal.signal(signal.SIGTERM, terminated)


def allow_tracing(prctl) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    """Let any process of this user attach to this one and to those it forks, where Yama restricts that to ancestors
    (https://docs.kernel.org/admin-guide/LSM/Yama.html).
    """

    def allow() -> None:
        prctl(_SET_PTRACER, _ANY, 0, 0, 0)

    allow()
    os.register_at_fork(after_in_child=allow)


def _libc_prctl(*numbers: int) -> int:
    import ctypes  # noqa: PLC0415

    return int(ctypes.CDLL(None).prctl(*(ctypes.c_ulong(n & (2**64 - 1)) for n in numbers)))


def _start() -> None:
    environ = os.environ
    out = environ.get("PERF_ACTION_MEMRAY_OUT")
    if environ.get("PERF_ACTION_PTRACER"):
        allow_tracing(_libc_prctl)
    if out:
        children = bool(environ.get("PERF_ACTION_MEMRAY_CHILDREN"))
        if not children:
            del environ["PERF_ACTION_MEMRAY_OUT"]
        folder = os.path.join(
            environ.get("PERF_ACTION_MEMRAY_PACKAGES", ""), sys.implementation.cache_tag or ""
        )
        try:
            memray = load_memray(folder)
            record_memory(
                memray, out, native=bool(environ.get("PERF_ACTION_MEMRAY_NATIVE")), children=children
            )
        except Exception as error:  # noqa: BLE001  # the service must start all the same
            _report(out, error)
    counts = environ.get("PERF_ACTION_BYTECODES_OUT")
    if counts:
        if not environ.get("PERF_ACTION_BYTECODES_CHILDREN"):
            del environ["PERF_ACTION_BYTECODES_OUT"]
        count_bytecodes(counts, at_the_end)


def _report(out: str, error: Exception) -> None:
    version = ".".join(map(str, sys.version_info[:3]))
    with open(os.path.join(out, "memray-failed.txt"), "a") as file:
        file.write(f"Python {version} ({sys.executable}): {error}\n")


def _run_next() -> None:
    """Import the sitecustomize that this one stands in front of."""
    from importlib.machinery import PathFinder  # noqa: PLC0415
    from importlib.util import module_from_spec  # noqa: PLC0415

    spec = PathFinder.find_spec("sitecustomize", sys.path)
    if spec is not None and spec.loader is not None:
        sys.modules["sitecustomize"] = module = module_from_spec(spec)
        spec.loader.exec_module(module)


if __name__ == "sitecustomize":
    if os.environ.get("PERF_ACTION_BYTECODES_OUT"):
        from bytecode_counter import count_bytecodes  # type: ignore[import-not-found]
    sys.path[:] = [entry for entry in sys.path if os.path.abspath(entry) != _HERE]
    _run_next()
    _start()
