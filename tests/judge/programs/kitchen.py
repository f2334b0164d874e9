"""Does one thing in each of its functions, which are named after it; `make_captures.py` looks at it while it runs."""

import asyncio
import gc
import gzip
import json
import logging
import re
import socket
import sqlite3
import sys
import threading
import time
import zlib

import yaml
from pydantic import BaseModel

LOG = logging.getLogger("kitchen")
LOG.addHandler(logging.FileHandler("/dev/null"))
LOG.setLevel(logging.DEBUG)
DOCUMENT = [{"id": i, "name": f"n{i}", "tags": ["a", "b"], "value": i / 3} for i in range(200)]
TEXT = json.dumps(DOCUMENT)
DATABASE = sqlite3.connect(":memory:", check_same_thread=False)
DATABASE.execute("create table t(a, b)")
DATABASE.executemany("insert into t values(?, ?)", [(i, str(i)) for i in range(3000)])
LEFT, RIGHT = socket.socketpair()


class Dish(BaseModel):
    id: int
    name: str
    tags: list[str]
    value: float


def do_serialization():
    json.loads(json.dumps(DOCUMENT))
    json.dumps(DOCUMENT, indent=1)


def do_serialization_models():
    for item in DOCUMENT:
        Dish(**item).model_dump()


def do_serialization_yaml():
    yaml.safe_dump(DOCUMENT[:5])


def do_regex():
    re.findall(r"(\w+)\s*:\s*(\w+)*", TEXT)


def do_regex_compile():
    re.purge()
    for i in range(10):
        re.compile(rf"(a|b){i}\w+")


def do_compression():
    gzip.compress(TEXT.encode())


def do_logging():
    for i in range(100):
        LOG.info("hello %s %d", "x", i)


def do_locks():
    condition = threading.Condition()
    for _ in range(500):
        with condition:
            condition.notify_all()


def do_other():
    total = 0
    for i in range(20_000):
        total += i * i
    return total


def native_compression():
    zlib.compress(TEXT.encode())


def native_database():
    DATABASE.execute("select count(*), max(b) from t where b like '%9%'").fetchall()


def native_garbage_collection():
    gc.collect(0)
    gc.collect()


def native_io():
    for _ in range(300):
        LEFT.send(b"x" * 1000)
        RIGHT.recv(2000)


WORK = [f for name, f in list(globals().items()) if name.startswith(("do_", "native_"))]


async def main():
    end = time.monotonic() + float(sys.argv[1])
    while time.monotonic() < end:
        for work in WORK:
            work()


asyncio.run(main())
