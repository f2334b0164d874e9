"""A capture as text that a person can read and a golden file can keep: notes, folded stacks of each kind, metrics."""

from __future__ import annotations

from collections.abc import Iterator

from perf_action.formats.folded import to_folded
from perf_action.formats.writing import only_kind
from perf_action.model.profile import Profile
from perf_action.model.snapshot import Capture


def dump(capture: Capture) -> str:
    return "".join(f"{line}\n" for line in _lines(capture))


def _lines(capture: Capture) -> Iterator[str]:
    yield f"# {capture.format} {capture.commit}".rstrip()
    yield from (f"# note: {note}" for note in capture.notes)
    if capture.environment is not None:
        yield f"# {capture.environment}"
    for captured in capture.captures:
        yield from _profile(captured.profile)
    for piece in capture.slices:
        yield f"## launch {piece.launch} slice {piece.slice}: {piece.requests} requests, {piece.cpu_ns_per_request:.1f} ns, {piece.rate_hz:g} Hz"
        yield from _profile(piece.profile)
    for m in capture.metrics:
        yield f"{m.name} [{m.unit}, {m.better}, {m.source}{', exact' if m.exact else ''}] {list(m.samples)} {m.launches} {m.pairs}"
    for s in capture.series:
        yield f"{s.name} [{s.unit}] {s.t_ns} {s.values} {s.requests}"


def _profile(profile: Profile) -> Iterator[str]:
    threads = (
        ()
        if profile.sample_thread is None
        else sorted({profile.strings[t] for t in profile.sample_thread.tolist()})
    )
    times = (
        () if profile.sample_time_ns is None else (profile.sample_time_ns.min(), profile.sample_time_ns.max())
    )
    yield f"# by {profile.tool} {profile.tool_version} {profile.fidelity}, period {profile.period}, duration {profile.duration_ns}"
    yield f"# threads {list(threads)}, times {[int(t) for t in times]}"
    yield from sorted(f"#   {k.name} · {k.file} · {k.module}" for k in set(profile.function_keys))
    for column, kind in enumerate(profile.kinds):
        yield f"## {kind.kind} {kind.event} [{kind.unit}] {profile.total(column)}"
        yield to_folded(only_kind(profile, column)).rstrip("\n")
