"""Each fault of each example service is visible by measurement, and does nothing else; and the one set of load scripts
works on all of them.
"""

from __future__ import annotations

import random
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import psutil
import pytest

from perf_action import formats
from perf_action.config.groups import Scenario
from perf_action.load import tool
from perf_action.load.session import Amount, Where
from perf_action.system import System

pytestmark = pytest.mark.slow

NATIVE = ("rust", "go", "c")
LANGUAGES = ("python", *NATIVE)
#: requests, of which two clients make half each: of them the first do not count; where memory is looked at, all are more
WARM_UP, COUNTED, LONGER = 200, 300, 3


@dataclass(frozen=True)
class Cost:
    """What a request costs: seconds of CPU, seconds that a client waits, and bytes of memory that stay."""

    cpu: float
    wait: float
    grown: float


def use(client, samples, requests: int, seed: int) -> None:
    """The load's mix without its checks for compatibility: all of it takes the registry's lock once."""
    rng = random.Random(seed)
    for _ in range(requests):
        subject, version = rng.choice(samples.SUBJECTS), rng.randint(1, 3)
        known, draw = samples.schema_id(subject, version), rng.random()
        if draw < 0.6:
            answer = client.ask("GET", f"/schemas/{known}")
        elif draw < 0.8:
            answer = client.ask("POST", f"/validate/{known}", samples.document(subject, rng))
        else:
            answer = client.ask("POST", f"/schemas/{subject}", samples.schema(subject, version))
        assert answer.status == 200


def measured(client, samples, times: int) -> Cost:
    counted = times * COUNTED
    process = psutil.Process(client.process.pid)

    def together(requests: int, seed: int) -> None:
        list(pool.map(lambda one: use(one, samples, requests // 2, seed), clients))

    with ThreadPoolExecutor(2) as pool, client.another() as one, client.another() as two:
        clients = (one, two)
        together(times * WARM_UP, 1)
        before, rss, began = process.cpu_times(), process.memory_info().rss, time.monotonic()
        together(counted, 2)
    took, after = time.monotonic() - began, process.cpu_times()
    cpu = after.user + after.system - before.user - before.system
    return Cost(cpu / counted, took / counted, (process.memory_info().rss - rss) / counted)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_fault_is_there_to_be_found(launched, registry, language):
    costs = {}
    for fault in ("", "slow", "leak", "lock", "query"):
        with launched(language, {"REGISTRY_FAULT": fault}) as client:
            costs[fault] = measured(client, registry.samples, LONGER if fault in ("", "leak") else 1)
    well = costs[""]
    assert costs["slow"].cpu > 1.4 * well.cpu, costs
    assert costs["query"].cpu > 2 * well.cpu, costs
    assert costs["lock"].wait > 0.001, costs  # one after the other, a millisecond each
    assert costs["lock"].cpu < 2 * well.cpu + 0.0002, costs
    assert costs["leak"].grown > 1500, costs
    assert costs["leak"].cpu < 3 * well.cpu + 0.0002, costs
    assert well.grown < 1000, costs


@pytest.mark.parametrize("language", NATIVE)
@pytest.mark.parametrize("load", ["baseline", "stress"])
def test_the_load_of_the_python_service_works_on_all(launched, built, tmp_path, language, load):
    system = System(built(language).env)
    scenario: Scenario = built(language).loads[load]
    with launched(language) as client:
        where = Where(
            url=f"http://127.0.0.1:{client.port}",
            port=client.port,
            directory=built(language).folder,
            env=system.environ,
            out=tmp_path,
        )
        session = tool(scenario.tool, partial(formats.read, system=system)).open(scenario, where, system)
        session.begin(Amount(requests=800, seed=3))
        result = session.finish(120)
        session.close()
        assert result.errors == 0
        assert result.requests >= 800
        assert len(client.ask("GET", "/subjects").json) == 12
        assert {s["version"] for s in client.ask("GET", "/subjects").json} == {3}
