"""Turns opening and closing frames of one thread into samples: each stretch of time goes to the stack that was open.

Times are ns and never go back. A stretch is cut into steps, so that a part of the time-line can be taken out later.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from perf_action.model.builder import ProfileBuilder


class Spans:
    """The open frames of one thread. `row` makes a sample's values from its ns; `step_ns` 0 does not cut stretches.

    A frame of -1 is open without being shown (a pseudo-frame).
    """

    def __init__(
        self,
        builder: ProfileBuilder,
        thread: str | None,
        row: Callable[[int], Sequence[int]] = lambda ns: (ns,),
        *,
        step_ns: int = 0,
    ) -> None:
        self._builder, self._row, self._step = builder, row, step_ns
        self.thread = thread
        self.now = 0
        self._open: list[tuple[int, int]] = []  # frame, and the stack up to it (-1: none)

    def open(self, frame: int, at: int) -> None:
        self._spend(at)
        below = self._open[-1][1] if self._open else -1
        self._open.append((frame, below if frame < 0 else self._builder.stack(below, frame)))

    def close(self, frame: int | None, at: int) -> bool:
        """Close the innermost frame; False, and nothing happens, if there is none or it is not `frame`."""
        if not self._open or (frame is not None and self._open[-1][0] != frame):
            return False
        self._spend(at)
        self._open.pop()
        return True

    def finish(self, at: int) -> int:
        """Spend the time up to `at`, close everything, and return how many frames were still open."""
        self._spend(at)
        left = len(self._open)
        self._open.clear()
        return left

    def _spend(self, until: int) -> None:
        stack = self._open[-1][1] if self._open else -1
        start, self.now = self.now, max(self.now, until)
        if stack < 0 or start >= until:
            return
        step = self._step or until - start
        for at in range(start, until, step):
            row = self._row(min(step, until - at))
            self._builder.sample(stack, row, thread=self.thread, time_ns=at)
