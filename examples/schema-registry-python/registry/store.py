"""Schemas in SQLite. One connection, used from the event loop: each statement takes some tens of microseconds."""

from __future__ import annotations

import json
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from registry import defects, faults

TABLES = """
CREATE TABLE IF NOT EXISTS schemas (
    id INTEGER PRIMARY KEY,
    subject TEXT NOT NULL,
    version INTEGER NOT NULL,
    fingerprint TEXT NOT NULL,
    body TEXT NOT NULL,
    registrations INTEGER NOT NULL DEFAULT 1,
    UNIQUE (subject, version),
    UNIQUE (subject, fingerprint)
);
"""
COLUMNS = "id, subject, version, fingerprint, body"
#: for how long the fault holds the event loop after there is nothing more to do, in seconds
HELD = 0.001
#: the fault: a condition that is always true, and has to read every schema for every other
ALL_READ = "(SELECT count(*) FROM schemas AS a, schemas AS b WHERE instr(a.body, b.fingerprint) = 0) > 0"


@dataclass(frozen=True, slots=True)
class Registered:
    """A schema that the registry knows."""

    id: int
    subject: str
    version: int
    fingerprint: str
    schema: dict[str, Any]


class Store:
    def __init__(self, path: Path | str) -> None:
        self._path = path
        # autocommit: every method is one statement
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.execute("PRAGMA busy_timeout = 5000")
        self._db.executescript(TABLES)

    def close(self) -> None:
        self._db.close()

    def by_id(self, schema_id: int) -> Registered | None:
        return self._one("id = ?", schema_id)

    def by_version(self, subject: str, version: int) -> Registered | None:
        return self._one("subject = ? AND version = ?", subject, version)

    def latest(self, subject: str) -> Registered | None:
        return self._one("subject = ? ORDER BY version DESC LIMIT 1", subject)

    def register_again(self, subject: str, fingerprint: str) -> Registered | None:
        """The schema of that fingerprint, with one more registration counted; None if there is none."""
        sql = f"UPDATE schemas SET registrations = registrations + 1 WHERE subject = ? AND fingerprint = ? RETURNING {COLUMNS}"
        rows = self.with_registry_lock(sql, (subject, fingerprint))
        return as_registered(rows[0]) if rows else None

    def add(self, subject: str, fingerprint: str, schema: dict[str, Any]) -> Registered:
        """Keep `schema` as the next version of `subject`."""
        sql = f"""
            INSERT INTO schemas (subject, version, fingerprint, body)
            SELECT :subject, 1 + COALESCE(MAX(version), 0), :fingerprint, :body FROM schemas WHERE subject = :subject
            RETURNING {COLUMNS}
        """
        values = {"subject": subject, "fingerprint": fingerprint, "body": json.dumps(schema)}
        return as_registered(self.with_registry_lock(sql, values)[0])

    def subjects(self) -> list[dict[str, Any]]:
        """Every subject with its latest version."""
        sql = "SELECT subject, MAX(version), id FROM schemas GROUP BY subject ORDER BY subject"
        return [{"subject": s, "version": v, "id": i} for s, v, i in self.with_registry_lock(sql)]

    def _one(self, where: str, *values: Any) -> Registered | None:
        if faults.QUERY:
            where = f"{ALL_READ} AND {where}"
        sql = f"SELECT {COLUMNS} FROM schemas WHERE {where}"
        rows = self.with_registry_lock(sql, values)
        if rows and faults.N_PLUS_ONE:
            defects.popularity(self._db)
        if rows and faults.NO_INDEX:
            defects.with_title(self._db, rows[0][1])
        return as_registered(rows[0]) if rows else None

    def with_registry_lock(self, sql: str, values: Any = ()) -> list[tuple[Any, ...]]:
        """All rows of one statement. What keeps others out meanwhile is that nobody else is on the event loop."""
        if faults.CONNECTION:
            return defects.on_new_connection(self._path, TABLES, sql, values)
        rows = self._db.execute(sql, values).fetchall()
        if faults.LOCK:
            time.sleep(HELD)
        return rows


def as_registered(row: tuple[int, str, int, str, str]) -> Registered:
    schema_id, subject, version, fingerprint, body = row
    return Registered(schema_id, subject, version, fingerprint, json.loads(body))
