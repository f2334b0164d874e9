"""What the example service answers, route by route."""

from __future__ import annotations

import json
import random
import sqlite3
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


def test_nobody_gets_in_without_the_key(service):
    for path in ("/health", "/schemas/1", "/nowhere"):
        for key in (None, "", "wrong", "k-tests2"):
            assert service("GET", path, key=key).status == 401
    assert service("GET", "/health").json == {"status": "ok", "subjects": 12}


def test_without_a_key_it_does_not_start(system, repository, tmp_path):
    argv = [sys.executable, "-c", "import registry.app"]
    said = system.run(argv, cwd=repository / "examples/schema-registry-python", timeout=30)
    assert said.code == 1
    assert said.stderr.strip() == "API_KEY is not set: nobody could use the registry"


def test_a_schema_by_id_and_by_version_is_self_contained(service):
    by_id = service("GET", "/schemas/3")
    assert by_id.status == 200
    assert by_id.headers["content-type"] == "application/json"
    assert (by_id.json["subject"], by_id.json["version"]) == ("orders", 3)
    assert "$ref" not in by_id.body.decode()
    assert by_id.json["schema"]["properties"]["total"]["properties"]["minor"]["type"] == "integer"
    assert service("GET", "/subjects/orders/versions/3").json == by_id.json
    assert service("GET", "/subjects/orders/versions/latest").json == by_id.json
    assert service("GET", "/subjects/orders/versions/1").json["id"] == 1


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/schemas/999", 404),
        ("/subjects/nobody/versions/latest", 404),
        ("/subjects/orders/versions/4", 404),
        ("/subjects/orders/versions/one", 400),
        ("/subjects/orders/versions/99999999999999999999", 400),
        ("/nowhere", 404),
    ],
)
def test_what_is_not_there(service, path, status):
    answer = service("GET", path)
    assert answer.status == status
    assert answer.json["status"] == status


def test_a_known_schema_is_registered_again_whatever_order_and_words_it_comes_in(service, registry):
    rng = random.Random(1)
    for version in (1, 2, 3):
        again = registry.samples.shuffled(registry.samples.schema("orders", version), rng)
        again["title"] = "In other words"
        answer = service("POST", "/schemas/orders", again)
        assert (answer.status, answer.json) == (200, {"id": version, "version": version})
    assert [s["version"] for s in service("GET", "/subjects").json] == [3] * 12


def test_a_new_version_gets_the_next_number(service, registry):
    grown = registry.samples.schema("orders", 3)
    grown["properties"]["colour"] = {"type": "string"}
    assert service("POST", "/schemas/orders", grown).json == {"id": 37, "version": 4}
    assert service("POST", "/schemas/orders", grown).status == 200
    assert service("GET", "/schemas/37").json["schema"]["properties"]["colour"] == {"type": "string"}
    first = service("POST", "/schemas/brand-new", {"type": "integer"})
    assert (first.status, first.json) == (201, {"id": 38, "version": 1})


def test_a_version_that_old_documents_do_not_fit_is_refused(service, registry):
    answer = service("POST", "/schemas/orders", registry.samples.incompatible("orders", random.Random(1)))
    assert answer.status == 409
    assert any(p.startswith("$.labels: no longer accepts array") for p in answer.json["problems"])
    assert any(p.endswith("became required") for p in answer.json["problems"])


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"$ref": "#/$defs/lost"}, "#/$defs/lost is not defined"),
        ({"$ref": "#/$defs/a", "$defs": {"a": {"items": {"$ref": "#/$defs/a"}}}}, "refers to itself"),
        ([1], "a schema is a JSON object"),
        ({"type": "strin"}, "not a schema: $.type"),
    ],
)
@pytest.mark.parametrize("route", ["schemas", "compatibility"])
def test_what_is_no_schema_is_refused(service, schema, said, route):
    answer = service("POST", f"/{route}/orders", schema)
    assert answer.status == 400
    assert said in answer.json["title"]


@pytest.mark.parametrize(
    ("raw", "status", "said"),
    [
        (b"{", 400, "not JSON"),
        (b"\xff\xfe", 400, "not JSON"),
        (b"[" * 200_000, 400, "not JSON"),
        (b'{"a":' * 5000 + b"1" + b"}" * 5000, 400, ""),
        (b" " * 300_000, 413, "more than"),
    ],
    ids=["cut", "bytes", "deep", "deep-objects", "large"],
)
def test_bodies_that_are_no_use(service, raw, status, said):
    for path in ("/schemas/orders", "/compatibility/orders"):
        answer = service("POST", path, raw=raw)
        assert answer.status == status
        assert said in answer.json["title"]


def test_documents_are_validated(service, registry):
    rng = random.Random(4)
    for subject in registry.samples.SUBJECTS:
        for version in (1, 3):
            path = f"/validate/{registry.samples.schema_id(subject, version)}"
            good = service("POST", path, registry.samples.document(subject, rng)).json
            assert good == {"id": registry.samples.schema_id(subject, version), "valid": True, "errors": []}
            bad = service("POST", path, registry.samples.wrong_document(subject, rng)).json
            assert not bad["valid"]
            assert "$.lines[0].quantity" in {e["path"] for e in bad["errors"]}
    assert service("POST", "/validate/999", {}).status == 404


def test_errors_of_a_document_are_not_endless(service, registry):
    wrong = registry.samples.document("orders", random.Random(1))
    wrong["lines"] = [{"sku": 1}] * 40
    assert len(service("POST", "/validate/1", wrong).json["errors"]) == 20


