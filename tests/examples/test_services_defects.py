"""Each defect of the catalogue is where the catalogue says, and changes no answer."""

from __future__ import annotations

import random
import re

import pytest

from benchmarks.causes import measuring
from benchmarks.causes.catalogue import services

SERVICES = {service.name: service for service in services()}
EVERY = [(service, defect) for service in SERVICES.values() for defect in service.defects]
#: more than the services keep of the last ones
REQUESTS = 300


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


def requests_of(samples):
    """The load's mix, always the same."""
    rng = random.Random(7)
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


def answers(client, samples):
    return [(answer.status, answer.json) for answer in (client.ask(*one) for one in requests_of(samples))]


@pytest.fixture(scope="module")
def right_answers(launched):
    """What a service answers without a defect; asked once."""
    known = {}

    def ask(name, samples):
        if name not in known:
            with launched(name) as client:
                known[name] = answers(client, samples)
        return known[name]

    return ask


@pytest.mark.slow
@of(EVERY)
def test_it_changes_no_answer(launched, right_answers, registry, service, defect):
    """That it costs what the catalogue says is measured by `python -m benchmarks.causes`."""
    with launched(service.name, {"REGISTRY_FAULT": defect.fault}) as client:
        assert answers(client, registry.samples) == right_answers(service.name, registry.samples)


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
