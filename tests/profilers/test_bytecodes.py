"""Bytecodes counted inside a small server, by requests of known number, in the Python of the tests."""

from __future__ import annotations

import signal
import socket
import time
from collections import Counter
from pathlib import Path

import pytest

from perf_action.errors import CannotMeasure
from perf_action.formats import read
from perf_action.model.tree import costs
from perf_action.profilers.bytecodes import Bytecodes
from perf_action.system import System

SERVER = """
import asyncio, os, sys

def work(n):
    t = 0
    for i in range(n):
        t += i
    return t

async def handle(reader, writer):
    while await reader.readline():
        work(100)
        writer.write(b"ok\\n")
        await writer.drain()
    writer.close()

async def main():
    work(10_000)
    server = await asyncio.start_server(handle, "127.0.0.1", 0)
    {fork}
    print("up", server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()

asyncio.run(main())
"""
FORK = """
    child = os.fork()
    if child == 0: work(200); os._exit(0)
    os.waitpid(child, 0)
"""


@pytest.fixture
def counted(target, stage, tmp_path, system):
    """Bytecodes by function over a launch that answers `requests`; one counter a process, oldest first."""

    def run(requests: int, *, fork: str = "") -> list[Counter[str]]:
        out = tmp_path / f"{requests}{bool(fork)}"
        out.mkdir()
        service = target(SERVER.replace("{fork}", fork))
        plan = Bytecodes().plan(service, stage("bytecodes"), out, system)
        log = out / "log"
        env = {**dict(service.env), **dict(plan.env)}
        process = System().start(plan.argv, cwd=service.cwd, env=env, log=log)
        try:
            _ask(_port(log), requests)
            process.signal(signal.SIGTERM)
            process.wait(20)
        finally:
            process.close()
        return [_by_function(path, system) for path in sorted(out.glob("bytecodes.*.json"))]

    return run


def _port(log: Path) -> int:
    deadline = time.monotonic() + 20
    while "up" not in log.read_text():
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.02)
    return int(log.read_text().split("up ")[1].split()[0])


def _ask(port: int, requests: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as connection, connection.makefile("rwb") as file:
        for _ in range(requests):
            file.write(b"x\n")
            file.flush()
            assert file.readline() == b"ok\n"


def _by_function(path: Path, system: System) -> Counter[str]:
    capture = read(path, system).captures[0]
    assert capture.profile.kinds[0].kind == "bytecodes"
    return Counter(
        {key.name.rpartition(".")[2]: cost.self for key, cost in costs(capture.profile, 0).items()}
    )


def test_the_difference_of_two_launches_is_exact(counted):
    (few,), (many,), (again,) = counted(5), counted(25), counted(45)
    assert many["work"] - few["work"] == again["work"] - many["work"]
    per_request = (many["work"] - few["work"]) / 20
    # a loop of a hundred rounds of six to eight bytecodes, in every version
    assert 500 < per_request < 1000
    assert per_request == int(per_request)
    # what ran before the address was bound is not counted
    assert few["work"] < 10_000


def test_a_forked_child_counts_for_itself(counted):
    child, parent = sorted(counted(5, fork=FORK), key=lambda c: c["handle"])
    assert child["handle"] == 0
    assert child["work"] > parent["work"] / 5


def test_a_service_that_runs_already_cannot_be_counted(target, stage, tmp_path, system):
    service = target("pass")
    running = type(service)(argv=service.argv, cwd=service.cwd, env=service.env, pid=1)
    with pytest.raises(CannotMeasure, match="has to be started"):
        Bytecodes().plan(running, stage("bytecodes"), tmp_path, system)