def test_compatibility_is_said_not_kept(service, registry):
    same = service("POST", "/compatibility/orders", registry.samples.schema("orders", 3)).json
    assert same == {"subject": "orders", "compatible": True, "problems": []}
    worse = service(
        "POST", "/compatibility/orders", registry.samples.incompatible("orders", random.Random(2))
    ).json
    assert not worse["compatible"]
    assert len(service("GET", "/subjects").json) == 12
    assert service("POST", "/compatibility/nobody", {}).status == 404


def test_every_answer_has_an_id_and_only_the_last_are_remembered(service):
    first = service("GET", "/schemas/1")
    assert len(first.headers["x-request-id"]) == 32
    recent = service("GET", "/requests/recent").json
    assert [entry["request"] for entry in recent] == ["GET /schemas/1"]
    assert recent[0]["id"] == first.headers["x-request-id"]
    for _ in range(300):
        service.app.state.log.record_request("id", {"method": "GET", "path": "/"}, 200, b"", 0.001)
    assert len(service("GET", "/requests/recent").json) == 256


def test_a_damaged_schema_is_not_served(service, tmp_path):
    with sqlite3.connect(tmp_path / "registry.db") as db:
        db.execute("UPDATE schemas SET body = replace(body, 'integer', 'number') WHERE id = 1")
    db.close()
    assert service("GET", "/schemas/1").status == 500
    assert service("GET", "/schemas/2").status == 200


def test_the_seed_is_the_same_each_time(registry, tmp_path):
    files = [tmp_path / name for name in ("a.db", "b.db", "a.db")]
    contents = []
    for file in files:
        assert registry.seed.seed(file) == 36
        contents.append(file.read_bytes())
    assert contents[0] == contents[1] == contents[2]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.db", "b.db"]


def test_versions_of_the_samples_follow_each_other(registry):
    for subject in registry.samples.SUBJECTS:
        for old, new in ((1, 2), (2, 3)):
            pair = [
                registry.references.self_contained(registry.samples.schema(subject, v)) for v in (old, new)
            ]
            assert registry.compatibility.incompatibilities(*pair) == []
            assert registry.compatibility.incompatibilities(*pair[::-1]) != []


@pytest.mark.parametrize(
    ("old", "new", "problems"),
    [
        ({}, {}, []),
        ({"type": "string"}, True, []),
        ({"type": "string"}, False, ["$: {'type': 'string'} became False"]),
        ({"type": "integer"}, {"type": "number"}, []),
        ({"type": "number"}, {"type": "integer"}, ["$: no longer accepts number"]),
        ({"type": ["string", "null"]}, {"type": "string"}, ["$: no longer accepts null"]),
        ({"enum": [1, 2]}, {"enum": [1, 2, 3]}, []),
        ({"enum": [1, 2]}, {"enum": [1]}, ["$: enum no longer has 2"]),
        ({"type": "string"}, {"type": "string", "enum": ["a"]}, ["$: enum no longer has any other value"]),
        ({"maximum": 5}, {"maximum": 4}, ["$: maximum went from 5 to 4"]),
        ({"maximum": 4}, {"maximum": 5}, []),
        ({"minLength": 1}, {"minLength": 2}, ["$: minLength went from 1 to 2"]),
        ({}, {"minItems": 1}, ["$: minItems went from unlimited to 1"]),
        ({"minItems": 1}, {}, []),
        ({"pattern": "a"}, {"pattern": "b"}, ["$: pattern changed"]),
        ({"pattern": "a"}, {}, []),
        ({}, {"required": ["a"]}, ["$.a: became required"]),
        ({}, {"required": ["a"], "properties": {"a": {"default": 1}}}, []),
        (
            {"properties": {"a": {"type": "string"}}},
            {"properties": {"a": {"type": "integer"}}},
            ["$.a: no longer accepts string"],
        ),
        (
            {"properties": {"a": {}}, "additionalProperties": False},
            {"additionalProperties": False},
            ["$.a: was removed, and no other properties are allowed"],
        ),
        ({}, {"additionalProperties": False}, ["$.*: True became False"]),
        ({"items": {"enum": [1, 2]}}, {"items": {"enum": [2]}}, ["$[]: enum no longer has 1"]),
    ],
)
def test_compatibility_keyword_by_keyword(registry, old, new, problems):
    assert registry.compatibility.incompatibilities(old, new) == problems


JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(JSON_VALUES, st.randoms(use_true_random=False))
def test_the_canonical_form_does_not_depend_on_order_and_is_json(registry, value, rng):
    schema = {"properties": {"x": {"const": value}}}
    text = registry.canonical.canonicalise(schema)
    assert registry.canonical.canonicalise(registry.samples.shuffled(schema, rng)) == text
    assert registry.canonical.canonicalise(json.loads(text)) == text


def test_what_tells_schemas_apart_and_what_does_not(registry):
    def same(one, other):
        return registry.canonical.canonicalise(one) == registry.canonical.canonicalise(other)

    assert same({"required": ["a", "b"], "title": "x"}, {"required": ["b", "a"]})
    assert same({"type": ["null", "string"]}, {"type": ["string", "null"]})
    assert not same({"prefixItems": [{}, True]}, {"prefixItems": [True, {}]})
    assert not same({"properties": {"title": {}}}, {"properties": {}})
    assert not same({"properties": {"type": {"enum": [1, 2]}}}, {"properties": {"type": {"enum": [1]}}})
