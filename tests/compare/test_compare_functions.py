"""Functions of sliced profiles and of sampled captures: who is blamed, who is not, and what only moved."""

from __future__ import annotations

from dataclasses import replace

import pytest
from compare_cases import OPTIONS, captured, functions, profile, sliced, totals

from perf_action.compare.identity import generic_name, match_functions
from perf_action.compare.kinds import function_changes
from perf_action.model.change import Verdict
from perf_action.model.profile import FunctionKey
from perf_action.model.touched import TouchedFile

R, I, U, Q = Verdict.REGRESSION, Verdict.IMPROVEMENT, Verdict.UNCHANGED, Verdict.INCONCLUSIVE  # noqa: E741

SERVICE = {
    "main;serve;route": 5e3,
    "main;serve;route;parse": 20e3,
    "main;serve;route;score": 15e3,
    "main;serve;route;render": 12e3,
    "main;serve;route;render;escape": 10e3,
    "main;serve;log": 8e3,
    "main;serve;route;store": 30e3,
}


def with_cost(**changes: float) -> dict[str, float]:
    """SERVICE, with the cost of the functions named."""
    return {stack: changes.get(stack.rsplit(";", 1)[-1], cost) for stack, cost in SERVICE.items()}


def called(rows, verdict: Verdict) -> set[str]:
    return {row.name for row in rows.values() if row.verdict is verdict}


# --- slices


def test_a_dearer_function_is_named_and_nothing_else():
    rows = functions(sliced(SERVICE, seed=1), sliced(with_cost(score=22e3), seed=2))
    assert called(rows, R) == {"score"}
    assert called(rows, I) == set()
    row = rows["score"]
    assert row.unit == "ns/request"
    assert row.base == pytest.approx(15e3, rel=0.1)
    assert row.change == pytest.approx(22 / 15 - 1, abs=0.12)
    assert row.interval[0] < 22 / 15 - 1 < row.interval[1]
    assert row.share_base == pytest.approx(0.15, abs=0.02)
    assert row.stack == ("main", "serve", "route", "score")


def test_a_cheaper_function_is_an_improvement():
    rows = functions(sliced(with_cost(score=22e3), seed=1), sliced(SERVICE, seed=2))
    assert (called(rows, R), called(rows, I)) == (set(), {"score"})


@pytest.mark.parametrize("seed", range(8))
def test_identical_code_never_alarms(seed):
    rows = functions(sliced(SERVICE, seed=seed), sliced(SERVICE, seed=seed + 100))
    assert called(rows, U) == set(rows)
    assert functions(sliced(SERVICE, seed=seed), sliced(SERVICE, seed=seed)).keys() == rows.keys()


def test_a_function_new_on_head_has_no_ratio_but_a_verdict():
    new = {**SERVICE, "main;serve;route;audit": 12e3}
    row = functions(sliced(SERVICE, seed=1), sliced(new, seed=2))["audit"]
    assert (row.verdict, row.base, row.change, row.share_base) == (R, 0.0, None, 0.0)
    gone = functions(sliced(new, seed=1), sliced(SERVICE, seed=2))["audit"]
    assert (gone.verdict, gone.head, gone.change) == (I, 0.0, -1.0)
    assert gone.stack == ("main", "serve", "route", "audit")


def test_a_new_function_needs_no_many_samples():
    """0 against a few dozen in each of two launches: no scatter of what is there on both sides makes that."""
    new = {**SERVICE, "main;serve;route;audit": 12e3}
    few = {"launches": 2, "samples": 120}
    rows = functions(sliced(SERVICE, seed=1, **few), sliced(new, seed=2, **few))
    assert called(rows, R) == {"audit"}


def test_few_samples_are_not_called_unchanged():
    rows = functions(
        sliced(SERVICE, seed=1, launches=1, samples=50), sliced(SERVICE, seed=2, launches=1, samples=50)
    )
    assert called(rows, Q)
    assert all("too few samples" in row.reason for row in rows.values() if row.verdict is Q)


