from __future__ import annotations

import gzip
import os
import signal
import socket
import time
from pathlib import Path

import pytest
import zstandard

from perf_action.config import Ready
from perf_action.errors import CannotMeasure, ServiceDidNotStart
from perf_action.machine.service import Service
from perf_action.machine.tree import MARKER
from perf_action.profilers import Plan

LOOP = "import time\nprint('up', flush=True)\nwhile True: time.sleep(0.05)\n"
UP = Ready(log="^up", timeout=10)


def marked(service: Service) -> list[int]:
    """Every process of the machine that carries the mark of this launch."""
    mark = f"{MARKER}={dict(service.target.env)[MARKER]}".encode()
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (entry / "environ").read_bytes():
                found.append(int(entry.name))
        except OSError:
            continue
    return found


@pytest.mark.parametrize(
    "ready",
    [
        None,
        Ready(tcp="127.0.0.1:{port}", timeout=10),
        Ready(url="http://127.0.0.1:{port}/health", timeout=10),
        Ready(log="^listening$", timeout=10),
    ],
    ids=["default", "tcp", "url", "log"],
)
def test_a_service_is_started_awaited_and_stopped(launch, ready):
    service = launch("python server.py {port}", ready=ready)
    assert 0 < service.wait_ready() < 10e9
    assert service.alive()
    ending = service.stop()
    assert ending.code == -signal.SIGTERM
    assert not ending.killed
    assert not service.alive()
    assert marked(service) == []


def test_the_health_check_sends_headers_from_the_environment(launch, tmp_path):
    ready = Ready(url="http://127.0.0.1:{port}/", headers={"X-Key": "$API_KEY"}, timeout=10)
    service = launch("python server.py {port}", ready=ready, env={"KEY": "$API_KEY"})
    service.wait_ready()
    service.close()
    assert (tmp_path / "service.log").read_text().splitlines()[0] == "key *** checked"


def test_a_wrong_answer_is_not_ready_and_the_secret_is_in_no_error(launch):
    ready = Ready(url="http://127.0.0.1:{port}/", headers={"X-Key": "not-the-key"}, timeout=0.5)
    service = launch("python server.py {port}", ready=ready, env={"KEY": "$API_KEY"})
    with pytest.raises(ServiceDidNotStart) as error:
        service.wait_ready()
    assert str(error.value) == (
        f"the service was not ready within 0.5 s: GET http://127.0.0.1:{service.port}/ does not answer 2xx "
        "(status 401): listening"
    )
    assert error.value.log_tail == "key *** checked\nlistening"


def test_a_service_that_never_listens_is_told_what_may_be_wrong(launch):
    service = launch("python app.py", LOOP, Ready(tcp="127.0.0.1:{port}", timeout=0.4))
    with pytest.raises(ServiceDidNotStart) as error:
        service.wait_ready()
    assert str(error.value) == (
        f"the service was not ready within 0.4 s: nothing listens on 127.0.0.1:{service.port} "
        "([Errno 111] Connection refused); neither service.command nor service.env has {port} in it: up"
    )


def test_a_service_that_dies_at_the_start_is_noticed_at_once(launch):
    script = "import os, sys\nprint('connecting with', os.environ['KEY'])\nsys.exit('no database')\n"
    service = launch(
        "python app.py {port}", script, Ready(tcp="127.0.0.1:{port}", timeout=30), env={"KEY": "$API_KEY"}
    )
    began = time.monotonic()
    with pytest.raises(ServiceDidNotStart) as error:
        service.wait_ready()
    assert time.monotonic() - began < 10
    assert str(error.value) == "the service ended with exit code 1 before it was ready: no database"
    assert error.value.exit_code == 3
    assert "s3cret" not in error.value.log_tail


def test_death_later_is_seen(launch):
    service = launch(
        "python app.py", "import time\nprint('up', flush=True)\ntime.sleep(0.3)\nraise SystemExit(7)\n", UP
    )
    service.wait_ready()
    for _ in range(100):
        if not service.alive():
            break
        time.sleep(0.05)
    assert not service.alive()
    assert service.stop().code == 7


