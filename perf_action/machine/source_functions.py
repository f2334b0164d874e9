"""Which functions a file of source has, and which of them the changed lines of a diff belong to.

Python is read by its own parser, Rust, Go, C, C++, JavaScript and TypeScript by tree-sitter (`syntax.py`). Of any other
language, git names the line of the function that a hunk is in, if it knows the language (``gitattributes``, userdiff).
That is a line of source, of which the name is taken. It may be the function before: one more function in the family of
those that a pull request touches costs a little power, and nothing else; nobody is blamed by it.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from perf_action.model.touched import Lines

#: for `core.attributesFile`: the languages git can find functions in
ATTRIBUTES = "".join(
    f"*.{suffix} diff={language}\n"
    for language, suffixes in {
        "rust": "rs",
        "golang": "go",
        "cpp": "c cc cpp cxx h hh hpp",
        "java": "java",
        "kotlin": "kt",
        "csharp": "cs",
        "ruby": "rb",
        "php": "php",
    }.items()
    for suffix in suffixes.split()
)
_DEFINES = re.compile(
    r"\b(?:fn|function|def|fun)\s+([A-Za-z_$][\w$]*)"  # Rust, JavaScript, Ruby, Kotlin
    r"|\bfunc\s+(?:\([^)]*\)\s*)?([A-Za-z_]\w*)"  # Go
    r"|\b(?:const|let|var)\s+([A-Za-z_$][\w$]*)\s*=\s*(?:async\b\s*)?(?:function\b|\()"
)
_CALLABLE = re.compile(r"([A-Za-z_~$][\w$]*)\s*\(")
_NO_NAME = frozenset(
    ("if", "for", "while", "switch", "return", "catch", "sizeof", "decltype", "else", "match")
)
_LAST_NAME = re.compile(r"(?:::|\.)?([^:.]+)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A function in source: its lines, and what tells whether it is the same code, whatever its place and comments.

    `inline`: it stands in the line of another (a lambda, a comprehension), whose code it is as well.
    """

    name: str
    first: int
    last: int
    digest: bytes
    inline: bool = False

    @property
    def bare(self) -> str:
        match = _LAST_NAME.search(self.name)
        return match[1] if match else self.name


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The functions of a file, what it calls where: (line, bare name), and the lines with code on them: neither blank nor
    a comment or docstring.
    """

    functions: tuple[Function, ...]
    calls: tuple[tuple[int, str], ...] = ()
    code: frozenset[int] = frozenset()


def owned(source: Source, lines: Sequence[Lines]) -> dict[Function, list[int]]:
    """The functions that any of the lines is in, with these lines.

    A line of a function inside another is not one of the outer function; an inline function's is one of both.
    """
    changed = sorted({n for first, last in lines for n in range(first, last + 1)})
    owner: list[Function | None] = [None] * len(changed)
    found: dict[Function, list[int]] = {}
    for function in sorted(source.functions, key=lambda f: f.first - f.last):  # the innermost comes last
        low, high = bisect_left(changed, function.first), bisect_right(changed, function.last)
        if low == high:
            continue
        if function.inline:
            found[function] = changed[low:high]
        else:
            owner[low:high] = [function] * (high - low)
    for line, innermost in zip(changed, owner, strict=True):
        if innermost is not None:
            found.setdefault(innermost, []).append(line)
    return dict(sorted(found.items(), key=lambda item: (item[0].first, item[0].name)))


def ranges(lines: Iterable[int]) -> tuple[Lines, ...]:
    """Ascending line numbers as ranges."""
    out: list[Lines] = []
    for line in lines:
        if out and line == out[-1][1] + 1:
            out[-1] = (out[-1][0], line)
        else:
            out.append((line, line))
    return tuple(out)


def named_in(context: Iterable[str], changed: Iterable[str]) -> tuple[str, ...]:
    """The functions that the line git found before a hunk defines, and those that changed lines define."""
    names: dict[str, None] = {}
    for line in context:
        if name := _defined(line) or _callable(line):
            names[name] = None
    names |= {name: None for line in changed if (name := _defined(line))}
    return tuple(names)


def _defined(line: str) -> str:
    match = _DEFINES.search(line[:1000])
    return next(filter(None, match.groups())) if match else ""


def _callable(line: str) -> str:
    """``static int add(int a)`` and ``Cart::add(int)``: the first name before a bracket."""
    return next((n for n in _CALLABLE.findall(line[:1000]) if n not in _NO_NAME), "")
