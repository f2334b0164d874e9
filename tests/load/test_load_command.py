"""Any command, started anew for each slice: amounts, results, errors."""

from __future__ import annotations

import json
import time

import pytest

from perf_action.errors import InputError, LoadFailed, ToolMissing
from perf_action.load.session import Amount


def writing(**metrics: object) -> dict[str, str]:
    """A command that writes these metrics."""
    return {"command": f"printf '%s' '{json.dumps(metrics)}' > {{out}}/r.json", "result": "{out}/r.json"}


def test_the_result_is_in_canonical_units(bench, slice_of):
    metrics = {
        "load.requests": (200, "count"),
        "load.error_rate": (1.5, "percent"),
        "latency.p50": (1.25, "ms"),
        "latency.p95": (0.004, "s"),
    }
    session = bench.open("command", **writing(**metrics))
    clock = time.monotonic_ns()
    result = slice_of(session, requests=200)
    assert clock <= result.start_ns < result.end_ns <= time.monotonic_ns()
    assert (result.requests, result.errors) == (200, 3)
    assert (result.latency_p50_ns, result.latency_p95_ns, result.latency_p99_ns) == (1.25e6, 4e6, None)


def test_start_up_is_not_part_of_the_slice_where_the_tool_knows_its_throughput(bench, slice_of):
    line = writing(**{"load.requests": (100, "count"), "load.throughput": (1000, "1/s")})
    session = bench.open("command", command=f"sleep 0.4; {line['command']}", result=line["result"])
    result = slice_of(session, requests=100)
    assert result.end_ns - result.start_ns == pytest.approx(0.1e9)


def test_a_command_gets_the_amount_the_place_and_its_environment(bench, server, slice_of):
    bench.env = {"WHO": "me"}
    script = 'echo "$0 {requests} {seed} {port} $PERF_LOAD_URL $PERF_LOAD_REQUESTS $NAME $1" > {out}/said'
    session = bench.open(
        "command", command=["sh", "-c", script, "zero"], args=["{port}!"], env={"NAME": "$WHO"}
    )
    result = slice_of(session, requests=12, seed=3)
    assert (result.requests, result.latency_p95_ns) == (None, None)
    said = (bench.folder / "out/slice-000/said").read_text().split()
    port = str(server.port)
    assert said == ["zero", "12", "3", port, server.url, "12", "me", f"{port}!"]


def test_each_slice_has_a_folder_and_starts_without_the_last_result(bench, slice_of):
    session = bench.open(
        "command",
        command='test {seed} = 2 || printf \'{"load.requests": [5, "count"]}\' > r.json; touch {out}/here',
        result="r.json",
        args=[],
    )
    assert slice_of(session, requests=5, seed=1).requests == 5
    with pytest.raises(LoadFailed, match=r"wrote no result r.json"):
        slice_of(session, requests=5, seed=2)
    assert {p.parent.name for p in bench.folder.rglob("here")} == {"slice-000", "slice-001"}


def test_two_sessions_run_side_by_side(bench):
    sessions = [
        bench.open("command", command=f"sleep {s}", where=bench.where(out=bench.folder / s))
        for s in ("0.6", "0.3")
    ]
    for session in sessions:
        session.begin(Amount(seconds=1))
    slow, quick = (session.finish(10) for session in sessions)
    assert slow.end_ns - slow.start_ns >= 0.6e9
    assert 0.3e9 <= quick.end_ns - quick.start_ns < 0.6e9  # not when somebody asked for it


@pytest.mark.parametrize(
    ("scenario", "said"),
    [
        ({"command": "echo oh dear; exit 3"}, r"command ended with exit code 3; its last output: oh dear$"),
        ({"command": "true", "result": "{out}/r.json"}, r"wrote no result r.json"),
        ({"command": "echo x > {out}/r.json", "result": "{out}/r.json"}, r"r.json: not JSON"),
        (writing(**{"load.requests": (0, "count")}), r"no request was made"),
        (
            writing(**{"load.requests": (5, "count"), "load.error_rate": (1, "ratio")}),
            r"all 5 requests failed",
        ),
        ({"command": "echo waiting; sleep 60"}, r"did not end within 0.5 s; its last output: waiting$"),
    ],
    ids=["exit", "nothing", "garbage", "zero", "errors", "hang"],
)
def test_a_command_that_makes_no_load_is_an_error(bench, slice_of, scenario, said):
    def read(path):
        try:
            return type(bench).read(path)
        except ValueError:
            raise InputError(path, "not JSON") from None

    bench.read = read
    session = bench.open("command", **scenario)
    with pytest.raises(LoadFailed, match=said):
        slice_of(session, timeout=0.5 if "60" in scenario["command"] else 10, requests=5)


def test_an_unknown_program_is_named(bench, slice_of):
    session = bench.open("command", command=["no-such-load-tool", "{url}"])
    with pytest.raises(ToolMissing, match="no-such-load-tool is not installed"):
        slice_of(session, requests=1)
    session = bench.open("command", command="no-such-load-tool {url}")
    with pytest.raises(LoadFailed, match=r"exit code 127; its last output: .*not found"):
        slice_of(session, requests=1)


def test_secrets_are_in_no_error_and_no_log(bench, slice_of):
    bench.env = {"DEPLOY_TOKEN": "s3cr3t-outer"}
    session = bench.open("command", command="echo $MINE $DEPLOY_TOKEN; exit 1", env={"MINE": "s3cr3t own"})
    with pytest.raises(LoadFailed, match=r"last output: \*\*\* \*\*\*$"):
        slice_of(session, requests=1)
    assert (bench.folder / "out/slice-000/command.log").read_text() == "*** ***\n"


def test_nothing_is_left_running(bench, slice_of, system):
    session = bench.open("command", command="sleep 300 & echo $! > {out}/pid; wait")
    session.begin(Amount(requests=1))
    file = bench.folder / "out/slice-000/pid"
    while not (file.exists() and file.read_text()):
        time.sleep(0.01)
    session.close()
    deadline = time.monotonic() + 20
    while is_running(int(file.read_text()), system):  # a killed process is gone when the kernel gets to it
        assert time.monotonic() < deadline


def is_running(pid, system):
    return system.run(["ps", "-o", "stat=", "-p", str(pid)], timeout=5).stdout.strip() not in ("", "Z")


def test_a_session_that_was_not_begun_has_no_result(bench):
    with pytest.raises(LoadFailed, match="no slice was begun"):
        bench.open("command", command="true").finish(1)
