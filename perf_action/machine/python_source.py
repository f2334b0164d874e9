"""The functions of a Python file, by Python's own parser."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator

from perf_action.machine.source_functions import Function, Source

_COMPREHENSIONS = {
    ast.ListComp: "<listcomp>",
    ast.SetComp: "<setcomp>",
    ast.DictComp: "<dictcomp>",
    ast.GeneratorExp: "<genexpr>",
}
_Comprehension = ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
_NAMED = (ast.FunctionDef, ast.AsyncFunctionDef)
_INLINE = (ast.Lambda, *_COMPREHENSIONS)
#: what makes a name ``outer.<locals>.inner``
_SCOPES = (*_NAMED, ast.Lambda)


def python_source(text: str) -> Source | None:
    """The functions by their qualified names; None for what is no Python."""
    try:
        tree = ast.parse(text)
        return Source(functions=tuple(_functions(tree)), calls=tuple(_calls(tree)), code=_code(tree, text))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _functions(tree: ast.AST) -> Iterator[Function]:
    todo: list[tuple[ast.AST, str]] = [(tree, "")]
    while todo:
        node, prefix = todo.pop()
        inner = prefix
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | _Comprehension):
            name = _COMPREHENSIONS.get(type(node)) or getattr(node, "name", "<lambda>")
            above = [d.lineno for d in getattr(node, "decorator_list", [])]
            yield Function(
                name=f"{prefix}{name}",
                first=min([node.lineno, *above]),
                last=node.end_lineno or node.lineno,
                digest=_digest(node),
                inline=isinstance(node, _INLINE),
            )
            inner = f"{prefix}{name}.<locals>." if isinstance(node, _SCOPES) else prefix
        elif isinstance(node, ast.ClassDef):
            inner = f"{prefix}{node.name}."
        todo += [(child, inner) for child in ast.iter_child_nodes(node)]


def _digest(function: ast.AST) -> bytes:
    """Of the code without places, comments, docstring and named functions inside it."""
    hashed = hashlib.sha256()
    todo: list[ast.AST] = [function]
    while todo:
        node = todo.pop()
        hashed.update(type(node).__name__.encode())
        if node is not function and isinstance(node, _NAMED):
            hashed.update(node.name.encode("utf-8", "surrogatepass"))
            continue
        for name, value in ast.iter_fields(node):
            listed = value if isinstance(value, list) else [value]
            if (
                name == "body"
                and isinstance(node, _NAMED)
                and ast.get_docstring(node, clean=False) is not None
            ):
                listed = listed[1:]
            children = [v for v in listed if isinstance(v, ast.AST)]
            plain = [v for v in listed if not isinstance(v, ast.AST)]
            hashed.update(f"{name}{len(children)}{plain!r}".encode("utf-8", "surrogatepass"))
            todo += children
    return hashed.digest()


def _code(tree: ast.AST, text: str) -> frozenset[int]:
    lines = enumerate(text.splitlines(), 1)
    found = {number for number, line in lines if line.strip() and not line.lstrip().startswith("#")}
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
            and ast.get_docstring(node, clean=False) is not None
        ):
            found -= set(range(node.body[0].lineno, (node.body[0].end_lineno or node.body[0].lineno) + 1))
    return frozenset(found)


def _calls(tree: ast.AST) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            if isinstance(node.func, ast.Attribute):
                yield node.func.end_lineno or node.lineno, node.func.attr
            elif isinstance(node.func, ast.Name):
                yield node.lineno, node.func.id
