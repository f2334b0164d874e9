"""The boxes of a flame graph in SVG: a title and a rectangle for each frame.

inferno says where a box lies in counts (``fg:x``, ``fg:w``), flamegraph.pl only in pixels, rounded to a tenth.
"""

from __future__ import annotations

import re
import xml.parsers.expat
from typing import Final, NamedTuple, NoReturn

from perf_action.errors import InputError
from perf_action.formats.source import Source

_TITLE: Final = re.compile(
    r"(?P<name>.*) \((?P<count>\d[\d,]*) (?P<unit>[^,()]*), (?P<share>\d+(\.\d+)?)%(; [+-]?\d+(\.\d+)?%)?\)",
    re.DOTALL,
)
#: characters that XML may not hold, as names of functions do
_FORBIDDEN: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]")
_INT64_MAX = 2**63 - 1


class Box(NamedTuple):
    """A frame: how much it is of what `unit` names, and where it is drawn. `is_all`: it is all of it."""

    name: str
    value: int
    unit: str
    is_all: bool
    x: float
    width: float
    y: float

    @property
    def end(self) -> float:
        return self.x + self.width

    @property
    def middle(self) -> float:
        return self.x + self.width / 2


def boxes_of(source: Source) -> list[Box]:
    """All boxes of a picture. InputError if it is no XML, cut off, or a box has no place."""
    reader = _Reader(source)
    try:
        reader.parser.Parse(_FORBIDDEN.sub(lambda m: f"\\x{ord(m.group()):02x}", source.text), True)
    except xml.parsers.expat.ExpatError as error:
        reason = xml.parsers.expat.ErrorString(error.code)
        raise source.error(
            f"not valid SVG: {reason}", place=f"line {error.lineno}", remedy="the file may be cut off"
        ) from None
    return reader.boxes


class _Reader:
    def __init__(self, source: Source) -> None:
        self.boxes: list[Box] = []
        self._source = source
        self._title: list[str] = []
        self._in_title = False
        self.parser = parser = xml.parsers.expat.ParserCreate()
        parser.buffer_text = True
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self._text
        parser.EntityDeclHandler = self._entity

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if name in ("g", "a"):
            self._title = []
        elif name == "title":
            self._title, self._in_title = [], True
        elif name == "rect" and self._title:
            self._box("".join(self._title), attributes)
            self._title = []

    def _end(self, name: str) -> None:
        if name == "title":
            self._in_title = False
        elif name in ("g", "a"):
            self._title = []

    def _text(self, text: str) -> None:
        if self._in_title:
            self._title.append(text)

    def _entity(self, *_: object) -> NoReturn:
        raise self._source.error("declares entities, which no flame graph does")

    def _box(self, title: str, attributes: dict[str, str]) -> None:
        match = _TITLE.fullmatch(title)
        exact = "fg:x" in attributes and "fg:w" in attributes
        if match is None:
            return
        x, width = ("fg:x", "fg:w") if exact else ("x", "width")
        self.boxes.append(
            Box(
                name=match["name"],
                value=self._value(match["count"]),
                unit=match["unit"].strip(),
                is_all=match["share"] == "100",
                x=self._number(attributes, x),
                width=self._number(attributes, width),
                y=self._number(attributes, "y"),
            )
        )

    def _value(self, text: str) -> int:
        digits = text.replace(",", "")
        if len(digits) > 19 or int(digits) > _INT64_MAX:
            raise self._error(f"count {text[:40]} is too large")
        return int(digits)

    def _number(self, attributes: dict[str, str], name: str) -> float:
        try:
            number = float(attributes.get(name, "").removesuffix("%"))
        except ValueError:
            number = float("nan")
        if not abs(number) < 1e18:
            raise self._error(f"{name} is no number: {attributes.get(name, '')[:40]!r}")
        return number

    def _error(self, reason: str) -> InputError:
        return self._source.error(reason, place=f"line {self.parser.CurrentLineNumber}")
