"""The call trees of V8's profiles: a list of nodes that name their children by id, or nodes inside of nodes.

Both are walked without recursion, and whatever is no tree (an id twice, a circle, a child that is not there) is an
error. ``(root)`` is left out of stacks; a sample of the root itself is ``(root)``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple
from urllib.parse import unquote

from perf_action.formats.source import Source
from perf_action.model.builder import ProfileBuilder


class Node(NamedTuple):
    """A node of the call tree: its stack in the builder, the stack that its children stand on (-1: none), whether it is
    V8's ``(idle)``, and what the file says of it.
    """

    stack: int
    floor: int
    idle: bool
    body: dict[str, Any]
    place: str


class _Found(NamedTuple):
    """A node before it has a stack. `parent` is the id of the node above it, None at the top."""

    id: object
    parent: object
    body: dict[str, Any]
    place: str


def tree(source: Source, document: dict[str, Any], builder: ProfileBuilder) -> dict[object, Node]:
    """All nodes of a document by their ids, parents first. InputError if they are no tree."""
    nodes = document.get("nodes")
    found = _listed(source, nodes) if isinstance(nodes, list) else _nested(source, document.get("head"))
    out: dict[object, Node] = {}
    for node in found:
        if not isinstance(node.id, int) or node.id in out:
            raise source.error(
                f"the node's id {str(node.id)[:40]!r} is no number, or not the only one", place=node.place
            )
        floor = out[node.parent].floor if node.parent is not None else -1
        out[node.id] = _made(source, node, floor, builder)
    return out


def _listed(source: Source, nodes: list[Any]) -> Iterator[_Found]:
    """Nodes in a list, in an order in which parents come first."""
    places: dict[object, int] = {}
    parents: dict[object, object] = {}
    for index, body in enumerate(nodes):
        place = f"nodes[{index}]"
        if not isinstance(body, dict) or not isinstance(body.get("id"), int):
            raise source.error("is no node: it has no id", place=place)
        places.setdefault(body["id"], index)
        if body.get("parent") is not None:
            parents[body["id"]] = body["parent"]
        for child in _children(source, body, place):
            if not isinstance(child, int) or parents.setdefault(child, body["id"]) != body["id"]:
                raise source.error(f"its child {str(child)[:40]} has another parent", place=place)
    below: dict[object, list[int]] = {}
    for index, body in enumerate(nodes):
        below.setdefault(parents.get(body["id"]), []).append(index)
    ready, done = below.pop(None, [])[::-1], 0
    while ready:
        body = nodes[index := ready.pop()]
        done += 1
        yield _Found(body["id"], parents.get(body["id"]), body, f"nodes[{index}]")
        ready.extend(reversed(below.pop(body["id"], ())))
    if done < len(nodes):
        raise source.error(f"{len(nodes) - done} nodes hang on no root", place="nodes")


def _nested(source: Source, head: object) -> Iterator[_Found]:
    """Nodes inside of nodes. Ids are those of the file; a node without one gets a negative one."""
    ready: list[tuple[object, object, str]] = [(head, None, "head")]
    count = 0
    while ready:
        body, parent, place = ready.pop()
        if not isinstance(body, dict):
            raise source.error("is no node", place=place)
        count += 1
        id_ = body.get("id", -count)
        yield _Found(id_, parent, body, place)
        ready.extend((child, id_, f"a child of node {id_}") for child in _children(source, body, place)[::-1])


def _children(source: Source, body: dict[str, Any], place: str) -> list[Any]:
    children = body.get("children") or []
    if not isinstance(children, list):
        raise source.error("its children are no list", place=place)
    return children


def _made(source: Source, node: _Found, floor: int, builder: ProfileBuilder) -> Node:
    call = node.body.get("callFrame", node.body)
    if not isinstance(call, dict) or not isinstance(call.get("functionName"), str):
        raise source.error("has no functionName", place=node.place)
    name, url, line = call["functionName"], call.get("url"), call.get("lineNumber")
    file = _file(url) if isinstance(url, str) else ""
    first = 1 if call is not node.body else 0  # callFrame counts lines from 0, what was before it from 1
    number = line + first if isinstance(line, int) else 0
    frame = builder.frame(builder.function(name or "(anonymous)", file=file, line=number))
    stack = builder.stack(floor, frame)
    root = node.parent is None and name == "(root)"
    return Node(stack, -1 if root else stack, name == "(idle)" and not file, node.body, node.place)


def _file(url: str) -> str:
    return unquote(url.removeprefix("file://")) if url.startswith("file://") else url
