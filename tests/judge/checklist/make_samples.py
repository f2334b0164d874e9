"""Records the samples of this folder with py-spy on `app.py`, as the profiler's plan does: ``python make_samples.py``."""

from __future__ import annotations

import gzip
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from pathlib import Path

HERE = Path(__file__).parent
PORT = 8769
URL = f"http://127.0.0.1:{PORT}/"
#: sample -> the routes that are asked for in turn
SAMPLES = {
    "fine": ("fine", "quick_query"),
    "sleepy": ("sleepy", "fine", "fine"),
    "busy": ("busy", "fine"),
    "files": ("files", "fine"),
    "process": ("process",),
    "query": ("query", "fine"),
    "threaded": ("threaded", "fine"),
    "locked": ("locked", "locked", "fine"),
}
_SECONDS = 2.5
_HOME = (
    (re.compile(r'[^"]*/site-packages/'), "/usr/lib/python3/site-packages/"),
    (re.compile(r'[^"]*/lib/python3\.(\d+)/'), r"/usr/lib/python3.\1/"),
    (re.compile(r'[^"]*/Python-[\d.]+/'), "/usr/src/python/"),
    (re.compile(r'[^"]*/lib/libpython'), "/usr/lib/libpython"),
    (re.compile(re.escape(str(HERE))), "/srv/app"),
)


def main() -> None:
    for name, routes in SAMPLES.items():
        (HERE / "samples" / f"{name}.json.gz").write_bytes(gzip.compress(_record(routes).encode(), mtime=0))


def _record(routes: tuple[str, ...]) -> str:
    service = subprocess.Popen(
        [sys.executable, "-m", "uvicorn", "app:app", "--port", str(PORT), "--log-level", "warning"], cwd=HERE
    )
    stop = threading.Event()
    try:
        _wait()
        loads = [threading.Thread(target=_load, args=(routes, stop), daemon=True) for _ in range(3)]
        for load in loads:
            load.start()
        time.sleep(0.3)
        return _anywhere(_spy(service.pid))
    finally:
        stop.set()
        service.terminate()
        service.wait()


def _wait() -> None:
    for _ in range(100):
        try:
            urllib.request.urlopen(URL + "fine")
        except OSError:
            time.sleep(0.1)
        else:
            return


def _load(routes: tuple[str, ...], stop: threading.Event) -> None:
    n = 0
    while not stop.is_set():
        try:
            urllib.request.urlopen(URL + routes[n % len(routes)]).read()
        except OSError:
            return
        n += 1


def _spy(pid: int) -> str:
    out = HERE / "samples" / "recording.json"
    options = ("--format", "chrometrace", "--idle", "--rate", "100", "--full-filenames", "--native")
    spy = subprocess.Popen(
        [Path(sys.executable).with_name("py-spy"), "record", "--pid", str(pid), *options, "--output", out],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    time.sleep(_SECONDS)
    spy.send_signal(signal.SIGINT)
    spy.wait()
    text = out.read_text()
    out.unlink()
    return text


def _anywhere(text: str) -> str:
    """The recording without where it was made."""
    for pattern, replacement in _HOME:
        text = re.sub(r'("filename":")([^"]*)', lambda m: m[1] + pattern.sub(replacement, m[2]), text)  # noqa: B023
    return text


if __name__ == "__main__":
    main()
