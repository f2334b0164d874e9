"""Takes the operations that the fake serves out of GitHub's OpenAPI description, as plain JSON Schema.

The description is `generated/api.github.com.json` of the npm package @octokit/openapi (13 MB, MIT licence, beside this file):

    npm pack @octokit/openapi@23.0.2 && tar xzf octokit-openapi-*.tgz
    python tests/rig/api/reduce.py package/generated/api.github.com.json

Lost: descriptions, examples, and every operation that is not in `OPERATIONS`. OpenAPI 3.0's `nullable` becomes a type.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

OUT = Path(__file__).with_name("github-openapi.json")

OPERATIONS = (
    "checks/create",
    "checks/update",
    "issues/create-comment",
    "issues/delete-comment",
    "issues/list-comments",
    "issues/list-events",
    "issues/update-comment",
    "pulls/get",
    "pulls/list-files",
    "repos/get-commit",
    "repos/list-pull-requests-associated-with-commit",
    "users/get-authenticated",
)

_NOT_SCHEMA = {"description", "example", "examples", "externalDocs", "deprecated", "title", "x-github"}
_COMBINED = ("$ref", "allOf", "anyOf", "oneOf")


def reduce(description: dict[str, Any]) -> dict[str, Any]:
    """``{"source", "operations": {id: {method, path, parameters, body, responses}}, "$defs"}``."""
    operations: dict[str, Any] = {}
    defs: dict[str, Any] = {}
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            if isinstance(operation, dict) and operation.get("operationId") in OPERATIONS:
                operations[operation["operationId"]] = _operation(
                    description, method, path, methods, operation
                )
    missing = set(OPERATIONS) - set(operations)
    if missing:
        raise SystemExit(f"not in the description: {', '.join(sorted(missing))}")
    wanted = _references(operations)
    while wanted:
        name = wanted.pop()
        defs[name] = _schema(description["components"]["schemas"][name])
        wanted |= _references(defs[name]) - set(defs)
    info = description["info"]
    return {
        "source": f"{info['title']}, {info['version']}; licence {info['license']['name']}",
        "operations": dict(sorted(operations.items())),
        "$defs": dict(sorted(defs.items())),
    }


def _operation(
    description: dict[str, Any], method: str, path: str, shared: dict[str, Any], operation: dict[str, Any]
) -> dict[str, Any]:
    parameters = [
        _resolved(description, p) for p in [*shared.get("parameters", []), *operation["parameters"]]
    ]
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")
    responses = {
        status: _resolved(description, answer).get("content", {}).get("application/json", {}).get("schema")
        for status, answer in operation["responses"].items()
    }
    return {
        "method": method.upper(),
        "path": path,
        "parameters": [
            {
                "name": p["name"],
                "in": p["in"],
                "required": p.get("required", False),
                "schema": _schema(p["schema"]),
            }
            for p in parameters
        ],
        "body": _schema(body) if body else None,
        "responses": {status: _schema(schema) if schema else None for status, schema in responses.items()},
    }


def _resolved(description: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node:
        target: Any = description
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node


def _schema(node: Any) -> Any:
    """JSON Schema of an OpenAPI 3.0 schema."""
    if isinstance(node, list):
        return [_schema(item) for item in node]
    if not isinstance(node, dict):
        return node
    kept = {}
    for key, value in node.items():
        if key == "properties":
            kept[key] = {name: _schema(schema) for name, schema in value.items()}
        elif key == "$ref":
            kept[key] = value.replace("#/components/schemas/", "#/$defs/")
        elif key in ("enum", "default"):
            kept[key] = value
        elif key not in _NOT_SCHEMA and not key.startswith("x-"):
            kept[key] = _schema(value)
    if kept.pop("nullable", False):
        return _nullable(kept)
    return kept


def _nullable(schema: dict[str, Any]) -> dict[str, Any]:
    if "type" in schema and not any(key in schema for key in _COMBINED):
        widened = {**schema, "type": [schema["type"], "null"]}
        return {**widened, "enum": [*schema["enum"], None]} if "enum" in schema else widened
    return {"anyOf": [schema, {"type": "null"}]}


def _references(node: Any) -> set[str]:
    if isinstance(node, list):
        return set().union(*(_references(item) for item in node))
    if not isinstance(node, dict):
        return set()
    own = {node["$ref"].removeprefix("#/$defs/")} if isinstance(node.get("$ref"), str) else set()
    return own.union(*(_references(value) for value in node.values()))


if __name__ == "__main__":
    reduced = reduce(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    OUT.write_text(json.dumps(reduced, separators=(",", ":"), sort_keys=True) + "\n", encoding="utf-8")
