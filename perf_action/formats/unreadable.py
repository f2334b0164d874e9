"""Files that people give to a profile reader and that are none, or none that can be read: what each is, what to do.

Looked at before any reader, since some of these begin like folded stacks.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from perf_action.formats.source import Source


class Unreadable(NamedTuple):
    """`pattern` is matched at the start of the file (white space and a byte order mark skipped)."""

    pattern: re.Pattern[bytes]
    what: str
    remedy: str


def _of(pattern: bytes, what: str, remedy: str) -> Unreadable:
    return Unreadable(re.compile(pattern, re.DOTALL | re.IGNORECASE), what, remedy)


_UNPACK = "unpack it and give the profile in it"
_LATER = "this version cannot read it"

UNREADABLE: Final = (
    _of(
        rb"\x7fELF", "a program or library (ELF)", "give the profile that the profiler wrote, not the program"
    ),
    _of(
        rb"go 1\.\d+ trace\0",
        "a Go execution trace",
        "fetch /debug/pprof/profile instead of /debug/pprof/trace",
    ),
    _of(
        rb"goroutine \d+ (gp=\S+ )?(m=\S+ )?(mp=\S+ )?\[",
        "a Go goroutine dump (debug=2), a text for people",
        "fetch /debug/pprof/goroutine without ?debug",
    ),
    _of(
        rb"(goroutine|goroutineleak) profile: total \d+",
        "Go's goroutines as text (debug=1), which leaves out frames of the runtime",
        "fetch /debug/pprof/goroutine without ?debug",
    ),
    _of(
        rb"threadcreate profile: total \d+",
        "Go's threads as text (debug=1), which leaves out frames of the runtime",
        "fetch /debug/pprof/threadcreate without ?debug",
    ),
    _of(
        rb"--- mutex:",
        "a Go mutex profile as text (debug=1), whose times are cycles of a clock",
        "fetch /debug/pprof/mutex without ?debug",
    ),
    _of(
        rb"--- contention:",
        "a Go block profile as text (debug=1), whose times are cycles of a clock",
        "fetch /debug/pprof/block without ?debug",
    ),
    _of(rb"--- heapz \d+ ---", "a heap profile as text", "convert it with pprof -proto"),
    _of(
        rb"heap profile:[^\n]*@ heap/\d+",
        "a Go heap profile as text (debug=1), whose sampled numbers are not scaled up",
        "fetch /debug/pprof/heap?gc=1 (or /debug/pprof/allocs) without ?debug",
    ),
    _of(
        rb"(<!--.*?-->\s*)*<(!doctype html|html)",
        "a web page (HTML)",
        "an error page was saved instead of a profile; fetch it again with curl --fail",
    ),
    _of(
        rb"<\?xml(?![^<]*(<!--.*?-->\s*)*<valgrindoutput\b)(?!.{0,1000}<svg\b)|<!doctype(?! svg\b)",
        "an XML file",
        "give the profile that the profiler wrote",
    ),
    _of(
        rb"[45]\d\d [a-z ]+\s*$",
        "an HTTP error that was saved as a file",
        "see why the server answered so, and fetch it again with curl --fail",
    ),
    _of(rb"version https://git-lfs", "a Git LFS pointer", "fetch the file itself with git lfs pull"),
    _of(rb"PK\x03\x04", "a zip archive", _UNPACK),
    _of(rb"\xfd7zXZ\0", "packed with xz", _UNPACK),
    _of(rb"BZh[1-9]1AY", "packed with bzip2", _UNPACK),
    _of(rb".{257}ustar", "a tar archive", _UNPACK),
    _of(
        rb"(HCAT[\x01-\x1f]\0{3}|TACH\0{3}[\x01-\x1f])",
        "a binary profile of Python's profiling.sampling, which only the Python that wrote it reads",
        "convert it with python3.15 -m profiling.sampling replay --collapsed -o out.folded FILE",
    ),
    _of(rb"FLR\0", "a Java flight recording", "convert it to collapsed stacks with jfrconv"),
    _of(rb"[{\xfb][)\xa9][\x02-\x08]", "a cProfile file", "record the service with py-spy instead"),
)


def refuse(source: Source) -> None:
    """InputError if the file is one of these."""
    head = source.head.removeprefix(b"\xef\xbb\xbf")
    stripped = head.lstrip(b" \t\r\n")
    for entry in UNREADABLE:
        if entry.pattern.match(head) or entry.pattern.match(stripped):
            raise source.error(f"is {entry.what}, not a capture that can be read", remedy=entry.remedy)
