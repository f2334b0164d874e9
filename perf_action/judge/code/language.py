"""Which languages a service is written in, as far as its profiles tell: advice for another one would be noise.

A stack has one language, the highest that any of its frames is written in: a Python service is full of C, a Go service
of system calls, a Rust service of libc, but nobody calls Python from its kernel. What is left is C or C++, unless it
shares a profile with a language whose binaries look the same when symbols have no files (Rust).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from perf_action.compare.idle import idle_functions
from perf_action.judge.code.places import Place, is_pseudo, place_of, top_level
from perf_action.model.profile import FunctionKey, Profile
from perf_action.model.snapshot import Snapshot
from perf_action.model.tree import stack_self

#: the languages there are rules for, highest first
LANGUAGES: Final = ("python", "node", "go", "rust", "c-cpp")
#: what a frame may say of its stack: a language (its place in `LANGUAGES`), or that it is native code of some language
_NATIVE: Final = 1 << len(LANGUAGES)
#: a language of less than this share of a kind of cost is a library's or a tool's, not the service's
_LEAST_SHARE: Final = 0.2
_NO_LANGUAGE: Final = ""
_HASH_DIGITS: Final = frozenset("0123456789abcdef")
#: crates of which there is no namespace of that name in C++
_CRATES: Final = frozenset(
    (
        *(
            "core",
            "alloc",
            "hashbrown",
            "tokio",
            "hyper",
            "axum",
            "axum_core",
            "actix_web",
            "actix_rt",
            "actix_http",
        ),
        *("serde", "serde_json", "futures_util", "parking_lot", "parking_lot_core", "crossbeam_channel"),
        *("rayon_core", "rustc_demangle"),
    )
)


class Places(dict[FunctionKey, Place]):
    """Functions by themselves, each looked at once."""

    def __missing__(self, key: FunctionKey) -> Place:
        place = self[key] = place_of(key)
        return place


def languages_of(snapshot: Snapshot, places: Places | None = None) -> tuple[str, ...]:
    """The languages of a service (of `LANGUAGES`), the one with the largest share of its cost first; empty if unknown.
    `places` is filled, for who asks more.
    """
    places = Places() if places is None else places
    shares: dict[str, float] = {}
    groups = sources(snapshot)
    stacks: dict[int, list[int]] = {}  # of each profile, which may have several kinds of cost
    for source in groups:
        weights = _weights(source, places, stacks)
        total = sum(weights.values())
        for bits, weight in weights.items():
            name = language_of_bits(bits)
            shares[name] = shares.get(name, 0.0) + weight / total / len(groups)
    shares.pop(_NO_LANGUAGE, None)
    classified = sum(shares.values())
    if not classified:
        return ()
    ranked = sorted(shares, key=lambda name: -shares[name])
    found = [name for name in ranked if shares[name] >= _LEAST_SHARE * classified]
    if (
        found[0] != "c-cpp" and "c-cpp" in found
    ):  # a library's stacks, or those that were not unwound to their root
        found.remove("c-cpp")
    return tuple(found)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Profiles that belong together, one of their kinds of cost (by column). `samples`: how many samples are behind
    their total, None where everything was counted. `idle` functions only wait: what they spend is no cost.
    """

    kind: str
    stage: str
    profiles: tuple[tuple[Profile, int], ...]
    samples: float | None
    idle: frozenset[FunctionKey] = frozenset()


def sources(head: Snapshot) -> tuple[Source, ...]:
    """All profiles of a snapshot by kind of cost and stage: the slices of a sampling profiler, and each stage's captures."""
    groups: dict[tuple[str, str], list[tuple[Profile, int]]] = {}
    for piece in head.slices:
        groups.setdefault((piece.profile.kinds[0].kind, ""), []).append((piece.profile, 0))
    for capture in head.captures:
        for kind in dict.fromkeys(k.kind for k in capture.profile.kinds):
            column = capture.profile.find_kind(kind)
            if column is not None:
                groups.setdefault((kind, capture.stage), []).append((capture.profile, column))
    return tuple(
        _source(kind, stage, profiles)
        for (kind, stage), profiles in groups.items()
        if any(profile.total(column) for profile, column in profiles)
    )


def _source(kind: str, stage: str, profiles: Sequence[tuple[Profile, int]]) -> Source:
    counts = [_samples(profile, column) for profile, column in profiles]
    idle: frozenset[FunctionKey] = frozenset()
    if kind == "cpu":
        idle = idle_functions({k for p, _ in profiles for k in p.function_keys}, native=False)
    return Source(
        kind=kind,
        stage=stage,
        profiles=tuple(profiles),
        samples=None if None in counts else sum(c for c in counts if c is not None),
        idle=idle,
    )


def _samples(profile: Profile, column: int) -> float | None:
    if profile.fidelity != "sampled":
        return None
    unit = profile.kinds[column].unit
    if unit == "samples":
        return profile.total(column)
    counted = profile.find_kind("samples")
    if counted is not None:
        return profile.total(counted)
    if profile.period and unit in ("ns", "bytes"):
        return profile.total(column) / profile.period
    return float(len(profile.sample_stack))


# --- the language of a frame, and of a stack


def language_bits(key: FunctionKey, place: Place) -> int:
    """What a frame says of the language of its stack, to be joined with `|` along the stack."""
    if is_pseudo(key.name) or place.language == "kernel":
        return 0
    if place.language == "native":
        return _of_symbol(key, place)
    name = "c-cpp" if place.language == "c" else place.language
    return 1 << LANGUAGES.index(name)


def language_of_bits(bits: int, native: str = "c-cpp") -> str:
    """The language of a stack whose frames say so; `native` is what code in a binary is taken for. Empty if unknown."""
    for i, name in enumerate(LANGUAGES):
        if bits & 1 << i:
            return name if name != "c-cpp" else native
    return native if bits & _NATIVE else _NO_LANGUAGE


def _of_symbol(key: FunctionKey, place: Place) -> int:
    """A symbol without a source file: the mangling of Rust, its crates, the namespaces of C++."""
    _, colons, end = key.name.rpartition("::h")
    if (colons and len(end) == 16 and _HASH_DIGITS.issuperset(end)) or key.name.startswith(
        ("__rust", "rust_", "_rust", "<&")
    ):
        return 1 << LANGUAGES.index("rust")
    if top_level(place.names) in _CRATES or key.name.startswith(("std::rt::", "std::sys::", "<std::")):
        return 1 << LANGUAGES.index("rust")
    return _NATIVE


def stacks_bits(profile: Profile, bits: Iterable[int]) -> list[int]:
    """For every stack what its frames say together; `bits` are what each function says."""
    of_function = list(bits)
    of_frame = [of_function[f] for f in profile.frame_function.tolist()]
    out: list[int] = []
    for parent, frame in zip(profile.stack_parent.tolist(), profile.stack_frame.tolist(), strict=True):
        out.append(of_frame[frame] | out[parent] if parent >= 0 else of_frame[frame])
    return out


def _weights(source: Source, places: Places, said: dict[int, list[int]]) -> Counter[int]:
    """How much was spent in stacks that say the same."""
    weights: Counter[int] = Counter()
    for profile, column in source.profiles:
        stacks = said.get(id(profile))
        if stacks is None:
            bits = (language_bits(key, places[key]) for key in profile.function_keys)
            stacks = said[id(profile)] = stacks_bits(profile, bits)
        values = stack_self(profile, column)
        nodes = np.flatnonzero(values)
        for node, weight in zip(nodes.tolist(), values[nodes].tolist(), strict=True):
            weights[stacks[node]] += weight
    return weights
