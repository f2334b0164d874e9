"""When two schemas are the same: if they accept the same documents, whatever order and words they were written in."""

from __future__ import annotations

import hashlib
import json
from typing import Any

ANNOTATIONS = frozenset({"$comment", "title", "description", "examples"})
UNORDERED = frozenset({"required", "enum", "type"})


def canonicalise(schema: Any, *, names: bool = False) -> Any:
    """`schema` with keys in order, without annotations, and with lists that mean sets sorted.

    `names`: the keys of this object are names of properties or definitions, not keywords.
    """
    if isinstance(schema, dict):
        out = {}
        for key in sorted(schema):
            if names:
                out[key] = canonicalise(schema[key])
            elif key in UNORDERED and isinstance(schema[key], list):
                out[key] = sorted(schema[key], key=repr)
            elif key not in ANNOTATIONS:
                out[key] = canonicalise(schema[key], names=key in ("properties", "$defs"))
        return out
    if isinstance(schema, list):
        return [canonicalise(item) for item in schema]
    return schema


def fingerprint(canonical: Any) -> str:
    text = json.dumps(canonical, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