def test_a_taken_port_is_named_before_anything_starts(prepared, tmp_path, system):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        config = prepared("python server.py {port}", port=port)
        with (
            Service(config, system, log=tmp_path / "log") as service,
            pytest.raises(ServiceDidNotStart) as error,
        ):
            service.start()
    assert str(error.value).startswith(f"port {port} is taken; end what listens there (ss -ltnp ")


def test_a_program_that_is_not_there_is_an_error(launch):
    with pytest.raises(CannotMeasure, match=r"no-such-program is not installed"):
        launch("no-such-program --port {port}")


def test_one_that_ignores_sigterm_is_killed_after_stop_timeout(launch):
    script = f"import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n{LOOP}"
    service = launch("python app.py", script, UP, **{"stop-timeout": 0.4})
    service.wait_ready()
    ending = service.stop()
    assert ending.killed
    assert str(ending).startswith("killed after it ignored SIGTERM after 0.")
    assert marked(service) == []


GRACEFUL = """
import signal, sys, time
def end(*_):
    print("flushed", flush=True)
    sys.exit(0)
signal.signal(signal.SIGTERM, end)
print("up", flush=True)
while True: time.sleep(0.05)
"""


@pytest.mark.parametrize(
    "command",
    ["python app.py", "cd . && python app.py", "python app.py; true", "./run"],
    ids=["alone", "shell", "list", "script"],
)
def test_sigterm_reaches_the_service_and_not_the_shell_round_it(launch, checkout, tmp_path, command):
    (checkout / "run").write_text("#!/bin/sh\npython app.py\n")
    (checkout / "run").chmod(0o755)
    service = launch(command, GRACEFUL, UP)
    service.wait_ready()
    ending = service.stop()
    service.close()
    assert not ending.killed
    assert "flushed" in (tmp_path / "service.log").read_text()


def test_a_shell_that_starts_its_child_again_is_ended_too(launch):
    service = launch("echo up; while true; do sleep 0.05; done", ready=UP, **{"stop-timeout": 5})
    service.wait_ready()
    ending = service.stop()
    assert not ending.killed
    assert marked(service) == []


DAEMON = """
import os, sys
if os.fork(): os._exit(0)
os.setsid()
if os.fork(): os._exit(0)
sys.argv[1:] = [sys.argv[1]]
exec(open("server.py").read())
"""


def test_a_service_that_daemonises_is_measured_and_stopped(launch):
    service = launch("python app.py {port}", DAEMON)
    service.wait_ready()
    time.sleep(0.1)
    assert service.alive()
    assert service.usage().rss_bytes > 1_000_000
    assert service.usage().cpu_ns > 1_000_000
    service.stop()
    assert marked(service) == []
    assert not service.alive()


def test_what_changed_its_session_and_parent_is_not_left_behind(launch):
    script = """
    import os, subprocess, sys, time
    subprocess.Popen(["setsid", sys.executable, "-c", "import time; time.sleep(60)"])
    if os.fork() == 0:
        os.setsid()
        if os.fork(): os._exit(0)
        time.sleep(60)
    os.wait()
    print("up", flush=True)
    time.sleep(60)
    """
    service = launch("python app.py", script, UP)
    service.wait_ready()
    assert len(marked(service)) == 3
    ending = service.stop()
    assert ending.strays == 1  # the one without a parent had a SIGTERM of its own
    assert marked(service) == []


def test_closing_without_stopping_leaves_nothing(launch, tmp_path):
    service = launch("python app.py", LOOP, UP)
    service.wait_ready()
    service.close()
    service.close()
    assert marked(service) == []
    assert not service.work.exists()
    assert (tmp_path / "service.log").read_text() == "up\n"


def test_before_launch_and_env_see_the_same_fresh_work_folder(launch, tmp_path):
    script = "import os, time\nprint(open(os.environ['DB']).read(), flush=True)\nprint('up', flush=True)\ntime.sleep(60)\n"
    service = launch(
        "python app.py",
        script,
        UP,
        env={"DB": "{work}/a b.db"},
        **{"before-launch": "echo seeded > {work}/'a b.db'"},
    )
    service.wait_ready()
    service.close()
    assert (tmp_path / "service.log").read_text().startswith("seeded")


