"""The example services as processes: how they end, what they say when they cannot start, what they remember, and that
they free what they allocate.
"""

from __future__ import annotations

import random
import signal
import socket
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest

from perf_action.system import Completed

pytestmark = pytest.mark.slow

NATIVE = ("rust", "go", "c")


def registered(running, subject: str, schema: object) -> str:
    with running.another() as client:
        return client.ask("POST", f"/schemas/{subject}", schema).body.decode()


@pytest.fixture
def ended(built, system, tmp_path):
    """`ended("go")` is a start that fails; `lines` stand in its file."""

    def start(
        language: str, *, port: int = 0, env: Mapping[str, str] | None = None, lines: str = ""
    ) -> Completed:
        (tmp_path / "registry.jsonl").write_text(lines)
        one = built(language)
        argv = one.argv(one.service.command, port, tmp_path)
        return system.run(argv, cwd=one.folder, env={**one.env, **(env or {})}, timeout=30)

    return start


def one_request(client, samples, rng: random.Random, number: int) -> int:
    """Its status. `number` tells apart what is registered anew: a schema each, once."""
    subject, version = rng.choice(samples.SUBJECTS), rng.randint(1, 3)
    known = samples.schema_id(subject, version)
    choices = [
        ("GET", f"/schemas/{known}", None),
        ("POST", f"/validate/{known}", samples.document(subject, rng)),
        ("POST", f"/schemas/{subject}", samples.schema(subject, version)),
        ("POST", f"/compatibility/{subject}", samples.incompatible(subject, rng)),
        ("POST", f"/schemas/own-{number}", {"const": number}),
    ]
    return client.ask(*rng.choice(choices)).status


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("language", NATIVE)
def test_it_ends_cleanly_with_connections_open(launched, language, number):
    with launched(language) as client:
        assert client.ask("GET", "/health").status == 200
        with socket.create_connection(("127.0.0.1", client.port)):
            client.process.signal(number)
            assert client.process.wait(10) == 0


@pytest.mark.parametrize(
    ("env", "said"),
    [
        ({"API_KEY": ""}, "API_KEY is not set: nobody could use the registry"),
        (
            {"REGISTRY_FAULT": "slow,sloth"},
            "REGISTRY_FAULT: {quote}sloth{quote} is not one of slow, leak, lock, query",
        ),
    ],
)
@pytest.mark.parametrize("language", ["python", *NATIVE])
def test_it_says_why_it_does_not_start(ended, language, env, said):
    done = ended(language, env=env)
    assert done.code != 0
    quote = "'" if language == "python" else '"'
    assert done.stderr.strip().removeprefix("error: ").startswith(said.replace("{quote}", quote))


@pytest.mark.parametrize("language", NATIVE)
@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (
            '{"subject": "a", "schema": {}}\n{"subject": 1, "schema": {}}\n',
            "line 2: not an object with subject and schema",
        ),
        ("nonsense", "line 1: not an object with subject and schema"),
    ],
)
def test_a_damaged_file_is_refused(ended, tmp_path, language, lines, said):
    done = ended(language, lines=lines)
    assert (done.code, done.stderr) == (2, f"error: {tmp_path}/registry.jsonl: {said}\n")


@pytest.mark.parametrize("language", NATIVE)
def test_a_port_that_is_taken_is_named(ended, language):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = ended(language, port=port)
    assert done.code == 2
    assert f"127.0.0.1:{port}" in done.stderr
    assert "ddress" in done.stderr
    assert "in use" in done.stderr


@pytest.mark.parametrize("language", NATIVE)
def test_it_listens_on_127_0_0_1_only(launched, language):
    with launched(language) as client:
        connections = psutil.Process(client.process.pid).net_connections("inet")
        assert {c.laddr for c in connections if c.status == psutil.CONN_LISTEN} == {
            ("127.0.0.1", client.port)
        }


@pytest.mark.parametrize("language", NATIVE)
def test_what_was_registered_is_there_after_a_restart(launched, language):
    schema = {"properties": {"é": {"const": '\u0000\n"'}}}
    with launched(language) as client:
        added = client.ask("POST", "/schemas/kept", schema).json
        before = client.ask("GET", f"/schemas/{added['id']}").json
        client.restart()
        assert client.ask("GET", f"/schemas/{added['id']}").json == before
        assert client.ask("POST", "/schemas/kept", schema).json == added


@pytest.mark.parametrize("language", ["python", *NATIVE])
def test_many_clients_at_once(launched, registry, language):
    def use(number: int) -> list[int]:
        rng = random.Random(number)
        with running.another() as client:
            return [one_request(client, registry.samples, rng, number) for _ in range(100)]

    with launched(language) as running, ThreadPoolExecutor(12) as pool:
        statuses = [status for many in pool.map(use, range(24)) for status in many]
        assert set(statuses) == {200, 201}
        ids = {s["id"] for s in running.ask("GET", "/subjects").json}
        assert len(ids) == 12 + 24
        same = pool.map(lambda _: registered(running, "same", {"const": "same"}), range(24))
        assert len(set(same)) == 1


@pytest.mark.parametrize("fault", ["", "leak"])
@pytest.mark.parametrize("language", ["rust", "c"])
def test_memcheck_finds_the_leak_and_nothing_else(launched, registry, tmp_path, language, fault):
    log = tmp_path / "memcheck.txt"
    memcheck = ("valgrind", "--quiet", "--leak-check=full", "--error-exitcode=99", f"--log-file={log}")
    with launched(language, {"REGISTRY_FAULT": fault}, memcheck) as client:
        rng = random.Random(3)
        for _ in range(60):
            assert one_request(client, registry.samples, rng, 0) in (200, 201)
        client.process.signal(signal.SIGTERM)
        assert client.process.wait(60) == (99 if fault else 0), log.read_text()
    said = log.read_text()
    assert ("definitely lost" in said and "record_request" in said) == bool(fault)
    assert "canonicalise" not in said
