"""Functions by exact counters: start-up that cancels, cost that moved, and different amounts of work."""

from __future__ import annotations

from dataclasses import replace

import pytest
from compare_cases import OPTIONS, captured, functions, profile, totals

from perf_action.compare import compare
from perf_action.compare.kinds import function_changes
from perf_action.model.change import Verdict
from perf_action.model.metric import Metric
from perf_action.model.profile import FunctionKey
from perf_action.model.snapshot import Snapshot

R, I, U, Q = Verdict.REGRESSION, Verdict.IMPROVEMENT, Verdict.UNCHANGED, Verdict.INCONCLUSIVE  # noqa: E741


def counted(
    *sides: tuple[dict[str, int], int | None], kind: str = "allocations", unit: str = "count"
) -> Snapshot:
    return captured(
        *[profile(stacks, kind=kind, unit=unit, fidelity="exact", requests=n) for stacks, n in sides]
    )


def called(rows, verdict: Verdict) -> set[str]:
    return {row.name for row in rows.values() if row.verdict is verdict}


def work(
    requests: int, *, parse: int = 20, encode: int = 30, start: int = 100_000
) -> tuple[dict[str, int], int]:
    return {
        "main;load": start,
        "main;serve;parse": parse * requests,
        "main;serve;encode": encode * requests,
    }, requests


def test_start_up_cancels_between_two_captures():
    base, head = counted(work(20), work(220)), counted(work(20, parse=22), work(220, parse=22))
    rows = functions(base, head)
    assert called(rows, R) == {"parse"}
    assert (rows["parse"].base, rows["parse"].head, rows["parse"].unit) == (20, 22, "count/request")
    assert "load" not in rows
    assert rows["parse"].share_base == pytest.approx(0.4)


def test_more_start_up_is_not_more_cost_per_request():
    base, head = counted(work(20), work(220)), counted(work(20, start=200_000), work(220, start=200_000))
    assert called(functions(base, head), U) == {"parse", "encode"}


def test_processes_of_one_launch_are_added():
    def side(parse):
        snapshots = [counted(work(20, parse=parse), work(220, parse=parse)) for _ in range(2)]
        return Snapshot(label="side", captures=sum((s.captures for s in snapshots), ()))

    row = functions(side(20), side(30))["parse"]
    assert (row.base, row.head) == (40, 60)


def test_identical_counts_of_different_lengths_never_alarm():
    for kind in ("allocations", "leaked", "peak"):
        rows = functions(counted(work(1000), kind=kind), counted(work(2000), kind=kind))
        assert called(rows, I) == set()
        if kind == "allocations":  # what is live at the end may well grow with the requests
            assert called(rows, R) == set()


def test_without_requests_the_plain_values_count():
    base = counted(({"main;f": 1000, "main;g": 1000, "main;h": 500}, None))
    head = counted(({"main;f": 1000, "main;g": 2000, "main;h": 500}, None))
    rows = functions(base, head)
    assert (called(rows, R), rows["g"].unit) == ({"g"}, "count")
    assert rows["g"].interval == (1.0, 1.0)
    assert rows["g"].p is None
    assert called(functions(head, base), I) == {"g"}


def test_everything_by_one_factor_is_more_work():
    stacks = {f"main;f{i}": 1000 * (i + 1) for i in range(8)}
    twice = {s: 2 * n for s, n in stacks.items()}
    found = function_changes(counted((stacks, None)), counted((twice, None)), OPTIONS)
    assert {row.verdict for row in found.rows} == {Q}
    assert "different amounts of work" in found.notes[0]


@pytest.mark.parametrize(
    ("base", "head", "verdict"),
    [(100_000, 104_900, U), (100_000, 105_100, R), (100_000, 94_000, I), (2000, 4000, U), (0, 20_000, R)],
)
def test_floors_of_the_function_and_of_the_whole(base, head, verdict):
    rest = {"main;rest": 1_000_000}
    rows = functions(
        counted(({"main;f": base, **rest}, None), kind="instructions", unit="instructions"),
        counted(({"main;f": head, **rest}, None), kind="instructions", unit="instructions"),
    )
    assert rows["f"].verdict is verdict if "f" in rows else verdict is U