def test_a_failing_before_launch_says_so(launch):
    with pytest.raises(
        CannotMeasure, match=r"^service\.before-launch failed \(exit code 3\): no seed; the whole output"
    ):
        launch("python app.py", LOOP, UP, **{"before-launch": "echo no seed; exit 3"})


def test_all_threads_are_pinned(launch, system):
    script = f"import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n{LOOP}"
    service = launch("cd . && python app.py", script, UP)
    service.wait_ready()
    core = system.cores()[-1]
    service.pin((core,))
    threads = [task for pid in service.tree.pids() for task in Path(f"/proc/{pid}/task").iterdir()]
    assert len(threads) == 3
    assert {tuple(os.sched_getaffinity(int(task.name))) for task in threads} == {(core,)}


def test_a_plan_adds_to_the_environment_and_wraps(prepared, tmp_path, system):
    config = prepared(
        "python app.py", "import os, time\nprint('up', os.environ['X'], flush=True)\ntime.sleep(60)\n", UP
    )
    with Service(config, system, log=tmp_path / "log") as service:
        service.start(Plan(argv=("env", "Y=1", *service.target.argv), env=(("X", "yes"),)))
        service.wait_ready()
        assert service.log_tail() == "up yes"


def test_a_very_long_log_keeps_its_beginning_and_its_end(launch, tmp_path):
    script = "print('first')\nfor _ in range(40_000): print('x' * 99)\nprint('last')\nraise SystemExit(1)\n"
    service = launch("python app.py", script, UP)
    with pytest.raises(ServiceDidNotStart, match="last"):
        service.wait_ready()
    service.close()
    log = (tmp_path / "service.log").read_text()
    assert log.startswith("first")
    assert log.endswith("last\n")
    assert "bytes left out" in log
    assert len(log) < 2_100_000


def test_a_capture_is_scrubbed_of_secrets_and_otherwise_left_alone(launch, tmp_path):
    service = launch("python app.py", LOOP, UP, env={"KEY": "$API_KEY"})
    capture = tmp_path / "py-spy.0.raw"
    capture.write_bytes(b'process 1:"app --key s3cret/of+mine";f 3\n\xff')
    service.scrub(capture)
    assert capture.read_bytes() == b'process 1:"app --key ***";f 3\n\xff'
    written = capture.stat().st_mtime_ns
    service.scrub(capture)
    assert capture.stat().st_mtime_ns == written


def test_a_packed_capture_is_scrubbed_where_the_command_line_stands(launch, tmp_path):
    service = launch("python app.py", LOOP, UP, env={"KEY": "$API_KEY"})
    text = b"v 10400 3\nX ./app --key s3cret/of+mine\n" + b"+ 1\n- 1\n" * 400_000
    for pack, unpack in ((gzip.compress, gzip.decompress), (zstandard.compress, unpack_zstd)):
        capture = tmp_path / "heaptrack.service"
        capture.write_bytes(pack(text))
        service.scrub(capture)
        assert unpack(capture.read_bytes()) == text.replace(b"s3cret/of+mine", b"***")
        written = capture.stat().st_mtime_ns
        service.scrub(capture)
        assert capture.stat().st_mtime_ns == written
        capture.write_bytes(pack(text)[:-5])
        service.scrub(capture)
        assert capture.read_bytes() == b""


def unpack_zstd(data: bytes) -> bytes:
    return zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True).read()


def test_a_disk_that_is_full_leaves_no_process_and_no_folder(launch, tmp_path):
    """The log cannot be kept: where it should go is a file."""
    service = launch("python app.py", LOOP, UP)
    service.wait_ready()
    (tmp_path / "service.log").mkdir()
    with pytest.raises(IsADirectoryError):
        service.close()
    assert marked(service) == []
    assert not service.work.exists()
    (tmp_path / "service.log").rmdir()


def test_a_binary_capture_keeps_its_offsets_when_secrets_are_masked(launch, tmp_path):
    service = launch("python app.py", LOOP, UP, env={"KEY": "$API_KEY"})
    capture = tmp_path / "perf.data"
    capture.write_bytes(b"PERFILE2\0\1 k=s3cret/of+mine \0tail")
    service.scrub(capture)
    assert capture.read_bytes() == b"PERFILE2\0\1 k=************** \0tail"
