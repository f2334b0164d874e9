"""callgrind: exact sums in every dialect, stacks that add up, and files that must not pass for smaller programs."""

from __future__ import annotations

import time
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perf_action import formats
from perf_action.errors import InputError
from perf_action.formats.callgrind.stacks import Flow
from perf_action.formats.circles import without_circles
from perf_action.model.profile import Profile
from perf_action.model.snapshot import Capture
from perf_action.model.tree import costs
from perf_action.system import System

SAMPLES = Path(__file__).resolve().parent / "samples" / "callgrind"
#: of orchard work, with the compiler that made the samples
SELF = {"squeeze": 96546, "press": 286, "pulp": 120, "core": 120}
INCLUSIVE = {"squeeze": 96546, "press": 99244, "pulp": 48400, "core": 48260}
RING, CLIMB, DESCEND = 1936, 120, 116
HEAD = "# callgrind format\nversion: 1\ncreator: callgrind-3.19.0\npid: 1\ncmd: ./a\npart: 1\n\n"
BODY = "fl=(1) a.c\nfn=(1) main\n3 10\ncfn=(2) f\ncalls=2 9\n+1 20\n\nfn=(2)\n9 20\n\n"
GOOD = HEAD + "positions: line\nevents: Ir\nsummary: 30\n\n" + BODY + "totals: 30\n"


@pytest.fixture
def read(system: System, tmp_path: Path):
    def reading(text: str) -> Capture:
        (tmp_path / "c").write_text(text)
        return formats.read(tmp_path / "c", system)

    return reading


def profile_of(capture: Capture) -> Profile:
    return capture.captures[0].profile


def own(profile: Profile, kind: str = "instructions") -> Counter[str]:
    column = profile.find_kind(kind)
    assert column is not None
    out: Counter[str] = Counter()
    for key, cost in costs(profile, column).items():
        out[key.name.partition("'")[0]] += cost.self
    return out


def inclusive(profile: Profile) -> dict[str, int]:
    return {key.name: cost.total for key, cost in costs(profile).items()}


@pytest.mark.parametrize(
    "sample", ["work.out", "instr.out", "events.out", "plain.out", "parts.out", "callers.out", "blocks.out"]
)
def test_self_costs_are_the_same_in_every_dialect(system, sample):
    profile = profile_of(formats.read(SAMPLES / sample, system))
    found = own(profile)
    assert {name: found[name] for name in SELF} == SELF
    assert (found["ring"], found["climb"], found["descend"]) == (RING, CLIMB, DESCEND)
    assert profile.total() == 99244
    assert profile.fidelity == "reconstructed"


@pytest.mark.parametrize("sample", ["work.out", "instr.out", "events.out", "plain.out", "blocks.out"])
def test_inclusive_costs_are_those_of_the_calls(system, sample):
    found = inclusive(profile_of(formats.read(SAMPLES / sample, system)))
    assert {name: found[name] for name in INCLUSIVE} == INCLUSIVE
    assert found["main"] == 99244


def test_recursion_counts_once(system):
    """Without --separate-recs callgrind's own inclusive cost of ring is many times what it spent."""
    found = inclusive(profile_of(formats.read(SAMPLES / "blocks.out", system)))
    assert found["ring"] == RING
    assert found["climb"] == CLIMB + DESCEND + 2 * 63  # and squeeze(7), where the two end


def test_every_event_is_a_kind_of_its_own(system):
    profile = profile_of(formats.read(SAMPLES / "events.out", system))
    kinds = {k.kind: (k.unit, k.event) for k in profile.kinds}
    assert kinds["instructions"] == ("instructions", "")
    assert kinds["branches"] == ("count", "Bc")
    assert kinds["data_last_level_write_misses"] == ("count", "DLmw")
    assert len(kinds) == 13
    assert own(profile, "data_writes")["squeeze"] == 62


def test_cachegrind_is_read_without_callers(system):
    capture = formats.read(SAMPLES / "cachegrind.out", system)
    assert own(profile_of(capture))["squeeze"] == SELF["squeeze"]
    assert profile_of(capture).tool == "cachegrind"
    assert "does not say who called whom" in capture.notes[0]


