"""Services that a service needs: small ones that misbehave, and a real PostgreSQL and Redis."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from perf_action.config import Need
from perf_action.errors import CannotMeasure, ServiceDidNotStart
from perf_action.machine.needs import Needed, needed
from perf_action.machine.prepare import Prepared
from perf_action.machine.role import Role
from perf_action.machine.service import Service
from perf_action.machine.tree import MARKER
from perf_action.model.trial import Side

#: a store of one number: "+1" adds, anything else reads; told to end, it says good-bye
STORE = """
import os, signal, socket, sys

def bye(*_):
    print("good-bye", flush=True)
    sys.exit(0)

signal.signal(getattr(signal, os.environ.get("STOP", "SIGTERM")), bye)
print("password", os.environ.get("PASSWORD"), flush=True)
value = 0
with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as server:
    while True:
        with server.accept()[0] as peer:
            said = peer.recv(100)
            value = 0 if said == b"reset" else value + (said == b"+1")
            peer.sendall(b"%d" % value)
"""
ASK = """
import socket, sys
with socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=5) as s:
    s.sendall(sys.argv[2].encode())
    print(s.recv(100).decode())
"""


@pytest.fixture
def start(
    prepared: Callable[..., Prepared], tmp_path: Path, system
) -> Iterator[Callable[..., tuple[Needed, list[str]]]]:
    """Starts needs for base and head; they are stopped at the end."""
    side = prepared("python server.py {port}")
    folder = side.checkout.path
    (folder / "store.py").write_text(STORE)
    (folder / "ask.py").write_text(ASK)
    with ExitStack() as stack:

        def go(sides: tuple[Side, ...] = (Side.BASE, Side.HEAD), **needs: Need) -> tuple[Needed, list[str]]:
            said: list[str] = []
            both = dict.fromkeys(sides, side)
            return stack.enter_context(
                needed(needs, both, system, logs=tmp_path / "logs", say=said.append)
            ), said

        yield go


def need(**more: object) -> Need:
    return Need.model_validate({"command": "python store.py {port}", **more})


def port(running: Needed, side: Side, name: str = "store") -> str:
    return dict(running.values(side))[f"needs.{name}.port"]


def ask(system, side: str, word: str, folder: Path) -> str:
    return system.run(["python", "ask.py", side, word], cwd=folder, timeout=20).stdout.strip()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "päth with spaces"


def test_each_side_has_its_own_and_a_reset_brings_back_the_beginning(start, system, folder):
    running, said = start(store=need(reset="python ask.py {port} reset"))
    assert said == ["base: starting needs.store", "head: starting needs.store"]
    base, head = port(running, Side.BASE), port(running, Side.HEAD)
    assert base != head
    ask(system, base, "+1", folder)
    assert (ask(system, base, "?", folder), ask(system, head, "?", folder)) == ("1", "0")
    ask(system, head, "+1", folder)
    running.reset(Side.BASE)
    assert (ask(system, base, "?", folder), ask(system, head, "?", folder)) == ("0", "1")


def test_a_shared_one_is_there_once_and_reset_once_for_both(start, system, folder):
    running, said = start(store=need(shared=True, reset="python ask.py {port} reset"))
    assert said == ["starting needs.store"]
    assert port(running, Side.BASE) == port(running, Side.HEAD)
    ask(system, port(running, Side.HEAD), "+1", folder)
    running.reset(Side.BASE)
    assert ask(system, port(running, Side.HEAD), "?", folder) == "1"
    running.reset_shared()
    assert ask(system, port(running, Side.HEAD), "?", folder) == "0"


def test_the_service_finds_it(start, prepared, system, tmp_path):
    running, _ = start(store=need())
    side = prepared(
        "python app.py {needs.store.port} $STORE",
        "import sys\nprint('up', *sys.argv[1:], flush=True)\nimport time\ntime.sleep(60)\n",
        ready={"log": "^up"},
        env={"STORE": "tcp://127.0.0.1:{needs.store.port}"},
    )
    with Service(side, system, log=tmp_path / "log", role=Role(places=running.values(Side.HEAD))) as service:
        service.start()
        service.wait_ready()
        mine = port(running, Side.HEAD)
        assert service.log_tail() == f"up {mine} tcp://127.0.0.1:{mine}"


def test_one_need_may_need_another_one(start):
    running, _ = start(
        store=need(),
        proxy=need(
            command="python -c \"import time; print('to', '{needs.store.port}', flush=True); time.sleep(60)\"",
            ready={"log": "^to [0-9]+$"},
        ),
    )
    assert {name for name, _ in running.values(Side.HEAD)} == {
        f"needs.{n}.{f}" for n in ("store", "proxy") for f in ("port", "work")
    }


def test_it_is_asked_to_end_as_it_wants_to_and_leaves_its_log_without_secrets(
    prepared, start, system, tmp_path
):
    side = prepared("python server.py {port}")
    settings = need(stop_signal="INT", env={"STOP": "SIGINT", "PASSWORD": "$API_KEY"})
    with needed({"store": settings}, {Side.HEAD: side}, system, logs=tmp_path / "logs", say=str):
        pass
    log = (tmp_path / "logs" / "needs-store-head.log").read_text()
    assert log.splitlines() == ["password ***", "good-bye"]


def test_set_up_runs_once_before_it_and_a_command_may_say_when_it_is_ready(start):
    running, _ = start(
        (Side.HEAD,),
        store=need(
            setup="touch {work}/made",
            command="sh -c 'sleep 0.3; touch {work}/there; exec sleep 60'",
            ready={"command": "test -f {work}/there -a -f {work}/made"},
        ),
    )
    work = Path(dict(running.values(Side.HEAD))["needs.store.work"])
    assert sorted(p.name for p in work.iterdir()) == ["made", "there"]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            {"command": "sh -c 'echo no disk >&2; exit 3'"},
            "needs.store ended with exit code 3 before it was ready: no disk",
        ),
        (
            {"ready": {"tcp": "127.0.0.1:1", "timeout": "300ms"}},
            "needs.store was not ready within 0.3 s: nothing listens on 127.0.0.1:1",
        ),
        (
            {"ready": {"command": "sh -c 'echo still starting; exit 2'", "timeout": "300ms"}},
            "needs.store was not ready within 0.3 s: sh does not end with 0 (still starting)",
        ),
        ({"setup": "sh -c 'echo no space; exit 1'"}, "needs.store.setup failed (exit code 1): no space"),
        ({"user": "nobody-of-that-name"}, "no user 'nobody-of-that-name'"),
    ],
)
def test_what_does_not_start_is_named_with_its_last_words(start, more, message):
    if "user" in more and os.geteuid() != 0:
        start((Side.HEAD,), store=need(**more))  # who is not root starts it as they are
        return
    with pytest.raises(CannotMeasure) as error:
        start((Side.HEAD,), store=need(**more))
    assert message in str(error.value)


def test_the_first_ones_are_stopped_when_a_later_one_fails(prepared, system, tmp_path, start):
    side = prepared("python server.py {port}")
    both = {"store": need(), "broken": need(command="sh -c 'exit 1'")}
    with (
        pytest.raises(ServiceDidNotStart),
        needed(both, {Side.HEAD: side}, system, logs=tmp_path / "logs", say=str),
    ):
        pass
    assert "good-bye" in (tmp_path / "logs" / "needs-store-head.log").read_text()


def test_a_death_is_told_at_the_next_reset(start):
    running, _ = start((Side.HEAD,), store=need())
    (instance,) = running._instances
    os.kill(instance.service.pid, signal.SIGKILL)
    instance.service._running().wait(5)
    assert running.deaths(Side.HEAD).startswith("; needs.store has died: password")
    with pytest.raises(CannotMeasure, match=r"needs\.store has died"):
        running.reset(Side.HEAD)


def test_a_reset_that_fails_is_named(start):
    running, _ = start((Side.HEAD,), store=need(reset="sh -c 'echo no such table; exit 1'"))
    with pytest.raises(CannotMeasure, match=r"needs.store.reset failed \(exit code 1\): no such table"):
        running.reset(Side.HEAD)


def test_it_goes_where_its_service_goes(start, system):
    running, _ = start((Side.HEAD,), store=need())
    core = system.cores()[0]
    running.pin(Side.HEAD, (core,))
    (instance,) = running._instances
    assert os.sched_getaffinity(instance.service.pid) == {core}


# --- the real ones


@pytest.fixture
def postgres(system):
    """The system with PostgreSQL's programs on the PATH: Debian keeps them in a folder of their own."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    assert folders, "PostgreSQL is needed: tests/packages.sh"
    path = f"{folders[-1]}:{system.environ['PATH']}"
    return type(system)({**system.environ, "PATH": path})


