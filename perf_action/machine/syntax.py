"""The functions of a file in Rust, Go, C, C++, JavaScript or TypeScript, by tree-sitter's grammars.

They read what a compiler would not take, too: half a file, or one for another version of the language. What they give up
on is marked as an error, and functions around it are found all the same. https://tree-sitter.github.io/
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module

from tree_sitter import Language, Node, Parser, Tree

from perf_action.machine.source_functions import Function, Source

_IDENTIFIER = re.compile(r"[A-Za-z_$~][\w$]*")
#: what a name in an anonymous place is called, as V8 does
_ANONYMOUS = "(anonymous)"
_CALLS = ("call_expression", "new_expression")
_LONGEST_NAME = 300
#: names in a signature are no deeper than this
_DEEPEST = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class _Grammar:
    """`functions` and `containers` map the type of a node to how it is named; a container's name is put before those of
    the functions in it.
    """

    package: str
    entry: str = "language"
    separator: str = "."
    functions: Mapping[str, Callable[[Node], str]]
    containers: Mapping[str, Callable[[Node], str]]


def _field(name: str) -> Callable[[Node], str]:
    def named(node: Node) -> str:
        return _text(node.child_by_field_name(name))

    return named


def _text(node: Node | None) -> str:
    text: bytes | None = node.text if node is not None else None
    return text.decode(errors="replace") if text else ""


def _last_identifier(text: str) -> str:
    """``add`` of ``self.cart.add`` and of ``Vec::<u8>::add``."""
    names: list[str] = _IDENTIFIER.findall(re.sub(r"<[^<>]*>", "", text[-_LONGEST_NAME:]))
    return names[-1] if names else ""


def _rust_impl(node: Node) -> str:
    """The type; where that is a parameter (``impl<T> Add for T``), the trait."""
    kind: list[str] = _IDENTIFIER.findall(
        _text(node.child_by_field_name("type"))[:_LONGEST_NAME].partition("<")[0]
    )
    parameters: list[str] = _IDENTIFIER.findall(
        _text(node.child_by_field_name("type_parameters"))[:_LONGEST_NAME]
    )
    if kind and kind[-1] not in parameters:
        return kind[-1]
    return _last_identifier(_text(node.child_by_field_name("trait")))


def _go_method(node: Node) -> str:
    receiver = _IDENTIFIER.findall(
        _text(node.child_by_field_name("receiver"))[:_LONGEST_NAME].partition("[")[0]
    )
    name = _text(node.child_by_field_name("name"))
    return f"{receiver[-1]}.{name}" if receiver and name else name


def _c_function(node: Node) -> str:
    """Down the declarators (pointer, reference, function) to the name, which may be qualified."""
    found: Node | None = node
    for _ in range(_DEEPEST):
        inner = found.child_by_field_name("declarator") if found is not None else None
        if inner is None and found is not None and found.type == "reference_declarator":
            inner = found.named_children[-1] if found.named_children else None
        if inner is None:
            break
        found = inner
    name = _text(found) if found is not node else ""
    return re.sub(r"\s+", "", re.sub(r"<[^<>]*>", "", name[:_LONGEST_NAME]))


def _js_function(node: Node) -> str:
    """Its own name, or that of the variable, property or field it is the value of."""
    if own := _text(node.child_by_field_name("name")):
        return own
    parent = node.parent
    for place, field in _JS_PLACES.items():
        if parent is not None and parent.type == place:
            return _last_identifier(_text(parent.child_by_field_name(field)))
    return _ANONYMOUS


_JS_PLACES = {
    "variable_declarator": "name",
    "pair": "key",
    "assignment_expression": "left",
    "field_definition": "property",
    "public_field_definition": "name",
}
_JS = dict.fromkeys(
    (
        "function_declaration", "generator_function_declaration", "method_definition", "function_expression",
        "generator_function", "arrow_function",
    ),
    _js_function,
)  # fmt: skip
_JS_IN = {
    "class_declaration": _field("name"),
    "class": _field("name"),
    "abstract_class_declaration": _field("name"),
}
_C = {"function_definition": _c_function}
_RUST = _Grammar(
    package="tree_sitter_rust",
    separator="::",
    functions={"function_item": _field("name")},
    containers={"impl_item": _rust_impl, "trait_item": _field("name"), "mod_item": _field("name")},
)
_GO = _Grammar(
    package="tree_sitter_go",
    functions={"function_declaration": _field("name"), "method_declaration": _go_method},
    containers={},
)
_CPP = _Grammar(
    package="tree_sitter_cpp",
    separator="::",
    functions=_C,
    containers={k: _field("name") for k in ("class_specifier", "struct_specifier", "namespace_definition")},
)
_GRAMMARS: Mapping[str, _Grammar] = {
    "rs": _RUST,
    "go": _GO,
    "c": _Grammar(package="tree_sitter_c", functions=_C, containers={}),
    **dict.fromkeys(("h", "cc", "cpp", "cxx", "hh", "hpp", "hxx", "ipp"), _CPP),
    **dict.fromkeys(
        ("js", "mjs", "cjs", "jsx"),
        _Grammar(package="tree_sitter_javascript", functions=_JS, containers=_JS_IN),
    ),
    **dict.fromkeys(
        ("ts", "mts", "cts"),
        _Grammar(
            package="tree_sitter_typescript", entry="language_typescript", functions=_JS, containers=_JS_IN
        ),
    ),
    "tsx": _Grammar(package="tree_sitter_typescript", entry="language_tsx", functions=_JS, containers=_JS_IN),
}


def is_known(path: str) -> bool:
    """Whether there is a grammar for a file of that name."""
    return path.rpartition(".")[2] in _GRAMMARS


def parsed(path: str, text: str) -> Source | None:
    """The functions of a file; None where there is no grammar for it."""
    grammar = _GRAMMARS.get(path.rpartition(".")[2])
    if grammar is None:
        return None
    tree = Parser(_language(grammar.package, grammar.entry)).parse(text.encode("utf-8", "surrogatepass"))
    return _Reading(grammar).of(tree)


@cache
def _language(package: str, entry: str) -> Language:
    return Language(getattr(import_module(package), entry)())


@dataclass(frozen=True, slots=True)
class _Open:
    """A function (with a digest) or container around the node that is read."""

    id: int
    name: str
    digest: hashlib._Hash | None
    inline: bool


class _Reading:
    """One walk over a tree, without recursion: which function each token is in, and what is called."""

    def __init__(self, grammar: _Grammar) -> None:
        self._grammar = grammar
        self._functions: list[Function] = []
        self._calls: list[tuple[int, str]] = []
        self._open: list[_Open] = []
        self._code: set[int] = set()

    def of(self, tree: Tree) -> Source:
        comment: int | None = None  # the comment that the node is in
        for node, leaving in _walk(tree):
            if comment is not None:
                comment = None if leaving and node.id == comment else comment
                continue
            if leaving:
                if self._open and self._open[-1].id == node.id:
                    self._close(node, self._open.pop())
                continue
            if "comment" in node.type:
                comment = node.id if node.child_count else None
                continue
            if node.is_named:
                self._enter(node)
            if not node.child_count:
                self._code.update(range(node.start_point[0] + 1, node.end_point[0] + 2))
                self._token(b"\0" + (node.text or b""))
        return Source(functions=tuple(self._functions), calls=tuple(self._calls), code=frozenset(self._code))

    def _enter(self, node: Node) -> None:
        kind, grammar = node.type, self._grammar
        naming = grammar.functions.get(kind) or grammar.containers.get(kind)
        name = naming(node)[:_LONGEST_NAME] if naming and node.child_count else ""
        if name:
            is_function = kind in grammar.functions
            inline = name == _ANONYMOUS and node.start_point[0] == node.end_point[0]
            if is_function and not inline:
                self._token(name.encode("utf-8", "replace"))  # of a function inside another, its name only
            prefix = self._open[-1].name + grammar.separator if self._open else ""
            self._open.append(
                _Open(node.id, f"{prefix}{name}", hashlib.sha256() if is_function else None, inline)
            )
        elif kind in _CALLS:
            called = node.child_by_field_name("function") or node.child_by_field_name("constructor")
            if called is not None and (last := _last_identifier(_text(called))):
                self._calls.append((called.end_point[0] + 1, last))

    def _token(self, text: bytes) -> None:
        """A token is of the innermost function, and of that around it if the innermost stands in its line."""
        for around in reversed(self._open):
            if around.digest is not None:
                around.digest.update(text)
                if not around.inline:
                    return

    def _close(self, node: Node, was: _Open) -> None:
        if was.digest is not None:
            self._functions.append(
                Function(
                    name=was.name,
                    first=node.start_point[0] + 1,
                    last=node.end_point[0] + 1,
                    digest=was.digest.digest(),
                    inline=was.inline,
                )
            )


def _walk(tree: Tree) -> Iterator[tuple[Node, bool]]:
    """Every node when it is come to, and those with children again when they are left."""
    cursor = tree.walk()
    while True:
        node = cursor.node
        if node is None:
            return
        yield node, False
        if cursor.goto_first_child():
            continue
        yield node, True
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return
            if cursor.node is not None:
                yield cursor.node, True
