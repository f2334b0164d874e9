"""The same assertions over all four example services, each a process that was started as its perf.yml says. Where there
is room for opinion, the Python service's functions in this process say what is right.
"""

from __future__ import annotations

import json
import random
import re
import socket
from itertools import product

import pytest

pytestmark = pytest.mark.slow

LANGUAGES = ("python", "rust", "go", "c")


@pytest.fixture(scope="module", params=LANGUAGES)
def client(request, launched):
    with launched(request.param) as running:
        yield running


def test_nobody_gets_in_without_the_key(client):
    for path, key in product(
        ("/health", "/schemas/1", "/nowhere"), (None, "", "wrong", "k-tests2", "k-test")
    ):
        answer = client.ask("GET", path, key=key)
        assert (answer.status, answer.json["title"]) == (401, "X-API-Key is missing or wrong")
    health = client.ask("GET", "/health").json
    assert health["status"] == "ok"
    assert health["subjects"] >= 12


def test_a_schema_by_id_and_by_version_is_self_contained(client):
    by_id = client.ask("GET", "/schemas/3")
    assert by_id.status == 200
    assert by_id.headers["content-type"] == "application/json"
    assert (by_id.json["id"], by_id.json["subject"], by_id.json["version"]) == (3, "orders", 3)
    assert "$ref" not in by_id.body.decode()
    assert by_id.json["schema"]["properties"]["total"]["properties"]["minor"]["type"] == "integer"
    assert client.ask("GET", "/subjects/orders/versions/3").json == by_id.json
    assert client.ask("GET", "/subjects/orders/versions/latest?why=not").json == by_id.json
    assert client.ask("GET", "/subjects/orders/versions/1").json["id"] == 1


def test_all_services_know_the_same_schemas_by_the_same_fingerprints(client, registry):
    for subject, version in product(registry.samples.SUBJECTS, (1, 2, 3)):
        schema = registry.references.self_contained(registry.samples.schema(subject, version))
        number = registry.samples.schema_id(subject, version)
        assert client.ask("GET", f"/schemas/{number}").json == {
            "id": number,
            "subject": subject,
            "version": version,
            "fingerprint": registry.canonical.fingerprint(registry.canonical.canonicalise(schema)),
            "schema": schema,
        }
    known = client.ask("GET", "/subjects").json
    assert known == sorted(known, key=lambda s: s["subject"])
    expected = [
        {"subject": s, "version": 3, "id": registry.samples.schema_id(s, 3)}
        for s in registry.samples.SUBJECTS
    ]
    assert [s for s in known if s["subject"] in registry.samples.SUBJECTS] == sorted(
        expected, key=lambda s: s["subject"]
    )


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/schemas/999", 404),
        ("GET", "/subjects/nobody/versions/latest", 404),
        ("GET", "/subjects/orders/versions/4", 404),
        ("GET", "/subjects/orders/versions/0", 404),
        ("GET", "/subjects/orders/versions/one", 400),
        ("GET", "/subjects/orders/versions/99999999999999999999", 400),
        ("GET", "/nowhere", 404),
        ("GET", "/", 404),
        ("GET", "/subjects/orders/versions/1/2/3/4/5/6", 404),
        ("DELETE", "/subjects", 405),
        ("PUT", "/schemas/orders", 405),
        ("GET", "/compatibility/orders", 405),
    ],
)
def test_what_is_not_there(client, method, path, status):
    answer = client.ask(method, path)
    assert answer.status == status
    assert answer.json["status"] == status


def test_a_known_schema_is_registered_again_whatever_order_and_words_it_comes_in(client, registry):
    rng = random.Random(1)
    for version in (1, 2, 3):
        again = registry.samples.shuffled(registry.samples.schema("orders", version), rng)
        again["title"] = 'In other words: "é", \\, \n and \u0001'
        answer = client.ask("POST", "/schemas/orders", again)
        assert (answer.status, answer.json) == (200, {"id": version, "version": version})


