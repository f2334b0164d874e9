"""Rust's mangled names of the second kind, ``_RNvCs…``, as people write them: ``shop::serve``.

Grammar: https://doc.rust-lang.org/rustc/symbol-mangling/v0.html. Printed as rustc-demangle prints them with ``{:#}``:
without the hashes of crates and without the types of constants.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from perf_action.formats.symbols.rust_v0_text import BASE_62, HEX, NotMangled, Text

_BASIC: Final = {
    "a": "i8", "b": "bool", "c": "char", "d": "f64", "e": "str", "f": "f32", "h": "u8", "i": "isize", "j": "usize",
    "l": "i32", "m": "u32", "n": "i128", "o": "u128", "p": "_", "s": "i16", "t": "u16", "u": "()", "v": "...",
    "x": "i64", "y": "u64", "z": "!",
}  # fmt: skip
_UNSIGNED: Final = "htmyoj"
_SIGNED: Final = "aslxni"
_POINTERS: Final = {"P": "*const ", "O": "*mut "}
_SPECIAL: Final = {"C": "closure", "S": "shim"}
_ESCAPED: Final = {"\t": "\\t", "\r": "\\r", "\n": "\\n", "\\": "\\\\", "\0": "\\0"}
_PATHS: Final = "CMXYNIB"
_CLONE: Final = re.compile(r"\.llvm\.[0-9A-F@]+$")


def demangle(text: str) -> str:
    """What a name says that begins with `text` behind ``_R``. NotMangled if it is none."""
    parser = _Parser(text)
    parser.path(in_value=True)
    if parser.text.peek() in _PATHS:  # the crate that asked for this instance
        parser.text.quietly(lambda: parser.path(in_value=False))
    rest = parser.text.rest()
    if rest and rest[0] not in ".$":
        raise NotMangled
    return parser.text.written() + _CLONE.sub("", rest)


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = Text(text)
        self._lifetimes = 0

    def path(self, *, in_value: bool) -> None:
        with self.text.deeper():
            kind = self.text.take()
            if kind == "C":
                self._disambiguator()
                self.text.write(self.text.identifier())
            elif kind in "MX":
                self._disambiguator()
                self.text.quietly(lambda: self.path(in_value=False))
                self._qualified(with_trait=kind == "X")
            elif kind == "Y":
                self._qualified(with_trait=True)
            elif kind == "N":
                self._nested(in_value=in_value)
            elif kind == "I":
                self.path(in_value=in_value)
                self.text.write("::<" if in_value else "<")
                self._list(self._generic)
                self.text.write(">")
            elif kind == "B":
                self.text.back(lambda: self.path(in_value=in_value))
            else:
                raise NotMangled

    def _qualified(self, *, with_trait: bool) -> None:
        self.text.write("<")
        self._type()
        if with_trait:
            self.text.write(" as ")
            self.path(in_value=False)
        self.text.write(">")

    def _nested(self, *, in_value: bool) -> None:
        space = self.text.take()
        self.path(in_value=in_value)
        number = self._disambiguator()
        name = self.text.identifier()
        if space.isupper():
            self.text.write(f"::{{{_SPECIAL.get(space, space)}{':' if name else ''}{name}#{number}}}")
        elif not space.islower():
            raise NotMangled
        elif name:
            self.text.write(f"::{name}")

    def _disambiguator(self) -> int:
        return self.text.number(BASE_62) + 1 if self.text.accept("s") else 0

    def _list(self, item: Callable[[], None], separator: str = ", ") -> int:
        """Items up to ``E``; how many there were."""
        count = 0
        while not self.text.accept("E"):
            if count:
                self.text.write(separator)
            item()
            count += 1
        return count

    def _generic(self) -> None:
        if self.text.accept("L"):
            self._lifetime(self.text.number(BASE_62))
        elif self.text.accept("K"):
            self._constant(in_value=False)
        else:
            self._type()

    def _lifetime(self, index: int) -> None:
        if index > self._lifetimes:
            raise NotMangled
        depth = self._lifetimes - index
        if not index:
            self.text.write("'_")
        elif depth < 26:
            self.text.write("'" + chr(ord("a") + depth))
        else:
            self.text.write(f"'_{depth}")

    def _binder(self, body: Callable[[], None]) -> None:
        count = self.text.number(BASE_62) + 1 if self.text.accept("G") else 0
        self.text.count_steps(count)
        before = self._lifetimes
        if count:
            self.text.write("for<")
            for index in range(count):
                self.text.write(", " if index else "")
                self._lifetimes += 1
                self._lifetime(1)
            self.text.write("> ")
        body()
        self._lifetimes = before

    def _type(self) -> None:
        with self.text.deeper():
            kind = self.text.take()
            if kind in _BASIC:
                self.text.write(_BASIC[kind])
            elif kind in "RQ":
                self._reference("mut " if kind == "Q" else "")
            elif kind in _POINTERS:
                self.text.write(_POINTERS[kind])
                self._type()
            elif kind in "AS":
                self._array(sized=kind == "A")
            elif kind == "T":
                self._tuple(self._type)
            elif kind == "F":
                self._binder(self._function)
            elif kind == "D":
                self._dyn()
            elif kind == "W":
                self._type()
                self.text.write(" is ")
                self._pattern()
            elif kind == "B":
                self.text.back(self._type)
            else:
                self.text.untake()
                self.path(in_value=False)

    def _reference(self, mutable: str) -> None:
        self.text.write("&")
        if self.text.accept("L"):
            index = self.text.number(BASE_62)
            if index:
                self._lifetime(index)
                self.text.write(" ")
        self.text.write(mutable)
        self._type()

    def _array(self, *, sized: bool) -> None:
        self.text.write("[")
        self._type()
        if sized:
            self.text.write("; ")
            self._constant(in_value=True)
        self.text.write("]")

    def _tuple(self, item: Callable[[], None]) -> None:
        self.text.write("(")
        self.text.write(",)" if self._list(item) == 1 else ")")

    def _function(self) -> None:
        self.text.write("unsafe " if self.text.accept("U") else "")
        if self.text.accept("K"):
            abi = "C" if self.text.accept("C") else self.text.identifier().replace("_", "-")
            self.text.write(f'extern "{abi}" ')
        self.text.write("fn(")
        self._list(self._type)
        self.text.write(")")
        if not self.text.accept("u"):
            self.text.write(" -> ")
            self._type()

    def _dyn(self) -> None:
        self.text.write("dyn ")
        self._binder(self._bounds)
        if not self.text.accept("L"):
            raise NotMangled
        index = self.text.number(BASE_62)
        if index:
            self.text.write(" + ")
            self._lifetime(index)

    def _bounds(self) -> None:
        self._list(self._bound, " + ")

    def _bound(self) -> None:
        is_open = self._open_path()
        while self.text.accept("p"):
            self.text.write(", " if is_open else "<")
            is_open = True
            self.text.write(f"{self.text.identifier()} = ")
            self._type()
        self.text.write(">" if is_open else "")

    def _open_path(self) -> bool:
        """A path whose generic arguments may go on; whether they may."""
        with self.text.deeper():
            if self.text.accept("B"):
                return self.text.back(self._open_path) or False
            if self.text.accept("I"):
                self.path(in_value=False)
                self.text.write("<")
                self._list(self._generic)
                return True
            self.path(in_value=False)
            return False

    def _pattern(self) -> None:
        with self.text.deeper():
            if self.text.accept("R"):
                self._constant(in_value=False)
                self.text.write("..=")
                self._constant(in_value=False)
            elif self.text.accept("O"):
                self._list(self._pattern, " | ")
            elif self.text.accept("N"):
                self.text.write("!null")
            else:
                raise NotMangled

    def _constant(self, *, in_value: bool) -> None:
        with self.text.deeper():
            kind = self.text.take()
            if kind == "p":
                self.text.write("_")
            elif kind in _UNSIGNED:
                self._integer()
            elif kind in _SIGNED:
                self.text.write("-" if self.text.accept("n") else "")
                self._integer()
            elif kind == "b":
                self._one_of("false", "true")
            elif kind == "c":
                self._character()
            elif kind == "B":
                self.text.back(lambda: self._constant(in_value=in_value))
            elif kind == "R" and self.text.accept("e"):
                self._string()
            elif kind in "eRQATV":
                self.text.write("" if in_value else "{")
                self._expression(kind)
                self.text.write("" if in_value else "}")
            else:
                raise NotMangled

    def _expression(self, kind: str) -> None:
        if kind == "e":
            self.text.write("*")
            self._string()
        elif kind in "RQ":
            self.text.write("&mut " if kind == "Q" else "&")
            self._constant(in_value=True)
        elif kind == "A":
            self.text.write("[")
            self._list(lambda: self._constant(in_value=True))
            self.text.write("]")
        elif kind == "T":
            self._tuple(lambda: self._constant(in_value=True))
        else:
            self._structure()

    def _structure(self) -> None:
        self.path(in_value=True)
        kind = self.text.take()
        if kind == "T":
            self.text.write("(")
            self._list(lambda: self._constant(in_value=True))
            self.text.write(")")
        elif kind == "S":
            self.text.write(" { ")
            self._list(self._field)
            self.text.write(" }")
        elif kind != "U":
            raise NotMangled

    def _field(self) -> None:
        self._disambiguator()
        self.text.write(f"{self.text.identifier()}: ")
        self._constant(in_value=True)

    def _integer(self) -> None:
        digits = self.text.digits(HEX)
        value = int(digits or "0", 16)
        self.text.write(str(value) if value < 1 << 64 else f"0x{digits}")

    def _one_of(self, *words: str) -> None:
        index = int(self.text.digits(HEX) or "0", 16)
        if index >= len(words):
            raise NotMangled
        self.text.write(words[index])

    def _character(self) -> None:
        code = int(self.text.digits(HEX) or "0", 16)
        if code > 0x10FFFF or 0xD800 <= code < 0xE000:
            raise NotMangled
        self.text.write("'" + _quoted(chr(code), "'") + "'")

    def _string(self) -> None:
        digits = self.text.digits(HEX)
        try:
            text = bytes.fromhex(digits).decode()
        except ValueError:
            raise NotMangled from None
        self.text.write('"' + "".join(_quoted(c, '"') for c in text) + '"')


def _quoted(character: str, quote: str) -> str:
    if character == quote:
        return "\\" + quote
    if character in _ESCAPED:
        return _ESCAPED[character]
    return character if character.isprintable() else f"\\u{{{ord(character):x}}}"
