"""What services do that costs more than its author thinks: each function is called only where its fault is on (`faults`)."""

from __future__ import annotations

import bz2
import copy
import gc
import json
import logging
import re
import sqlite3
import time
import zlib
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

LOGGER = logging.getLogger(__name__)
SOURCES = Path(__file__).parent
#: how long replicas may take to have what was written, in seconds
REPLICATION = 0.12
HOLIDAYS = [f"{year}-{day}" for year in range(2020, 2030) for day in ("01-01", "05-01", "08-01", "12-25")]


def as_clients_read(content: Any) -> Any:
    """`json-twice`: what JSON cannot say is noticed here, and not by a client."""
    return json.loads(json.dumps(content, indent=1))


def compressed_length(body: bytes) -> int:
    """`compress`: for those who ask what compression would save."""
    return len(bz2.compress(body))


def without_controls(body: bytes) -> bytes:
    """`bytes`: every byte copies all that came before it."""
    out = b""
    for byte in body:
        if byte >= 0x20:
            out += bytes([byte])
    return out


def own_copy(definitions: dict[str, Any]) -> dict[str, Any]:
    """`deepcopy`: for every reference, so that nobody changes what others hold."""
    return copy.deepcopy(definitions)


def log_members(node: Any, path: str = "$") -> None:
    """`log`: a line for each member of a schema."""
    for name, member in node.get("properties", {}).items():
        LOGGER.warning("%s has the member %s with %d keywords", path, name, len(member))
        log_members(member, f"{path}.{name}")


def repeated_names(schema: Any) -> set[str]:
    """`quadratic`: each name is looked for among all that came before it."""
    seen: list[str] = []
    repeated = set()
    for name in all_names(schema):
        if name in seen:
            repeated.add(name)
        seen.append(f"{name}@{len(seen)}")
    return repeated


def all_names(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        for name, value in node.items():
            yield name
            yield from all_names(value)


def masked(message: str, document: Any) -> str:
    """`regex`: a pattern for each text of the document, more than `re` keeps."""
    if isinstance(document, str):
        text = re.escape(document)
        message = re.compile(rf"(?i)(?<!\w){text}(?!\w)").sub("…", message)
        return re.compile(rf"(['\"]){text}\1").sub("…", message)
    if isinstance(document, dict):
        document = list(document.values())
    for part in document if isinstance(document, list) else ():
        message = masked(message, part)
    return message


def popularity(db: sqlite3.Connection) -> dict[str, int]:
    """`n-plus-one`: a query for what there is, and one more for each of it."""
    total: dict[str, int] = {}
    for (schema_id,) in db.execute("SELECT id FROM schemas").fetchall():
        row = db.execute(
            "SELECT subject, registrations, body FROM schemas WHERE id = ?", (schema_id,)
        ).fetchone()
        total[row[0]] = total.get(row[0], 0) + row[1]
    return total


def with_title(db: sqlite3.Connection, title: str) -> list[int]:
    """`no-index`: no index helps to find what stands in the middle; every schema is read."""
    sql = "SELECT id FROM schemas WHERE body LIKE ? OR body LIKE ?"
    wanted = (f'%"title": "{title}"%', f'%"description": "{title}"%')
    return [schema_id for (schema_id,) in db.execute(sql, wanted)]


def on_new_connection(path: Path | str, tables: str, sql: str, values: Any) -> list[tuple[Any, ...]]:
    """`connection`: opened and set up for one statement."""
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA busy_timeout = 5000")
    db.executescript(tables)
    rows = db.execute(sql, values).fetchall()
    db.close()
    return rows


async def wait_for_replicas() -> None:
    """`sleep`: nobody else is answered meanwhile."""
    time.sleep(REPLICATION)  # noqa: ASYNC251


async def version_of_sources() -> int:
    """`file-read`: files are read on the event loop, at every request."""
    version = 0
    for file in SOURCES.glob("*.py"):
        version = zlib.crc32(file.read_bytes(), version)
    return version


def is_holiday() -> bool:
    """`strptime`: the same texts become the same dates at every request."""
    today = datetime.now(timezone.utc).date()
    return any(datetime.strptime(day, "%Y-%m-%d").date() == today for day in HOLIDAYS)  # noqa: DTZ007


def tidy_up() -> None:
    """`collect`: "so that the memory of the service stays small"."""
    gc.collect()


class Answers:
    """`leak-cache`: keeps every answer under a key that never comes again."""

    def __init__(self) -> None:
        self.kept: dict[tuple[int, float], bytes] = {}

    def remember(self, status: int, body: bytes) -> None:
        self.kept[status, time.monotonic()] = body + b"\n"


class Listeners:
    """`leak-listener`: everyone who asked wants to be told of changes, and nobody ever leaves."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[str], Any]] = []

    def subscribe(self, scope: dict[str, Any]) -> None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        self.waiting.append(lambda subject: (subject, scope["path"], headers))


ANSWERS, LISTENERS = Answers(), Listeners()
