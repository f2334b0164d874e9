"""Captures of every supported tool, read into the model; and profiles written for other tools.

One file per file format (a folder where it takes several, or where a tool writes several), listed in `readers.py`: adding
one is a module with `NAME`, `sniff` and `read`, a line there, and a folder of samples in the tests. Readers judge by content,
never by file name.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Final

from perf_action.errors import InputError
from perf_action.formats.source import ReadOptions, Source
from perf_action.formats.symbols import readable
from perf_action.formats.unreadable import refuse
from perf_action.model.snapshot import Capture, Snapshot
from perf_action.system import System

_DEFAULTS: Final = ReadOptions()


def read(path: Path, system: System, options: ReadOptions = _DEFAULTS) -> Capture:
    """What is in a file. InputError if it is of no known kind or broken, ToolMissing if its reader needs a tool."""
    from perf_action.formats.readers import READERS  # noqa: PLC0415  # nothing else needs all forty of them

    try:
        source = Source(path, options)
        refuse(source)
        for reader in READERS:
            if reader.sniff(source):
                return readable(_in_range(source, reader.read(source, options, system)), system)
    except ValueError as error:  # what the model refuses to hold
        raise InputError(path, f"is no profile: {error}") from None
    except MemoryError:
        raise InputError(path, "is too large for the memory of this machine") from None
    except OSError as error:
        raise InputError(path, f"cannot be read: {error.strerror or error}") from None
    names = ", ".join(reader.NAME for reader in READERS)
    raise InputError(path, "is of no known kind", remedy=f"known are: {names}")


def _in_range(source: Source, capture: Capture) -> Capture:
    """A number near the end of its range has none any more in another unit."""
    for name, values in (
        *((m.name, m.samples) for m in capture.metrics),
        *((s.name, s.values) for s in capture.series),
    ):
        if not all(map(math.isfinite, values)):
            raise source.error("a number is too large", place=name)
    return capture


def snapshot_of(capture: Capture, label: str = "") -> Snapshot:
    """The capture as a side of a comparison."""
    return Snapshot(
        label=label or capture.format,
        commit=capture.commit,
        environment=capture.environment,
        metrics=capture.metrics,
        series=capture.series,
        captures=capture.captures,
        slices=capture.slices,
        notes=capture.notes,
    )
