"""The lines of a callgrind file as a call graph: cost of each function itself, and of each caller-callee pair.

Strict, since a file that is cut off reads as one of a smaller program: the cost lines of every part must add up to its
``totals:`` line, the last line that callgrind writes (cachegrind's is ``summary:``).

Line numbers and addresses are not kept. That is as well: the writer makes them relative to the last *cost* line, and
readers that take the lines under ``calls=`` for ones, as callgrind_annotate does, drift off.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Final, NamedTuple

from perf_action.errors import InputError
from perf_action.formats.source import Source

_COMPRESSED = re.compile(r"\((\d+)\)\s*(.*)", re.DOTALL)
_MANGLED = re.compile(r"\(\d+\)(?:'(?:\d+|\(\d+\)))*")
_PART = re.compile(r"\((\d+)\)")
_HEADER = re.compile(r"([A-Za-z][\w ]{0,30}):(.*)", re.DOTALL)
_LONG_NAME = re.compile(r"\s*(\w+)\s*:.*\((?:elapsed|system cpu) (\w+)\)")
#: which names a key of the body gives an ID to, or takes them from
_SPACES: Final = {
    **dict.fromkeys(("fl", "fi", "fe", "cfi", "cfl", "jfi", "jfl"), "file"),
    **dict.fromkeys(("fn", "cfn", "jfn", "frfn"), "function"),
    **dict.fromkeys(("ob", "cob", "job"), "object"),
}
_IGNORED: Final = frozenset({"jump", "jcnd", "rec", "bb", "ln", "mp"})
_CUT_OFF: Final = "the file is cut off or damaged; end the program with SIGTERM, and write it again"
_INT64_MAX: Final = 2**63 - 1


class Function(NamedTuple):
    """What tells functions apart for callgrind: the file is the one in which its first line is."""

    name: str
    file: str
    module: str


@dataclass(slots=True, kw_only=True)
class CallGraph:
    """`own[f]` are the events of function f itself, `calls[f, g]` those of g when f called it, with all that g called.

    `missing` is what the summary has beyond the cost lines. `scales` gives the unit of events that are times.
    """

    events: list[str] = field(default_factory=list)
    scales: dict[str, str] = field(default_factory=dict)
    functions: list[Function] = field(default_factory=list)
    own: list[list[int]] = field(default_factory=list)
    calls: dict[tuple[int, int], list[int]] = field(default_factory=dict)
    missing: list[int] = field(default_factory=list)
    creator: str = ""
    parts: int = 0
    checked: bool = True


def call_graph(source: Source) -> CallGraph:
    """The sum of all parts of the file. InputError names the line that is wrong."""
    reader = _Reader(source)
    for number, line in enumerate(source.text.split("\n"), 1):
        reader.number = number
        reader.line(line.rstrip("\r"))
    return reader.finish()


class _Reader:
    """What the lines so far mean for the next one."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.number = 0
        self.graph = CallGraph()
        self._ids: dict[Function, int] = {}
        self._names: dict[tuple[str, str], str] = {}
        self._positions = 1
        self._object = self._file = ""
        self._called_object = self._called_file = ""
        self._function = self._called = -1
        self._in_call = False
        self._sum: list[int] = []
        self._summary: list[int] = []
        self._costs_seen = self._has_totals = self._has_header = False
        self._summary_last = False

    def error(self, reason: str, remedy: str = _CUT_OFF) -> InputError:
        return self._source.error(reason, place=f"line {self.number}", remedy=remedy)

    def line(self, line: str) -> None:
        if not line or line[0] == "#" or line.isspace():
            return
        if line[0] in "0123456789+-*":
            self._cost_line(line)
            return
        key, equals, value = line.partition("=")
        if equals and key in _SPACES:
            self._position(key, self._name(_SPACES[key], value.strip()))
        elif equals and key == "calls":
            self._in_call = True
        elif not (equals and key in _IGNORED):
            self._header(line)

    # --- names ---------------------------------------------------------------------------------------------------

    def _name(self, space: str, text: str) -> str:
        found = _COMPRESSED.fullmatch(text)
        if found is None:
            return text
        number, name = found.groups()
        if name:
            if _MANGLED.fullmatch(name):  # --separate-callers: "(5)'2'(7)"
                name = _PART.sub(lambda m: self._known(space, m[1]), name)
            self._names[space, number] = name
            return name
        return self._known(space, number)

    def _known(self, space: str, number: str) -> str:
        name = self._names.get((space, number))
        if name is None:
            raise self.error(f"{space} ({number[:20]}) is used before it has a name")
        return name

    def _position(self, key: str, name: str) -> None:
        if key == "fn":
            self._function = self._id(Function(name, self._file, self._object))
        elif key in ("fl", "fi", "fe"):
            self._file = name
        elif key == "ob":
            self._object = name
        elif key == "cob":
            self._called_object = name
        elif key in ("cfi", "cfl"):
            self._called_file = name
        elif key == "cfn":
            file, module = self._called_file or self._file, self._called_object or self._object
            self._called = self._id(Function(name, file, module))
            self._called_file = self._called_object = ""

    def _id(self, function: Function) -> int:
        index = self._ids.setdefault(function, len(self._ids))
        if index == len(self.graph.functions):
            self.graph.functions.append(function)
            self.graph.own.append([0] * len(self.graph.events))
        return index

    # --- costs ---------------------------------------------------------------------------------------------------

    def _cost_line(self, line: str) -> None:
        if not self.graph.events:
            raise self._no_events()
        words = line.split()
        if len(words) < self._positions:
            raise self.error("a cost line without its position")
        costs = self._counts(words[self._positions :])
        if self._in_call:
            self._in_call = False
            self._call(costs)
            return
        self._costs_seen, self._summary_last = True, False
        if self._function < 0:
            self._function = self._id(Function("???", self._file, self._object))
        own, total = self.graph.own[self._executed(costs)], self._sum
        for i, cost in enumerate(costs):
            own[i] += cost
            total[i] += cost

    def _executed(self, costs: list[int]) -> int:
        """Whose own cost it is: the function's or, in lines of another file (``fi=``), that of what was inlined from
        there, which the function called.
        """
        function = self.graph.functions[self._function]
        if self._file == function.file:
            return self._function
        name = f"[inlined from {PurePosixPath(self._file).name or self._file}]"
        inlined = self._id(Function(name, self._file, function.module))
        self._add_call(self._function, inlined, costs)
        return inlined

    def _call(self, costs: list[int]) -> None:
        if self._called < 0 or self._function < 0:
            raise self.error("a call without 'cfn=' or 'fn=' before it")
        self._add_call(self._function, self._called, costs)

    def _add_call(self, caller: int, called: int, costs: list[int]) -> None:
        row = self.graph.calls.setdefault((caller, called), [0] * len(self.graph.events))
        for i, cost in enumerate(costs):
            row[i] += cost

    def _counts(self, words: list[str]) -> list[int]:
        if len(words) > len(self.graph.events):
            raise self.error(f"{len(words)} costs for {len(self.graph.events)} events")
        return [int(w) if w.isdigit() and w.isascii() and len(w) < 19 else self._count(w) for w in words]

    def _count(self, word: str) -> int:
        if word == ".":
            return 0
        try:
            value = int(word, 16 if word.lower().startswith("0x") else 10) if len(word) < 20 else -1
        except ValueError:
            value = -1
        if not 0 <= value <= _INT64_MAX or not word.isalnum():
            raise self.error(f"{word[:40]!r} where a cost should be")
        return value

    # --- headers -------------------------------------------------------------------------------------------------

    def _header(self, line: str) -> None:
        found = _HEADER.fullmatch(line)
        if found is None:
            raise self.error("not a line of a callgrind file")
        key, value = found[1], found[2].strip()
        if key == "part":
            self._begin_part()
            self._has_header = True
        elif key == "events":
            self._events(value.split())
        elif key == "event":
            scale = _LONG_NAME.match(value)
            if scale is not None:
                self.graph.scales[scale[1]] = scale[2]
        elif key == "positions":
            self._positions = max(1, len(value.split()))
        elif key == "creator":
            self.graph.creator = value
        elif key == "version" and not (value.isdigit() and int(value[:9]) < 2):
            raise self.error(f"version {value[:40]} of the format is not known", "known is 1")
        elif key == "summary":
            self._summary, self._summary_last = self._padded(value), self._costs_seen
        elif key == "totals":
            self._totals(self._padded(value))

    def _events(self, names: list[str]) -> None:
        if not names or len(set(names)) != len(names) or len(names) > 100:
            raise self.error("no list of events")
        if self.graph.events and names != self.graph.events:
            raise self.error(
                "a part with other events than the ones before", "write each part to its own file"
            )
        if not self._has_header:
            self._begin_part()
        self._has_header = False
        self.graph.events = names
        self.graph.missing = self.graph.missing or [0] * len(names)
        self._close_part()
        for own in self.graph.own:
            own.extend([0] * (len(names) - len(own)))

    def _begin_part(self) -> None:
        """A new part begins: the one before, if there is one, must be whole."""
        if self.graph.events and not self._has_totals and self._is_callgrinds:
            raise self.error("a new part begins and the one before has no totals")
        self._has_totals = False

    def _padded(self, value: str) -> list[int]:
        if not self.graph.events:
            raise self._no_events()
        counts = self._counts(value.split())
        return counts + [0] * (len(self.graph.events) - len(counts))

    def _totals(self, totals: list[int]) -> None:
        if totals != self._sum:
            raise self.error(f"the costs add up to {_shown(self._sum)} and not to {_shown(totals)}")
        self._has_totals = True

    def _close_part(self) -> None:
        """Keep what the summary has beyond the cost lines, and begin anew."""
        for i, (whole, seen) in enumerate(zip(self._summary, self._sum, strict=False)):
            self.graph.missing[i] += max(0, whole - seen)
        self.graph.parts += bool(self._costs_seen)
        self._sum, self._summary = [0] * len(self.graph.events), []
        self._costs_seen = self._has_totals = False

    @property
    def _is_callgrinds(self) -> bool:
        return self.graph.creator.startswith(("callgrind", "xtree"))

    def _no_events(self) -> InputError:
        return self.error(
            "there is no 'events:' line before",
            "the file is cut off, or the costs are in other files (NAME-01 … with --separate-threads=yes)",
        )

    def finish(self) -> CallGraph:
        if not self.graph.events:
            raise self._no_events()
        if self._in_call:
            raise self.error("the file ends in the middle of a call")
        if not self._has_totals:
            if self._is_callgrinds or (not self.graph.creator and not self._summary_last):
                raise self.error("the file ends without its totals")
            if not self.graph.creator and self._summary != self._sum:
                raise self.error(
                    f"the costs add up to {_shown(self._sum)} and not to {_shown(self._summary)}"
                )
            self.graph.checked = not self.graph.creator
        self._close_part()
        return self.graph


def _shown(counts: list[int]) -> str:
    return " ".join(map(str, counts[:20]))


def header_keys(lines: list[str]) -> Iterator[str]:
    """The keys of the header lines with which a file begins, until the first line that is none."""
    for line in lines:
        if line.startswith("#"):
            continue
        found = _HEADER.fullmatch(line)
        if found is None:
            return
        yield found[1]
