"""A profile as the columns it is made of: what a run folder and a stored snapshot keep for the next comparison.

A zip of numpy arrays (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html) and one JSON object with
the rest. Nothing is lost, and reading takes milliseconds where pprof, which has no tree of stacks, takes seconds; pprof
is written beside it, for viewers.
"""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from typing import Any, get_args

import numpy as np

from perf_action.errors import InputError
from perf_action.model.profile import Fidelity, Profile, ValueKind

_ARRAYS = (
    "function_name", "function_file", "function_module", "function_line", "frame_function", "frame_line",
    "stack_parent", "stack_frame", "sample_stack",
)  # fmt: skip
_MAX_BYTES = 1 << 30
#: what a damaged or malicious zip makes the libraries raise
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RecursionError)


#: of a sample, where they are kept
_WHEN = ("sample_thread", "sample_time_ns")


def encode_profile(profile: Profile, *, timed: bool = False) -> bytes:
    """The same profile gives the same bytes. Threads and times of samples are left out unless `timed`."""
    facts = {
        "strings": profile.strings,
        "kinds": profile.kinds,
        "period": profile.period,
        "duration_ns": profile.duration_ns,
        "requests": profile.requests,
        "tool": profile.tool,
        "tool_version": profile.tool_version,
        "fidelity": profile.fidelity,
        "granule": profile.granule,
        "notes": profile.notes,
    }
    arrays = {name: getattr(profile, name).astype("<i4") for name in _ARRAYS}
    arrays["sample_values"] = profile.sample_values.astype("<i8")
    for name in _WHEN if timed else ():
        if (column := getattr(profile, name)) is not None:
            arrays[name] = column.astype("<i8")
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("profile.json"), json.dumps(facts), zipfile.ZIP_DEFLATED)
        for name, array in arrays.items():
            data = io.BytesIO()
            np.lib.format.write_array(data, array, allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), data.getvalue(), zipfile.ZIP_DEFLATED)
    return out.getvalue()


def decode_profile(source: str, data: bytes) -> Profile:
    """The profile in `data`, checked; InputError names `source`."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if sum(info.file_size for info in archive.infolist()) > _MAX_BYTES:
                raise InputError(source, "larger than a profile can be")
            facts: dict[str, Any] = json.loads(archive.read("profile.json"))
            written = set(archive.namelist())
            when = [name for name in _WHEN if f"{name}.npy" in written]
            columns = {name: _array(archive, name) for name in (*_ARRAYS, "sample_values", *when)}
        profile = Profile(
            strings=tuple(map(str, facts["strings"])),
            kinds=tuple(ValueKind(*map(str, kind)) for kind in facts["kinds"]),
            period=_number(facts["period"]),
            duration_ns=_number(facts["duration_ns"]),
            requests=_number(facts["requests"]),
            tool=str(facts["tool"]),
            tool_version=str(facts["tool_version"]),
            fidelity=facts["fidelity"],
            granule=int(facts["granule"]),
            notes=tuple(map(str, facts["notes"])),
            **columns,
        )
        if profile.fidelity not in get_args(Fidelity):
            raise ValueError(f"unknown fidelity {profile.fidelity}")
        profile.check()
        _check_when(profile)
    except (*_BROKEN, KeyError, TypeError, ValueError, RuntimeError) as error:  # RuntimeError: "encrypted"
        raise InputError(source, f"not a recorded profile: {error}") from None
    return profile


def _check_when(profile: Profile) -> None:
    """ValueError if threads or times do not belong to the samples."""
    for column in (profile.sample_thread, profile.sample_time_ns):
        if column is not None and (column.shape != profile.sample_stack.shape or column.dtype.kind != "i"):
            raise ValueError("threads or times do not fit the samples")
    threads = profile.sample_thread
    if (
        threads is not None
        and threads.size
        and not -1 <= threads.min() <= threads.max() < len(profile.strings)
    ):
        raise ValueError("a thread has no name")


def _array(archive: zipfile.ZipFile, name: str) -> Any:
    with archive.open(f"{name}.npy") as file:
        return np.lib.format.read_array(file, allow_pickle=False)


def _number(value: Any) -> int | None:
    return None if value is None else int(value)
