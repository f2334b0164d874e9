"""Each defect of the catalogue is where the catalogue says, costs something, and changes no answer."""

from __future__ import annotations

import random
import re
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest

from benchmarks.causes import measuring
from benchmarks.causes.catalogue import services

SERVICES = {service.name: service for service in services()}
EVERY = [(service, defect) for service in SERVICES.values() for defect in service.defects]
#: two clients make so many requests each, in every round; the services take turns. Where a leak is meant there are more
#: rounds, of which the first do not count: the heap of a collector takes its time to find its size
REQUESTS, ROUNDS, LEAK_ROUNDS, SETTLING = 60, 7, 21, 7
#: bytes that a request leaves where a leak is meant, bytes that are held where memory is wasted, and how many times as dear
#: a request is otherwise; all at least
GROWN, HELD, DEARER = 1000, 4e6, 1.05


def of(every):
    return pytest.mark.parametrize(
        ("service", "defect"), every, ids=[f"{s.name}-{d.fault}" for s, d in every]
    )


@of(EVERY)
def test_it_is_switched_on_in_one_line(service, defect, tmp_path):
    place = service.switched(defect.fault)
    source = (service.folder / place.file).read_text(encoding="utf-8")
    assert service.defined(defect.function) != place
    assert set(defect.stage) <= set(service.stages)
    (tmp_path / place.file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / place.file).write_text(source, encoding="utf-8")
    assert measuring.switch_on(service, defect, tmp_path) == place
    changed = (tmp_path / place.file).read_text(encoding="utf-8")
    lines = [
        n
        for n, pair in enumerate(zip(source.splitlines(), changed.splitlines(), strict=True), 1)
        if pair[0] != pair[1]
    ]
    assert lines == [place.line]
    assert service.switch(defect.fault) not in changed


@pytest.mark.parametrize("service", SERVICES.values(), ids=str)
def test_a_comment_is_all_that_differs_in_a_clean_pull_request(service, tmp_path):
    source = (service.folder / service.comment).read_text(encoding="utf-8")
    (tmp_path / service.comment).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / service.comment).write_text(source, encoding="utf-8")
    measuring.comment(service, tmp_path)
    after = (tmp_path / service.comment).read_text(encoding="utf-8").splitlines()
    added = [line for line in after if line not in source.splitlines()]
    assert added == [f"{service.language.comment} what is asked for most"]
    assert len(after) == len(source.splitlines()) + 1


def test_there_are_enough_of_them():
    assert len(EVERY) >= 24
    assert len({(service.name, defect.function) for service, defect in EVERY}) == len(EVERY)


def test_the_catalogue_has_every_fault_of_the_python_service(registry):
    assert (
        "slow",
        "leak",
        "lock",
        "query",
        *(d.fault for d in SERVICES["python"].defects),
    ) == registry.faults.KNOWN


def requests_of(samples, seed):
    """The load's mix, from a seed."""
    rng = random.Random(seed)
    for _ in range(REQUESTS):
        subject, version = rng.choice(samples.SUBJECTS), rng.randint(1, 3)
        known, draw = samples.schema_id(subject, version), rng.random()
        if draw < 0.4:
            yield "GET", f"/schemas/{known}", None
        elif draw < 0.6:
            yield "GET", f"/subjects/{subject}/versions/latest", None
        elif draw < 0.8:
            yield "POST", f"/validate/{known}", samples.document(subject, rng)
        elif draw < 0.95:
            yield "POST", f"/schemas/{subject}", samples.shuffled(samples.schema(subject, version), rng)
        else:
            yield "POST", f"/compatibility/{subject}", samples.incompatible(subject, rng)


class Used:
    """A service under two clients at once: its answers, and what they cost. `cpu` and `took` are seconds, for each round."""

    def __init__(self, client, samples, open_clients):
        self.samples = samples
        self.clients = [open_clients.enter_context(client.another()) for _ in range(2)]
        self.process = psutil.Process(client.process.pid)
        self.answers, self.cpu, self.took, self.resident = [], [], [], []

    def round(self, seed):
        began, cpu = time.monotonic(), processor_seconds(self.process.pid)
        with ThreadPoolExecutor(2) as pool:
            answers = pool.map(self._ask, self.clients, (2 * seed, 2 * seed + 1))
            self.answers += [answer for many in answers for answer in many]
        self.took.append(time.monotonic() - began)
        self.cpu.append(processor_seconds(self.process.pid) - cpu)
        self.resident.append(self.process.memory_info().rss)

    def _ask(self, client, seed):
        answers = (client.ask(*request) for request in requests_of(self.samples, seed))
        return [(answer.status, answer.json) for answer in answers]

    @property
    def grown(self):
        """Bytes a request that stay, after the first rounds."""
        settled = self.resident[SETTLING:]
        return statistics.linear_regression(range(len(settled)), settled).slope / (2 * REQUESTS)


def processor_seconds(pid):
    """CPU time of all threads to the nanosecond (the first number of schedstat); that of a process comes in ticks."""
    threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9


def times(dear, cheap):
    """How many times as dear, round by round: the median, which what else the machine does moves least."""
    return statistics.median(a / b for a, b in zip(dear, cheap, strict=True))


@pytest.mark.slow
@of(EVERY)
def test_it_costs_something_and_changes_no_answer(launched, registry, service, defect):
    faulty = {"REGISTRY_FAULT": defect.fault}
    with launched(service.name) as one, launched(service.name, faulty) as two, ExitStack() as opened:
        well, ill = (Used(client, registry.samples, opened) for client in (one, two))
        for number in range(LEAK_ROUNDS if defect.soak else ROUNDS):
            for used in (well, ill) if number % 2 else (ill, well):
                used.round(number)
    assert ill.answers == well.answers
    if defect.soak:
        assert ill.grown - well.grown > GROWN, (ill.grown, well.grown)
    elif defect.kind == "peak":
        assert ill.resident[-1] > well.resident[-1] + HELD
    elif defect.waits or defect.kind == "lock_wait":
        assert times(ill.took, well.took) > DEARER
    else:
        assert times(ill.cpu, well.cpu) > DEARER


@pytest.mark.slow
@pytest.mark.parametrize("language", [name for name in SERVICES if name != "python"])
def test_the_catalogue_has_every_fault_of_the_service(built, system, language):
    one = built(language)
    argv = one.argv(one.service.command, 0, one.folder)
    said = system.run(argv, cwd=one.folder, env={**one.env, "REGISTRY_FAULT": "none-such"}, timeout=30).stderr
    known = re.fullmatch(r'error: REGISTRY_FAULT: "none-such" is not one of (.*)\n', said)
    assert known is not None, said
    assert known[1].split(", ") == [
        "slow",
        "leak",
        "lock",
        "query",
        *(d.fault for d in SERVICES[language].defects),
    ]
