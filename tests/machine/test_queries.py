"""Queries as the database counts them: a real PostgreSQL, a log of the service's own, and hostile rows of both."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf_action.config.queries import Queries
from perf_action.errors import CannotMeasure
from perf_action.machine.commands import Places
from perf_action.machine.queries import Log, Postgres, counter_of, libpq, since
from perf_action.model.query import Query, added
from perf_action.system import System

SLOW = "select count(*) from t x, t y where x.a < y.a and x.b < y.b"


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a PostgreSQL of its own with pg_stat_statements."""
    programs = next(iter(sorted(Path("/usr/lib/postgresql").glob("*/bin"))), None)
    assert programs is not None, "apt-get install postgresql"
    folder = tmp_path_factory.mktemp("postgres")
    for part in (folder, *folder.parents):
        if part.is_relative_to("/tmp") and part != Path("/tmp"):
            part.chmod(0o755)
    user = "postgres" if os.geteuid() == 0 else None
    if user:
        shutil.chown(folder, user)
    data, port = folder / "data", System().free_port()

    def call(*argv: str | Path) -> None:
        subprocess.run(list(map(str, argv)), check=True, capture_output=True, user=user, cwd=folder)

    call(programs / "initdb", "-D", data, "-A", "trust", "-U", "shop", "--no-sync")
    with (data / "postgresql.conf").open("a") as settings:
        settings.write("shared_preload_libraries = 'pg_stat_statements'\nfsync = off\n")
        settings.write(f"unix_socket_directories = '{folder}'\n")
    call(programs / "pg_ctl", "-D", data, "-o", f"-p {port}", "-l", folder / "log", "-w", "start")
    address = f"postgresql://shop@127.0.0.1:{port}/postgres"
    try:
        sql(address, "create extension pg_stat_statements; create table t(a int, b text)")
        sql(address, "insert into t select i, repeat(i::text, 5) from generate_series(1, 2000) i")
        yield address
    finally:
        with contextlib.suppress(subprocess.CalledProcessError):
            call(programs / "pg_ctl", "-D", data, "-m", "immediate", "stop")


def sql(address: str, text: str) -> None:
    subprocess.run(["psql", "-X", "-q", "-d", address, "-c", text], check=True, capture_output=True)


@pytest.mark.slow
def test_postgresql_tells_what_a_query_took(database: str) -> None:
    counter = Postgres(database, System())
    sql(database, SLOW)
    before = counter.so_far()
    began = time.monotonic()
    sql(database, SLOW)
    sql(database, SLOW)
    took = time.monotonic() - began
    for number in range(5):
        sql(database, f"select a from t where a = {number}")
    found = {q.text: q for q in since(before, counter.so_far())}
    slow = found[SLOW]
    assert slow.calls == 2
    assert 0.02 < slow.mean_ns / 1e9 < took / 2
    quick = found["select a from t where a = $1"]
    assert quick.calls == 5
    assert quick.mean_ns < 50e6
    assert not [text for text in found if "pg_stat_statements" in text]


@pytest.mark.slow
def test_a_database_without_the_extension_says_what_is_needed(database: str) -> None:
    sql(database, "create database bare")
    with pytest.raises(CannotMeasure, match=r"shared_preload_libraries.*CREATE EXTENSION"):
        Postgres(database.replace("/postgres", "/bare"), System()).so_far()


@pytest.mark.slow
def test_a_database_that_is_not_there() -> None:
    port = System().free_port()
    with pytest.raises(CannotMeasure, match=r"^service\.queries\.postgres: "):
        Postgres(f"postgresql://a:secret-word@127.0.0.1:{port}/x", System()).so_far()


def test_an_address_stands_in_no_argv() -> None:
    assert libpq("postgresql://me:p%40ss@db.example:6543/shop?sslmode=require") == {
        "PGHOST": "db.example", "PGPORT": "6543", "PGUSER": "me", "PGPASSWORD": "p@ss", "PGDATABASE": "shop",
        "PGSSLMODE": "require",
    }  # fmt: skip
    assert libpq("postgres:///shop?host=/run/postgresql") == {
        "PGHOST": "/run/postgresql",
        "PGDATABASE": "shop",
    }
    with pytest.raises(CannotMeasure, match="no number"):
        libpq("postgresql://x:99999999/y")


def test_a_log_of_the_service(tmp_path: Path) -> None:
    log = Log(tmp_path / "queries.jsonl")
    assert log.so_far() == {}
    rows = [
        {"query": "select  1\nfrom t where name = 'it''s me'", "ms": 80},
        {"query": "x", "ms": "slow"},
        [],
        3,
    ]
    log.path.write_text("\n".join(map(json.dumps, rows)) + "\nno json\n")
    before = log.so_far()
    more = [{"query": "select 2 from t where name = 'you'", "ms": 20.5}]
    with log.path.open("a") as file:
        file.write("\n".join(map(json.dumps, more)) + "\n")
    (found,) = since(before, log.so_far())
    assert (found.calls, found.total_ns, found.longest_ns) == (1, 20.5e6, None)
    assert "me" not in found.text.split("name")[1], "values are nobody's business"


def test_counts_that_were_reset_begin_anew() -> None:
    def query(calls: int, total: float) -> dict[str, Query]:
        return {"1": Query(text="q", calls=calls, total_ns=total)}

    assert since(query(10, 100.0), query(3, 30.0)) == (Query(text="q", calls=3, total_ns=30.0),)
    assert since(query(10, 100.0), query(10, 100.0)) == ()
    assert since({}, query(1, 5.0))[0].mean_ns == 5.0


def test_the_address_of_the_settings_is_filled_and_its_password_secret(tmp_path: Path) -> None:
    options = Queries(postgres="$ADDRESS/{port}")
    places = Places(checkout=tmp_path, python="python3", port=7)
    system = System(environ={"ADDRESS": "postgresql://me:hush-hush@h"})
    counter, secrets = counter_of(options, places, system)
    assert counter == Postgres("postgresql://me:hush-hush@h/7", system)
    assert secrets.mask("says hush-hush") == "says ***"
    assert "hush" not in repr(counter)
    assert counter_of(None, places, system)[0] is None
    log, _ = counter_of(Queries(log="out/q.jsonl"), places, system)
    assert log == Log(tmp_path / "out" / "q.jsonl")


@pytest.mark.parametrize(
    "given_", [{}, {"postgres": "postgresql://h/d", "log": "x"}, {"postgres": "mysql://h"}]
)
def test_settings_that_cannot_be(given_: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"exactly one|pattern"):
        Queries(**given_)


@given(
    st.lists(
        st.binary(max_size=80) | st.just(b'{"query": "a", "ms": 1e308}') | st.just(b'{"query": 3, "ms": 2}')
    )
)
def test_any_log_is_read(tmp_path_factory: pytest.TempPathFactory, lines: list[bytes]) -> None:
    path = tmp_path_factory.mktemp("log") / "q.jsonl"
    path.write_bytes(b"\n".join(lines))
    for query in Log(path).so_far().values():
        assert query.calls > 0
        assert 0 <= query.mean_ns < 1e22


def test_statements_of_several_launches_are_one() -> None:
    one = Query(text="q", calls=2, total_ns=10.0, longest_ns=7.0)
    other = Query(text="q", calls=1, total_ns=5.0)
    assert added([one, other]) == (Query(text="q", calls=3, total_ns=15.0, longest_ns=7.0),)
