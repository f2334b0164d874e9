"""memcheck's reports in XML: memory errors, and what was not freed, by kind and by who allocated it.

Format: see file.py
Sample: ``<error><kind>Leak_DefinitelyLost</kind><xwhat>…<leakedbytes>240</leakedbytes>… <stack><frame>…``
Metrics: ``memory.leak.definite`` and the other kinds in direct bytes, as in memcheck's own summary; ``memory.errors``,
the number of errors that are not leaks (each is counted once, however often it happened).
Kinds: `leaked` is all that was alive at the end, `lost` what the program had no way to free any more (definitely,
indirectly and possibly lost), `errors` the errors by the function in which they happened.
Lost: the second stacks of an error (where the block came from); log.py prints them.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from perf_action.errors import one_line
from perf_action.formats.memcheck.file import PROTOCOLS, MemcheckError, Report, StackFrame, parse
from perf_action.formats.memcheck.leaks import Leaks, leaks, number
from perf_action.formats.reader import capture_of
from perf_action.formats.source import ReadOptions, Source
from perf_action.formats.stack_lines import Frame
from perf_action.formats.valgrind_frames import service_frames
from perf_action.model.builder import ProfileBuilder
from perf_action.model.metric import Metric
from perf_action.model.profile import Profile, ValueKind
from perf_action.model.snapshot import Capture
from perf_action.system import System

NAME: Final = "memcheck"
_START = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:<\?xml[^>]*>\s*)?(?:<!--.{0,4000}?-->\s*){0,20}<valgrindoutput\b", re.DOTALL
)
_VERSION = re.compile(r"Valgrind-(\d[\w.]*)")
_USAGE: Final = {
    "memory.allocations": ("count", "heap_summary/total_heap_usage/allocs"),
    "memory.allocated": ("bytes", "heap_summary/total_heap_usage/bytes_allocated"),
}


def sniff(source: Source) -> bool:
    return _START.match(source.head) is not None


def read(source: Source, options: ReadOptions, system: System) -> Capture:  # noqa: ARG001
    report = parse(source)
    _check(source, report)
    found = leaks(source, report)
    errors = [e for e in report.errors if not e.is_leak]
    metrics = tuple(_metrics(source, report, found, errors))
    notes = [*found.notes, *_signal(report), *_errors(errors, report.counts)]
    with source.refusing():
        profile = _profile(report, found, errors)
    capture = capture_of(NAME, profile, *notes)
    return Capture(format=NAME, captures=capture.captures, metrics=metrics, notes=capture.notes)


def _check(source: Source, report: Report) -> None:
    if report.tool not in ("memcheck", ""):
        raise source.error(
            f"is a report of {report.tool[:40]}, not of memcheck", remedy="use --tool=memcheck"
        )
    if not report.protocol.isdigit() or int(report.protocol) not in PROTOCOLS:
        raise source.error(
            f"protocol version {report.protocol[:40]!r} is not known",
            remedy=f"known are {PROTOCOLS[0]} to {PROTOCOLS[-1]}",
        )


def _metrics(
    source: Source, report: Report, found: Leaks, errors: Sequence[MemcheckError]
) -> Iterator[Metric]:
    for kind, size in found.sizes.items():
        yield _metric(f"memory.leak.{kind}", "bytes", size)
    yield _metric("memory.errors", "count", len(errors))
    for name, (unit, path) in _USAGE.items():
        if path in report.sums:
            yield _metric(name, unit, number(source, report.sums[path].replace(",", ""), None))


def _metric(name: str, unit: str, value: int) -> Metric:
    return Metric(name=name, unit=unit, better="lower", samples=(value,), source="profiled", exact=True)


def _signal(report: Report) -> Iterator[str]:
    if report.signal:
        yield f"the program was ended by {one_line(report.signal, 40)}"


def _errors(errors: Sequence[MemcheckError], counts: dict[str, str]) -> Iterator[str]:
    """A line for each of the first errors."""
    for error in errors[:5]:
        times = counts.get(error.unique, "1")
        often = "" if times == "1" else f", {one_line(times, 20)} times"
        frames = service_frames(_frames(error))
        where = f" in {frames[-1].name}" if frames else ""
        yield one_line(f"{error.what or error.kind}{where}{often}", 200)
    if len(errors) > 5:
        kinds = Counter(e.kind for e in errors[5:])
        rest = ", ".join(f"{n} {one_line(kind, 40)}" for kind, n in kinds.most_common(5))
        yield f"{len(errors) - 5} more errors: {rest}"


def _profile(report: Report, found: Leaks, errors: Sequence[MemcheckError]) -> Profile:
    version = next((m[1] for line in report.preamble if (m := _VERSION.search(line))), "")
    kinds = [ValueKind("leaked", "bytes"), ValueKind("lost", "bytes"), ValueKind("errors", "count")]
    shown = kinds if errors else kinds[:2]
    builder = ProfileBuilder(shown, tool="memcheck", tool_version=version, fidelity="exact")
    for record in found.records:
        size = record.size + (0 if found.indirect_apart else record.indirect)
        lost = 0 if record.kind == "reachable" else size
        builder.sample(_stack(builder, record.error), (size, lost, 0)[: len(shown)])
    for error in errors:
        builder.sample(_stack(builder, error), (0, 0, 1))
    return builder.build()


def _stack(builder: ProfileBuilder, error: MemcheckError) -> int:
    return builder.stack_of(
        [
            builder.frame(builder.function(f.name, file=f.file, module=f.module), f.line)
            for f in service_frames(_frames(error))
        ]
    )


def _frames(error: MemcheckError) -> list[Frame]:
    """Root first."""
    return [_frame(frame) for frame in reversed(error.stack)]


def _frame(frame: StackFrame) -> Frame:
    file = f"{frame.dir}/{frame.file}" if frame.dir and frame.file else frame.file
    line = int(frame.line) if frame.line.isdigit() and len(frame.line) < 10 else 0
    return Frame(frame.fn or "???", file=file, module=frame.obj, line=line)