def test_versions_are_numbered_and_what_old_documents_do_not_fit_is_refused(client, registry):
    schema = registry.samples.schema("orders", 3)
    first = client.ask("POST", "/schemas/own%20orders", schema)
    assert (first.status, first.json["version"]) == (201, 1)
    assert client.ask("POST", "/schemas/own%20orders", schema).json == first.json
    schema["properties"]["colour"] = {"type": "string"}
    second = client.ask("POST", "/schemas/own%20orders", schema)
    assert (second.status, second.json) == (201, {"id": first.json["id"] + 1, "version": 2})
    sent = client.ask("GET", f"/schemas/{second.json['id']}").json
    assert sent["subject"] == "own orders"
    assert sent["schema"]["properties"]["colour"] == {"type": "string"}
    refused = client.ask(
        "POST", "/schemas/own%20orders", registry.samples.incompatible("orders", random.Random(1))
    )
    assert (refused.status, refused.json["title"]) == (409, "not backward compatible")
    assert any(p.startswith("$.labels: no longer accepts array") for p in refused.json["problems"])
    assert any(p.endswith("became required") for p in refused.json["problems"])


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"$ref": "#/$defs/lost"}, "not a schema: #/$defs/lost is not defined"),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"items": {"$ref": "#/$defs/a"}}}}, "refers to itself"),
        ([1], "a schema is a JSON object"),
        (1, "a schema is a JSON object"),
        ({"type": "strin"}, "not a schema: $.type"),
        ({"properties": {"a": {"minLength": -1}}}, "not a schema: $.properties.a.minLength"),
        ({"required": [1]}, "not a schema: $.required"),
        ({"properties": {"a": {"pattern": "[a"}}}, "not a schema: $.properties.a.pattern"),
        ({"allOf": [{"type": "null"}, 3]}, "not a schema: $.allOf[1]"),
    ],
)
@pytest.mark.parametrize("route", ["schemas", "compatibility"])
def test_what_is_no_schema_is_refused(client, route, schema, said):
    answer = client.ask("POST", f"/{route}/orders", schema)
    assert answer.status == 400
    if "pattern" not in said or client.ask("GET", "/health").headers.get("server") != "uvicorn":
        assert said in answer.json["title"]


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"{", 400),
        (b"", 400),
        (b'{"a":1} 2', 400),
        (b'{"a":01}', 400),
        (b"{'a':1}", 400),
        (b'{"a":"\x01"}', 400),
        (b'{"a":"\\ud8"}', 400),
        (b"\xff\xfe", 400),
        (b"[" * 200_000, 400),
        (b'{"a":' * 5000 + b"1" + b"}" * 5000, 400),
        (b" " * 300_000, 413),
    ],
    ids=[
        "cut",
        "empty",
        "more",
        "zero",
        "quotes",
        "control",
        "escape",
        "bytes",
        "deep",
        "deep-objects",
        "large",
    ],
)
def test_bodies_that_are_no_use(client, raw, status):
    for path in ("/schemas/orders", "/compatibility/orders"):
        assert client.ask("POST", path, raw=raw).status == status
    assert client.ask("GET", "/health").status == 200


def test_documents_are_validated_as_the_kept_library_does(client, registry):
    rng = random.Random(4)
    for subject, version in product(registry.samples.SUBJECTS, (1, 3)):
        number = registry.samples.schema_id(subject, version)
        good = client.ask("POST", f"/validate/{number}", registry.samples.document(subject, rng))
        assert good.json == {"id": number, "valid": True, "errors": []}
        document = registry.samples.wrong_document(subject, rng)
        bad = client.ask("POST", f"/validate/{number}", document).json
        validator = registry.validation.make_validator(registry.samples.schema(subject, version))
        expected = registry.validation.validate_document(validator, document)
        assert not bad["valid"]
        assert sorted(e["path"] for e in bad["errors"]) == sorted(e["path"] for e in expected)
        assert all(e["message"] for e in bad["errors"])
    assert client.ask("POST", "/validate/999", {}).status == 404


def test_errors_of_a_document_are_not_endless(client, registry):
    wrong = registry.samples.document("orders", random.Random(1))
    wrong["lines"] = [{"sku": "é" * 300}] * 40
    errors = client.ask("POST", "/validate/1", wrong).json["errors"]
    assert len(errors) == 20
    assert all(len(error["message"]) <= 200 for error in errors)


