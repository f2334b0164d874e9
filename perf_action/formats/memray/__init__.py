"""memray's capture files, through memray's own reader (passes.py, in a process of its own).

Format: https://bloomberg.github.io/memray/run.html (its layout is private to memray; files may be LZ4 frames)
Sample: ``memray run --output profile.bin app.py``
Kinds: `peak` is what was alive at the high-water mark, `leaked` at the end, `allocated` all that was ever allocated
(the last one, and the counts, only where the file is not ``--aggregate``). Threads are merged. Without `native` the
leaf is the Python function that allocated.
Lost: addresses, and when each allocation lived.
"""

from __future__ import annotations

import json
import signal
import tempfile
from pathlib import Path
from typing import Any, Final

from perf_action.formats.memray import file as memray_file
from perf_action.formats.memray.profile import profile_of
from perf_action.formats.reader import capture_of
from perf_action.formats.source import ReadOptions, Source
from perf_action.model.metric import Metric
from perf_action.model.snapshot import Capture
from perf_action.system import System, isolated

NAME: Final = "memray"
_PASSES: Final = Path(__file__).with_name("passes.py")
_TIMEOUT_S: Final = 3600


def sniff(source: Source) -> bool:
    return memray_file.is_memray(source.head)


def read(source: Source, options: ReadOptions, system: System) -> Capture:
    with source.local_path() as path, tempfile.TemporaryDirectory(prefix="perf-action-") as folder:
        if not memray_file.is_whole(path):
            raise source.error(
                "is cut off in the middle", remedy="fetch or copy it again, or record it again"
            )
        facts = _facts(source, path, Path(folder), system, native=options.native)
        notes = _notes(source, path, facts, native=options.native)
        profile = profile_of(facts, Path(folder), native=options.native and facts["native"])
    metrics = [_metric("memory.peak", "bytes", facts["peak"])]
    column = profile.find_kind("allocated")
    if column is not None:
        metrics.append(_metric("memory.allocations", "count", facts["allocations"]))
        metrics.append(_metric("memory.allocated", "bytes", profile.total(column)))
    capture = capture_of(NAME, profile, *notes)
    return Capture(format=NAME, captures=capture.captures, metrics=tuple(metrics), notes=capture.notes)


def _notes(source: Source, path: Path, facts: dict[str, Any], *, native: bool) -> list[str]:
    """What the file does not hold. InputError if it holds less than it says."""
    try:
        notes = [*memray_file.check_complete(path, facts["started"], facts["records"])]
    except memray_file.Damaged as error:
        raise source.error(str(error), remedy="fetch or copy it again, or record it again") from None
    if native and not facts["native"]:
        notes.append("the file has no native frames; record it with memray run --native")
    if facts["allocations"] is None:
        notes.append("the file is aggregated: it does not say what was allocated in all")
    return notes


def _facts(source: Source, path: Path, out: Path, system: System, *, native: bool) -> dict[str, Any]:
    """Runs the passes; what the child printed. InputError if it failed, or crashed."""
    path = memray_file.without_padding(path, out)
    argv = isolated(_PASSES, str(path), str(out), "native" if native else "")
    done = system.run(argv, timeout=_TIMEOUT_S)
    if done.code < 0:
        name = signal.Signals(-done.code).name
        raise source.error(f"memray's reader crashed on it ({name}): it is damaged", remedy="record it again")
    try:
        facts: dict[str, Any] = json.loads(done.stdout)
    except ValueError:
        last = (done.stderr.strip().splitlines() or ["no output"])[-1]
        raise source.error(
            f"memray's reader failed on it: {last}", remedy="it is damaged; record it again"
        ) from None
    if "error" in facts:
        raise source.error(facts["error"], remedy=facts["remedy"])
    return facts


def _metric(name: str, unit: str, value: int) -> Metric:
    return Metric(name=name, unit=unit, better="lower", samples=(value,), source="profiled", exact=True)