POSTGRES = Need.model_validate(
    {
        "user": "postgres",
        "setup": "initdb --auth=trust --username=app --no-sync -D {work}/data",
        "command": "postgres -D {work}/data -p {port} -k {work} -c listen_addresses=127.0.0.1 -c fsync=off",
        "ready": {"command": "pg_isready -q -h 127.0.0.1 -p {port}"},
        "reset": (
            "psql -q -h 127.0.0.1 -p {port} -U app -d postgres -v ON_ERROR_STOP=1 "
            "-c 'drop table if exists item' -c 'create table item (id int primary key)'"
        ),
        "stop-signal": "INT",
    }
)


@pytest.mark.slow
def test_a_real_postgresql(start, prepared, postgres, tmp_path):
    side = replace(prepared("python server.py {port}"), env=dict(postgres.environ))
    both = dict.fromkeys((Side.BASE, Side.HEAD), side)
    # the folder of a test belongs to root alone; PostgreSQL's own user has to get into the checkout
    for folder in (side.directory, *side.directory.parents):
        if folder.owner() == "root" and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o011)

    def sql(side: Side, text: str) -> str:
        argv = ["psql", "-qAt", "-h", "127.0.0.1", "-p", port(running, side, "postgres"), "-U", "app"]
        return postgres.run([*argv, "-d", "postgres", "-c", text], timeout=30).stdout.strip()

    with needed({"postgres": POSTGRES}, both, postgres, logs=tmp_path / "logs", say=str) as running:
        for one in both:
            running.reset(one)
        sql(Side.BASE, "insert into item values (1), (2)")
        assert [sql(one, "select count(*) from item") for one in both] == ["2", "0"]
        running.reset(Side.BASE)
        assert sql(Side.BASE, "select count(*) from item") == "0"
        running.pin(Side.HEAD, (postgres.cores()[0],))
        pids = [i.service.pid for i in running._instances]
        owners = {Path(f"/proc/{pid}").owner() for pid in pids}
        assert owners == ({"postgres"} if os.geteuid() == 0 else {Path.home().owner()})
        mark = dict(running._instances[0].service.target.env)[MARKER]
    assert [p for p in pids if Path(f"/proc/{p}").exists()] == []
    environs = map(str, Path("/proc").glob("[0-9]*/environ"))
    assert subprocess.run(["grep", "-la", mark, *environs], capture_output=True).stdout == b""
    log = (tmp_path / "logs" / "needs-postgres-head.log").read_text()
    assert "database system is ready to accept connections" in log
    assert "database system is shut down" in log


@pytest.mark.slow
def test_a_real_redis(start, prepared, system, tmp_path):
    assert shutil.which("redis-server"), "Redis is needed: tests/packages.sh"
    redis = Need.model_validate(
        {
            "command": "redis-server --port {port} --bind 127.0.0.1 --dir {work} --save '' --appendonly no",
            "ready": {"log": "Ready to accept connections"},
            "reset": "redis-cli -p {port} flushall",
        }
    )
    both = dict.fromkeys((Side.BASE, Side.HEAD), prepared("python server.py {port}"))

    def cli(side: Side, *words: str) -> str:
        argv = ["redis-cli", "-p", port(running, side, "redis"), *words]
        return system.run(argv, timeout=20).stdout.strip()

    with needed({"redis": redis}, both, system, logs=tmp_path / "logs", say=str) as running:
        cli(Side.BASE, "incr", "n")
        assert (cli(Side.BASE, "get", "n"), cli(Side.HEAD, "get", "n")) == ("1", "")
        running.reset(Side.BASE)
        assert cli(Side.BASE, "dbsize") == "0"
    assert "ready to exit, bye bye" in (tmp_path / "logs" / "needs-redis-base.log").read_text()
