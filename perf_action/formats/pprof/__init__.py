"""pprof's protobuf profiles, gzipped or not: what Go serves under /debug/pprof and what this program keeps profiles in.

Format: https://github.com/google/pprof/blob/main/proto/profile.proto (our schema of it: profile.proto beside this file)
Sample (as text): ``sample { location_id: 3 location_id: 1 value: 9 value: 90000000 }``
The default sample type comes first. Calls that were inlined are frames of their own. A location without a symbol is
``[unknown]`` in its module, never an address. Allocation functions at the leaf of byte and object counts are dropped.
A difference of two heap profiles (``allocs?seconds=``) has no values of what is in use: they may be negative.
Lost, with a note: labels other than the thread, and drop_frames (a pattern of somebody else's to run).
"""

from __future__ import annotations

import json
from typing import Any, Final

from google.protobuf.message import DecodeError

from perf_action.formats.pprof import profile_pb2
from perf_action.formats.pprof.stacks import Stacks
from perf_action.formats.pprof.values import HEAP_TYPES, kinds_of
from perf_action.formats.reader import capture_of
from perf_action.formats.source import ReadOptions, Source
from perf_action.model.builder import ProfileBuilder
from perf_action.model.profile import Profile
from perf_action.model.snapshot import Capture
from perf_action.system import System

NAME: Final = "pprof"
#: comment that carries what pprof has no field for; written by pprof_write
OWN_COMMENT: Final = "perf-action: "
NO_LOCKS: Final = "Go records locks only where the program calls runtime.SetMutexProfileFraction and runtime.SetBlockProfileRate"
_FIDELITIES: Final = ("sampled", "exact", "reconstructed")
#: the wire type of each field of Profile (0 number, 2 length-delimited; numbers may be packed)
_WIRE: Final = dict.fromkeys(range(1, 7), "2") | dict.fromkeys(range(7, 17), "02") | {11: "2"}


def sniff(source: Source) -> bool:
    """Whether the first fields are ones that a profile has, with the wire types that they have there."""
    if not source.is_binary:
        return False
    head, at, fields = source.head, 0, 0
    while at < len(head) and fields < 200:
        tag, at = _varint(head, at)
        if str(tag & 7) not in _WIRE.get(tag >> 3, ""):
            return fields > 1
        size, at = _varint(head, at)
        at += size if tag & 7 == 2 else 0
        fields += 1
    return fields > 0


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    for index in range(at, min(at + 10, len(data))):
        value |= (data[index] & 0x7F) << shift
        if data[index] < 0x80:
            return value, index + 1
        shift += 7
    return value, len(data)


def read(source: Source, options: ReadOptions, system: System) -> Capture:  # noqa: ARG001
    return capture_of(NAME, decode(source))


def decode(source: Source) -> Profile:
    """The profile in a file that is known to be pprof. InputError if it is broken."""
    try:
        message = profile_pb2.Profile.FromString(source.data)
    except DecodeError:
        raise source.error(
            "is no whole pprof profile: broken protobuf", remedy="fetch it again, with curl --fail"
        ) from None
    strings = [text.decode("utf-8", errors="backslashreplace") for text in message.string_table]
    if not strings or strings[0] or not message.sample_type:
        raise source.error("is no pprof profile: no string table or no sample types")
    with source.refusing():
        return _Decoder(source, message, strings).profile()


