"""A small async service with one defect a route, of which `make_samples.py` records time-lines."""

import asyncio
import json
import pathlib
import sqlite3
import subprocess
import tempfile
import threading
import time

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

LARGE = pathlib.Path(tempfile.gettempdir()) / "large.txt"
LOCK = threading.Lock()
DATABASE = sqlite3.connect(":memory:", check_same_thread=False)
DATABASE.execute("create table t(a int, b text)")
DATABASE.executemany("insert into t values(?, ?)", [(i, str(i) * 5) for i in range(1200)])
SLOW = "select count(*) from t x, t y where x.a < y.a and x.b < y.b"


async def fine(request: Request) -> PlainTextResponse:
    await asyncio.sleep(0.001)
    return PlainTextResponse(json.dumps({"a": list(range(200))}))


async def sleepy(request: Request) -> PlainTextResponse:
    time.sleep(0.02)  # noqa: ASYNC251
    return PlainTextResponse("slept")


def crunch(seconds: float) -> int:
    end, n = time.perf_counter() + seconds, 0
    while time.perf_counter() < end:
        n += sum(range(50))
    return n


async def busy(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(crunch(0.15)))


async def files(request: Request) -> PlainTextResponse:
    with open(LARGE) as file:  # noqa: ASYNC230, PTH123
        return PlainTextResponse(str(len(file.read())))


async def process(request: Request) -> PlainTextResponse:
    return PlainTextResponse(subprocess.run(["true"], capture_output=True).stdout)  # noqa: ASYNC221


async def query(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(DATABASE.execute(SLOW).fetchall()[0]))


async def quick_query(request: Request) -> PlainTextResponse:
    return PlainTextResponse(str(DATABASE.execute("select count(*) from t where a < 50").fetchall()[0]))


def threaded(request: Request) -> PlainTextResponse:
    """In a thread of its own, where blocking is right."""
    time.sleep(0.02)
    return PlainTextResponse("slept")


def locked(request: Request) -> PlainTextResponse:
    with LOCK:
        time.sleep(0.02)
    return PlainTextResponse("locked")


app = Starlette(
    routes=[
        Route(f"/{route.__name__}", route)
        for route in (fine, sleepy, busy, files, process, query, quick_query, threaded, locked)
    ]
)
