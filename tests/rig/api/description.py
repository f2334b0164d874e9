"""The part of GitHub's OpenAPI description that the fake serves: finds operations, checks requests and answers.

GitHub describes its request bodies loosely; here an unknown field is refused, so that a misspelt one is seen.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs

FILE = Path(__file__).with_name("github-openapi.json")


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """`parameters` maps (place, name) to a schema; `responses` a status to one, None where there is no body."""

    id: str
    method: str
    path: re.Pattern[str]
    parameters: Mapping[tuple[str, str], Any]
    body: Any
    responses: Mapping[str, Any]


@cache
def _document() -> dict[str, Any]:
    document = json.loads(FILE.read_text(encoding="utf-8"))
    assert isinstance(document, dict)
    return document


@cache
def operations() -> tuple[Operation, ...]:
    return tuple(
        Operation(
            id=name,
            method=o["method"],
            path=re.compile("^" + re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", o["path"]) + "$"),
            parameters={(p["in"], p["name"]): p["schema"] for p in o["parameters"]},
            body={**o["body"], "additionalProperties": False} if o["body"] else None,
            responses=o["responses"],
        )
        for name, o in _document()["operations"].items()
    )


def find(method: str, path: str) -> tuple[Operation, dict[str, str]] | None:
    """The operation of a request, with the values in its path."""
    for operation in operations():
        match = operation.path.match(path)
        if match and operation.method == method:
            return operation, match.groupdict()
    return None


def problem(schema: Any, value: Any) -> str:
    """Why `value` is not of `schema`; empty if it is."""
    errors = _validator(json.dumps(schema, sort_keys=True)).iter_errors(value)
    return "; ".join(f"{'/'.join(map(str, e.instance_path)) or 'body'}: {e.message}" for e in errors)


@cache
def _validator(schema: str) -> Any:
    return jsonschema_rs.Draft202012Validator(
        {**json.loads(schema), "$defs": _document()["$defs"]}, validate_formats=True
    )


def request_problem(
    operation: Operation, path: Mapping[str, str], query: Mapping[str, str], body: Any
) -> str:
    """Why GitHub would not take this request; empty if it would."""
    given = {("path", k): v for k, v in path.items()} | {("query", k): v for k, v in query.items()}
    for place, text in given.items():
        if place not in operation.parameters:
            return f"{operation.id}: unknown parameter {place[1]}"
        schema = operation.parameters[place]
        value: Any = int(text) if schema.get("type") == "integer" and text.isdecimal() else text
        if reason := problem(schema, value):
            return f"{operation.id}: {place[1]}={text}: {reason}"
    if operation.body is None:
        return f"{operation.id}: takes no body" if body is not None else ""
    reason = problem(operation.body, body)
    return f"{operation.id}: {reason}" if reason else ""


def example(schema: Any, **known: Any) -> dict[str, Any]:
    """The least object of `schema` that is valid, with `known` set: GitHub's answers have some hundred fields."""
    made = _least(schema)
    assert isinstance(made, dict)
    return {**made, **known}


def named(name: str) -> Any:
    """A schema by its name in the description, such as issue-comment."""
    return {"$ref": f"#/$defs/{name}"}


def _least(schema: Any) -> Any:
    if "$ref" in schema:
        return _least(_document()["$defs"][schema["$ref"].removeprefix("#/$defs/")])
    for key in ("anyOf", "oneOf"):
        if key in schema:
            options = schema[key]
            return None if {"type": "null"} in options else _least(options[0])
    if "allOf" in schema:
        return {k: v for part in schema["allOf"] for k, v in _least(part).items()}
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type", "object")
    if isinstance(kind, list):
        return None
    if kind == "object":
        properties = schema.get("properties", {})
        return {name: _least(properties[name]) for name in schema.get("required", []) if name in properties}
    return {
        "string": _text(schema.get("format", "")),
        "integer": 1,
        "number": 1.0,
        "boolean": False,
        "array": [],
    }[kind]


def _text(form: str) -> str:
    return {"uri": "http://gh.localhost/", "date-time": "2026-01-01T00:00:00Z", "email": "a@example.com"}.get(
        form, "x"
    )
