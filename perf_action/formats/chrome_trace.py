"""Chrome's trace events: begin (B) and end (E), or complete (X) events of each thread; what py-spy's chrometrace is.

Format: https://docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU (Trace Event Format)
Sample: ``{"name": "encode", "ph": "B", "ts": 56884, "pid": 1, "tid": 2, "args": {"filename": "app.py", "line": 9}}``
The time-line is kept: a sample is a stretch of at most `STEP_NS` in one stack. py-spy's times count from the start of
its recording and are `cpu`; all others count from the first event and are `wall`.
Lost: events that are no spans of a thread (async, flow, counter, instant), arguments, process ids.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from perf_action.formats import py_spy_frames
from perf_action.formats.reader import capture_of
from perf_action.formats.source import ReadOptions, Source
from perf_action.formats.spans import Spans
from perf_action.formats.values import number, whole
from perf_action.model.builder import ProfileBuilder
from perf_action.model.profile import ValueKind
from perf_action.model.snapshot import Capture
from perf_action.system import System

NAME: Final = "chrome-trace"
#: py-spy samples this often unless told otherwise; longer traces are cut into at most MAX_STEPS a thread
STEP_NS, MAX_STEPS = 10_000_000, 20_000


class _Span(NamedTuple):
    """When an event is: `end` is set for complete events, `begins` False for end events."""

    at: int
    end: int | None
    begins: bool


def sniff(source: Source) -> bool:
    if not source.looks_like_json or b'"ph"' not in source.head:
        return False
    document = _document(source)
    if isinstance(document, dict):
        return isinstance(document.get("traceEvents"), list)
    return isinstance(document, list) and any(isinstance(e, dict) and "ph" in e for e in document[:50])


def read(source: Source, options: ReadOptions, system: System) -> Capture:  # noqa: ARG001
    document = _document(source)
    events = document["traceEvents"] if isinstance(document, dict) else document
    spans, names, skipped, py_spy = _collect(source, events)
    start = 0 if py_spy else min((s.at for thread in spans.values() for _, s in thread), default=0)
    end = max((s.end or s.at for thread in spans.values() for _, s in thread), default=0)
    builder = ProfileBuilder([ValueKind("cpu" if py_spy else "wall", "ns")], tool="py-spy" if py_spy else "")
    step = max(STEP_NS, (end - start) // MAX_STEPS) if py_spy else 0
    for note in _notes(skipped):
        builder.note(note)
    for key, thread in spans.items():
        # py-spy names no thread; by number, those that wait and those that run at one time can be told apart
        name = names.get(key, key.rpartition("/")[2] if py_spy else None)
        _replay(builder, thread, start, name, step)
    profile = builder.build(duration_ns=end - start)
    empty = () if len(profile.sample_stack) else ("the trace holds no spans of any thread",)
    return capture_of(NAME, profile, *empty)


def _document(source: Source) -> Any:
    """The JSON; an array may lack its closing bracket, as the format allows."""
    if source.head.lstrip().startswith(b"[") and not source.text.rstrip().endswith("]"):
        return source.parse_json(source.text.rstrip().rstrip(",") + "]")
    return source.document


def _collect(
    source: Source, events: list[Any]
) -> tuple[dict[str, list[tuple[Any, _Span]]], dict[str, str], Counter[str], bool]:
    """Events of each thread, thread names, how many events of other kinds there are, and whether py-spy wrote it."""
    spans: dict[str, list[tuple[Any, _Span]]] = {}
    names: dict[str, str] = {}
    skipped: Counter[str] = Counter()
    py_spy = False
    for index, event in enumerate(events):
        place = f"event {index}"
        if not isinstance(event, dict) or not isinstance(event.get("ph"), str):
            raise source.error("is no trace event", place=place)
        phase = event["ph"]
        # py-spy tells threads apart by tid alone, and those of a process and its fork are alike
        key = f"{'' if event.get('cat') == 'py-spy' else event.get('pid')}/{event.get('tid')}"
        if phase == "M":
            if event.get("name") == "thread_name":
                names[key] = str(_args(event).get("name", ""))
            continue
        if phase not in "BEX":
            skipped[phase] += 1
            continue
        py_spy = py_spy or event.get("cat") == "py-spy"
        at = whole(source, number(source, event.get("ts"), place), 1e3, place)
        end = (
            at + whole(source, number(source, event.get("dur", 0), place), 1e3, place)
            if phase == "X"
            else None
        )
        spans.setdefault(key, []).append((event, _Span(at, end, phase != "E")))
    return spans, names, skipped, py_spy


def _args(event: dict[str, Any]) -> dict[str, Any]:
    args = event.get("args")
    return args if isinstance(args, dict) else {}


def _notes(skipped: Counter[str]) -> Iterator[str]:
    for phase, count in sorted(skipped.items()):
        yield f"{count} events of phase {phase[:20]!r} are no spans of a thread and were left out"


def _replay(
    builder: ProfileBuilder, thread: list[tuple[Any, _Span]], start: int, name: str | None, step: int
) -> None:
    """Work through the events of one thread in time order; of complete events that begin together the longer is outer.

    Spans open now are on `limits`: when each ends at the latest (a complete event, or one inside of one), and whether
    it is a complete event itself.
    """
    spans = Spans(builder, name, step_ns=step)
    limits: list[tuple[int, bool]] = []
    stray = 0
    last = max(span.end or span.at for _, span in thread)
    for event, span in sorted(thread, key=lambda pair: _order(pair[1])):
        _close_until(spans, limits, span.at, start)
        if span.begins:
            frame, spans.thread = _frame(builder, event, spans.thread)
            spans.open(frame, span.at - start)
            limit = limits[-1][0] if limits else last + 1
            limits.append((min(limit, limit if span.end is None else span.end), span.end is not None))
        elif limits and not limits[-1][1]:
            spans.close(None, span.at - start)
            limits.pop()
        else:
            stray += 1
    _close_until(spans, limits, last, start)
    left = spans.finish(last - start)
    if stray:
        builder.note(f"{stray} end events without a beginning were left out")
    if left:
        builder.note(f"{left} spans never ended; they are taken to last until the thread's last event")


def _order(span: _Span) -> tuple[int, int, int]:
    return (span.at, 0, 0) if span.end is None else (span.at, 1, -span.end)


def _close_until(spans: Spans, limits: list[tuple[int, bool]], now: int, start: int) -> None:
    """Close what is over. A span that outlasts the complete event around it ends with that."""
    while limits and limits[-1][0] <= now:
        spans.close(None, limits.pop()[0] - start)


def _frame(builder: ProfileBuilder, event: dict[str, Any], thread: str | None) -> tuple[int, str | None]:
    """The frame that an event opens, and the thread's name as far as it is known after it."""
    args = _args(event)
    file, line, name = args.get("filename"), args.get("line"), str(event.get("name", ""))
    if event.get("cat") == "py-spy" and not file and py_spy_frames.is_pseudo(name):
        return -1, py_spy_frames.thread_of(name) or thread
    parts = py_spy_frames.named(
        name, file if isinstance(file, str) else "", line if isinstance(line, int) else 0
    )
    function = builder.function(parts.name, file=parts.file, module=parts.module)
    return builder.frame(function, parts.line), thread
