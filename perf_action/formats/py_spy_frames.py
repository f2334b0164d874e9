"""Frames as py-spy prints them: ``name (file.py:12)``, or ``name (module)`` for native code.

Source: https://github.com/benfred/py-spy/blob/master/src/flamegraph.rs and src/stack_trace.rs. The line is the one
being executed (with ``--function`` the one of the ``def``), so it belongs to the frame and not to the function.
With ``--threads`` and ``--subprocesses`` a stack starts with pseudo-frames, ``process 12:"python app.py"`` and
``thread (12): name``: they say who the sample is of, and are no functions.
"""

from __future__ import annotations

import re

from perf_action.formats.stack_lines import Frame
from perf_action.model.profile import UNKNOWN, FunctionKey

_LINE = re.compile(r"(.+):(\d{1,9})", re.DOTALL)
_ADDRESS = re.compile(r"0x[0-9a-fA-F]+")
_LIBRARY = re.compile(r"\.(?:so|dylib|dll|pyd|exe)$")
_SOURCE = re.compile(r"\.[A-Za-z]\w{0,6}$|^<.*>$")
_THREAD = re.compile(r"thread \((?:0x)?[0-9A-Fa-f]+\)(?:: (.*))?", re.DOTALL)
_PROCESS = re.compile(r'process \d+:"')


def is_frame(text: str) -> bool:
    """Whether a text has a place in brackets behind its name."""
    return text.endswith(")") and " (" in text


def is_python_frame(text: str) -> bool:
    """Whether a frame says so itself: a Python file, ``<string>`` or ``<frozen …>``."""
    place = frame(text).file if is_frame(text) else ""
    return place.endswith((".py", ".pyx", ".ipynb")) or place.startswith("<")


def frame(text: str) -> Frame:
    """The parts of a frame; one that has no place is all name."""
    start = _place_start(text) if is_frame(text) else -1
    if start < 1:
        return named(text, "", 0)
    name, place = text[:start], text[start + 2 : -1]
    line = _LINE.fullmatch(place)
    return named(name, line[1], int(line[2])) if line else named(name, place, 0)


def _place_start(text: str) -> int:
    """Where the space before the bracket stands that the last character closes: both names and files may hold brackets."""
    depth = 0
    for at in range(len(text) - 1, 0, -1):
        if text[at] == ")":
            depth += 1
        elif text[at] == "(":
            depth -= 1
            if depth == 0 and text[at - 1] == " ":
                return at - 1
    return text.rfind(" (")


def named(name: str, place: str, line: int) -> Frame:
    """A frame from its parts. `place` is a source file or, for native code without debug symbols, a library, of which
    the base name is kept as module. An address that nobody resolved is no name.
    """
    source = line > 0 or (_SOURCE.search(place) is not None and _LIBRARY.search(place) is None)
    if place in ("?", "<unknown>"):
        place, source = "", False
    if _ADDRESS.fullmatch(name):
        name, source = UNKNOWN, False
    if source:
        return Frame(name, place, "", line)
    return Frame(name, "", place.rpartition("/")[2])


def is_pseudo(name: str) -> bool:
    """Whether this is no function but the process or thread of the sample."""
    return _THREAD.fullmatch(name) is not None or _PROCESS.match(name) is not None


def thread_of(name: str) -> str:
    """The thread's name, or its number where it has none."""
    match = _THREAD.fullmatch(name)
    return (match[1] or name.removeprefix("thread (").rstrip(")")) if match else ""


def split(stack: str) -> tuple[str | None, list[str]]:
    """Thread (None if the file does not tell) and frame texts of one line. Command lines and thread names may hold a
    ``;``, so what follows a pseudo-frame is part of it until something looks like a frame.
    """
    texts = stack.split(";")
    thread: str | None = None
    at = 0
    while at < len(texts) and is_pseudo(texts[at]):
        start, at = at, at + 1
        while at < len(texts) and not is_frame(texts[at]) and not is_pseudo(texts[at]):
            at += 1
        thread = thread_of(";".join(texts[start:at])) or thread
    return thread, texts[at:]


def text(key: FunctionKey, line: int) -> str:
    """A frame as py-spy would print it; `frame` reads it back. A ``;`` in a name becomes ``:``."""
    place = f"{key.file}:{line}" if key.file and line else key.file or key.module
    return (f"{key.name} ({place})" if place else key.name).replace(";", ":").replace("\n", " ")