def test_at_most_three_are_blamed_largest_first():
    worse = with_cost(parse=30e3, score=24e3, render=20e3, log=15e3, store=45e3)
    found = function_changes(sliced(SERVICE, seed=1), sliced(worse, seed=2), OPTIONS)
    own = [row for row in found.rows if row.value == "self"]
    blamed = [row.name for row in own if row.verdict is R]
    assert blamed == ["store", "parse", "score"]
    assert [row.name for row in own if "rose too" in row.reason]
    assert any("more functions rose" in note for note in found.notes)


def test_rows_are_ordered_regressions_improvements_rest():
    rows = function_changes(
        sliced(SERVICE, seed=1), sliced(with_cost(score=25e3, store=12e3), seed=2), OPTIONS
    ).rows
    verdicts = [row.verdict for row in rows]
    assert verdicts == sorted(verdicts, key=[R, I, U, Q].index)
    assert [row.name for row in rows[:2]] == ["score", "store"], "two separate changes, not one that moved"
    rest = [max(row.base, row.head) for row in rows[2:]]
    assert rest == sorted(rest, reverse=True)


def test_idle_waits_are_not_work():
    waits = "main;SocketIO.readinto@/usr/lib/python3.11/socket.py"
    waiting, more = ({**SERVICE, waits: cost, "main;queue.get@app/queue.py": 9e3} for cost in (60e3, 400e3))
    rows = functions(
        sliced(waiting, seed=1, samples=3000), sliced(more, seed=2, samples=10_000)
    )  # the CPU clock of these slices counts the waiting too, which only scales both
    assert "SocketIO.readinto" not in rows
    assert "queue.get" in rows, "a function of the user's own is work"
    assert rows["store"].share_head == pytest.approx(0.28, abs=0.03)


@pytest.mark.parametrize(
    "file", ["asyncio/selector_events.py", "/usr/lib/python3.12/socket.py", "python3.11/ssl.py"]
)
def test_what_sockets_cost_is_nobodys_fault(file):
    def side(cost, seed):
        return sliced({**SERVICE, f"main;serve;receive@{file}": cost}, seed=seed)

    row = functions(side(8e3, 1), side(20e3, 2))["receive"]
    assert (row.verdict, "other side" in row.reason) == (Q, True)
    assert functions(side(8e3, 1), side(8e3, 2))["receive"].verdict is U


def test_a_users_module_may_be_called_like_one_of_the_library():
    def side(cost, seed):
        return sliced({**SERVICE, "main;serve;receive@app/net/socket.py": cost}, seed=seed)

    assert functions(side(8e3, 1), side(20e3, 2))["receive"].verdict is R


def test_other_hardware_is_no_ground_for_blame():
    rows = functions(
        sliced(SERVICE, seed=1),
        sliced(with_cost(score=30e3), seed=2),
        untimed="measured on different hardware",
    )
    assert (rows["score"].verdict, rows["score"].reason) == (Q, "measured on different hardware")


# --- moved


def moved(base, head, name):
    rows = functions(sliced(base, seed=1), sliced(head, seed=2))
    assert called(rows, R) == set(), "cost that moved is no regression"
    assert called(rows, I) == set(), "and what it left is no improvement"
    assert rows[name].verdict is U
    return rows[name]


def test_an_inlined_function_is_not_its_callers_fault():
    inlined = {s: c for s, c in SERVICE.items() if not s.endswith("score")}
    row = moved(SERVICE, {**inlined, "main;serve;route": 20e3}, "route")
    assert (row.moved_from, row.reason) == ("score", "moved here from score")


def test_a_renamed_function_is_neither_new_nor_gone():
    renamed = {s.replace("score", "rate"): c for s, c in SERVICE.items()}
    assert moved(SERVICE, renamed, "rate").moved_from == "score"


def test_a_split_function_is_no_news():
    split = {**with_cost(store=14e3), "main;serve;route;store;pack": 16e3}
    assert moved(SERVICE, split, "pack").moved_from == "store"


def test_work_handed_to_a_neighbour_is_no_news():
    handed = with_cost(parse=8e3, score=27e3)
    assert moved(SERVICE, handed, "score").moved_from == "parse"


def test_moved_and_dearer_is_a_regression():
    renamed = {s.replace("score", "rate"): c for s, c in with_cost(score=40e3).items()}
    assert called(functions(sliced(SERVICE, seed=1), sliced(renamed, seed=2)), R) == {"rate"}