def test_repetitions_that_differ_are_not_a_change():
    def side(*values):
        return captured(
            *[
                profile({"main;f": v, "main;g": 1000}, kind="allocations", unit="count", fidelity="exact")
                for v in values
            ]
        )

    assert called(functions(side(1000, 1100), side(1150, 1250)), R) == set()
    assert called(functions(side(1000, 1001), side(1150, 1151)), R) == {"f"}


def test_inlined_renamed_and_split_functions_only_moved():
    base = {"main;route": 100, "main;route;score": 2427, "main;other": 5000}
    for head, name in (
        ({"main;route": 2521, "main;other": 5000}, "route"),
        ({"main;route": 100, "main;route;rate": 2427, "main;other": 5000}, "rate"),
        (
            {"main;route": 100, "main;route;score": 427, "main;route;score;pack": 2000, "main;other": 5000},
            "pack",
        ),
    ):
        rows = functions(counted((base, None)), counted((head, None)))
        assert (called(rows, R), called(rows, I)) == (set(), set())
        assert rows[name].moved_from == "score"


def test_a_neighbours_saving_does_not_hide_an_increase_that_is_larger():
    base = {"main;serve;f": 10_000, "main;serve;g": 10_000}
    head = {"main;serve;f": 15_000, "main;serve;g": 9_000}
    assert called(functions(counted((base, None)), counted((head, None))), R) == {"f"}


def test_a_peak_that_only_changed_hands_is_none():
    def peak(f, g):
        return counted(({"main;f": f, "other;g": g}, None), kind="peak", unit="bytes")

    assert called(functions(peak(8 << 20, 1 << 20), peak(1 << 20, 8 << 20)), R) == set()
    assert called(functions(peak(8 << 20, 1 << 20), peak(16 << 20, 1 << 20)), R) == {"f"}


def test_cost_of_many_small_functions_shows_in_their_caller():
    base = {"main;work": 100_000, **{f"main;lib;f{i}": 300 for i in range(50)}}
    head = {"main;work": 100_000, **{f"main;lib;f{i}": 600 for i in range(50)}}
    assert called(functions(counted((base, None)), counted((head, None))), R) == set()
    rows = totals(counted((base, None)), counted((head, None)))
    assert {n: r.verdict for n, r in rows.items()} == {"lib": R}


ARENA = 1 << 20


def memray(stacks: dict[str, int], *, kind: str = "allocated", requests: int | None = None):
    return profile(
        stacks, kind=kind, unit="bytes", fidelity="exact", tool="memray", granule=ARENA, requests=requests
    )


@pytest.mark.parametrize("kind", ["allocated", "peak", "leaked"])
def test_whole_arenas_are_nobodys_fault(kind):
    rest = {f"main;f{i}": 2_000_000 for i in range(10)}
    base = captured(memray({"main;f": ARENA, "main;g": 2 * ARENA, **rest}, kind=kind))
    head = captured(memray({"main;f": 3 * ARENA, "main;g": 2 * ARENA, **rest}, kind=kind))
    assert called(functions(base, head), R) == set()
    assert called(functions(head, base), I) == set()


@pytest.mark.parametrize(
    ("grown", "blamed"), [(400_000, {"f"}), (ARENA, set()), (int(2.4 * ARENA), {"f"}), (16 * ARENA, {"f"})]
)
def test_a_part_of_an_arena_or_many_are(grown, blamed):
    base = captured(memray({"main;f": 800_000, "main;g": 5_000_000}))
    head = captured(memray({"main;f": 800_000 + grown, "main;g": 5_000_000}))
    assert called(functions(base, head), R) == blamed


def test_bytes_of_arenas_move_unless_the_total_does():
    base = captured(memray({"main;f": 800_000, "other;g": 5_000_000}))
    head = captured(memray({"main;f": 1_200_000, "other;g": 4_600_000}))
    row = functions(base, head)["f"]
    assert (row.verdict, row.reason) == (U, "the total did not move with it")


