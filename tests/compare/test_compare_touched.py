"""Functions that a pull request touches: which they are, and that they are a family of their own."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from compare_cases import captured, profile, sliced

from perf_action.compare import CompareOptions, compare
from perf_action.compare.calls import Weighed, call_tree
from perf_action.compare.touched import family, touched_functions
from perf_action.model.change import Verdict
from perf_action.model.profile import FunctionKey
from perf_action.model.snapshot import Snapshot
from perf_action.model.touched import TouchedFile

EDITED = TouchedFile(base="shop/app.py", head="shop/app.py", functions=("Cart.total", "encode"))


def names(snapshot: Snapshot, *files: TouchedFile) -> set[str]:
    return {key.name for key in touched_functions(snapshot, snapshot, files)}


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("encode", "shop/app.py"),
        ("encode", "app.py"),  # py-spy leaves out what is on sys.path
        ("encode", "/srv/shop/app.py"),
        ("Cart.total", "shop/app.py"),
        ("total", "shop/app.py"),
    ],
)
def test_a_function_is_found_however_its_profiler_writes_it(name: str, file: str) -> None:
    assert names(captured(profile({f"main@x.py;{name}@{file}": 5})), EDITED) == {name}


@pytest.mark.parametrize(
    ("name", "file"),
    [("encode", "other.py"), ("encode", "myapp.py"), ("encoder", "shop/app.py"), ("<module>", "shop/app.py"), ("encode", "")],
)  # fmt: skip
def test_another_function_is_not(name: str, file: str) -> None:
    text = f"{name}@{file}" if file else name
    assert names(captured(profile({f"main@x.py;{text}": 5})), EDITED) == set()


@pytest.mark.parametrize(
    "symbol",
    [
        "shop::cart::add", "<shop::Cart<T> as shop::Add>::add", "shop::Cart<u32>::add::{{closure}}", "add",
        "main.(*Cart).add", "main.add.func1", "Cart::add(int, char const*)", "shop::add::h0123456789abcdef",
    ],
)  # fmt: skip
def test_a_symbol_without_a_file_is_known_by_its_name(symbol: str) -> None:
    found = captured(profile({f"main;{symbol}": 5}))
    assert len(names(found, TouchedFile(base="src/cart.rs", head="src/cart.rs", functions=("add",)))) == 1
    assert names(found, EDITED) == set()
    assert names(found, TouchedFile(base="", head="src/b.rs", functions=("add_all",))) == set()


def test_lines_find_what_nobody_could_name() -> None:
    found = captured(
        profile({"main@a.js;f@a.js": 5, "main@a.js;g@a.js": 5}, lines={"f": 10, "g": 30, "main": 1})
    )
    assert names(found, TouchedFile(base="a.js", head="a.js", head_lines=((10, 10),))) == {"f"}
    assert names(found, TouchedFile(base="a.js", head="a.js", base_lines=((25, 40),))) == {"g"}
    assert names(found, TouchedFile(base="a.js", head="a.js", head_lines=((11, 29),))) == set()


def test_of_a_renamed_file_both_names_count() -> None:
    moved = TouchedFile(base="old.py", head="new.py", functions=("f",))
    base, head = (captured(profile({f"f@{file}": 5})) for file in ("old.py", "new.py"))
    assert touched_functions(base, head, [moved]) == {FunctionKey("f", "old.py"), FunctionKey("f", "new.py")}


def test_direct_callers_belong_to_the_family_and_torn_stacks_do_not() -> None:
    stacks = {
        "main@x.py;route@x.py;encode@shop/app.py": 95,
        "send@x.py;encode@shop/app.py": 5,
        "idle@x.py": 50,
    }
    weighed = [Weighed(profile=profile(stacks), kind=0)]
    tree = call_tree(weighed, weighed)
    mask = family(tree, frozenset({FunctionKey("encode", "shop/app.py")}))
    assert {tree.functions[i].name for i in np.flatnonzero(mask)} == {"encode", "route"}
    assert not family(tree, frozenset()).any()


def services(factor: float, seed: int) -> tuple[Snapshot, Snapshot]:
    """Forty functions of which one costs `factor` times as much in head."""
    costs = {f"main@x.py;f{i}@x.py": 8000.0 for i in range(40)}
    slower = costs | {"main@x.py;f7@x.py": 8000.0 * factor}
    return sliced(costs, seed=seed), sliced(slower, seed=seed + 1000)


def test_a_function_that_is_touched_is_named_with_fewer_samples() -> None:
    options = CompareOptions(touched=(TouchedFile(base="x.py", head="x.py", functions=("f7",)),))
    called = {True: 0, False: 0}
    for seed in range(12):
        base, head = services(1.18, seed)
        for touched in (True, False):
            found = compare(base, head, options if touched else CompareOptions())
            row = next(f for f in found.functions if f.name == "f7")
            assert row.touched is touched
            called[touched] += row.verdict is Verdict.REGRESSION
    assert called[True] >= called[False] + 3
    assert called[True] >= 7


def test_what_is_touched_alarms_no_more_often_than_its_level() -> None:
    alarms = 0
    for seed in range(30):
        base, head = services(1.0, seed)
        files = (TouchedFile(base="x.py", head="x.py", functions=tuple(f"f{i}" for i in range(seed % 7))),)
        found = compare(base, head, CompareOptions(touched=files, self_check=False))
        alarms += any(f.verdict is Verdict.REGRESSION for f in found.functions)
    assert alarms <= 1


def test_nothing_touched_is_as_before() -> None:
    base, head = services(1.3, 5)
    plain = compare(base, head)
    assert compare(base, head, CompareOptions(touched=(EDITED,))).functions == plain.functions
    gone = CompareOptions(touched=(replace(EDITED, base="", head="x.py", functions=()),))
    assert compare(base, head, gone).functions == plain.functions
