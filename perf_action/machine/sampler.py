"""Resident memory of a service over time, by a thread that looks every quarter of a second."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from perf_action.machine.tree import Tree
from perf_action.model.metric import Series

INTERVAL = 0.25


class Sampler:
    """Samples the memory of `tree` from `start` to `stop`.

    `requests` tells how many requests the load has made so far; it is called from the thread.
    """

    def __init__(
        self, tree: Tree, *, interval: float = INTERVAL, requests: Callable[[], int] | None = None
    ) -> None:
        self._tree, self._interval, self._requests = tree, interval, requests
        self._samples: list[tuple[int, int, int]] = []
        self._high_water = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._work, name="memory sampler", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Take a last sample and end the thread. May be called twice, and before `start`."""
        self._done.set()
        if self._thread.ident is not None:
            self._thread.join()

    def series(self, launch: int = 0) -> Series:
        """``memory.rss`` in bytes on the monotonic clock, as far as it was taken."""
        samples = list(self._samples)
        return Series(
            name="memory.rss",
            unit="bytes",
            t_ns=tuple(s[0] for s in samples),
            values=tuple(float(s[1]) for s in samples),
            requests=tuple(s[2] for s in samples) if self._requests else None,
            launch=launch,
        )

    @property
    def peak_bytes(self) -> int:
        """The highest sum seen, or what one process alone has held by the kernel's own high-water mark, if that is more."""
        return max([self._high_water, *(s[1] for s in self._samples)])

    def _work(self) -> None:
        while True:
            last = self._done.is_set()
            rss, high_water = self._tree.memory()
            if rss:
                made = self._requests() if self._requests else 0
                self._samples.append((time.monotonic_ns(), rss, made))
                self._high_water = max(self._high_water, high_water)
            if last:
                return
            self._done.wait(self._interval)
