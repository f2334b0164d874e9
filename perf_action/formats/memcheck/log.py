"""A memcheck report in XML as the log that people know: valgrind writes none when it is asked for XML.

Sample: ``==4711== 240 (24 direct, 216 indirect) bytes in 1 blocks are definitely lost in loss record 2 of 4``,
``==4711==    at 0x48417B4: malloc (in /usr/libexec/valgrind/vgpreload_memcheck-amd64-linux.so)``
Format: https://valgrind.org/docs/manual/mc-manual.html
What valgrind keeps to itself in XML (the heap summary before protocol 6, how often leaks were suppressed) is not made up.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from perf_action.errors import InputError
from perf_action.formats.memcheck.file import MemcheckError, Report, StackFrame, parse
from perf_action.formats.memcheck.leaks import KINDS, Leaks, leaks, number
from perf_action.formats.source import ReadOptions, Source

_WORDS = {
    "definite": "   definitely lost",
    "indirect": "   indirectly lost",
    "possible": "     possibly lost",
    "reachable": "   still reachable",
}


def main(path: str) -> int:
    """Print the log of the file `path`; 0, or 2 with the reason on stderr."""
    try:
        source = Source(Path(path), ReadOptions())
        report = parse(source)
        text = log(source, report)
    except InputError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    sys.stdout.write(text)
    return 0


def log(source: Source, report: Report) -> str:
    """The whole log. InputError if a number in the report is none."""
    return "".join(f"=={report.pid or 0}== {line}\n" for line in _lines(source, report))


def _lines(source: Source, report: Report) -> Iterator[str]:
    yield from report.preamble
    yield ""
    for error in (e for e in report.errors if not e.is_leak):
        yield from _error(error)
    if report.signal:
        yield f"Process terminating with default action of signal {report.signal}"
        yield ""
    yield from _heap_summary(report)
    for error in (e for e in report.errors if e.is_leak):
        yield from _error(error)
    found = leaks(source, report)
    yield from _leak_summary(found)
    yield from _error_summary(source, report)


def _error(error: MemcheckError) -> Iterator[str]:
    """The texts and stacks; a text after the first stack stands one space further in."""
    indent = ""
    for part in error.parts:
        if isinstance(part, str):
            yield f"{indent}{part}"
            continue
        for number_, frame in enumerate(part):
            yield f"   {'by' if number_ else 'at'} {_place(frame)}"
        indent = " "
    yield ""


def _place(frame: StackFrame) -> str:
    where = f" (in {frame.obj})" if frame.obj else ""
    if frame.file:
        where = f" ({frame.file}:{frame.line})" if frame.line else f" ({frame.file})"
    return f"{frame.ip}: {frame.fn or '???'}{where}"


def _heap_summary(report: Report) -> Iterator[str]:
    sums = report.sums
    if "heap_summary/total_heap_usage/allocs" not in sums:
        return
    usage = {key.rpartition("/")[2]: value for key, value in sums.items() if key.startswith("heap_summary/")}
    yield "HEAP SUMMARY:"
    yield f"    in use at exit: {usage.get('bytes', '0')} bytes in {usage.get('blocks', '0')} blocks"
    yield (
        f"  total heap usage: {usage['allocs']} allocs, {usage.get('frees', '0')} frees, "
        f"{usage.get('bytes_allocated', '0')} bytes allocated"
    )
    yield ""


def _leak_summary(found: Leaks) -> Iterator[str]:
    if not found.sizes:
        yield from found.notes
        yield ""
        return
    yield "LEAK SUMMARY:"
    for kind in (k for k in KINDS if k in found.sizes):
        blocks = sum(record.blocks for record in found.records if record.kind == kind)
        yield f"{_WORDS[kind]}: {found.sizes[kind]:,} bytes in {blocks:,} blocks"
    yield from found.notes
    yield ""


def _error_summary(source: Source, report: Report) -> Iterator[str]:
    if "error_summary/errors" in report.sums:
        errors, contexts, suppressed, _ = (
            report.sums.get(f"error_summary/{key}", "0")
            for key in ("errors", "error_contexts", "suppressed", "suppressed_contexts")
        )
    else:
        mine = [e for e in report.errors if not e.is_leak]
        lost = sum(e.kind in ("Leak_DefinitelyLost", "Leak_PossiblyLost") for e in report.errors)
        times = sum(number(source, report.counts.get(e.unique, "1"), e) for e in mine)
        errors, contexts = f"{times + lost:,}", f"{len(mine) + lost:,}"
        suppressed = f"{sum(number(source, text, None) for text in report.suppressed):,}"
    yield f"ERROR SUMMARY: {errors} errors from {contexts} contexts (suppressed: {suppressed})"


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
