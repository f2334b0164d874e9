"""What the service answers, route by route."""

from __future__ import annotations

import json
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from registry.canonical import canonicalise, fingerprint
from registry.compatibility import incompatibilities
from registry.references import BadReference, self_contained
from registry.responses import encode_response, problem
from registry.store import Registered, Store
from registry.validation import BadSchema, check_schema, validate_document

LARGEST_BODY = 256 * 1024


async def health(request: Request) -> Response:
    return encode_response({"status": "ok", "subjects": len(store_of(request).subjects())})


async def subjects(request: Request) -> Response:
    return encode_response(store_of(request).subjects())


async def recent_requests(request: Request) -> Response:
    return encode_response(list(request.app.state.log.recent))


async def get_by_id(request: Request) -> Response:
    return encode_response(describe(found(store_of(request).by_id(request.path_params["id"]))))


async def get_by_version(request: Request) -> Response:
    subject, version = request.path_params["subject"], request.path_params["version"]
    store = store_of(request)
    if version == "latest":
        return encode_response(describe(found(store.latest(subject))))
    if not version.isdecimal() or len(version) > 9:
        raise HTTPException(400, "a version is a number or latest")
    return encode_response(describe(found(store.by_version(subject, int(version)))))


async def register(request: Request) -> Response:
    """201 for a new version, 200 for a schema that is known, 409 for one that old documents do not fit."""
    subject, store = request.path_params["subject"], store_of(request)
    schema = await schema_from(request)
    digest = fingerprint(canonicalise(self_contained(schema)))
    known = store.register_again(subject, digest)
    if known:
        return encode_response({"id": known.id, "version": known.version})
    check_schema(schema)
    problems = against_latest(store, subject, schema)
    if problems:
        return problem(409, "not backward compatible", problems=problems)
    added = store.add(subject, digest, schema)
    return encode_response({"id": added.id, "version": added.version}, 201)


async def validate(request: Request) -> Response:
    document = await json_from(request)
    schema_id = request.path_params["id"]
    errors = validate_document(request.app.state.validators.of(schema_id), document)
    return encode_response({"id": schema_id, "valid": not errors, "errors": errors})


async def compatibility(request: Request) -> Response:
    subject, store = request.path_params["subject"], store_of(request)
    schema = await schema_from(request)
    check_schema(schema)
    found(store.latest(subject))
    problems = against_latest(store, subject, schema)
    return encode_response({"subject": subject, "compatible": not problems, "problems": problems})


def against_latest(store: Store, subject: str, schema: dict[str, Any]) -> list[str]:
    new = self_contained(schema)
    latest = store.latest(subject)
    return [] if latest is None else incompatibilities(self_contained(latest.schema), new)


def describe(registered: Registered) -> dict[str, Any]:
    """What is sent of a schema, after a look at whether it is still what was registered."""
    schema = self_contained(registered.schema)
    if fingerprint(canonicalise(schema)) != registered.fingerprint:
        raise HTTPException(500, f"schema {registered.id} is damaged: it does not have its fingerprint")
    return {
        "id": registered.id,
        "subject": registered.subject,
        "version": registered.version,
        "fingerprint": registered.fingerprint,
        "schema": schema,
    }


def store_of(request: Request) -> Store:
    return request.app.state.store


def found(registered: Registered | None) -> Registered:
    if registered is None:
        raise HTTPException(404, "no such schema")
    return registered


async def json_from(request: Request) -> Any:
    body = await request.body()
    if len(body) > LARGEST_BODY:
        raise HTTPException(413, f"more than {LARGEST_BODY} bytes")
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        raise HTTPException(400, "the body is not JSON") from None


async def schema_from(request: Request) -> dict[str, Any]:
    schema = await json_from(request)
    if not isinstance(schema, dict):
        raise HTTPException(400, "a schema is a JSON object")
    return schema


async def http_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return problem(error.status_code, error.detail)


async def bad_schema(_: Request, error: Exception) -> Response:
    return problem(400, f"not a schema: {error}")


async def too_deep(_: Request, __: Exception) -> Response:
    return problem(400, "nested too deeply")


ROUTES = [
    Route("/schemas/{id:int}", get_by_id),
    Route("/subjects/{subject}/versions/{version}", get_by_version),
    Route("/validate/{id:int}", validate, methods=["POST"]),
    Route("/schemas/{subject}", register, methods=["POST"]),
    Route("/compatibility/{subject}", compatibility, methods=["POST"]),
    Route("/health", health),
    Route("/subjects", subjects),
    Route("/requests/recent", recent_requests),
]

#: what handlers raise -> who answers
ANSWERS = {
    HTTPException: http_error,
    BadSchema: bad_schema,
    BadReference: bad_schema,
    RecursionError: too_deep,
}
