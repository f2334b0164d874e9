"""Who is told how the measurement goes on: a terminal, a log, or nobody."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Protocol


class Listener(Protocol):
    """Shows progress. `fraction` is how much of the expected time has passed, 0..1."""

    def group(self, title: str) -> AbstractContextManager[object]:
        """A part of the work with a name; may be folded away."""
        ...

    def step(self, text: str, fraction: float) -> None:
        """One step was begun."""
        ...

    def say(self, text: str) -> None:
        """Something worth keeping in the log."""
        ...


class Silent:
    """Tells nobody."""

    def group(self, title: str) -> AbstractContextManager[object]:  # noqa: ARG002
        return nullcontext()

    def step(self, text: str, fraction: float) -> None:
        pass

    def say(self, text: str) -> None:
        pass
