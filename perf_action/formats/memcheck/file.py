"""A memcheck report as data: what valgrind wrote with ``--xml=yes``, protocol versions 1 to 6.

Format: https://sourceware.org/git/?p=valgrind.git;f=docs/internals/xml-output-protocol4.txt (and …5.txt, …6.txt)
Parsed as a stream, without recursion. A document type declaration is refused, so that no entity is ever expanded.
"""

from __future__ import annotations

import re
import xml.parsers.expat
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, NoReturn

from perf_action.formats.source import Source

PROTOCOLS: Final = range(1, 7)
#: what XML 1.0 forbids and valgrind does not escape, such as control characters in an argument
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")
_MESSAGES = xml.parsers.expat.errors.messages
_KILLED = "valgrind was killed before it had written the end; end the program with SIGTERM or SIGINT"


@dataclass(slots=True, kw_only=True)
class StackFrame:
    """A place in the program; what valgrind did not know is empty."""

    ip: str = ""
    fn: str = ""
    obj: str = ""
    dir: str = ""
    file: str = ""
    line: str = ""


#: a line of text, or a stack with the innermost frame first
Part = str | list[StackFrame]


@dataclass(slots=True, kw_only=True)
class MemcheckError:
    """An error with where it happened, or a loss record. `parts` are the texts and stacks in their order.

    `leaked_bytes` include what is lost indirectly; `at_exit`: found when the program had ended.
    """

    kind: str = ""
    unique: str = ""
    parts: list[Part] = field(default_factory=list)
    leaked_bytes: str = ""
    leaked_blocks: str = ""
    at_exit: bool = False

    @property
    def is_leak(self) -> bool:
        return self.kind.startswith("Leak_")

    @property
    def what(self) -> str:
        return next((part for part in self.parts if isinstance(part, str)), "")

    @property
    def stack(self) -> list[StackFrame]:
        """Where it happened; of a loss record, where it was allocated."""
        return next((part for part in self.parts if isinstance(part, list)), [])


@dataclass(slots=True, kw_only=True)
class Report:
    """The whole file. `counts` is how often each error happened, by its `unique`; `sums` the numbers of the summaries
    of protocol 6, by path: ``leak_summary/definitely_lost/bytes``.
    """

    tool: str = "memcheck"
    protocol: str = ""
    pid: str = ""
    preamble: list[str] = field(default_factory=list)
    options: list[str] = field(default_factory=list)
    errors: list[MemcheckError] = field(default_factory=list)
    counts: dict[str, str] = field(default_factory=dict)
    suppressed: list[str] = field(default_factory=list)
    sums: dict[str, str] = field(default_factory=dict)
    signal: str = ""
    finished: bool = False


def parse(source: Source) -> Report:
    """InputError names the line that is wrong."""
    handler = _Handler()
    parser = xml.parsers.expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = handler.start
    parser.EndElementHandler = handler.end
    parser.CharacterDataHandler = handler.text

    def refuse(*_: object) -> NoReturn:
        raise source.error("has a document type declaration, which valgrind does not write")

    parser.StartDoctypeDeclHandler = refuse
    text = _FORBIDDEN.sub(lambda m: f"\\x{ord(m.group()):02x}", source.text)
    try:
        parser.Parse(text, True)
    except xml.parsers.expat.ExpatError as error:
        message = _MESSAGES.get(error.code, str(error))
        remedies = {"no element found": _KILLED, "unclosed token": _KILLED}
        if message == "junk after document element":
            remedies[message] = "several processes wrote to one file; name it with %p"
        place = f"line {error.lineno} column {error.offset}"
        raise source.error(
            f"not valid XML: {message}", place=place, remedy=remedies.get(message, "write it again")
        ) from None
    return handler.report


class _Handler:
    """Fills a report from the events of the parser; elements are known by their whole path."""

    def __init__(self) -> None:
        self.report = Report()
        self._path: list[str] = []
        self._text: list[str] = []
        self._error = MemcheckError()
        self._frame = StackFrame()
        self._count = ""
        self._ends: dict[str, Callable[[str], None]] = {
            "protocolversion": self._set("protocol"),
            "protocoltool": self._set("tool"),
            "pid": self._set("pid"),
            "preamble/line": self.report.preamble.append,
            "args/vargv/arg": self.report.options.append,
            "status/state": self._state,
            "errorcounts/pair/count": self._counted,
            "errorcounts/pair/unique": self._count_of,
            "suppcounts/pair/count": self.report.suppressed.append,
            "fatal_signal/signame": self._set("signal"),
            "error": self._error_ends,
            "error/kind": self._kind,
            "error/unique": self._unique,
            "error/leakedbytes": self._bytes,  # protocols 1 to 3
            "error/leakedblocks": self._blocks,
            "error/xwhat/leakedbytes": self._bytes,
            "error/xwhat/leakedblocks": self._blocks,
            **dict.fromkeys(
                ("error/what", "error/xwhat/text", "error/auxwhat", "error/xauxwhat/text"), self._said
            ),
        }

    def start(self, tag: str, _attributes: dict[str, str]) -> None:
        self._path.append(tag)
        self._text.clear()
        inside = "/".join(self._path[1:5])
        if inside == "error":
            self._error = MemcheckError(at_exit=self.report.finished)
        elif inside == "error/stack":
            self._error.parts.append([])
        elif inside == "error/stack/frame":
            self._frame = StackFrame()
            self._error.parts[-1].append(self._frame)  # type: ignore[union-attr]

    def text(self, data: str) -> None:
        self._text.append(data)

    def end(self, tag: str) -> None:
        text = "".join(self._text).strip()
        self._text.clear()
        inside = "/".join(self._path[1:6])
        if inside == f"error/stack/frame/{tag}" and tag in StackFrame.__slots__:
            setattr(self._frame, tag, text)
        elif inside.startswith(("heap_summary/", "leak_summary/", "error_summary/")):
            self.report.sums[inside] = text
        elif inside in self._ends:
            self._ends[inside](text)
        self._path.pop()

    def _set(self, name: str) -> Callable[[str], None]:
        return lambda text: setattr(self.report, name, text)

    def _state(self, text: str) -> None:
        self.report.finished |= text == "FINISHED"

    def _counted(self, text: str) -> None:
        self._count = text

    def _count_of(self, text: str) -> None:
        self.report.counts[text] = self._count

    def _kind(self, text: str) -> None:
        self._error.kind = text

    def _unique(self, text: str) -> None:
        self._error.unique = text

    def _bytes(self, text: str) -> None:
        self._error.leaked_bytes = text

    def _blocks(self, text: str) -> None:
        self._error.leaked_blocks = text

    def _said(self, text: str) -> None:
        self._error.parts.append(text)

    def _error_ends(self, _text: str) -> None:
        self.report.errors.append(self._error)
