"""Every way in which the program gives up, each with its exit code and a message that says what to do.

The command line catches `PerfActionError` once and prints one line, ``error: …``; nothing else turns an
exception into an exit code. Codes: 1 the verdict fails, 2 bad usage, config or input, 3 could not measure.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def one_line(text: object, limit: int = 500) -> str:
    """`text` safe to print: control and bidi characters escaped, at most `limit` characters."""
    shown = _UNPRINTABLE.sub(lambda m: f"\\x{ord(m.group()):02x}", str(text))
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"


def nearest(name: object, known: Iterable[str], *, alike: float = 0.5) -> str:
    """The one of `known` that `name` was most likely meant to be; empty if none is `alike` (0..1). Bounded: names may be
    thousands, and long.
    """
    names = [one[:200] for _, one in zip(range(2000), known, strict=False)]
    return next(iter(difflib.get_close_matches(str(name)[:200], names, n=1, cutoff=alike)), "")


def did_you_mean(name: object, known: Iterable[str], otherwise: str = "", *, alike: float = 0.5) -> str:
    """``did you mean 'x'?``; `otherwise` if none of `known` is like it."""
    near = nearest(name, known, alike=alike)
    return f"did you mean {near!r}?" if near else otherwise


class PerfActionError(Exception):
    """A fatal error with an exit code. `str()` is one line, fit to print after ``error: ``."""

    exit_code: ClassVar[int] = 2

    def __str__(self) -> str:
        return one_line(super().__str__(), 2000)


class UsageError(PerfActionError):
    """The call itself is wrong: an unknown argument, a missing file, contradictory options."""


class ConfigError(PerfActionError):
    """perf.yml, or an override of it, is wrong: names the key, the reason and the remedy."""

    def __init__(self, source: object, key: str, reason: str, remedy: str = "") -> None:
        place = f" {key}:" if key else ""
        super().__init__(f"{source}:{place} {reason}" + (f"; {remedy}" if remedy else ""))


class InputError(PerfActionError):
    """A file is of a known kind but broken, or of no known kind: names file, place, reason and remedy."""

    def __init__(self, path: Path | str, reason: str, *, place: str = "", remedy: str = "") -> None:
        where = f"{path}: {place}: " if place else f"{path}: "
        super().__init__(f"{where}{reason}" + (f"; {remedy}" if remedy else ""))
        self.path, self.reason, self.place, self.remedy = path, reason, place, remedy


class CannotMeasure(PerfActionError):
    """No measurement could be taken; the base class of everything with exit code 3."""

    exit_code: ClassVar[int] = 3


class ServiceDidNotStart(CannotMeasure):
    """The service never became ready, or died before it was measured. Carries the tail of its log."""

    def __init__(self, reason: str, log_tail: str = "") -> None:
        super().__init__(reason)
        self.log_tail = log_tail


class ToolMissing(CannotMeasure):
    """A profiler, load generator or reader is not installed; `remedy` is the one command that mends it."""

    def __init__(self, tool: str, remedy: str) -> None:
        super().__init__(f"{tool} is not installed; {remedy}")
        self.tool = tool


class LoadFailed(CannotMeasure):
    """The load generator failed, made no request, or nearly all of them failed."""


class StoreError(CannotMeasure):
    """The store of baselines could not be read or written."""


class VerdictFailed(PerfActionError):
    """The verdict fails under `fail-on`: not a fault of the program, but exit code 1."""

    exit_code: ClassVar[int] = 1
