"""The JSON Schema of `report.json`, made from the model's types, so that the two cannot drift apart.

Kept as ``resources/report.schema.json``. More keys may come, so none is forbidden; those that are there are required,
except lists of profiles, which are left out of the document where there are any.
"""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass
from enum import Enum
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from perf_action.model.profile import CapturedProfile, Profile, ProfileSlice
from perf_action.model.report import FlameGraph, Report
from perf_action.render.report_json import SCHEMA
from perf_action.render.words import Variant

_PROFILES = (Profile, CapturedProfile, ProfileSlice, FlameGraph)
_PLACE = {
    "type": "object",
    "description": "`file` from the root of the repository; perf.yml for what has no place in the source.",
    "properties": {
        "file": {"type": "string"},
        "line": {"type": ["integer", "null"]},
        "end_line": {"type": ["integer", "null"]},
        "why": {"type": "string"},
    },
    "required": ["file", "line", "end_line", "why"],
}
_FINDING = {
    "type": "object",
    "description": "One thing that is wrong: where, why, how that is known, and what to do.",
    "properties": {
        "rule": {"type": "string", "description": "stable; regression/function:KIND, regression/metric, leak, budget:RULE, checklist:RULE"},
        "level": {"enum": ["error", "warning", "note"]},
        "message": {"type": "string", "description": "the cause in one sentence, where it is known"},
        "place": _PLACE,
        "related": {"type": "array", "items": _PLACE},
        "evidence": {"type": "object"},
        "next_step": {"type": "string"},
        "fingerprint": {"type": "string", "description": "the same for the same finding of another run"},
    },
    "required": ["rule", "level", "message", "place", "related", "evidence", "next_step", "fingerprint"],
}  # fmt: skip


def schema_text() -> str:
    """The schema as it is kept."""
    definitions: dict[str, Any] = {}
    report = _object(Report, definitions)
    top = {
        "schema": {"const": SCHEMA},
        "verdict": {"enum": ["regression", "improvement", "unchanged", "inconclusive", None]},
        "about": {"enum": list(get_args(Variant))},
        "headline": {"type": "string"},
        "findings": {"type": "array", "items": _FINDING},
        "reproduce": {
            "type": "array",
            "items": {"type": "string"},
            "description": "commands to measure it again",
        },
    }
    schema = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "report.json of perf-action",
        **report,
        "properties": {**top, **report["properties"]},
        "required": [*top, *report["required"]],
        "$defs": definitions,
    }
    return json.dumps(schema, indent=1, ensure_ascii=False) + "\n"


def _object(kind: type, definitions: dict[str, Any]) -> dict[str, Any]:
    hints = get_type_hints(kind)
    properties: dict[str, Any] = {}
    required: list[str] = []
    for field in fields(kind):
        hint = hints[field.name]
        if _holds_profiles(hint):
            properties[field.name] = {"type": "array", "maxItems": 0}
            continue
        properties[field.name] = _of(hint, definitions)
        required.append(field.name)
    return {
        "type": "object",
        "properties": properties,
        "required": required,
    }


def _holds_profiles(hint: Any) -> bool:
    return get_origin(hint) is tuple and get_args(hint)[0] in _PROFILES


def _of(hint: Any, definitions: dict[str, Any]) -> dict[str, Any]:
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return _union([_of(a, definitions) for a in args])
    if origin is Literal:
        return {"enum": list(args)}
    if origin is tuple:
        return _tuple(args, definitions)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return {"enum": [member.value for member in hint]}
    if is_dataclass(hint) and isinstance(hint, type):
        if hint.__name__ not in definitions:
            definitions[hint.__name__] = {}  # it may hold itself
            definitions[hint.__name__] = _object(hint, definitions)
        return {"$ref": f"#/$defs/{hint.__name__}"}
    return dict(_SIMPLE[hint])


def _tuple(args: tuple[Any, ...], definitions: dict[str, Any]) -> dict[str, Any]:
    if len(args) == 2 and args[1] is Ellipsis:
        return {"type": "array", "items": _of(args[0], definitions)}
    items = [_of(a, definitions) for a in args]
    return {"type": "array", "prefixItems": items, "minItems": len(items), "maxItems": len(items)}


def _union(options: list[dict[str, Any]]) -> dict[str, Any]:
    return {"anyOf": [o for i, o in enumerate(options) if o not in options[:i]]}


#: what is not finite is null, so any number may be
_SIMPLE: dict[Any, dict[str, Any]] = {
    str: {"type": "string"},
    bool: {"type": "boolean"},
    int: {"type": "integer"},
    float: {"type": ["number", "null"]},
    type(None): {"type": "null"},
}
