"""Schemas as clients want them: self-contained, without a resolver."""

from __future__ import annotations

from typing import Any

from registry import defects, faults

PREFIX = "#/$defs/"


class BadReference(ValueError):
    """A `$ref` that cannot be replaced: to something that is not there, or to what it is a part of."""


def self_contained(schema: dict[str, Any]) -> Any:
    """`schema` without `$defs`, and with what each reference refers to in its place."""
    body = {key: value for key, value in schema.items() if key != "$defs"}
    contained = expand_references(body, schema.get("$defs", {}))
    if faults.LOG:
        defects.log_members(contained)
    if faults.QUADRATIC:
        defects.repeated_names(contained)
    return contained


def expand_references(node: Any, definitions: dict[str, Any], within: tuple[str, ...] = ()) -> Any:
    """A copy of `node` with references replaced; `within` are the definitions that `node` is a part of."""
    if isinstance(node, list):
        return [expand_references(item, definitions, within) for item in node]
    if not isinstance(node, dict):
        return node
    reference = node.get("$ref")
    if isinstance(reference, str):
        name = reference.removeprefix(PREFIX)
        if faults.DEEPCOPY:
            definitions = defects.own_copy(definitions)
        if name not in definitions:
            raise BadReference(f"{reference} is not defined")
        if name in within:
            raise BadReference(f"{reference} refers to itself")
        return expand_references(definitions[name], definitions, (*within, name))
    out = {}
    for key, value in node.items():
        out[key] = expand_references(value, definitions, within)
    return out