class _Decoder:
    """One profile being read. Indices into tables are checked where they are followed."""

    def __init__(self, source: Source, message: Any, strings: list[str]) -> None:
        self._source, self._message, self._strings = source, message, strings
        self._own = self._own_facts()

    def profile(self) -> Profile:
        message = self._message
        types = [(self._string(t.type), self._string(t.unit)) for t in message.sample_type]
        names = [name for name, _ in types]
        order = self._order(names)
        difference = message.duration_nanos > 0 and set(names) >= HEAP_TYPES
        if (
            difference
        ):  # of two heap profiles: what is in use may be less than before, and is the state of no time
            order = [names.index("alloc_space"), *(i for i in order if names[i] == "alloc_objects")]
        kinds = kinds_of([types[i] for i in order])
        builder = ProfileBuilder(
            [kind for kind, _, _ in kinds],
            tool=str(self._own.get("tool", "")),
            tool_version=str(self._own.get("tool_version", "")),
            fidelity=self._own["fidelity"] if self._own.get("fidelity") in _FIDELITIES else "sampled",
        )
        for note in (*self._own_notes(), *(note for _, _, note in kinds if note)):
            builder.note(note)
        if difference:
            builder.note("a difference of two heap profiles (?seconds=): what is in use is left out")
        stacks = Stacks(
            self._source,
            message,
            self._strings,
            builder,
            modules=bool(self._own),
            memory=not self._own and any(kind.unit == "bytes" for kind, _, _ in kinds),
        )
        self._samples(builder, len(types), order, [factor for _, factor, _ in kinds], stacks)
        if not message.sample and any(kind.kind == "lock_wait" for kind, _, _ in kinds):
            builder.note(NO_LOCKS)
        requests, granule = self._own.get("requests"), self._own.get("granule")
        return builder.build(
            period=self._period(kinds[0][0].unit),
            duration_ns=message.duration_nanos if message.duration_nanos > 0 else None,
            requests=requests if isinstance(requests, int) and 0 <= requests < 2**62 else None,
            granule=granule if isinstance(granule, int) and 0 <= granule < 2**62 else 0,
        )

    def _samples(
        self, builder: ProfileBuilder, width: int, order: list[int], factors: list[int], stacks: Stacks
    ) -> None:
        plain = order == list(range(width)) and all(factor == 1 for factor in factors)
        dropped: dict[str, None] = {}
        for index, sample in enumerate(self._message.sample):
            values = list(sample.value)
            if len(values) != width:
                raise self._source.error(
                    f"has {len(values)} values for {width} sample types", place=f"sample {index}"
                )
            if not plain:
                values = [values[i] * factor for i, factor in zip(order, factors, strict=True)]
            thread, time_ns = self._labels(sample.label, dropped) if sample.label else (None, None)
            if min(values) < 0:
                raise self._source.error(
                    "has a negative value",
                    place=f"sample {index}",
                    remedy="give both profiles, not their difference",
                )
            builder.sample(stacks.of(sample.location_id, index), values, thread=thread, time_ns=time_ns)
        for note in stacks.notes():
            builder.note(note)
        if dropped:
            builder.note(f"sample labels left out: {', '.join(sorted(dropped))[:200]}")
        if self._message.drop_frames:
            builder.note("drop_frames was not applied")
        if not self._message.sample:
            builder.note("the profile holds no samples")

    def _labels(self, labels: Any, dropped: dict[str, None]) -> tuple[str | None, int | None]:
        thread: str | None = None
        time_ns: int | None = None
        for label in labels:
            key = self._string(label.key)
            if key in ("thread", "thread_name", "thread name") and label.str:
                thread = self._string(label.str)
            elif key == "time_ns" and self._own and label.num >= 0:
                time_ns = label.num
            else:
                dropped[key] = None
        return thread, time_ns

    def _order(self, names: list[str]) -> list[int]:
        """Sample types with the default one first: the one the file names, or the last."""
        default = self._string(self._message.default_sample_type)
        first = names.index(default) if default in names else len(names) - 1
        return [first, *(i for i in range(len(names)) if i != first)]

    def _period(self, unit: str) -> int | None:
        """The distance of two samples, if it is in the unit of the first kind."""
        message = self._message
        type_ = message.period_type
        kind, factor, _ = kinds_of([(self._string(type_.type), self._string(type_.unit))])[0]
        return message.period * factor if kind.unit == unit and 0 < message.period < 2**53 else None

    def _string(self, index: int) -> str:
        if not 0 <= index < len(self._strings):
            raise self._source.error(
                f"string {index} does not exist ({len(self._strings)} strings)", place="string table"
            )
        return self._strings[index]

    def _own_facts(self) -> dict[str, Any]:
        for index in self._message.comment:
            comment = self._string(index)
            if comment.startswith(OWN_COMMENT):
                try:
                    facts = json.loads(comment.removeprefix(OWN_COMMENT))
                except (ValueError, RecursionError):
                    return {}
                return facts if isinstance(facts, dict) else {}
        return {}

    def _own_notes(self) -> list[str]:
        notes = self._own.get("notes")
        return [str(note)[:500] for note in notes[:100]] if isinstance(notes, list) else []
