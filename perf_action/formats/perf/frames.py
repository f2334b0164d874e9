"""The two kinds of lines that `perf script` prints: who was sampled, and a frame of the stack.

Format: https://man7.org/linux/man-pages/man1/perf-script.1.html; printed by tools/perf/builtin-script.c and
tools/perf/util/evsel_fprintf.c of the kernel. Which fields are there depends on ``-F``; the order does not.
Sample: ``idx worker 12239/12241 [001]   524.875310:    2004008 cpu-clock:u: `` and
``<tab>           15f31 cpu_rs::tokenize+0x31 (/srv/bin/cpu_rs)``
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from perf_action.formats.stack_lines import Frame
from perf_action.model.profile import UNKNOWN

KERNEL: Final = "[kernel]"
GUEST_KERNEL: Final = "[guest.kernel]"
#: code that was compiled at run time; its file is named after the process
JIT: Final = "[jit]"
INLINED: Final = "inlined"

#: a head is short; what is longer is a frame with a long name
_LONGEST_HEAD: Final = 1 << 13
_WHO = r"(?P<comm>.{0,15}|.{16,64}?)\s+(?P<pid>-?\d+)(?:/(?P<tid>-?\d+))?(?:\s+\[\d+\])?(?:\s+(?=\w*\.)[\w.#-]{4,9})?"
_TIME = r"\s+(?P<time>\d+\.\d+):"
_EVENT = r"\s+(?:\d+\s+)?(?P<event>\S.{0,200}?):(?=\s|$)"
_REST = r"(?:\s+(?P<rest>.*))?"
_HEADS: Final = tuple(
    re.compile(pattern, re.DOTALL)
    for pattern in (
        _WHO + _TIME + _EVENT + _REST,
        _WHO + _TIME + _REST,
        _WHO + _EVENT + _REST,
        _WHO + r"(?:\s+(?P<rest>[0-9a-f]+ .*))?",
    )
)
_FRAME: Final = re.compile(r"\s*[0-9a-f]{1,16}(?:\s(?P<text>.*))?", re.DOTALL)
#: the one frame of a sample without a call graph stands behind the event, as an address of the process
_ONLY_FRAME: Final = re.compile(r"(0|[0-9a-f]{4,16})\s+\S")
_OFFSET: Final = re.compile(r"\+0x[0-9a-f]+$")
_ADDRESS: Final = re.compile(r"0x[0-9a-f]+")
_SOURCE: Final = re.compile(r"(?P<file>.+):(?P<line>\d{1,9})")
_KERNEL_IMAGE: Final = re.compile(r"\[(guest\.)?kernel(\.[\w.]+)?\]\S*|(.*/)?vmlinu[xz][^/]*")
_KERNEL_MODULE: Final = re.compile(r"(?:.*/)?([\w.-]+)\.ko(?:\.\w+)?")
_JITTED: Final = re.compile(r"(?:.*/)?(perf-\d+\.map|jitted-\d+-\d+\.so)|//anon|\[anon\]")
_PYTHON: Final = re.compile(r"(py::[^:]+):(.+)")


class Head(NamedTuple):
    """Whose sample it is. `event` is empty and `time_ns` None where the text does not say; `only` is the text of the
    frame where there is no call graph.
    """

    thread: str
    event: str = ""
    time_ns: int | None = None
    only: str = ""


def head(line: str) -> Head | None:
    """What the first line of a sample says; None if it is no such line."""
    if len(line) > _LONGEST_HEAD:
        return None
    line = line.strip()
    for text in (line, f" {line}"):  # a thread's name may be empty
        for pattern in _HEADS:
            match = pattern.fullmatch(text)
            if match:
                return _head(match.groupdict())
    return None


def _head(found: dict[str, str | None]) -> Head:
    time, rest, event = found.get("time"), found.get("rest") or "", found.get("event") or ""
    is_frame = _ONLY_FRAME.match(rest) is not None and (event != "" or rest.endswith(")"))
    return Head(
        thread=(found["comm"] or "").rstrip(" "),  # numbers are padded on their left
        event=event,
        time_ns=None if time is None else _nanoseconds(time),
        only=rest if is_frame else "",
    )


def _nanoseconds(seconds: str) -> int:
    whole, _, part = seconds.partition(".")
    return int(whole[-10:]) * 10**9 + int(part[:9].ljust(9, "0"))


def frame(line: str) -> Frame | None:
    """A frame, or None if the line does not begin with an address; ``[unknown]`` if nobody resolved it."""
    match = _FRAME.fullmatch(line)
    if match is None:
        return None
    name, place = _parts((match["text"] or "").strip())
    name = _OFFSET.sub("", name)
    if not name or _ADDRESS.fullmatch(name):
        name = UNKNOWN
    python = _PYTHON.fullmatch(name)
    if python:
        return Frame(python[1], python[2], JIT)
    return Frame(name, "", "" if place == INLINED else module(_OFFSET.sub("", place)))


def _parts(text: str) -> tuple[str, str]:
    """Symbol, and what stands in the brackets that end the line ("" if there are none). Both may hold brackets."""
    if not text.endswith(")"):
        return text, ""
    depth = 0
    for at in range(len(text) - 1, -1, -1):
        depth += (text[at] == ")") - (text[at] == "(")
        if depth == 0 and (at == 0 or text[at - 1] == " "):
            return text[:at].rstrip(), text[at + 1 : -1]
    at = text.rfind(" (")
    return (text, "") if at < 0 else (text[:at].rstrip(), text[at + 2 : -1])


def module(dso: str) -> str:
    """A binary by its base name; the kernel is ``[kernel]``, its modules ``[name]``, compiled at run time ``[jit]``."""
    dso = dso.removesuffix(" (deleted)")
    if dso in ("", "[unknown]"):
        return ""
    kernel = _KERNEL_IMAGE.fullmatch(dso)
    if kernel:
        return GUEST_KERNEL if kernel[1] else KERNEL
    if _JITTED.fullmatch(dso):
        return JIT
    loaded = _KERNEL_MODULE.fullmatch(dso)
    if loaded:
        return f"[{loaded[1]}]"
    return dso.rpartition("/")[2] or dso


def source_line(text: str) -> tuple[str, int]:
    """File and line as ``-F +srcline`` prints them under a frame; "" and 0 if they are not known."""
    match = _SOURCE.fullmatch(text.strip().removesuffix(" (inlined)"))
    if match is None or match["file"].startswith("??") or match["line"] == "0":
        return "", 0
    return match["file"], int(match["line"])
