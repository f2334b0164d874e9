"""Which functions the changed lines of a file belong to: Python by its parser, other languages by what git shows.

git names the line of the function that a hunk is in, if it knows the language (``gitattributes``, userdiff). That is a
line of source, of which the name is taken. It may be the function before: one more function in the family of those that
a pull request touches costs a little power, and nothing else.
"""

from __future__ import annotations

import ast
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence

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
_COMPREHENSIONS = {
    ast.ListComp: "<listcomp>",
    ast.SetComp: "<setcomp>",
    ast.DictComp: "<dictcomp>",
    ast.GeneratorExp: "<genexpr>",
}
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_FRAMES = (*_DEFINITIONS, ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


def python_functions(source: str, lines: Sequence[Lines]) -> tuple[str, ...]:
    """The qualified names of the functions that any of the lines is in; nothing of what is no Python.

    A line of a function inside another is not one of the outer function; one of a comprehension is one of both.
    """
    try:
        found = list(_python(ast.parse(source), ""))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ()
    changed = sorted({n for first, last in lines for n in range(first, last + 1)})
    owner = [""] * len(changed)
    comprehensions: dict[str, None] = {}
    for name, first, last in sorted(found, key=lambda f: f[1] - f[2]):  # the innermost comes last
        low, high = bisect_left(changed, first), bisect_right(changed, last)
        if low < high and name.endswith(tuple(_COMPREHENSIONS.values())):
            comprehensions[name] = None
        elif low < high:
            owner[low:high] = [name] * (high - low)
    return tuple(name for name in dict.fromkeys([*owner, *comprehensions]) if name)


def _python(node: ast.AST, prefix: str) -> Iterator[tuple[str, int, int]]:
    """(qualified name, first line, last line) of each function below a node."""
    todo = [(node, prefix)]
    while todo:
        node, prefix = todo.pop()
        inner = prefix
        if isinstance(node, _FRAMES):
            name = _COMPREHENSIONS.get(type(node)) or getattr(node, "name", "<lambda>")
            above = [d.lineno for d in getattr(node, "decorator_list", [])]
            yield f"{prefix}{name}", min([node.lineno, *above]), node.end_lineno or node.lineno
            inner = f"{prefix}{name}.<locals>." if isinstance(node, _DEFINITIONS) else prefix
        elif isinstance(node, ast.ClassDef):
            inner = f"{prefix}{node.name}."
        todo += [(child, inner) for child in ast.iter_child_nodes(node)]


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
