"""Services that run already, found and looked at: real processes, real sockets."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from perf_action.config import Service
from perf_action.errors import CannotMeasure
from perf_action.machine.existing import ExistingService, find
from perf_action.machine.prepare import prepare
from perf_action.machine.worktree import in_place
from perf_action.profilers.plan import Plan
from perf_action.system import System

SERVER = (
    "import http.server, sys\n"
    "s = http.server.HTTPServer(('127.0.0.1', 0), http.server.SimpleHTTPRequestHandler)\n"
    "print(s.server_port, flush=True); s.serve_forever()"
)
ID = "4f1a" * 16


@pytest.fixture
def server() -> Iterator[tuple[int, int]]:
    """A service that somebody else started: its pid and port."""
    with subprocess.Popen([sys.executable, "-c", SERVER], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.pid, int(process.stdout.readline())
        process.kill()


def existing(tmp_path: Path, system: System, **service: object) -> ExistingService:
    options = Service.model_validate(service)
    checkout = in_place(system, tmp_path)
    return ExistingService(
        prepare(checkout, options, system, log=tmp_path / "log", scratch=tmp_path / "scratch"), system
    )


def test_by_process_id_with_the_port_it_listens_on(
    server: tuple[int, int], tmp_path: Path, system: System
) -> None:
    pid, port = server
    service = existing(tmp_path, system, pid=pid)
    service.start(Plan(argv=service.target.argv))
    assert (service.pid, service.port, service.target.pid) == (pid, port, pid)
    assert service.wait_ready() is None
    assert service.usage().cpu_ns > 0
    assert service.tree.service_pids() == (pid,)
    service.stop()
    assert service.alive()


def test_by_the_address_it_answers_on(server: tuple[int, int], system: System) -> None:
    pid, port = server
    assert find(Service(url=f"http://localhost:{port}/health"), system) == pid


@pytest.mark.parametrize(
    ("service", "reason"),
    [
        ({"pid": 2**22 - 1}, "no process 4194303"),
        ({"url": "http://127.0.0.1:9"}, "no process of this user listens on port 9"),
        ({"url": "http://example.com/"}, "example.com is another machine"),
        ({"container": "web-1"}, "no running container 'web-1'"),
    ],
)
def test_what_is_not_there_is_said_with_what_to_do(
    service: dict[str, object], reason: str, system: System
) -> None:
    with pytest.raises(CannotMeasure, match=reason):
        find(Service.model_validate(service), system)


@pytest.mark.parametrize(
    "line",
    [f"0::/system.slice/docker-{ID}.scope", f"12:cpu:/docker/{ID}", f"0::/../libpod-{ID}.scope/container"],
)
def test_a_container_is_found_by_its_control_group(line: str, tmp_path: Path, system: System) -> None:
    for pid, text in (("1", "0::/init.scope"), ("812", line), ("977", line), ("self", line)):
        (tmp_path / pid).mkdir()
        (tmp_path / pid / "cgroup").write_text(text + "\n")
    assert find(Service(container=ID[:12]), system, proc=tmp_path) == 812


def test_a_profiler_that_wraps_is_refused(server: tuple[int, int], tmp_path: Path, system: System) -> None:
    service = existing(tmp_path, system, pid=server[0])
    with pytest.raises(CannotMeasure, match=r"has to start the service, but service\.pid names one"):
        service.start(Plan(argv=("valgrind", *service.target.argv)))


def test_one_that_does_not_answer_is_not_ready(
    server: tuple[int, int], tmp_path: Path, system: System
) -> None:
    ready = {"url": f"http://127.0.0.1:{server[1]}/no/such/page"}
    service = existing(tmp_path, system, pid=server[0], ready=ready)
    with pytest.raises(CannotMeasure, match=r"runs, but is not ready: .*status 404"):
        service.wait_ready()
