"""What samples of an event of perf stand for: the processor's time, or the event itself.

Names: https://man7.org/linux/man-pages/man1/perf-list.1.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from perf_action.model.profile import ValueKind

#: events that count time; samples of any other one are of a kind of their own
_CPU: Final = re.compile(
    r"cpu-clock|task-clock|(cpu[-_])?cycles|ref-cycles|cpu(_core|_atom)?/[\w-]*cycles[^/]*/"
)
_MODIFIERS: Final = re.compile(r"(?:(?<=[^:]):|(?<=/))[ukhIGHpPSDWeb]+$")


def _plain(event: str) -> str:
    """An event without what it was restricted to (``:u`` the user's code, ``:HG`` host and guest …)."""
    return _MODIFIERS.sub("", event)


def ordered(events: Iterable[str]) -> list[str]:
    """Those that count time come first, else they stay as they are."""
    return sorted(events, key=lambda event: not _is_cpu(event))


def _is_cpu(event: str) -> bool:
    return not event or _CPU.fullmatch(_plain(event)) is not None


def kind_of(event: str, events: Sequence[str]) -> ValueKind:
    """Samples of a clock or of cycles are `cpu`; any other event is a kind by its own name."""
    name = "cpu" if _is_cpu(event) else _plain(event)
    twins = sum((_is_cpu(other) if name == "cpu" else _plain(other) == name) for other in events)
    return ValueKind(name, "samples", event if twins > 1 else "")