def test_arenas_count_per_request_too():
    def side(f):
        return captured(
            *[
                memray({"main;f": f * n + arenas * ARENA, "main;g": 5000 * n}, requests=n)
                for n, arenas in ((100, 0), (1000, 1))
            ]
        )

    assert called(functions(side(2000), side(2000)), U) == {"f", "g"}
    assert called(functions(side(2000), side(2500)), R) == {"f"}


def test_the_peak_is_that_of_the_longest_launch():
    def side(peak):
        return captured(*[memray({"main;f": peak * n}, kind="peak", requests=n) for n in (100, 1000)])

    row = functions(side(5000), side(9000))["f"]
    assert (row.base, row.head, row.unit, row.verdict) == (5_000_000, 9_000_000, "bytes", R)


def test_exact_and_sampled_sides_are_compared_as_sampled():
    exact = counted(({"main;f": 10, "main;g": 10}, None), kind="cpu", unit="samples")
    sampled = captured(profile({"main;f": 20, "main;g": 10}))
    assert called(functions(exact, sampled), R) == set()


def test_stages_are_matched_and_the_stepped_one_comes_first():
    plain = captured(
        profile({"main;f": 10}, kind="allocations", unit="count", fidelity="exact"), stage="memory"
    )
    stepped = captured(
        *[
            profile(s, kind="allocations", unit="count", fidelity="exact", requests=n)
            for s, n in (work(20), work(220))
        ],
        stage="counts",
    )
    both = Snapshot(label="side", captures=(*plain.captures, *stepped.captures))
    assert functions(both, both)["parse"].unit == "count/request"
    other = captured(profile({"main;f": 10}), stage="else")
    mixed = Snapshot(
        label="side", captures=(*other.captures, *captured(profile({"main;f": 9}), stage="b").captures)
    )
    third = captured(profile({"main;f": 10}), stage="third")
    found = function_changes(mixed, third, OPTIONS)
    assert (found.rows, found.notes) == ((), ("cpu: base and head have no stage in common",))


def alive(*launches: tuple[int, int]) -> Snapshot:
    """What is alive after so many requests, in one function of a larger program."""
    return counted(
        *[({"main;f": left, "main;g": 12_000_000 + 1000 * n}, n) for n, left in launches],
        kind="leaked",
        unit="bytes",
    )


@pytest.mark.parametrize(
    ("base", "head", "verdict"),
    [
        # as measured on identical code: the shorter launch of one side happened to be looked at after a collection
        ([(120, 78_180), (300, 74_406), (300, 83_123)], [(120, 57_099), (300, 76_992), (300, 80_561)], U),
        # repetitions that are alike by chance say nothing of the shorter launch
        ([(120, 78_180), (300, 78_700), (300, 78_800)], [(120, 57_099), (300, 78_700), (300, 78_800)], U),
        ([(120, 78_180), (300, 78_800)], [(120, 57_099), (300, 78_800)], U),
        # growth that the longer launches of base do not have
        ([(120, 78_180), (300, 74_406), (300, 83_123)], [(120, 150_000), (300, 510_000), (300, 520_000)], R),
        ([(120, 0), (300, 0), (300, 0)], [(120, 36_000), (300, 90_000), (300, 90_400)], R),
        # a stored baseline whose launches were longer: it holds more, and yet leaks less
        ([(120, 36_000), (1200, 360_000)], [(120, 108_000), (300, 270_000)], R),
        # from nothing to something that scatters as much
        ([(120, 0), (300, 0), (300, 0)], [(120, 1000), (300, 10_000), (300, 60_000)], U),
    ],
)
def test_what_had_not_been_collected_yet_does_not_leak(base, head, verdict):
    assert (called(functions(alive(*base), alive(*head)), R) == {"f"}) is (verdict is R)
    assert (called(functions(alive(*head), alive(*base)), I) == {"f"}) is (verdict is R)


