"""The registry's traffic: 60 % retrieval, 20 % validation, 15 % registration, 5 % compatibility checks.

Bodies are made once, with a seed of their own; which request comes next is drawn from `random`, so that whoever seeds
it gets the same requests again. All schemas that are registered are known: the registry does not grow.

    API_KEY=… locust -f tests/load/locustfile.py --headless --users 2 --host http://127.0.0.1:8000
"""

from __future__ import annotations

import json
import os
import random
import sys
from pathlib import Path

from locust import FastHttpUser, task

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from registry import samples

RNG = random.Random(2024)
KNOWN = [(subject, version) for subject in samples.SUBJECTS for version in range(1, samples.VERSIONS + 1)]
JSON = {"Content-Type": "application/json"}


def body(value: object) -> bytes:
    return json.dumps(value).encode()


DOCUMENTS = [
    (samples.schema_id(subject, version), body(make(subject, RNG)))
    for subject, version in KNOWN
    for make in (samples.document, samples.document, samples.document, samples.wrong_document)
]
REGISTRATIONS = [
    (subject, body(samples.shuffled(samples.schema(subject, version), RNG))) for subject, version in KNOWN
]
CANDIDATES = [
    (subject, body(make(subject)))
    for subject in samples.SUBJECTS
    for make in (lambda s: samples.schema(s, samples.VERSIONS), lambda s: samples.incompatible(s, RNG))
]


class Client(FastHttpUser):
    default_headers = {"X-API-Key": os.environ.get("API_KEY", "")}  # noqa: RUF012

    @task(8)
    def retrieve_by_id(self):
        subject, version = random.choice(KNOWN)
        self.client.get(f"/schemas/{samples.schema_id(subject, version)}", name="/schemas/{id}")

    @task(4)
    def retrieve_by_version(self):
        subject, version = random.choice(KNOWN)
        wanted = "latest" if version == samples.VERSIONS else version
        self.client.get(
            f"/subjects/{subject}/versions/{wanted}", name="/subjects/{subject}/versions/{version}"
        )

    @task(4)
    def validate(self):
        schema_id, document = random.choice(DOCUMENTS)
        self.client.post(f"/validate/{schema_id}", data=document, headers=JSON, name="/validate/{id}")

    @task(3)
    def register(self):
        subject, schema = random.choice(REGISTRATIONS)
        self.client.post(f"/schemas/{subject}", data=schema, headers=JSON, name="/schemas/{subject}")

    @task(1)
    def check_compatibility(self):
        subject, schema = random.choice(CANDIDATES)
        self.client.post(
            f"/compatibility/{subject}", data=schema, headers=JSON, name="/compatibility/{subject}"
        )
