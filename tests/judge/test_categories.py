"""Categories of whole profiles: of real captures of programs that say what they do, and the precedence in small stacks."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf_action.judge.categories import Categories, category_costs
from perf_action.model.builder import ProfileBuilder
from perf_action.model.category import CATEGORIES, OTHER, CategoryCost, CategoryRule
from perf_action.model.profile import CapturedProfile, FunctionKey, Profile, ProfileSlice, ValueKind
from perf_action.model.snapshot import Snapshot
from perf_action.model.tree import stack_self
from perf_action.pipeline.reading import load_snapshot
from perf_action.system import System

CAPTURES = Path(__file__).parent / "captures"
ALL = Categories.builtin()


def _profile(stacks: Mapping[tuple[FunctionKey, ...], int]) -> Profile:
    builder = ProfileBuilder([ValueKind("cpu", "samples")])
    for keys, value in stacks.items():
        frames = [builder.frame(builder.function(k.name, file=k.file, module=k.module)) for k in keys]
        builder.sample(builder.stack_of(frames), [value])
    return builder.build()


def _snapshot(*profiles: Profile, stage: str = "cpu") -> Snapshot:
    captures = [CapturedProfile(stage=stage, launch=i, profile=p) for i, p in enumerate(profiles)]
    return Snapshot(label="head", captures=tuple(captures))


def _of(*keys: FunctionKey | str, categories: Categories = ALL) -> str:
    """The category of one stack, root first."""
    stack = tuple(FunctionKey(k) if isinstance(k, str) else k for k in keys)
    nodes, names = categories.of_stacks(_profile({stack: 1}))
    return names[nodes[-1]]


def _shares(costs: Sequence[CategoryCost], kind: str = "cpu") -> dict[str, float]:
    return {cost.category: cost.share for cost in costs if cost.kind == kind}


# --- real captures

_MEMORY = ("allocation", "garbage collection", "kernel")
#: capture -> what the names of functions that say what they do begin with, and how much of it must be seen so
_KITCHENS = {
    "python": ("do_", 0.8),
    "python-native": ("do_", 0.7),
    "go": ("main.do_", 0.8),
    "c": ("kitchen::do_", 0.8),
    "node": ("do_", 0.6),
}


def _by_function(capture: str, start: str) -> dict[str, Counter[str]]:
    """For each function that says what it does, the samples beneath it by category."""
    profile = load_snapshot(CAPTURES / f"{capture}.pb.gz", System()).captures[0].profile
    nodes, names = ALL.of_stacks(profile)
    values = stack_self(profile)
    keys = profile.function_keys
    out: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for node in np.flatnonzero(values).tolist():
        path = [keys[profile.frame_function[frame]].name for frame in profile.frames_of(node)]
        owner = next((name for name in path if name.startswith(start)), None)
        if owner is not None and (path[-1] != owner or owner.endswith("other")):  # its own loop is its own
            out[owner[len(start) :]][names[nodes[node]]] += int(values[node])
    return out


@pytest.mark.parametrize("capture", _KITCHENS)
def test_a_function_that_does_one_thing_is_of_that_category(capture: str) -> None:
    start, least = _KITCHENS[capture]
    found = _by_function(capture, start)
    assert len(found) >= 5
    for function, seen in found.items():
        expected = next(c for c in (*CATEGORIES, OTHER) if function.startswith(c))
        # memory that it asks for, collects and touches on its way has categories of its own
        counted = {c: n for c, n in seen.items() if c == expected or c not in _MEMORY}
        total = sum(counted.values())
        if total and sum(seen.values()) >= 0.005 * sum(sum(s.values()) for s in found.values()):
            assert counted.get(expected, 0) / total >= least, (function, seen)


@pytest.mark.parametrize(
    ("function", "category"),
    [
        ("native_database", "database"),
        ("native_compression", "compression"),
        ("native_io", "io"),
        ("native_garbage_collection", "garbage collection"),
    ],
)
def test_native_frames_tell_what_a_call_into_c_does(function: str, category: str) -> None:
    seen = _by_function("python-native", function)[""]
    assert seen[category] / sum(n for c, n in seen.items() if c == category or c not in _MEMORY) > 0.8
    assert set(_by_function("python", function)[""]) <= {OTHER, "locks"}, "py-spy alone cannot see into C"


def test_what_measuring_costs_belongs_to_nobody() -> None:
    snapshot = load_snapshot(CAPTURES / "go-heap.pb.gz", System())
    profile = snapshot.captures[0].profile
    nodes, names = ALL.of_stacks(profile)
    assert any("runtime/pprof" in key.name for key in profile.function_keys), (
        "the capture has the profiler's own allocations"
    )
    costs = category_costs(ALL, snapshot, None, ["allocated"])
    assert not any("runtime/pprof.(*profileBuilder)" in stack for cost in costs for stack in cost.stacks)
    assert len(nodes) == len(profile.stack_parent)
    assert names[-1] == OTHER


def test_allocating_is_no_category_of_memory() -> None:
    costs = category_costs(ALL, load_snapshot(CAPTURES / "go-heap.pb.gz", System()), None)
    assert "allocation" not in {cost.category for cost in costs}
    assert {cost.kind for cost in costs} == {"allocated", "allocations"}
    largest = costs[0]
    assert largest.functions[0][0].startswith("main.do_")


# --- precedence

APP = FunctionKey("handle", "registry/app.py")
DUMPS = FunctionKey("dumps", "python3.11/json/__init__.py")
EMIT = FunctionKey("StreamHandler.emit", "python3.11/logging/__init__.py")
SEND = FunctionKey("send", "", "libc.so.6")
KERNEL = FunctionKey("clear_page_erms", "", "[kernel]")


@pytest.mark.parametrize(
    ("stack", "category"),
    [
        (("main", "serde_json::ser::to_string", "memcpy"), "serialization"),
        (("main", "serde_json::ser::to_string", "malloc"), "allocation"),
        (
            (
                "registry::main",
                "parking_lot::raw_mutex::RawMutex::lock_slow",
                FunctionKey("futex_wait", "", "[kernel]"),
            ),
            "locks",
        ),
        (
            (
                "tokio::runtime::park::Inner::park",
                "parking_lot::condvar::Condvar::wait_until_internal",
                FunctionKey("futex_wait", "", "[kernel]"),
            ),
            "runtime",
        ),
        (
            ("main", "log::__private_api::log", "sqlite3_step", FunctionKey("memcpy", "", "libc.so.6")),
            "database",
        ),
        ((APP, EMIT, DUMPS), "serialization"),
        ((APP, EMIT, SEND), "logging"),
        ((APP, DUMPS, SEND), "io"),
        (
            (FunctionKey("sqlite3_step", "", "libsqlite3.so.0"), FunctionKey("pread64", "", "libc.so.6")),
            "database",
        ),
        ((FunctionKey("run", "uvicorn/server.py"), APP), "other"),
        ((FunctionKey("run", "uvicorn/server.py"), FunctionKey("app", "starlette/routing.py")), "runtime"),
        ((FunctionKey("run", "uvicorn/server.py"), APP, FunctionKey("wraps", "functools.py")), "other"),
        ((APP, KERNEL), "kernel"),
        ((APP, DUMPS, KERNEL), "serialization"),
        (
            (FunctionKey("main.main"), FunctionKey("runtime.mallocgc"), FunctionKey("runtime.gcAssistAlloc")),
            "garbage collection",
        ),
        ((FunctionKey("main.main"), FunctionKey("runtime.mapaccess2_faststr")), "other"),
        (
            (FunctionKey("runtime.mcall"), FunctionKey("runtime.schedule"), FunctionKey("runtime.lock2")),
            "runtime",
        ),
        ((FunctionKey("main.f"), FunctionKey("sync.(*Mutex).Lock"), FunctionKey("runtime.lock2")), "locks"),
        # a callback's own work is not the library's
        (
            (FunctionKey("main.main"), FunctionKey("encoding/json.Marshal"), FunctionKey("main.compute")),
            "other",
        ),
        # but code that is linked into a program of C has no more than a name
        ((FunctionKey("sqlite3_step", "", "shop"), FunctionKey("balance_nonroot", "", "shop")), "database"),
        ((FunctionKey("event_base_loop", "", "shop"), FunctionKey("work", "", "shop")), "other"),
        # importing a module is importing it, whatever the module's code does
        (
            (
                FunctionKey("_find_and_load", "<frozen importlib._bootstrap>"),
                FunctionKey("<module>", "pydantic/main.py"),
                DUMPS,
            ),
            "runtime",
        ),
        (("[unknown]",), "other"),
    ],
    ids=str,
)
def test_precedence(stack: tuple[FunctionKey | str, ...], category: str) -> None:
    assert _of(*stack) == category


def test_rules_of_the_user_come_first_and_may_name_categories_of_their_own() -> None:
    mine = Categories.builtin(
        [
            CategoryRule(category="serialization", function=("encode_*",), file=("*/codec.py",)),
            CategoryRule(category="rate limits", function=("allow",)),
            CategoryRule(category="other", file=("json/encoder.py",)),
            CategoryRule(category="regex", function=("match",), caller=("route",)),
        ]
    )
    assert mine.names == (*CATEGORIES, "rate limits", OTHER)
    assert _of(FunctionKey("Codec.encode_item", "registry/codec.py"), categories=mine) == "serialization"
    assert _of(FunctionKey("encode_item", "codec.py"), categories=mine) == "serialization"
    assert _of(FunctionKey("encode_item", "registry/other.py"), categories=mine) == OTHER
    assert _of(FunctionKey("allow", "limits.py"), SEND, categories=mine) == "rate limits"
    assert _of(DUMPS, FunctionKey("encode", "json/encoder.py"), categories=mine) == OTHER
    route, match = FunctionKey("route", "registry/app.py"), FunctionKey("match", "registry/app.py")
    assert _of(route, match, categories=mine) == "regex"
    assert _of(APP, match, categories=mine) == OTHER
    assert mine.category_of(match, route) == "regex"
    assert mine.category_of(match) == OTHER


# --- costs


def test_shares_add_up_and_name_the_users_functions() -> None:
    head = _profile({(APP, DUMPS): 30, (APP, DUMPS, SEND): 5, (APP,): 60, (SEND,): 5})
    base = _profile({(APP, DUMPS): 10, (APP,): 90})
    costs = category_costs(ALL, _snapshot(head), _snapshot(base))
    assert _shares(costs) == pytest.approx({"other": 0.6, "serialization": 0.3, "io": 0.1})
    serialization = next(c for c in costs if c.category == "serialization")
    assert serialization.functions == (("handle", 0.3),)
    assert serialization.stacks == ("handle;dumps",)
    assert (serialization.samples, serialization.base_share) == (30, pytest.approx(0.1))
    assert next(c for c in costs if c.category == "io").base_share == 0
    assert [c.share for c in costs] == sorted((c.share for c in costs), reverse=True)


def test_a_category_that_is_gone_is_still_told() -> None:
    costs = category_costs(ALL, _snapshot(_profile({(APP,): 9})), _snapshot(_profile({(APP, DUMPS): 9})))
    gone = next(c for c in costs if c.category == "serialization")
    assert (gone.share, gone.base_share) == (0, 1)


def test_threads_that_wait_do_not_count() -> None:
    wait = FunctionKey("Condition.wait", "python3.11/threading.py")
    idle = FunctionKey("(idle)")
    costs = category_costs(ALL, _snapshot(_profile({(APP,): 10, (APP, wait): 90, (idle,): 50})), None)
    assert _shares(costs) == {"other": 1.0}


def test_launches_are_pooled_and_slices_stand_in() -> None:
    one, two = _profile({(APP,): 10}), _profile({(APP, DUMPS): 30})
    assert _shares(category_costs(ALL, _snapshot(one, two), None)) == {"serialization": 0.75, "other": 0.25}
    slices = [
        ProfileSlice(launch=0, slice=i, requests=1, cpu_ns_per_request=1, rate_hz=100, profile=p)
        for i, p in enumerate((one, two))
    ]
    costs = category_costs(ALL, Snapshot(label="head", slices=tuple(slices)), None)
    assert _shares(costs) == {"serialization": 0.75, "other": 0.25}
    assert {c.stage for c in costs} == {"slices"}


def test_nothing_measured_is_nothing_said() -> None:
    assert category_costs(ALL, Snapshot(label="head"), None) == ()
    assert category_costs(ALL, _snapshot(ProfileBuilder([ValueKind("cpu", "samples")]).build()), None) == ()


_KEYS = st.sampled_from(
    [
        APP,
        DUMPS,
        EMIT,
        SEND,
        KERNEL,
        FunctionKey("malloc"),
        FunctionKey("work"),
        FunctionKey("x", "src/x.c"),
        FunctionKey("sync.(*Mutex).Lock"),
        FunctionKey("runtime.schedule"),
        FunctionKey("(garbage collector)"),
    ]
)


@given(
    st.dictionaries(
        st.lists(_KEYS, min_size=1, max_size=8).map(tuple), st.integers(1, 9), min_size=1, max_size=8
    )
)
def test_every_sample_has_one_category_that_does_not_depend_on_the_others(
    stacks: dict[tuple[FunctionKey, ...], int],
) -> None:
    profile = _profile(stacks)
    nodes, names = ALL.of_stacks(profile)
    assert len(nodes) == len(profile.stack_parent)
    expected: Counter[str] = Counter()
    for stack, value in stacks.items():
        expected[_of(*stack)] += value
    seen: Counter[str] = Counter()
    for node, value in enumerate(stack_self(profile).tolist()):
        seen[names[nodes[node]]] += value
    assert +seen == expected


def test_a_hundred_thousand_stacks_take_well_under_a_second() -> None:
    rng = np.random.default_rng(1)
    builder = ProfileBuilder([ValueKind("cpu", "samples")])
    names = [f"registry::module_{i}::function_{i}" for i in range(3000)]
    names += [f"serde_json::ser::part_{i}" for i in range(500)] + [
        f"<registry::T{i} as core::fmt::Debug>::fmt" for i in range(1500)
    ]
    frames = [builder.frame(builder.function(name)) for name in names]
    nodes = [-1]
    for i in range(100_000):
        parent = nodes[int(rng.integers(max(0, i - 2000), i + 1))] if i else -1
        nodes.append(builder.stack(parent, frames[int(rng.integers(len(frames)))]))
    builder.sample(nodes[-1], [1])
    profile = builder.build()
    start = time.process_time()
    ALL.of_stacks(profile)
    assert time.process_time() - start < 1


@pytest.mark.timeout(20)
def test_a_stack_of_a_hundred_thousand_frames() -> None:
    builder = ProfileBuilder([ValueKind("cpu", "samples")])
    frame = builder.frame(builder.function("loop", file="a.py"))
    builder.sample(builder.stack_of([frame] * 100_000), [1])
    costs = category_costs(ALL, _snapshot(builder.build()), None)
    assert len(costs[0].stacks[0]) < 10_000