RULES = [
    ({"type": ["string", "null"]}, ["a", None], [1, True, [], {}]),
    ({"type": "integer"}, [1, 1.0, -3], [1.5, "1", True]),
    ({"type": "boolean"}, [True, False], [0, 1, "true"]),
    ({"type": "number", "multipleOf": 2}, [4, 0, 6.0], [3, 2.5]),
    ({"enum": [1, "a", {"b": [None]}]}, [1, 1.0, "a", {"b": [None]}], [2, "b", {"b": []}, None]),
    ({"const": {"a": 1, "b": 2}}, [{"b": 2, "a": 1}], [{"a": 1}, 1]),
    ({"minimum": 1, "exclusiveMaximum": 3}, [1, 2.9, "x"], [0.9, 3, 4]),
    ({"exclusiveMinimum": 1, "maximum": 3}, [1.1, 3], [1, 3.1]),
    ({"minLength": 2, "maxLength": 3}, ["ab", "éàü", "😀😀"], ["a", "abcd", "é"]),
    ({"pattern": "^[A-Z]{2}[0-9]+x?$"}, ["AB1", "AB123x"], ["AB", "AB1y", "aB1", "1AB1"]),
    ({"pattern": "b[^c-e]*d{2,}"}, ["abxxdd", "bddd"], ["bcdd", "bd", "add"]),
    ({"pattern": "^\\d{3}-\\w.\\.$"}, ["123-aé."], ["12-ab.", "123-abc", "123-a."]),
    ({"format": "date"}, ["2024-02-29", "1999-12-31"], ["2023-02-29", "2024-13-01", "2024-1-1", "x"]),
    (
        {"format": "uuid"},
        ["6ba7b810-9dad-41d1-80b4-00c04fd430c8"],
        ["6ba7b810-9dad-41d1-80b4-00c04fd430cg", "6"],
    ),
    ({"format": "ipv4"}, ["127.0.0.1"], ["127.0.0.256", "127.0.0", "::1"]),
    ({"format": "ipv6"}, ["::1", "fe80::1:2"], ["127.0.0.1", "fe80:::1"]),
    ({"format": "email"}, ["a@b"], ["ab"]),
    ({"minItems": 1, "maxItems": 2, "uniqueItems": True}, [[1], [1, 2]], [[], [1, 2, 3], [1, 1.0]]),
    ({"items": {"type": "null"}}, [[], [None]], [[None, 1]]),
    ({"properties": {"a": {"type": "null"}}, "required": ["a"]}, [{"a": None, "b": 1}, 3], [{}, {"a": 1}]),
    ({"properties": {"a": {}}, "additionalProperties": False}, [{"a": 1}, {}], [{"b": 1}]),
    ({"additionalProperties": {"type": "integer"}}, [{"a": 1}], [{"a": "1"}]),
    ({"minProperties": 1, "maxProperties": 2}, [{"a": 1}], [{}, {"a": 1, "b": 2, "c": 3}]),
    ({"anyOf": [{"type": "null"}, {"minimum": 3}]}, [None, 3, "a"], [2]),
    ({"oneOf": [{"minimum": 3}, {"maximum": 5}]}, [2, 6], [4]),
    ({"allOf": [{"minimum": 3}, {"maximum": 5}]}, [4], [2, 6]),
    ({"not": {"type": "string"}}, [1], ["a"]),
    ({"if": {"type": "string"}, "then": {"minLength": 2}, "else": {"type": "null"}}, ["ab", None], ["a", 1]),
    ({"properties": {"a": False}}, [{}], [{"a": 1}]),
    ({"items": {"$ref": "#/$defs/n"}, "$defs": {"n": {"type": "null"}}}, [[None]], [[1]]),
]


@pytest.mark.parametrize("number", range(len(RULES)), ids=lambda n: ",".join(RULES[n][0]))
def test_rule_by_rule(client, number):
    schema, right, wrong = RULES[number]
    added = client.ask("POST", f"/schemas/rule-{number}", schema)
    assert added.status == 201, added.body
    for document, valid in [(d, True) for d in right] + [(d, False) for d in wrong]:
        answer = client.ask("POST", f"/validate/{added.json['id']}", raw=json.dumps(document).encode())
        assert (answer.json["valid"], document) == (valid, document), answer.body


