"""Schemas and documents of a made-up trading company: what `seed` fills the registry with, and what the load asks for.

python registry/samples.py > registry.jsonl        # the same for the registries that keep a file of lines
"""

from __future__ import annotations

import json
import random
from typing import Any

SUBJECTS = (
    "orders",
    "payments",
    "shipments",
    "refunds",
    "invoices",
    "customers",
    "returns",
    "quotes",
    "deliveries",
    "contracts",
    "claims",
    "subscriptions",
)
VERSIONS = 3
CURRENCIES = ["CHF", "EUR", "GBP", "JPY", "SEK", "USD"]
STATES = ["draft", "placed", "paid", "packed", "sent", "received", "closed"]

MONEY = {
    "type": "object",
    "description": "An amount of money, in the smallest unit of its currency.",
    "properties": {"currency": {"enum": CURRENCIES}, "minor": {"type": "integer", "minimum": 0}},
    "required": ["currency", "minor"],
    "additionalProperties": False,
}
ADDRESS = {
    "type": "object",
    "properties": {
        "street": {"type": "string", "minLength": 1, "maxLength": 200},
        "city": {"type": "string", "minLength": 1, "maxLength": 100},
        "postcode": {"type": "string", "pattern": "^[A-Z0-9 -]{3,10}$"},
        "country": {"type": "string", "pattern": "^[A-Z]{2}$"},
    },
    "required": ["street", "city", "country"],
}
LINE = {
    "type": "object",
    "properties": {
        "sku": {"type": "string", "pattern": "^[A-Z]{3}-[0-9]{5}$"},
        "quantity": {"type": "integer", "minimum": 1, "maximum": 10000},
        "price": {"$ref": "#/$defs/money"},
        "discount": {"$ref": "#/$defs/money"},
    },
    "required": ["sku", "quantity", "price"],
}
PAYMENT = {
    "type": "object",
    "properties": {
        "method": {"enum": ["card", "cash", "invoice", "transfer"]},
        "iban": {"type": "string", "pattern": "^[A-Z]{2}[0-9]{2}[A-Z0-9]{10,30}$"},
        "due": {"type": "string", "format": "date"},
        "paid": {"$ref": "#/$defs/money"},
        "payer": {"$ref": "#/$defs/party"},
    },
    "required": ["method"],
}
PARTY = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": 200},
        "email": {"type": "string", "format": "email"},
        "address": {"$ref": "#/$defs/address"},
    },
    "required": ["name", "address"],
}


def schema(subject: str, version: int) -> dict[str, Any]:
    """The schema of `subject` in `version` 1 to VERSIONS; each accepts what the one before accepts."""
    properties: dict[str, Any] = {
        "id": {"type": "string", "format": "uuid"},
        "kind": {"const": subject},
        "date": {"type": "string", "format": "date"},
        "state": {"enum": STATES[: 4 + version]},
        "seller": {"$ref": "#/$defs/party"},
        "buyer": {"$ref": "#/$defs/party"},
        "lines": {"type": "array", "items": {"$ref": "#/$defs/line"}, "minItems": 1, "maxItems": 50},
        "total": {"$ref": "#/$defs/money"},
        "payments": {"type": "array", "items": {"$ref": "#/$defs/payment"}, "maxItems": 20},
        "labels": {"type": "array", "items": {"type": "string", "maxLength": 40}},
    }
    if version >= 2:
        properties["note"] = {"type": ["string", "null"], "maxLength": 2000}
    if version >= 3:
        properties["deliver_to"] = {"$ref": "#/$defs/address"}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": subject,
        "type": "object",
        "properties": properties,
        "required": ["id", "kind", "date", "state", "seller", "buyer", "lines", "total"],
        "$defs": {"money": MONEY, "address": ADDRESS, "line": LINE, "party": PARTY, "payment": PAYMENT},
    }


def schema_id(subject: str, version: int) -> int:
    """The id that `seed` gives it."""
    return SUBJECTS.index(subject) * VERSIONS + version


def document(subject: str, rng: random.Random) -> dict[str, Any]:
    """A document that every version of the schema accepts."""
    lines = [
        {"sku": f"ABC-{rng.randrange(100000):05d}", "quantity": rng.randint(1, 20), "price": money(rng)}
        for _ in range(rng.randint(1, 3))
    ]
    return {
        "id": f"{rng.getrandbits(32):08x}-0000-4000-8000-{rng.getrandbits(48):012x}",
        "kind": subject,
        "date": f"2024-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}",
        "state": rng.choice(STATES[:5]),
        "seller": party(rng),
        "buyer": party(rng),
        "lines": lines,
        "total": money(rng),
        "labels": rng.sample(["urgent", "gift", "fragile", "export", "sample"], rng.randint(0, 3)),
    }


def wrong_document(subject: str, rng: random.Random) -> dict[str, Any]:
    """A document that no version of the schema accepts."""
    wrong = document(subject, rng)
    wrong["lines"][0]["quantity"] = 0
    wrong["total"]["currency"] = "doubloons"
    del wrong[rng.choice(["buyer", "date", "state"])]
    return wrong


def incompatible(subject: str, rng: random.Random) -> dict[str, Any]:
    """A schema that the latest version's documents do not all fit."""
    changed = schema(subject, VERSIONS)
    changed["properties"] = {**changed["properties"], "labels": {"type": "string"}}
    changed["required"] = [*changed["required"], rng.choice(["note", "deliver_to"])]
    return changed


def shuffled(value: Any, rng: random.Random) -> Any:
    """The same JSON with the keys of its objects in another order, as another client would write it."""
    if isinstance(value, dict):
        keys = list(value)
        rng.shuffle(keys)
        return {key: shuffled(value[key], rng) for key in keys}
    return value


def money(rng: random.Random) -> dict[str, Any]:
    return {"currency": rng.choice(CURRENCIES), "minor": rng.randrange(1_000_000)}


def party(rng: random.Random) -> dict[str, Any]:
    name = rng.choice(["Ada Byron", "Kurt Gödel", "Emmy Noether", "Alan Turing", "Grace Hopper"])
    return {
        "name": name,
        "email": f"{name.split()[0].lower()}@example.org",
        "address": {
            "street": f"{rng.randint(1, 200)} High Street",
            "city": rng.choice(["Basel", "Malmö", "York", "Nara"]),
            "postcode": f"{rng.randrange(10000):04d}",
            "country": rng.choice(["CH", "SE", "GB", "JP"]),
        },
    }


if __name__ == "__main__":
    for known in SUBJECTS:
        for number in range(1, VERSIONS + 1):
            print(json.dumps({"subject": known, "schema": schema(known, number)}))