def test_code_inlined_from_another_file_is_called_by_its_function(read):
    body = "fl=(1) a.c\nfn=(1) main\n3 10\nfi=(2) b.h\n7 15\nfe=(1)\n4 5\n"
    profile = profile_of(read(GOOD.replace(BODY, body)))
    found = {(k.name, k.file): (cost.self, cost.total) for k, cost in costs(profile).items()}
    assert found == {("main", "a.c"): (15, 30), ("[inlined from b.h]", "b.h"): (15, 15)}


def test_names_are_kept_apart_by_what_they_name(read):
    body = "ob=(1) /bin/a\nfl=(1) a.c\nfn=(1) main\n3 10\ncob=(2) lib.so\ncfi=(2) b.c\ncfn=(2) f\ncalls=1 1\n3 20\n"
    body += "ob=(2)\nfl=(2)\nfn=(2)\n1 20\n"
    profile = profile_of(read(GOOD.replace(BODY, body)))
    assert {tuple(k) for k in profile.function_keys} == {("main", "a.c", "/bin/a"), ("f", "b.c", "lib.so")}
    assert inclusive(profile) == {"main": 30, "f": 20}


def test_what_only_the_summary_has_is_a_row(read):
    capture = read(GOOD.replace("summary: 30", "summary: 33"))
    assert own(profile_of(capture))["[unknown]"] == 3
    assert profile_of(capture).total() == 33


def test_costs_may_be_hexadecimal_dotted_or_left_out(read):
    text = GOOD.replace("events: Ir\nsummary: 30", "events: Ir Dr\nsummary: 30 5").replace(
        "totals: 30", "totals: 30 5"
    )
    capture = read(text.replace("3 10\n", "0x3 0xa 5\n").replace("\n9 20\n", "\n* 20 .\n"))
    assert own(profile_of(capture)) == {"main": 10, "f": 20}
    assert own(profile_of(capture), "data_reads") == {"main": 5}


def test_system_time_is_nanoseconds(read):
    text = GOOD.replace(
        "events: Ir\nsummary: 30", "event: sysTime : sysTime (elapsed us)\nevents: Ir sysTime\nsummary: 30 2"
    )
    profile = profile_of(read(text.replace("3 10\n", "3 10 2\n").replace("totals: 30", "totals: 30 2")))
    assert profile.total(profile.find_kind("system_call_time")) == 2000


def test_a_file_of_another_program_without_totals_is_read_with_a_note(read):
    text = GOOD.replace("callgrind-3.19.0", "xdebug 3").replace("totals: 30\n", "")
    assert "no totals to check it against" in str(read(text).notes)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (GOOD.replace("totals: 30\n", ""), "ends without its totals"),
        (GOOD.replace("totals: 30", "totals: 3"), "the costs add up to 30 and not to 3;"),
        (GOOD.replace("\n9 20\n", "\n9 21\n"), "line 22: the costs add up to 31 and not to 30"),
        (GOOD.replace("events: Ir\n", ""), "there is no 'events:' line before; .*NAME-01"),
        (HEAD, "there is no 'events:' line before"),
        (GOOD.replace("fn=(2)\n9", "fn=(3)\n9"), r"line 19: function \(3\) is used before it has a name"),
        (GOOD.replace("\n9 20\n", "\n9 20 1\n"), "2 costs for 1 events"),
        (GOOD.replace("\n9 20\n", "\n9 -20\n"), "'-20' where a cost should be"),
        (GOOD.replace("\n9 20\n", f"\n9 {2**63}\n"), "where a cost should be"),
        (GOOD.replace("\n9 20\n", "\n9 2_0\n"), "'2_0' where a cost should be"),
        (GOOD.replace("\n9 20\n", "\n9 20\n\x01what\n"), "not a line of a callgrind file"),
        (GOOD.replace("version: 1", "version: 2"), "version 2 of the format is not known"),
        (GOOD.replace("cfn=(2) f\n", "").replace("fn=(2)", "fn=(2) f"), "a call without 'cfn='"),
        (GOOD.replace("calls=2 9\n+1 20\n", "calls=2 9\n").replace("\nfn=(2)\n9 20\n\n", "").replace("totals: 30\n", ""),
         "ends in the middle of a call"),
        (GOOD + GOOD.replace("events: Ir", "events: Dr"), "a part with other events"),
        (GOOD.replace("totals: 30\n", "") + GOOD, "the one before has no totals"),
        (GOOD.replace("positions: line", "positions: instr line").replace("3 10\n", "3\n"), "without its position"),
    ],
)  # fmt: skip
def test_a_damaged_file_is_an_error_with_its_line(read, text, reason):
    with pytest.raises(InputError, match=reason):
        read(text)


