"""What a database says of the queries of a launch: counted before and after the load, the difference is the load's.

PostgreSQL: https://www.postgresql.org/docs/current/pgstatstatements.html, asked with psql, in JSON, so that columns that
a version has or lacks do not matter (``total_exec_time`` was ``total_time`` before 13). The address is taken apart into
the variables of libpq, since an argv can be read by everybody on the machine.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol
from urllib.parse import unquote, urlsplit

from perf_action.config.queries import Queries
from perf_action.errors import CannotMeasure, one_line
from perf_action.machine.commands import Places, Secrets, expand
from perf_action.model.query import Query, added
from perf_action.system import System

_MS: Final = 1e6
_TIMEOUT: Final = 20.0
_TEXT: Final = 300
#: more of a log is not read: it is beyond what anybody looks at
_MAX_BYTES: Final = 50_000_000
_MAX_LINE: Final = 20_000
#: values in a statement, which are nobody's business and make two of what is one
_VALUE: Final = re.compile(r"'(?:[^']|'')*'?|\b\d+(?:\.\d+)?\b")
#: the statements of one database, but for our own
_SQL: Final = """
select (to_jsonb(s) - 'query') || jsonb_build_object('query', left(s.query, 300))
from pg_stat_statements s
where s.dbid = (select oid from pg_database where datname = current_database())
  and s.query not like '%pg_stat_statements%'
"""
_REMEDY: Final = (
    "shared_preload_libraries = 'pg_stat_statements' in its settings, and CREATE EXTENSION pg_stat_statements"
)


class Counter(Protocol):
    """Who counts queries. `so_far` is to be asked before and after; CannotMeasure with what to do if nobody answers."""

    def so_far(self) -> Mapping[str, Query]:
        """Key -> what was counted until now."""
        ...


@dataclass(frozen=True, slots=True)
class Postgres:
    """`address` is a URI of libpq."""

    address: str = field(repr=False)
    system: System = field(repr=False, compare=False)

    def so_far(self) -> Mapping[str, Query]:
        env = {**self.system.environ, **libpq(self.address), "PGCONNECT_TIMEOUT": "10"}
        argv = ("psql", "-X", "-A", "-t", "-q", "-w", "-v", "ON_ERROR_STOP=1", "-c", _SQL)
        done = self.system.run(argv, env=env, timeout=_TIMEOUT)
        if done.code:
            said = one_line((done.stderr.strip() or f"psql ended with {done.code}").splitlines()[0], 200)
            hint = f"; needed: {_REMEDY}" if "pg_stat_statements" in done.stderr else ""
            raise CannotMeasure(f"service.queries.postgres: {said}{hint}")
        return dict(_statements(done.stdout))


@dataclass(frozen=True, slots=True)
class Log:
    """A file of JSON lines, with ``query`` and ``ms``."""

    path: Path

    def so_far(self) -> Mapping[str, Query]:
        if not self.path.is_file():
            return {}
        with self.path.open("rb") as file:
            lines = file.read(_MAX_BYTES).decode("utf-8", "replace").splitlines()
        return {query.text: query for query in added(_logged(lines))}


def counter_of(options: Queries | None, places: Places, system: System) -> tuple[Counter | None, Secrets]:
    """Who counts, and what of the address is secret."""
    if options is None:
        return None, Secrets()
    if options.log is not None:
        path = Path(places.fill(options.log))
        return Log(path if path.is_absolute() else places.checkout / path), Secrets()
    values, hidden = expand({"postgres": options.postgres or ""}, system.environ, key="service.queries")
    address = places.fill(values["postgres"])
    password = libpq(address).get("PGPASSWORD", "")
    return Postgres(address, system), hidden + Secrets((password,) if password else ())


def since(before: Mapping[str, Query], after: Mapping[str, Query]) -> tuple[Query, ...]:
    """What was added between two counts. A longest call counts if it is longer than the longest before."""
    return added(_since(before, after))


def _since(before: Mapping[str, Query], after: Mapping[str, Query]) -> Iterator[Query]:
    for key, now in after.items():
        was = before.get(key)
        if was is None or was.calls > now.calls:  # new, or the counts were reset
            yield now
        elif now.calls > was.calls:
            grew = now.longest_ns is not None and now.longest_ns > (was.longest_ns or 0.0)
            yield Query(
                text=now.text,
                calls=now.calls - was.calls,
                total_ns=max(0.0, now.total_ns - was.total_ns),
                longest_ns=now.longest_ns if grew else None,
            )


def libpq(address: str) -> dict[str, str]:
    """The address as environment of libpq: https://www.postgresql.org/docs/current/libpq-envars.html"""
    parts = urlsplit(address)
    try:
        port = parts.port
    except ValueError:
        raise CannotMeasure("service.queries.postgres: the port of the address is no number") from None
    values = {
        "PGHOST": unquote(parts.hostname or ""),
        "PGPORT": str(port or ""),
        "PGUSER": unquote(parts.username or ""),
        "PGPASSWORD": unquote(parts.password or ""),
        "PGDATABASE": unquote(parts.path.lstrip("/")),
    }
    for option in parts.query.split("&"):
        name, _, value = option.partition("=")
        if name in ("host", "sslmode"):
            values[f"PG{name.upper()}"] = unquote(value)
    return {name: value for name, value in values.items() if value}


def _statements(text: str) -> Iterator[tuple[str, Query]]:
    for line in text.splitlines():
        row = _object(line)
        calls, total = _number(row.get("calls")), _number(row.get("total_exec_time", row.get("total_time")))
        if calls is None or total is None:
            continue
        longest = _number(row.get("max_exec_time", row.get("max_time")))
        key = f"{row.get('userid')}/{row.get('queryid')}/{row.get('toplevel')}"
        yield (
            key,
            Query(
                text=one_line(str(row.get("query", "")), _TEXT),
                calls=int(calls),
                total_ns=total * _MS,
                longest_ns=None if longest is None else longest * _MS,
            ),
        )


def _logged(lines: list[str]) -> Iterator[Query]:
    for line in lines:
        row = _object(line[:_MAX_LINE])
        ms, text = _number(row.get("ms")), row.get("query")
        if ms is not None and isinstance(text, str):
            shown = one_line(" ".join(_VALUE.sub("?", text[: 4 * _TEXT]).split()), _TEXT)
            yield Query(text=shown, calls=1, total_ns=ms * _MS, longest_ns=ms * _MS)


def _object(line: str) -> dict[str, Any]:
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return {}
    return row if isinstance(row, dict) else {}


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) and 0 <= value < 1e15 else None
