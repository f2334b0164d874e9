"""Backward compatibility: whoever reads with the new schema can read everything that was written with the old one.

Both schemas are self-contained (`references.self_contained`). What cannot be compared keyword by keyword (`anyOf`,
`not`, …) must stay as it is.
"""

from __future__ import annotations

from typing import Any

TYPES = ("null", "boolean", "integer", "number", "string", "array", "object")
#: keyword -> whether a larger value accepts less
BOUNDS = {
    "minimum": True,
    "exclusiveMinimum": True,
    "minLength": True,
    "minItems": True,
    "minProperties": True,
    "maximum": False,
    "exclusiveMaximum": False,
    "maxLength": False,
    "maxItems": False,
    "maxProperties": False,
}
FIXED = ("pattern", "format", "multipleOf", "uniqueItems", "const", "anyOf", "oneOf", "allOf", "not", "if")


def incompatibilities(old: Any, new: Any, path: str = "$") -> list[str]:
    """One sentence for each thing that `old` accepts at `path` and `new` may not; empty: compatible."""
    if new is True or new in ({}, old):
        return []
    if not isinstance(old, dict) or not isinstance(new, dict):
        return [f"{path}: {old!r} became {new!r}"]
    return [
        *narrowed_types(old, new, path),
        *narrowed_values(old, new, path),
        *narrowed_object(old, new, path),
        *narrowed_items(old, new, path),
    ]


def accepted_types(schema: dict[str, Any]) -> set[str]:
    given = schema.get("type", TYPES)
    types = {given} if isinstance(given, str) else set(given)
    return types | {"integer"} if "number" in types else types


def narrowed_types(old: dict[str, Any], new: dict[str, Any], path: str) -> list[str]:
    lost = accepted_types(old) - accepted_types(new)
    return [f"{path}: no longer accepts {', '.join(sorted(lost))}"] if lost else []


def narrowed_values(old: dict[str, Any], new: dict[str, Any], path: str) -> list[str]:
    found = []
    if "enum" in new:
        lost = [value for value in old.get("enum", ["any other value"]) if value not in new["enum"]]
        if lost:
            found.append(f"{path}: enum no longer has {', '.join(map(str, lost))}")
    for bound, larger_is_less in BOUNDS.items():
        if bound not in new:
            continue
        was, is_now = old.get(bound), new[bound]
        if was is None or (is_now > was if larger_is_less else is_now < was):
            found.append(f"{path}: {bound} went from {'unlimited' if was is None else was} to {is_now}")
    found += [f"{path}: {word} changed" for word in FIXED if word in new and old.get(word) != new[word]]
    return found


def narrowed_object(old: dict[str, Any], new: dict[str, Any], path: str) -> list[str]:
    old_properties, new_properties = old.get("properties", {}), new.get("properties", {})
    required = set(new.get("required", ())) - set(old.get("required", ()))
    found = [
        f"{path}.{name}: became required"
        for name in sorted(required)
        if "default" not in new_properties.get(name, {})
    ]
    open_before, open_now = old.get("additionalProperties", True), new.get("additionalProperties", True)
    if open_before is not False:
        found += incompatibilities(open_before, open_now, f"{path}.*")
    for name, schema in old_properties.items():
        if name in new_properties:
            found += incompatibilities(schema, new_properties[name], f"{path}.{name}")
        elif open_now is not True:
            found.append(f"{path}.{name}: was removed, and no other properties are allowed")
    return found


def narrowed_items(old: dict[str, Any], new: dict[str, Any], path: str) -> list[str]:
    return incompatibilities(old.get("items", True), new.get("items", True), f"{path}[]")
