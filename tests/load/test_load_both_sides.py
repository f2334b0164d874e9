"""The installed command on a small service: one recording for both sides, and a head that answers otherwise."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from perf_action.measure.answers import other_answers
from perf_action.model.trial import CLEAN, Side, Stage, Trial, TrialRecord

BIN = Path(sys.executable).parent
TOKEN = "t0ken-in-every-header"
SERVICE = """
import asyncio, os, sys

RARE = "{rare}"


async def serve(reader, writer):
    try:
        while head := await reader.readuntil(b"\\r\\n\\r\\n"):
            sum(i * i for i in range(500))
            method, path, _ = head.split(b"\\r\\n", 1)[0].decode().split(" ")
            length = int(head.lower().partition(b"content-length:")[2].split(b"\\r\\n")[0] or 0)
            await reader.readexactly(length)
            status = RARE if path == "/rare" else "200 OK"
            writer.write(f"HTTP/1.1 {{status}}\\r\\ncontent-length: 2\\r\\n\\r\\nok".encode())
    except (asyncio.IncompleteReadError, ConnectionError):
        writer.close()


async def main():
    async with await asyncio.start_server(serve, "127.0.0.1", int(sys.argv[1])) as server:
        await server.serve_forever()


asyncio.run(main())
"""
SCRIPT = """
import os, random
from locust import FastHttpUser, task

class Client(FastHttpUser):
    default_headers = {"Authorization": "Bearer " + os.environ["TOKEN"]}

    @task(50)
    def often(self):
        self.client.post("/often", data="body-of-" + os.environ["TOKEN"])

    @task(4)
    def rare(self):
        with self.client.get("/rare", catch_response=True) as response:
            response.success()
"""


@pytest.fixture
def measured(tmp_path: Path) -> Callable[..., tuple[dict, Path]]:
    """Measures head against base, whose route /rare answers with `base` and `head`."""
    repository = tmp_path / "shop"
    repository.mkdir()
    env = {k: v for k, v in os.environ.items() if not k.startswith(("GITHUB_", "PERF_"))}
    env |= {"TOKEN": TOKEN, "PATH": f"{BIN}:{env['PATH']}", "NO_COLOR": "1"}

    def call(*argv: str) -> str:
        done = subprocess.run(argv, cwd=repository, env=env, capture_output=True, text=True, timeout=150)
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    def commit(rare: str) -> None:
        (repository / "shop.py").write_text(SERVICE.format(rare=rare))
        call("git", "add", "-A")
        call("git", "-c", "user.name=t", "-c", "user.email=t@localhost", "commit", "-q", "-m", rare)

    def measure(base: str, head: str, replay: str) -> tuple[dict, Path]:
        load = {"script": "load.py", "replay": replay, "requests": 300, "env": {"TOKEN": "$TOKEN"}}
        settings = {
            "service": {"command": "python shop.py {port}"},
            "load": {"main": load},
            "measure": {"launches": 2, "slices": 2, "warm-up": 60, "soak": 0, "max-minutes": 1},
        }
        (repository / "perf.yml").write_text(yaml.safe_dump(settings))
        (repository / "load.py").write_text(SCRIPT)
        call("git", "init", "-q", "-b", "main")
        commit(base)
        commit(head)
        out = tmp_path / "run"
        call("perf-action", "run", "--base", "HEAD^", "--out", str(out))
        call("perf-action", "assess", str(out))
        return json.loads((out / "comparison.json").read_text()), out

    return measure


@pytest.mark.slow
def test_a_head_that_answers_otherwise_cannot_be_told(measured):
    found, out = measured("200 OK", "404 Not Found", "never")
    assert found["verdict"] == "inconclusive"
    assert any("head answers GET /rare otherwise than base: 4xx, not 2xx" in r for r in found["reasons"])
    assert "otherwise than base" in (out / "comment.md").read_text()


@pytest.mark.slow
def test_both_sides_get_the_recording_and_nothing_of_it_is_kept(measured):
    found, out = measured("200 OK", "201 Created", "always")
    notes = json.loads((out / "run.json").read_text())["notes"]
    assert any("were recorded and are replayed in a closed loop of 2 connections" in note for note in notes)
    assert not any("otherwise" in reason for reason in found["reasons"])
    trials = [json.loads(path.read_text()) for path in sorted(out.glob("trials/*/trial.json"))]
    assert {t["trial"]["stage"]["name"] for t in trials} == {"clean"}
    for trial in trials:
        answers = dict(map(tuple, trial["answers"]))
        assert {(route, got) for route, got, _ in answers["base"]} == {
            ("POST /often", "2xx"),
            ("GET /rare", "2xx"),
        }
        assert answers["base"] == answers["head"]  # the same requests, to the last one
        assert all(s["requests"] == 300 and s["load_cpu_ns"] > 0 for s in trial["slices"])
    kept = [str(f) for f in out.rglob("*") if f.is_file() and TOKEN.encode() in f.read_bytes()]
    assert kept == []


def record(base: dict[tuple[str, str], int], head: dict[tuple[str, str], int]) -> TrialRecord:
    stage = Stage(name=CLEAN, profiler="none", load="main", placement="duet", min_launches=1, max_launches=1)
    answers = tuple(
        (side, tuple((route, got, n) for (route, got), n in found.items()))
        for side, found in ((Side.BASE, base), (Side.HEAD, head))
    )
    trial = Trial(number=1, stage=stage, pair=0, sides=(Side.BASE, Side.HEAD))
    return TrialRecord(trial=trial, answers=answers)


A, B = ("GET /a", "2xx"), ("GET /a", "5xx")


@pytest.mark.parametrize(
    ("base", "head", "said"),
    [
        ({A: 1000}, {A: 1000}, ""),
        ({A: 1000}, {A: 999, B: 1}, ""),  # one of a thousand is chance, and less than max-error-rate
        ({A: 3}, {B: 3}, ""),  # too few to say
        ({A: 9990, B: 10}, {A: 9950, B: 50}, ""),  # no chance, but less than max-error-rate
        ({A: 1000}, {B: 1000}, "head answers GET /a otherwise than base: 5xx, not 2xx"),
        ({A: 1000}, {A: 950, B: 50}, "head answers GET /a otherwise than base: 2xx 95%, 5xx 5%, not 2xx"),
        ({A: 500, B: 500}, {A: 1000}, "head answers GET /a otherwise than base: 2xx, not 2xx 50%, 5xx 50%"),
        ({}, {A: 1000}, ""),
    ],
)
def test_when_answers_differ(base, head, said):
    assert other_answers([record(base, head)], 0.01) == said


def test_launches_are_taken_together():
    assert other_answers([record({A: 3}, {B: 3})] * 4, 0.01) != ""


def test_the_routes_that_matter_most_come_first():
    routes = {(f"GET /{i}", "2xx"): 10 * (i + 1) for i in range(9)}
    failed = {(route, "5xx"): n for (route, _), n in routes.items()}
    said = other_answers([record(routes, failed)], 0.01)
    assert [part.split(" ")[3] for part in said.split("; ")] == ["/8", "/7", "/6"]