def test_compatibility_is_said_in_the_same_words_and_not_kept(client, registry):
    rng = random.Random(2)
    for subject in registry.samples.SUBJECTS:
        latest = registry.references.self_contained(registry.samples.schema(subject, 3))
        candidates = [registry.samples.schema(subject, version) for version in (1, 2, 3)]
        for candidate in [*candidates, registry.samples.incompatible(subject, rng)]:
            expected = registry.compatibility.incompatibilities(
                latest, registry.references.self_contained(candidate)
            )
            said = client.ask("POST", f"/compatibility/{subject}", candidate).json
            assert sorted(said.pop("problems")) == sorted(expected)
            assert said == {"subject": subject, "compatible": not expected}
        assert client.ask("GET", f"/subjects/{subject}/versions/latest").json["version"] == 3
    assert client.ask("POST", "/compatibility/nobody", {}).status == 404


CHANGES = [
    {},
    {"type": "integer"},
    {"type": "number"},
    {"type": ["string", "null"]},
    {"enum": [1, 2, "a"]},
    {"enum": [1]},
    {"minimum": 1, "maxLength": 5},
    {"minimum": 2, "maxLength": 4},
    {"minItems": 1, "pattern": "a"},
    {"pattern": "b", "const": 1, "anyOf": [{"type": "null"}]},
    {"required": ["a", "b"], "properties": {"a": {"default": 1}}},
    {"properties": {"a": {"type": "string"}, "b": {"type": "null"}}, "additionalProperties": False},
    {"properties": {"a": {"type": "integer"}}, "additionalProperties": False},
    {"additionalProperties": {"type": "string"}},
    {"items": {"enum": [1, 2]}},
    {"items": {"enum": [2]}, "uniqueItems": True},
]


def without_values(problem: str) -> str:
    """Values are quoted as each language does it."""
    return re.sub(r": .* became (?!required).*", ": … became …", problem)


def test_every_change_is_judged_as_in_python(client, registry):
    for number, old in enumerate(CHANGES):
        assert client.ask("POST", f"/schemas/change-{number}", old).status == 201
        for new in CHANGES:
            said = client.ask("POST", f"/compatibility/change-{number}", new).json["problems"]
            expected = registry.compatibility.incompatibilities(old, new)
            assert sorted(map(without_values, said)) == sorted(map(without_values, expected)), (old, new)


def test_every_answer_has_an_id_and_only_the_last_are_remembered(client):
    first = client.ask("GET", "/schemas/1")
    assert len(first.headers["x-request-id"]) == 32
    latest = client.ask("GET", "/requests/recent").json[-1]
    assert latest["id"] == first.headers["x-request-id"]
    assert (latest["request"], latest["status"], latest["bytes"]) == ("GET /schemas/1", 200, len(first.body))
    assert latest["ms"] >= 0
    ids = {client.ask("GET", "/nowhere").headers["x-request-id"] for _ in range(300)}
    assert len(ids) == 300
    recent = client.ask("GET", "/requests/recent").json
    assert len(recent) == 256
    assert {entry["id"] for entry in recent} <= ids
    assert {entry["status"] for entry in recent} == {404}


def test_a_connection_stays_open_until_the_client_wants_it_closed(client):
    request = b"POST /validate/1 HTTP/1.1\r\nHost: x\r\nX-API-Key: k-tests\r\nContent-Length: 2\r\n\r\n{}"
    last = request.replace(b"Host: x", b"Host: x\r\nConnection: close")
    with socket.create_connection(("127.0.0.1", client.port), timeout=10) as connection:
        for byte in request:
            connection.sendall(bytes([byte]))
        connection.sendall(request + last)
        received = b"".join(iter(lambda: connection.recv(65536), b""))
    assert received.count(b"HTTP/1.1 200 OK") == 3


@pytest.mark.parametrize(
    "sent",
    [
        b"\r\n\r\n",
        b"GARBAGE\r\n\r\n",
        b"GET /health HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: x\r\nContent-Length: -5\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: x\r\nX-Long: " + b"a" * 3_000_000 + b"\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"GET /%zz%00%ff HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
    ids=["empty", "garbage", "colon", "negative", "long", "tls", "encoding"],
)
def test_what_is_no_request_does_no_harm(client, sent):
    with socket.create_connection(("127.0.0.1", client.port), timeout=10) as connection:
        try:
            connection.sendall(sent)
            connection.shutdown(socket.SHUT_WR)
            answer = connection.recv(100)
        except OSError:
            answer = b""  # it had had enough
    assert not answer or b" 4" in answer[:12]
    assert client.ask("GET", "/health").status == 200