def test_a_real_improvement_elsewhere_does_not_hide_a_regression_under_another_caller():
    base = {**SERVICE, "main;other;work": 30e3}
    head = {**with_cost(score=35e3), "main;other;work": 8e3}
    rows = functions(sliced(base, seed=1), sliced(head, seed=2))
    assert (called(rows, R), called(rows, I)) == ({"score"}, {"work"})


# --- total cost


def test_cost_spread_over_many_small_functions_shows_in_their_caller():
    small = {f"main;serve;library;step_{i}": 400.0 for i in range(40)}
    twice = {stack: 2 * cost for stack, cost in small.items()}
    base, head = (sliced({**SERVICE, **part}, seed=i) for i, part in enumerate((small, twice)))
    assert called(functions(base, head), R) == set()
    row = totals(base, head)["library"]
    assert (row.verdict, row.value) == (R, "total")
    assert row.change == pytest.approx(1.0, abs=0.25)


def test_a_caller_is_not_blamed_again_for_what_it_calls():
    assert totals(sliced(SERVICE, seed=1), sliced(with_cost(score=30e3), seed=2)) == {}


def test_of_two_callers_none_is_blamed_for_what_both_call():
    """The callee costs more than either of them by itself."""
    small = {
        f"main;serve;{route};encode;step_{i}": 200.0
        for i in range(40)
        for route in ("get_by_id", "get_by_version")
    }
    twice = {stack: 2 * cost for stack, cost in small.items()}
    base, head = (sliced({**SERVICE, **part}, seed=i) for i, part in enumerate((small, twice)))
    assert set(totals(base, head)) == {"encode"}


def test_of_a_new_function_and_who_calls_it_only_the_new_one_is_blamed():
    """Its cost is spread over small ones; who calls it is edited."""
    new = {f"main;serve;route;encode;step_{i}": 400.0 for i in range(40)}
    base = sliced({**SERVICE, "main;serve;route;encode": 2e3}, seed=1)
    head = sliced(
        {
            **SERVICE,
            "main;serve;route;encode": 2e3,
            **{k.replace("encode", "encode;audit"): v for k, v in new.items()},
        },
        seed=2,
    )
    edited = TouchedFile(base="app.c", head="app.c", functions=("encode",), head_lines=((7, 9),))
    rows = function_changes(base, head, replace(OPTIONS, touched=(edited,))).rows
    assert [(r.name, r.value) for r in rows if r.verdict is R] == [("audit", "total")]


def test_nobody_can_look_at_a_function_without_a_name():
    head = {**SERVICE, "main;serve;route;store": 30e3, "main;serve;route;store;[unknown]": 30e3}
    rows = functions(sliced(SERVICE, seed=1), sliced(head, seed=2))
    assert (called(rows, R), rows["[unknown]"].verdict) == (set(), Q)
    assert "without a name" in rows["[unknown]"].reason
    assert set(totals(sliced(SERVICE, seed=1), sliced(head, seed=2))) == {"store"}


# --- two captures

FIXED = {"main;serve;hash": 765, "main;serve;parse": 367, "main;serve;emit": 126}
DOUBLED = {"main;serve;hash": 757, "main;serve;parse": 767, "main;serve;emit": 128}


def test_a_doubled_function_is_found_and_a_fallen_share_is_no_improvement():
    rows = functions(captured(profile(FIXED)), captured(profile(DOUBLED)))
    assert (called(rows, R), called(rows, I)) == ({"parse"}, set())
    assert rows["parse"].unit == "samples"
    back = functions(captured(profile(DOUBLED)), captured(profile(FIXED)))
    assert (called(back, R), called(back, I)) == (set(), {"parse"})


def test_what_is_new_in_a_capture_is_found_and_what_only_moved_is_not():
    new = {**FIXED, "main;serve;hash;audit": 300}
    rows = functions(captured(profile(FIXED)), captured(profile(new)))
    assert called(rows, R) == {"audit"}
    assert rows["audit"].change is None
    assert called(functions(captured(profile(new)), captured(profile(FIXED))), I) == {"audit"}
    split = {**FIXED, "main;serve;hash": 465, "main;serve;hash;block": 300}
    rows = functions(captured(profile(FIXED)), captured(profile(split)))
    assert (called(rows, R), called(rows, I)) == (set(), set())
    assert rows["block"].moved_from == "hash"


