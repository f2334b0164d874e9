"""Lets exactly as many requests start as a slice is to have, and keeps users still between slices.

Locust counts users and seconds, not requests: stopping it after N requests leaves others under way, and stopping and
starting users costs connections and their `on_start`. So the users stay, and each request passes here: its user
takes a place for the next one when it ends, and rests where none is left, before it draws anything at random. The
requests of a slice are therefore the first N that the seed gives, whichever user makes them.

Runs inside the child process only (`locust_runner`): importing gevent here patches nothing.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

from gevent import getcurrent
from gevent.event import Event


class Gate:
    """Closed at first. A request of a client that does not pass `enter` (not HTTP) is counted when it ends."""

    def __init__(self) -> None:
        self._open = False
        self._left: float = 0
        self._holders: set[Any] = set()  # greenlets with a place that have not started yet
        self._under_way: set[Any] = set()
        self._opened = Event()
        self._still = Event()
        self.completed = 0

    def open(self, requests: float = math.inf) -> None:
        """Let `requests` more of them start."""
        self.completed = 0
        self._open, self._left = True, requests
        self._holders.clear()
        self._still.clear()
        self._opened.set()

    def close(self) -> None:
        """Let no more start; those under way go on."""
        self._open, self._left = False, 0
        self._holders.clear()
        self._settle()

    def wait(self, seconds: float) -> bool:
        """Whether, within `seconds`, every place was taken and every request has ended."""
        if not self._still.wait(seconds):
            self._forget_the_dead()
            self._settle()
        return bool(self._still.is_set())

    def enter(self) -> None:
        """Before a request: start it, resting until there is a place."""
        greenlet = getcurrent()
        if greenlet not in self._under_way:
            if greenlet not in self._holders:
                self._get_place()
            self._holders.discard(greenlet)
            self._under_way.add(greenlet)

    def leave(self) -> None:
        """After a request, in its user's greenlet: get a place for the next one, resting here if the slice is over.

        Before the user draws what to do next: else one would draw in this slice what it does in the next.
        """
        greenlet = getcurrent()
        if greenlet in self._under_way:
            self._under_way.discard(greenlet)
        elif greenlet in self._holders:
            self._holders.discard(greenlet)
        else:
            self._left -= 1
        self.completed += 1
        self._settle()
        self._get_place()
        self._holders.add(greenlet)

    def give_back(self) -> None:
        """The request was not made after all; its place is for the next one of this greenlet."""
        greenlet = getcurrent()
        if greenlet in self._under_way:
            self._under_way.discard(greenlet)
            if self._open:
                self._holders.add(greenlet)
            self._settle()

    def guard(self, request: Callable[..., Any]) -> Callable[..., Any]:
        """`request` (a client's method) with this gate before it."""

        @functools.wraps(request)
        def through(*args: Any, **kwargs: Any) -> Any:
            self.enter()
            try:
                return request(*args, **kwargs)
            except BaseException:
                self.give_back()
                raise

        return through

    def _get_place(self) -> None:
        while self._left <= 0:
            self._opened.clear()
            self._opened.wait()
        self._left -= 1

    def _forget_the_dead(self) -> None:
        """A user that left, or was killed in mid-request, never says so; its place is for others."""
        self._under_way = {g for g in self._under_way if not g.dead}
        dead = {g for g in self._holders if g.dead}
        self._holders -= dead
        if dead and self._open:
            self._left += len(dead)
            self._opened.set()

    def _settle(self) -> None:
        if self._left <= 0 and not self._holders and not self._under_way:
            self._still.set()
