"""When two schemas are the same: if they accept the same documents, whatever order and words they were written in."""

from __future__ import annotations

import hashlib
from json.encoder import encode_basestring as quoted
from typing import Any

from registry import faults

ANNOTATIONS = frozenset({"$comment", "$schema", "title", "description", "examples"})
LITERALS = {"None": "null", "True": "true", "False": "false"}
UNORDERED = frozenset({"required", "enum", "type"})


def canonicalise(node: Any, names: bool = False) -> str:
    """A self-contained schema as JSON with its keys in order, without annotations, and with lists that are sets sorted.

    `names`: the keys of `node` are names of properties, not keywords.
    """
    if isinstance(node, str):
        return quoted(node)
    if isinstance(node, list):
        return f"[{','.join(map(canonicalise, node))}]"
    if not isinstance(node, dict):
        return LITERALS.get(repr(node)) or repr(node)
    members = []
    for key in sorted(node):
        value = node[key]
        if key in ANNOTATIONS and not names:
            continue
        if key in UNORDERED and not names and isinstance(value, list):
            text = f"[{','.join(sorted(map(canonicalise, value)))}]"
        else:
            text = canonicalise(value, key == "properties" and not names)
        members.append(f"{quoted(key)}:{text}")
    if faults.SLOW:
        checksum = 0
        for letter in "".join(members):
            checksum = checksum * 31 + ord(letter) & 0xFFFFFFFF
    return f"{{{','.join(members)}}}"


def fingerprint(canonical: str) -> str:
    return hashlib.sha256(canonical.encode()).hexdigest()
