"""The gate by itself, on greenlets without a network: exact numbers, order of draws, rest between slices."""

from __future__ import annotations

import random

import gevent
import pytest

from perf_action.load.gate import Gate


class Users:
    """Greenlets that draw a number, then make a request that carries it and takes `seconds`."""

    def __init__(self, gate: Gate, count: int, seconds: float = 0.0) -> None:
        self.gate, self.drawn, self.under_way, self.seconds = gate, [], 0, seconds
        self.greenlets = [gevent.spawn(self._live) for _ in range(count)]

    def _live(self) -> None:
        while True:
            self.request(random.randrange(10**9))
            self.gate.leave()
            gevent.sleep(0)

    def request(self, number: int) -> None:
        self.gate.guard(self._send)(number)

    def _send(self, number: int) -> None:
        self.under_way += 1
        self.drawn.append(number)
        gevent.sleep(self.seconds)
        self.under_way -= 1


@pytest.fixture
def crowd():
    made: list[Users] = []

    def make(count: int, seconds: float = 0.0) -> Users:
        made.append(Users(Gate(), count, seconds))
        return made[-1]

    yield make
    for users in made:
        gevent.killall(users.greenlets)


def run(users: Users, requests: int, seed: int) -> list[int]:
    before = len(users.drawn)
    random.seed(seed)
    users.gate.open(requests)
    assert users.gate.wait(5)
    return users.drawn[before:]


@pytest.mark.parametrize("count", [1, 3, 20])
def test_each_slice_makes_exactly_the_first_numbers_of_its_seed(crowd, count):
    users = crowd(count)
    run(users, 20, 1)
    for seed in (5, 6):
        drawn = run(users, 200, seed)
        random.seed(seed)
        assert sorted(drawn) == sorted(random.randrange(10**9) for _ in range(200))
        assert users.gate.completed == 200
        assert users.under_way == 0


def test_nobody_moves_before_it_opens_or_after_it_is_still(crowd):
    users = crowd(4)
    gevent.sleep(0.01)
    assert users.drawn == []  # the first ones have drawn, but not started
    assert len(run(users, 9, 1)) == 9
    gevent.sleep(0.01)
    assert len(users.drawn) == 9


def test_closing_waits_for_what_is_under_way(crowd):
    users = crowd(3, seconds=0.05)
    users.gate.open()
    gevent.sleep(0.01)
    users.gate.close()
    assert not users.gate.wait(0.001)
    assert users.gate.wait(1)
    assert (users.under_way, users.gate.completed) == (0, 3)


def test_a_request_that_was_not_made_does_not_count(crowd):
    users = crowd(2)
    refused = iter(range(1000))
    send = users._send

    def sometimes(number: int) -> None:
        if next(refused) % 3 == 0:
            raise ValueError("no such URL")
        send(number)

    users._send = sometimes  # the user's own client, not ours
    for greenlet in users.greenlets:
        greenlet.kill()

    def live() -> None:
        while True:
            try:
                users.request(1)
            except ValueError:
                gevent.sleep(0)
            else:
                users.gate.leave()

    users.greenlets = [gevent.spawn(live) for _ in range(2)]
    assert len(run(users, 30, 1)) == 30
    assert users.gate.completed == 30


@pytest.mark.parametrize("when", ["resting", "requesting"])
def test_the_places_of_the_dead_are_for_others(crowd, when):
    users = crowd(3, seconds=0.02 if when == "requesting" else 0.0)
    run(users, 6, 1)
    users.gate.open(30)
    gevent.sleep(0.005)
    users.greenlets[0].kill()
    while not users.gate.wait(0.1):
        pass
    assert users.gate.completed == 30


def test_a_client_that_does_not_pass_the_gate_is_counted_when_it_ends():
    gate, sent = Gate(), []

    def live() -> None:
        while True:
            sent.append(1)
            gate.leave()

    gate.open(10)
    greenlet = gevent.spawn(live)
    assert gate.wait(1)
    assert (len(sent), gate.completed) == (10, 10)
    greenlet.kill()