def test_a_handful_of_samples_of_something_new_is_chance():
    new = {**FIXED, "main;serve;hash;audit": 14}
    rows = functions(captured(profile(FIXED)), captured(profile(new)))
    assert (called(rows, R), called(rows, I)) == (set(), set())


def test_known_durations_change_nothing_about_that():
    base, head = profile(FIXED, duration_ns=2_520_000_000), profile(DOUBLED, duration_ns=3_310_000_000)
    rows = functions(captured(base), captured(head))
    assert (called(rows, R), called(rows, I)) == ({"parse"}, set())


@pytest.mark.parametrize("factor", [0.5, 2, 3])
@pytest.mark.parametrize("timed", [True, False])
def test_a_longer_recording_is_nobodys_fault(factor, timed):
    longer = {stack: int(n * factor) for stack, n in FIXED.items()}
    base = profile(FIXED, duration_ns=10**10 if timed else None)
    head = profile(longer, duration_ns=int(factor * 10**10) if timed else None)
    rows = functions(captured(base), captured(head))
    assert called(rows, R) | called(rows, I) == set()


def test_a_shorter_recording_does_not_improve_what_did_not_change():
    shorter = {stack: n // 2 for stack, n in DOUBLED.items()}
    rows = functions(captured(profile(FIXED)), captured(profile(shorter)))
    assert called(rows, I) == set()


def test_counted_requests_settle_how_long_it_ran():
    base, head = profile(FIXED, requests=1000), profile({s: 2 * n for s, n in DOUBLED.items()}, requests=2000)
    rows = functions(captured(base), captured(head))
    assert (called(rows, R), called(rows, I)) == ({"parse"}, set())
    assert rows["parse"].unit == "samples/request"
    assert rows["parse"].base == pytest.approx(0.367)


def test_few_samples_of_one_capture_settle_nothing():
    rows = functions(
        captured(profile({"main;f": 40, "main;g": 60})), captured(profile({"main;f": 60, "main;g": 60}))
    )
    assert called(rows, Q) == {"f", "g"}


def test_several_launches_are_pooled_and_show_their_own_scatter():
    def side(factor):
        return captured(
            *[profile({s: int(n * factor) for s, n in FIXED.items()}, requests=1000) for _ in range(6)]
        )

    assert called(functions(side(1), side(1.5)), R) == {"hash", "parse", "emit"}
    wild = captured(
        *[profile({"main;f": n, "main;g": 500}, requests=1000) for n in (10, 900, 20, 800, 15, 850)]
    )
    calm = captured(*[profile({"main;f": 640, "main;g": 500}, requests=1000) for _ in range(6)])
    assert called(functions(wild, calm), R) == set()


def test_sampled_bytes_count_samples_not_bytes():
    def heap(mebibytes):
        stacks = {"main;cache": mebibytes << 20, "main;other": 20 << 20}
        return captured(profile(stacks, kind="in_use", unit="bytes", period=512 * 1024))

    rows = functions(heap(32), heap(64))
    assert (rows["cache"].verdict, rows["cache"].kind, rows["cache"].unit) == (R, "in_use", "bytes")
    assert called(functions(heap(2), heap(3)), R) == set()


def test_counts_extrapolated_from_sampled_bytes_are_not_judged():
    def heap(objects):
        return captured(profile({"main;f": objects}, kind="allocations", unit="count", period=512 * 1024))

    found = function_changes(heap(32_768), heap(65_536), OPTIONS)
    assert found.rows == ()
    assert found.notes == ("allocations: extrapolated from a sample of the bytes, so not judged",)


def test_kinds_are_compared_separately_and_others_are_noted():
    base, head = captured(profile(FIXED)), captured(profile(DOUBLED))
    counted = captured(profile({"main;f": 5}, kind="goroutines", unit="count"))
    both = [replace(s, captures=(*s.captures, *counted.captures)) for s in (base, head)]
    found = function_changes(*both, OPTIONS)
    assert {row.kind for row in found.rows} == {"cpu"}
    assert found.notes == ("goroutines: shown in the profiles, not judged",)


# --- who is who


def test_checkouts_in_different_folders_hold_the_same_functions():
    base = profile({"main@app.py;f@lib/x.py": 500, "main@app.py;f@lib/y.py": 500}, folder="/tmp/base/")
    head = profile({"main@app.py;f@lib/x.py": 500, "main@app.py;f@lib/y.py": 1500}, folder="/srv/head/")
    rows = function_changes(captured(base), captured(head), OPTIONS).rows
    assert {(r.file, r.base, r.head) for r in rows if r.name == "f"} == {
        ("/srv/head/lib/x.py", 500, 500),
        ("/srv/head/lib/y.py", 500, 1500),
    }


@pytest.mark.parametrize(
    ("base", "head"),
    [
        ("svc::score::h0123456789abcdef", "svc::score::hfedcba9876543210"),
        ("score.constprop.0", "score.isra.0.part.3"),
        ("score [clone .cold]", "score"),
        ("score@/a/app.py", "score"),
    ],
)
def test_what_compilers_add_to_a_name_is_not_the_name(base, head):
    rows = function_changes(
        captured(profile({f"main;{base}": 500})), captured(profile({f"main;{head}": 510})), OPTIONS
    ).rows
    assert [(r.base, r.head) for r in rows] == [(500, 510)]


def test_equal_names_in_other_files_are_other_functions():
    rows = function_changes(
        captured(profile({"main;encode@json/encoder.py": 500})),
        captured(profile({"main;encode@app.py": 510})),
        OPTIONS,
    ).rows
    assert {(r.file, r.base, r.head) for r in rows} == {("app.py", 0, 510), ("json/encoder.py", 500, 0)}


def test_lines_are_kept():
    p = profile({"main;f@app.py": 500}, lines={"f": 17})
    assert functions(captured(p), captured(p))["f"].line == 17


def test_recursion_counts_once_and_depth_is_no_limit():
    deep = ";".join(["main"] + ["down@app.py"] * 20_000)
    rows = function_changes(captured(profile({deep: 500})), captured(profile({deep: 500})), OPTIONS).rows
    assert [(r.name, r.base, r.share_base) for r in rows] == [("down", 500, 1.0)]
    assert len(rows[0].stack) <= 64


# --- generic functions


@pytest.mark.parametrize(
    ("name", "generic"),
    [
        ("shop::keep::<u32>", "shop::keep"),
        ("shop::Cart<int>::add(int const&)", "shop::Cart::add(int const&)"),
        ("<shop::Pear<u8> as shop::Price>::price", "<shop::Pear as shop::Price>::price"),
        ("std::operator<< <std::char_traits<char> >(std::ostream&)", "std::operator<< (std::ostream&)"),
        ("a::operator<(b const&)", "a::operator<(b const&)"),
        ("a::operator->()", "a::operator->()"),
        ("operator<=>(A<int> const&)", "operator<=>(A const&)"),
        ("<module>", "<module>"),
        ("f.<locals>.<listcomp>", "f.<locals>.<listcomp>"),
        ("<for<'a> fn(&'a u8) -> Vec<u8> as X>::y", "<for fn(&'a u8) -> Vec as X>::y"),
        ("shop::<impl Price for Apple<u8>>::price", "shop::<impl Price for Apple>::price"),
        ("main.Map[go.shape.int]", "main.Map[go.shape.int]"),
        (">", ">"),
        ("<", "<"),
    ],
)
def test_the_arguments_of_a_generic_function_are_left_out(name, generic):
    assert generic_name(name) == generic


def test_another_instance_of_a_generic_function_is_the_same_function():
    base = [
        FunctionKey("keep::<u32>", "a.rs"),
        FunctionKey("keep::<u8>", "a.rs"),
        FunctionKey("send::<A>", "a.rs"),
    ]
    head = [
        FunctionKey("keep::<u64>", "a.rs"),
        FunctionKey("keep::<u8>", "a.rs"),
        FunctionKey("send::<B>", "b.rs"),
    ]
    base_ids, head_ids, described = match_functions(base, head)
    assert base_ids[base[0]] == head_ids[head[0]]
    assert base_ids[base[1]] == head_ids[head[1]]
    assert base_ids[base[2]] != head_ids[head[2]]  # its file says otherwise
    assert described[base_ids[base[0]]].name == "keep::<u64>"
