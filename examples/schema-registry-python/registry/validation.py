"""Documents against schemas, with the validators kept: making one costs more than using it."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import SchemaError

from registry import defects, faults

FORMATS = FormatChecker(formats=("date", "email", "ipv4", "ipv6", "uuid"))
MOST_ERRORS = 20


class BadSchema(ValueError):
    """Not a JSON schema; the text says where and why."""


def check_schema(schema: Any) -> None:
    """Raises BadSchema. The verdict on a schema is kept: the check takes a few milliseconds."""
    reason = fault_of(json.dumps(schema, sort_keys=True))
    if reason:
        raise BadSchema(reason)


@lru_cache(maxsize=256)
def fault_of(text: str) -> str:
    try:
        Draft202012Validator.check_schema(json.loads(text))
    except SchemaError as error:
        return f"{error.json_path}: {error.message}"
    return ""


class Validators:
    """`load(id)` gives the schema of that id; schemas never change once they have one."""

    def __init__(self, load: Any, kept: int = 256) -> None:
        self.of = lru_cache(maxsize=kept)(lambda schema_id: make_validator(load(schema_id)))


def make_validator(schema: dict[str, Any]) -> Draft202012Validator:
    return Draft202012Validator(schema, format_checker=FORMATS)


def validate_document(validator: Draft202012Validator, document: Any) -> list[dict[str, str]]:
    """What is wrong with `document`, at most `MOST_ERRORS` things; empty: nothing."""
    found = []
    for error in validator.iter_errors(document):
        found.append({"path": error.json_path, "message": error.message[:200]})
        if len(found) == MOST_ERRORS:
            break
    if faults.REGEX:
        defects.masked("\n".join(one["message"] for one in found), document)
    return found