@pytest.mark.parametrize("sample", ["work.out", "parts.out", "cachegrind.out"])
def test_a_file_that_is_cut_off_anywhere_is_an_error(read, sample):
    text = (SAMPLES / sample).read_text()
    for at in range(20, len(text) - 2, max(1, len(text) // 60)):
        with pytest.raises(InputError):
            read(text[:at])


def test_a_chain_of_calls_of_any_depth(read):
    n = 5_000
    lines = ["fl=(1) a.c"]
    for i in range(n):
        lines += [f"fn=({i}) f{i}", "1 1"]
        if i + 1 < n:
            lines += [f"cfn=({i + 1}) f{i + 1}", "calls=1 1", f"1 {n - i - 1}"]
    text = GOOD.replace(BODY, "\n".join(lines) + "\n").replace(": 30", f": {n}")
    profile = profile_of(read(text))
    assert inclusive(profile)["f0"] == n
    assert inclusive(profile)[f"f{n // 2}"] == n - n // 2


# --- stacks ----------------------------------------------------------------------------------------------------------


def stacks(own_costs: list[int], calls: dict[tuple[int, int], int], budget: int = 1000):
    """Value by path, and the flow that gave it."""
    nodes: list[tuple[int, int]] = []
    seen: dict[tuple[int, int], int] = {}

    def push(parent: int, function: int) -> int:
        key = (parent, function)
        if key not in seen:
            seen[key] = len(nodes)
            nodes.append(key)
        return seen[key]

    flow = Flow(own_costs, calls)
    found: Counter[tuple[int, ...]] = Counter()
    for node, value in flow.stacks(push, budget=budget):
        path: list[int] = []
        at = node
        while at >= 0:
            path.append(nodes[at][1])
            at = nodes[at][0]
        found[tuple(reversed(path))] += value
    return dict(found), flow


def test_a_shared_callee_is_taken_to_do_the_same_for_everybody():
    """main calls a and b, both call f, which calls g and h: a has three quarters of f, and so of g and h."""
    main, a, b, f, g, h = range(6)
    calls = {(main, a): 75, (main, b): 25, (a, f): 75, (b, f): 25, (f, g): 40, (f, h): 40}
    found, _ = stacks([0, 0, 0, 20, 40, 40], calls)
    assert found == {
        (main, a, f): 15, (main, a, f, g): 30, (main, a, f, h): 30,
        (main, b, f): 5, (main, b, f, g): 10, (main, b, f, h): 10,
    }  # fmt: skip


def test_what_nobody_called_is_a_beginning():
    found, _ = stacks([5, 7], {(0, 1): 3})
    assert found == {(0,): 5, (0, 1): 3, (1,): 4}


def test_what_goes_round_is_left_out():
    """ping and pong call each other; callgrind counts what is inside once for each time round."""
    main, ping, pong, work = range(4)
    calls = {(main, ping): 100, (ping, pong): 870, (pong, ping): 800, (pong, work): 60}
    found, _ = stacks([1, 30, 10, 60], calls)
    assert found == {(main,): 1, (main, ping): 30, (main, ping, pong): 10, (main, ping, pong, work): 60}


def test_a_function_that_calls_itself_is_there_once():
    found, _ = stacks([2, 50], {(0, 1): 50, (1, 1): 10**12})
    assert found == {(0,): 2, (0, 1): 50}


def test_what_was_called_for_and_never_spent_is_lost():
    found, _ = stacks([1, 20], {(0, 1): 50})
    assert found == {(0,): 1, (0, 1): 20}


@st.composite
def graphs(draw: st.DrawFn):
    """Any costs and calls at all, consistent or not."""
    n = draw(st.integers(1, 9))
    own_costs = draw(st.lists(st.integers(0, 1000), min_size=n, max_size=n))
    pairs = st.tuples(st.integers(0, n - 1), st.integers(0, n - 1))
    return own_costs, draw(st.dictionaries(pairs, st.integers(0, 3000), max_size=25))


@settings(max_examples=150)
@given(graph=graphs(), budget=st.sampled_from([0, 3, 1000]))
def test_self_costs_add_up_whatever_the_calls_say(graph, budget):
    own_costs, calls = graph
    found, _ = stacks(own_costs, calls, budget)
    by_function: Counter[int] = Counter()
    for path, value in found.items():
        assert value > 0
        by_function[path[-1]] += value
    assert [by_function[f] for f in range(len(own_costs))] == own_costs


@st.composite
def programs(draw: st.DrawFn):
    """A tree of calls without recursion, and the call graph that a profiler makes of it."""
    own_costs, calls, total = Counter(), Counter(), Counter()
    paths = draw(
        st.lists(st.lists(st.integers(0, 7), min_size=1, max_size=5, unique=True), min_size=1, max_size=12)
    )
    for raw in paths:
        path, value = sorted(raw), draw(st.integers(1, 500))
        own_costs[path[-1]] += value
        for caller, callee in pairwise(path):
            calls[caller, callee] += value
        for function in path:
            total[function] += value
    return [own_costs[f] for f in range(8)], dict(calls), total


@settings(max_examples=150)
@given(program=programs(), budget=st.sampled_from([0, 4, 1000]))
def test_inclusive_costs_of_a_real_program_come_back(program, budget):
    own_costs, calls, total = program
    found, flow = stacks(own_costs, calls, budget)
    by_function: Counter[int] = Counter()
    for path, value in found.items():
        for function in set(path):
            by_function[function] += value
    assert by_function == +total
    assert flow.is_complete


def test_a_graph_made_to_take_for_ever_does_not():
    """Many layers, each function of one calling all of the next; and a circle of all functions."""
    layers, width = 20, 20
    n = layers * width
    calls = {}
    for layer in range(layers - 1):
        for i in range(width):
            for j in range(width):
                calls[layer * width + i, (layer + 1) * width + j] = 1 << 20
    calls |= {(i, (i * 7 + 1) % n): 5 for i in range(0, n, 3)}
    began = time.monotonic()
    found, _ = stacks([1000] * n, calls, budget=20_000)
    assert sum(found.values()) == 1000 * n
    assert time.monotonic() - began < 20


@settings(max_examples=150)
@given(graph=graphs())
def test_no_circle_is_left_and_nothing_else_is_lost(graph):
    _, calls = graph
    left, is_whole = without_circles(calls, range(9))
    assert is_whole
    for node in range(9):
        came, went = (sum(c for pair, c in left.items() if pair[i] == node) for i in (1, 0))
        was_came, was_went = (sum(c for pair, c in calls.items() if pair[i] == node) for i in (1, 0))
        assert went - came == was_went - was_came
    order: list[int] = []
    while len(order) < 9:  # those that nobody calls who has not had their turn
        free = [n for n in range(9) if n not in order and not any(b == n and a not in order for a, b in left)]
        assert free, left
        order += free


def test_one_large_circle_with_a_short_cut_from_everywhere():
    n = 3000
    calls = {(i, (i + 1) % n): 10**9 for i in range(n)} | {(i, i // 2): 7 for i in range(1, n)}
    began = time.monotonic()
    left, _ = without_circles(calls, range(n))
    assert time.monotonic() - began < 20
    found, _ = stacks([5] * n, calls)
    assert sum(found.values()) == 5 * n
    assert len(left) < len(calls)
