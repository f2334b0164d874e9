from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from perf_action.machine.sampler import Sampler
from perf_action.machine.tree import MARKER, Tree

MARK = "tree-test"


@pytest.fixture
def start():
    processes = []

    def run(script: str) -> subprocess.Popen[bytes]:
        env = {**os.environ, MARKER: MARK}
        processes.append(
            subprocess.Popen(
                [sys.executable, "-c", script],
                env=env,
                stdout=subprocess.PIPE,
                stdin=subprocess.PIPE,
                start_new_session=True,
            )
        )
        assert processes[-1].stdout.readline() == b"up\n"
        return processes[-1]

    yield run
    for process in processes:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


BURN = "def burn(s):\n import time\n e=time.process_time()+s\n while time.process_time()<e: pass\n"


def test_cpu_time_of_all_processes_is_summed_and_never_falls(start):
    """Live workers, children waited for, and an orphan that nobody waits for: 5 x 0.1 s."""
    process = start(
        f"{BURN}import os, sys\nprint('up', flush=True)\nsys.stdin.readline()\n"
        "burn(0.1)\n"
        "for _ in range(2):\n"
        "  if os.fork() == 0: burn(0.1); os._exit(0)\n"
        "os.wait(); os.wait()\n"
        "if os.fork() == 0:\n"
        "  if os.fork() == 0: burn(0.1); import time; time.sleep(0.3); os._exit(0)\n"
        "  import time; time.sleep(0.2); burn(0.1); os._exit(0)\n"
        "os.wait(); print('done', flush=True); sys.stdin.readline()\n"
    )
    tree = Tree(process.pid, MARK)
    before = tree.usage()
    process.stdin.write(b"\n")
    process.stdin.flush()
    seen = [before.cpu_ns]
    for _ in range(60):
        time.sleep(0.03)
        seen.append(tree.usage().cpu_ns)
        if len(tree.pids()) == 1 and seen[-1] - seen[0] > 0.45e9:
            break
    assert seen == sorted(seen)
    assert 0.48e9 < seen[-1] - seen[0] < 0.62e9


def test_a_child_waited_for_between_two_readings_is_counted(start):
    process = start(
        f"{BURN}import os, sys, subprocess\nprint('up', flush=True)\nsys.stdin.readline()\n"
        "subprocess.run([sys.executable, '-c', 'import time\\nwhile time.process_time()<0.15: pass'])\n"
        "print('done', flush=True); sys.stdin.readline()\n"
    )
    tree = Tree(process.pid, MARK)
    before = tree.usage()
    process.stdin.write(b"\n")
    process.stdin.flush()
    assert process.stdout.readline() == b"done\n"
    used = tree.usage().cpu_ns - before.cpu_ns
    assert 0.14e9 < used < 0.3e9


def test_children_that_nobody_waits_for_are_kept(start):
    """SIGCHLD ignored: the kernel gives the time of the dead to nobody."""
    process = start(
        f"{BURN}import os, sys, signal, time\nsignal.signal(signal.SIGCHLD, signal.SIG_IGN)\nprint('up', flush=True)\n"
        "sys.stdin.readline()\n"
        "if os.fork() == 0: burn(0.1); print('burnt', flush=True); time.sleep(0.3); os._exit(0)\n"
        "time.sleep(60)\n"
    )
    tree = Tree(process.pid, MARK)
    before = tree.usage()
    process.stdin.write(b"\n")
    process.stdin.flush()
    assert process.stdout.readline() == b"burnt\n"
    with_child = tree.usage()
    assert with_child.processes == 2
    while len(tree.pids()) == 2:
        time.sleep(0.02)
    after = tree.usage()
    assert after.processes == 1
    assert after.cpu_ns - before.cpu_ns > 0.095e9


def test_memory_io_faults_and_switches_are_of_the_whole_tree(start, tmp_path):
    process = start(
        "import os, sys, time\n"
        "for _ in range(2):\n"
        "  if os.fork() == 0:\n"
        "    x = b'x' * 30_000_000; time.sleep(60)\n"
        "time.sleep(0.3)\n"
        "print('up', flush=True); sys.stdin.readline()\n"
        f"with open({str(tmp_path / 'f')!r}, 'wb') as f: f.write(b'x' * 1_000_000); f.flush(); os.fsync(f.fileno())\n"
        "for _ in range(50): time.sleep(0.001)\n"
        "print('done', flush=True); sys.stdin.readline()\n"
    )
    tree = Tree(process.pid, MARK)
    before = tree.usage()
    assert before.processes == 3
    assert before.rss_bytes > 60_000_000
    assert before.pss_bytes is not None
    assert 60_000_000 < before.pss_bytes < before.rss_bytes
    assert before.minor_faults > 10_000
    process.stdin.write(b"\n")
    process.stdin.flush()
    assert process.stdout.readline() == b"done\n"
    after = tree.usage(pss=False)
    assert after.pss_bytes is None
    assert after.written_bytes - before.written_bytes >= 1_000_000
    assert after.context_switches - before.context_switches >= 50


def test_the_profilers_own_processes_are_left_out(start):
    process = start(
        "import os, sys, time, subprocess\n"
        "child = subprocess.Popen(['sleep', '60'])\ntime.sleep(0.1)\nprint('up', flush=True)\nsys.stdin.readline()"
    )
    whole, without = Tree(process.pid, MARK), Tree(process.pid, MARK, ("sleep",))
    assert whole.usage().processes == 2
    assert without.usage().processes == 1
    assert len(without.pids()) == 2
    assert without.service_pids() == (process.pid,)


def test_reading_a_small_tree_is_cheap(start):
    process = start("print('up', flush=True); import time; time.sleep(60)")
    tree = Tree(process.pid, MARK)
    spent = []
    for _ in range(20):
        began = time.process_time()
        tree.usage(pss=False)
        spent.append(time.process_time() - began)
    assert min(spent) < 0.001


def test_a_tree_that_is_gone_has_used_what_it_had():
    process = subprocess.Popen([sys.executable, "-c", "pass"])
    tree = Tree(process.pid)
    tree.usage()
    process.wait()
    usage = tree.usage()
    assert (usage.processes, usage.rss_bytes) == (0, 0)


def test_the_sampler_sees_memory_grow_and_the_peak_between_samples(start):
    process = start(
        "import sys, time\nprint('up', flush=True)\nsys.stdin.readline()\n"
        "x = b'x' * 80_000_000; del x\ntime.sleep(0.1); y = b'x' * 20_000_000\nprint('done', flush=True); time.sleep(60)"
    )
    made = iter(range(10_000))
    sampler = Sampler(Tree(process.pid), interval=0.05, requests=lambda: next(made))
    sampler.start()
    time.sleep(0.12)
    process.stdin.write(b"\n")
    process.stdin.flush()
    assert process.stdout.readline() == b"done\n"
    time.sleep(0.12)
    sampler.stop()
    sampler.stop()
    series = sampler.series(launch=3)
    assert (series.name, series.unit, series.launch) == ("memory.rss", "bytes", 3)
    assert len(series.values) >= 4
    assert series.values[-1] - series.values[0] > 18_000_000
    assert list(series.t_ns) == sorted(series.t_ns)
    assert list(series.requests) == list(range(len(series.values)))
    assert sampler.peak_bytes > 80_000_000


def test_a_sampler_that_was_not_started_has_nothing():
    sampler = Sampler(Tree(os.getpid()))
    sampler.stop()
    assert sampler.series().values == ()
    assert sampler.peak_bytes == 0