def test_an_interval_agrees_with_the_verdict():
    def side(*values):
        launches = [(20, 1000), *((220, v) for v in values)]
        return counted(*[({"main;f": f, "main;g": 5000 * n}, n) for n, f in launches])

    row = functions(side(21_000, 21_400), side(41_000, 41_500))["f"]
    assert row.verdict is R
    assert 0 < row.interval[0] < row.change < row.interval[1]
    row = functions(side(21_000, 27_000), side(41_000, 45_000))["f"]
    assert row.verdict is U
    assert row.interval[0] < 0 < row.change < row.interval[1]


def is_own(key: FunctionKey) -> bool:
    return not key.name.startswith("std::")


def growing(library: str = "std::grow", *, more: int) -> Snapshot:
    """A function that a pull request has call its library more often, under one that everything runs through."""
    stacks = {
        f"main;serve;handle;encode;std::collect;{library}": 20 + more,
        "main;serve;handle;encode": 50,
        "main;serve;handle": 40,
        "main;serve;parse": 90,
    }
    return counted(
        ({s: 10 * v for s, v in stacks.items()}, 10), ({s: 110 * v for s, v in stacks.items()}, 110)
    )


def test_the_own_function_that_a_library_works_for_is_named_first():
    base, head = growing(more=0), growing(more=60)
    worse = [r for r in function_changes(base, head, replace(OPTIONS, own=is_own)).rows if r.verdict is R]
    assert [(r.name, r.value, r.head - r.base) for r in worse] == [
        ("encode", "total", 60),
        ("std::grow", "self", 60),
    ]
    assert called(functions(base, head), R) == {"std::grow"}  # where nobody says what is own
    better = [r for r in function_changes(head, base, replace(OPTIONS, own=is_own)).rows if r.verdict is I]
    assert [(r.name, r.value) for r in better] == [("encode", "total"), ("std::grow", "self")]


def test_an_own_function_that_got_worse_speaks_for_its_callers():
    options = replace(OPTIONS, own=is_own)
    rows = function_changes(growing("grow", more=0), growing("grow", more=60), options).rows
    assert [(r.name, r.value) for r in rows if r.verdict is R] == [("grow", "self")]


def recursive(*, split: bool, more: int = 0) -> Snapshot:
    """A function that calls itself for what is within; or one half of it in a new function, which calls the other."""
    inner = ["canon", "canon"] if not split else ["canon", "object", "canon", "object"]
    stacks = {"main;serve;parse": 300, "main;serve;canon;text": 30}
    for depth in range(1, len(inner) + 1):
        part = (20 if inner[depth - 1] == "canon" else 80 + more) if split else 100
        stacks[";".join(["main;serve", *inner[:depth]])] = part
    return counted(
        ({s: 10 * v for s, v in stacks.items()}, 10), ({s: 110 * v for s, v in stacks.items()}, 110)
    )


def test_code_that_was_cut_out_of_a_function_that_calls_itself_only_moved():
    whole, cut = recursive(split=False), recursive(split=True)
    for base, head in ((whole, cut), (cut, whole)):
        rows = function_changes(base, head, OPTIONS).rows
        assert [(r.name, r.kind, r.value) for r in rows if r.verdict in (R, I)] == []


@pytest.mark.parametrize(("calls", "more", "verdict"), [(51, 0, U), (120, 0, R), (51, 60, R)])
def test_what_the_further_calls_allocate_themselves_is_no_regression(calls: int, more: int, verdict: Verdict):
    def side(snapshot: Snapshot, value: float) -> Snapshot:
        count = Metric(name="memory.allocations.per_request", unit="count", samples=(value,), better="lower")
        return replace(snapshot, metrics=(count,))

    base = side(recursive(split=False), 4617)
    head = side(recursive(split=True, more=more), 4617 + calls)
    assert [m.verdict for m in compare(base, head, OPTIONS).metrics] == [verdict]


def test_code_that_was_cut_out_and_got_dearer_is_worse():
    rows = function_changes(recursive(split=False), recursive(split=True, more=60), OPTIONS).rows
    assert "object" in {r.name for r in rows if r.verdict is R}
