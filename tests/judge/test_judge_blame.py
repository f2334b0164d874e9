"""Who is suspected: the nearest changed function through which the added cost flows, and nobody without evidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf_action.judge.blame import blame, foreign_files
from perf_action.judge.blame.edits import Edits
from perf_action.model.builder import ProfileBuilder
from perf_action.model.change import Comparison, FunctionChange, Verdict
from perf_action.model.profile import CapturedProfile, FunctionKey, Profile, ValueKind
from perf_action.model.snapshot import Snapshot
from perf_action.model.suspect import Confidence
from perf_action.model.touched import Lines, PackageChange, Span, TouchedFile

#: root first, ``name@file:line``; values of base and head
Stacks = Mapping[str, tuple[int, int]]


def profile(stacks: Stacks, side: int, kind: str) -> Profile:
    builder = ProfileBuilder([ValueKind(kind, "samples")])
    for text, values in stacks.items():
        frames = []
        for frame in text.split(";"):
            name, _, place = frame.partition("@")
            file, _, line = place.partition(":")
            frames.append(builder.frame(builder.function(name, file=file), int(line or 0)))
        builder.sample(builder.stack_of(frames), [values[side]])
    return builder.build(requests=1000)


def snapshots(stacks: Stacks, kind: str = "cpu") -> tuple[Snapshot, Snapshot]:
    base, head = (
        Snapshot(
            label=str(side),
            captures=(CapturedProfile(stage=kind, requests=1000, profile=profile(stacks, side, kind)),),
        )
        for side in (0, 1)
    )
    return base, head


def regressed(name: str, file: str, base: float, head: float, **more: object) -> FunctionChange:
    values = {
        "kind": "cpu", "unit": "ns/request", "share_base": 0.1, "share_head": 0.1, "verdict": Verdict.REGRESSION,
        "change": head / base - 1 if base else None, **more,
    }  # fmt: skip
    return FunctionChange(name=name, file=file, base=base, head=head, **values)  # type: ignore[arg-type]


def edited(
    path: str, *functions: str, first: int = 38, lines: tuple[Lines, ...] = ((40, 47),), **more: object
) -> TouchedFile:
    spans = tuple(Span(function=f, first=first, last=first + 20, lines=lines, **more) for f in functions)  # type: ignore[arg-type]
    return TouchedFile(base=path, head=path, head_lines=lines, functions=functions, spans=spans, parsed=True)


SHOP = {
    "main@run.py:1;route@shop/app.py:5;serialize_all@shop/views.py:41;encode@shop/codec.py:9": (100, 131),
    "main@run.py:1;route@shop/app.py:5;check@shop/app.py:60": (400, 400),
    "main@run.py:1;idle@run.py:9": (600, 600),
}
ENCODE = regressed("encode", "shop/codec.py", 100, 131)


def suspects(stacks: Stacks, row: FunctionChange, *files: TouchedFile):
    base, head = snapshots(stacks, row.kind)
    return blame(Comparison(functions=(row,)), head, base, files)


def test_a_changed_caller_is_named_with_its_lines() -> None:
    (found,) = suspects(SHOP, ENCODE, edited("shop/views.py", "serialize_all"))
    assert (found.changed, found.file, found.lines) == ("serialize_all", "shop/views.py", ((40, 47),))
    assert (found.relation, found.confidence) == ("calls it", Confidence.HIGH)
    assert found.path == ("serialize_all", "encode")
    assert found.share == pytest.approx(1)


def test_the_function_itself_comes_first_and_its_callers_are_no_news() -> None:
    found = suspects(
        SHOP,
        ENCODE,
        edited("shop/codec.py", "encode", first=5, lines=((7, 7),)),
        edited("shop/views.py", "serialize_all"),
    )
    assert [(s.relation, s.confidence) for s in found] == [("itself", Confidence.HIGH)]
    assert found[0].lines == ((7, 7),)


def test_a_caller_whose_changed_lines_call_it_is_suspected_beside_the_function_itself() -> None:
    itself = edited("shop/codec.py", "encode", first=5)
    found = suspects(SHOP, ENCODE, itself, edited("shop/views.py", "serialize_all", calls=("encode",)))
    assert [(s.relation, s.confidence) for s in found] == [
        ("itself", Confidence.HIGH), ("calls it", Confidence.MEDIUM),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "file",
    [
        edited("shop/app.py", "check", first=58),  # elsewhere in the tree
        edited("shop/other.py", "encode"),  # another function of that name
        edited("shop/views.py", "Page.serialize_all", first=200),  # its lines are elsewhere
        edited("README.md"),
        TouchedFile(base="x.bin", head="x.bin"),
        TouchedFile(
            base="shop/views.py", head="shop/views.py", head_lines=((40, 47),), functions=("serialize_all",)
        ),
    ],
)
def test_what_does_not_lead_to_it_is_not_suspected(file: TouchedFile) -> None:
    assert suspects(SHOP, ENCODE, file) == ()


def test_nothing_that_got_worse_and_nothing_to_compare_with_accuse_nobody() -> None:
    base, head = snapshots(SHOP)
    file = edited("shop/views.py", "serialize_all")
    assert blame(None, head, None, [file]) == ()
    for verdict in (Verdict.UNCHANGED, Verdict.INCONCLUSIVE, Verdict.IMPROVEMENT):
        assert blame(Comparison(functions=(replace(ENCODE, verdict=verdict),)), head, base, [file]) == ()
    assert blame(Comparison(functions=(ENCODE,)), head, base, []) == ()


def test_what_everything_runs_through_is_hardly_a_cause() -> None:
    assert [s.confidence for s in suspects(SHOP, ENCODE, edited("run.py", "main", first=1))] == [
        Confidence.LOW
    ]
    (sure,) = suspects(SHOP, ENCODE, edited("run.py", "main", first=1, calls=("route",)))
    assert sure.confidence is Confidence.HIGH


def test_where_other_callers_cost_more_too_a_caller_is_less_likely() -> None:
    both = {
        "main@run.py:1;a@app.py:41;encode@codec.py:9": (50, 65),
        "main@run.py:1;b@app.py:80;encode@codec.py:9": (50, 66),
        "main@run.py:1;rest@app.py:90": (500, 500),
    }
    row = regressed("encode", "codec.py", 100, 131)
    (found,) = suspects(both, row, edited("app.py", "a"))
    assert found.confidence is Confidence.LOW
    one = {
        **both,
        "main@run.py:1;a@app.py:41;encode@codec.py:9": (50, 81),
        "main@run.py:1;b@app.py:80;encode@codec.py:9": (50, 50),
    }
    (found,) = suspects(one, row, edited("app.py", "a"))
    assert found.confidence is Confidence.HIGH
    assert suspects(one, row, edited("app.py", "b", first=75)) == ()


def test_the_nearest_changed_caller_is_named_first() -> None:
    found = suspects(
        SHOP, ENCODE, edited("shop/app.py", "route", first=1), edited("shop/views.py", "serialize_all")
    )
    assert [s.changed for s in found] == ["serialize_all"]


def test_a_library_between_the_changed_line_and_the_cost_is_no_distance() -> None:
    stacks = {
        "main@run.py:1;reply@app.py:41;dumps@python3.12/json/__init__.py:3;iterencode@python3.12/json/encoder.py:9": (
            100,
            200,
        ),
        "main@run.py:1;other@run.py:9": (500, 500),
    }
    row = regressed("iterencode", "python3.12/json/encoder.py", 100, 200)
    (found,) = suspects(stacks, row, edited("app.py", "reply"))
    assert found.confidence is Confidence.HIGH
    assert found.path == ("reply", "dumps", "iterencode")


def test_of_a_total_that_rose_a_changed_callee_is_the_cause() -> None:
    stacks = {
        "main@run.py:1;page@app.py:3;render@app.py:41;x@app.py:90": (100, 160),
        "main@run.py:1;page@app.py:3;other@app.py:70": (200, 200),
    }
    (found,) = suspects(
        stacks, regressed("page", "app.py", 300, 360, value="total"), edited("app.py", "render")
    )
    assert (found.relation, found.path, found.confidence) == (
        "called by it",
        ("page", "render"),
        Confidence.MEDIUM,
    )


def test_an_inlined_function_is_known_from_the_source() -> None:
    stacks = {"main@src/main.rs:1;shop::route@src/codec.rs:9": (100, 150)}
    row = regressed("shop::route", "src/codec.rs", 100, 150)
    (found,) = suspects(stacks, row, edited("src/codec.rs", "shift", callers=("route",)))
    assert (found.relation, found.changed) == ("called by it", "shift")
    assert suspects(stacks, row, edited("src/codec.rs", "shift", callers=("other",))) == ()
    python = {"main@run.py:1;route@codec.py:9": (100, 150)}
    assert (
        suspects(
            python, regressed("route", "codec.py", 100, 150), edited("codec.py", "shift", callers=("route",))
        )
        == ()
    )


@pytest.mark.parametrize(
    "kind", ["allocated", "allocations", "leaked", "peak", "instructions", "bytecodes", "lock_wait"]
)
def test_every_kind_of_cost_is_followed(kind: str) -> None:
    row = replace(ENCODE, kind=kind, unit="bytes/request")
    (found,) = suspects(SHOP, row, edited("shop/views.py", "serialize_all"))
    assert (found.kind, found.confidence) == (kind, Confidence.HIGH)


def test_what_calls_a_new_function_is_found() -> None:
    stacks = {
        **SHOP,
        "main@run.py:1;route@shop/app.py:5;serialize_all@shop/views.py:41;copy@shop/views.py:90": (0, 80),
    }
    (found,) = suspects(
        stacks, regressed("copy", "shop/views.py", 0, 80), edited("shop/views.py", "serialize_all")
    )
    assert (found.change, found.relation, found.changed) == (None, "calls it", "serialize_all")


def test_generated_code_is_less_sure_and_said() -> None:
    (found,) = suspects(SHOP, ENCODE, replace(edited("shop/views.py", "serialize_all"), generated=True))
    assert found.confidence is Confidence.MEDIUM
    assert found.doubt == "in generated code"


@pytest.mark.parametrize(
    ("symbol", "file", "source", "path"),
    [
        ("encode", "codec.py", "encode", "service/shop/codec.py"),  # sys.path
        ("encode", "/app/codec.py", "encode", "codec.py"),  # a container
        ("encode", "/srv/build/shop/codec.py", "encode", "shop/codec.py"),
        ("shop::codec::encode", "./src/codec.rs", "encode", "src/codec.rs"),
        ("<shop::Cart<T> as shop::Add>::add", "src/cart.rs", "Cart::add", "crates/shop/src/cart.rs"),
        ("shop::Cart::add::{{closure}}", "/work/src/cart.rs", "Cart::add", "src/cart.rs"),
        ("main.(*store).add.func1", "/go/src/shop/store.go", "store.add", "shop/store.go"),
        ("shop::Cart<int>::add(int, char const*)", "../src/cart.cpp", "shop::Cart::add", "src/cart.cpp"),
        ("add", "file:///app/cart.js", "Cart.add", "cart.js"),
        ("(anonymous)", "/app/cart.js", "total.(anonymous)", "cart.js"),
        ("<listcomp>", "shop/app.py", "f.<locals>.<listcomp>", "shop/app.py"),
        ("main.Map[...]", "/src/map.go", "Map", "map.go"),
    ],
)  # fmt: skip
def test_an_edited_function_is_found_however_it_is_written(
    symbol: str, file: str, source: str, path: str
) -> None:
    key = FunctionKey(symbol, file)
    edit = Edits([edited(path, source)], {key: (41, 42)}).of(key)
    assert edit is not None
    assert edit.doubt == ""


@pytest.mark.parametrize(
    ("symbol", "file", "lines", "source", "path"),
    [
        ("encode", "flask/app.py", None, "encode", "app.py"),  # an installed package
        ("encode", "/usr/lib/python3/dist-packages/app.py", (41, 41), "encode", "app.py"),
        ("fmt", "/root/.cargo/registry/src/x/serde-1.0.1/src/lib.rs", None, "fmt", "src/lib.rs"),
        ("core::fmt", "/rustc/0123/library/core/src/lib.rs", (41, 41), "fmt", "src/lib.rs"),
        ("encode", "/app/codec.py", (1, 9), "encode", "other/codec.py"),  # its lines are elsewhere
        ("encode", "/app/codec.py", None, "encode", "other/codec.py"),
        ("Basket.total", "app.py", (41, 41), "Cart.total", "app.py"),
        ("shop::Basket::add", "src/cart.rs", (41, 41), "Cart::add", "src/cart.rs"),
        ("shop::Basket::add", "src/cart.rs", (41, 41), "add", "src/cart.rs"),
        ("main.(*basket).add", "a.go", (41, 41), "store.add", "a.go"),
        ("<module>", "app.py", None, "<module>", "app.py"),
    ],
)  # fmt: skip
def test_another_function_is_not(symbol: str, file: str, lines: Lines | None, source: str, path: str) -> None:
    key = FunctionKey(symbol, file)
    assert Edits([edited(path, source)], {key: lines}).of(key) is None


def test_a_name_that_several_have_is_doubtful_and_says_so() -> None:
    key = FunctionKey("run", "app.py")
    two = edited("app.py", "A.run", "B.run", alone=False)
    edit = Edits([two], {}).of(key)
    assert edit is not None
    assert edit.doubt == "2 edited functions could be it"
    known = Edits(
        [replace(two, spans=(two.spans[0], replace(two.spans[1], first=100, last=120)))], {key: (105, 110)}
    ).of(key)
    assert known is not None
    assert (known.span.function, known.doubt) == ("B.run", "")


def test_a_symbol_without_a_file_or_lines_is_known_by_its_name_and_type() -> None:
    stacks = {"main;shop::serialize_all;shop::encode": (100, 131), "main;rest": (500, 500)}
    row = regressed("shop::encode", "", 100, 131)
    (found,) = suspects(stacks, row, edited("src/views.rs", "serialize_all"))
    assert found.confidence is Confidence.LOW
    assert found.doubt == "known by its name alone"
    (found,) = suspects(
        {"main;shop::Page::all;shop::encode": (100, 131), "main;rest": (500, 500)},
        row,
        edited("src/page.rs", "Page::all"),
    )
    assert found.confidence is Confidence.HIGH


def locked(path: str, ecosystem: str, name: str) -> TouchedFile:
    change = PackageChange(ecosystem=ecosystem, name=name, before="1.0.0", after="1.1.0", line=12)  # type: ignore[arg-type]
    return TouchedFile(base=path, head=path, packages=(change,))


@pytest.mark.parametrize(
    ("symbol", "file", "lock"),
    [
        ("construct", "yaml/constructor.py", locked("requirements.txt", "python", "PyYAML")),
        ("construct", "/usr/lib/python3.12/site-packages/ruamel_yaml/x.py", locked("uv.lock", "python", "ruamel.yaml")),
        ("<serde_json::ser::Compound<W,F> as serde::ser::SerializeMap>::end", "", locked("Cargo.lock", "rust", "serde_json")),
        ("end", "/root/.cargo/registry/src/index.crates.io-6f/serde_json-1.1.0/src/ser.rs", locked("Cargo.lock", "rust", "serde_json")),
        ("github.com/gin-gonic/gin.(*Context).JSON", "/go/pkg/mod/x.go", locked("go.mod", "go", "github.com/gin-gonic/gin")),
        ("gopkg.in/yaml%2ev3.Marshal", "", locked("go.mod", "go", "gopkg.in/yaml.v3")),
        ("send", "/app/node_modules/express/node_modules/send/index.js", locked("package-lock.json", "node", "send")),
        ("cors", "/app/node_modules/@fastify/cors/index.js", locked("yarn.lock", "node", "@fastify/cors")),
    ],
)  # fmt: skip
def test_a_new_version_of_its_package_is_suspected(symbol: str, file: str, lock: TouchedFile) -> None:
    stacks = {f"main@run.py:1;{symbol}@{file}": (100, 150), "main@run.py:1": (10, 10)}
    (found,) = suspects(stacks, regressed(symbol, file, 100, 150), lock)
    assert (found.relation, found.file, found.lines) == ("dependency", lock.head, ((12, 12),))
    assert found.confidence is Confidence.HIGH
    assert "1.0.0 → 1.1.0" in found.changed
    other = replace(lock, packages=(replace(lock.packages[0], name="other"),))
    assert suspects(stacks, regressed(symbol, file, 100, 150), other) == ()


def test_a_library_that_works_for_a_changed_package_is_less_sure() -> None:
    stacks = {
        "main@run.py:1;load@app.py:1;construct@yaml/constructor.py:3;sub@python3.12/re/__init__.py:9": (
            100,
            150,
        ),
        "main@run.py:1;route@app.py:2": (300, 300),
    }
    lock = locked("requirements.txt", "python", "pyyaml")
    (found,) = suspects(stacks, regressed("sub", "python3.12/re/__init__.py", 100, 150), lock)
    assert (found.relation, found.confidence) == ("dependency", Confidence.MEDIUM)
    assert suspects(stacks, regressed("route", "app.py", 200, 300), lock) == ()


def test_three_thousand_files_and_a_deep_stack_take_no_time() -> None:
    deep = ";".join(f"f{i}@a.py:{i + 1}" for i in range(5000))
    stacks = {f"{deep};encode@shop/codec.py:9": (100, 131)}
    files = [edited(f"d{i}/a.py", f"f{i}") for i in range(3000)]
    assert suspects(stacks, ENCODE, *files) == ()


NAMES = st.text(alphabet="ab.:<>()*[]{}&$ ~,#", min_size=1, max_size=30)


@given(NAMES, NAMES, st.sampled_from(["", "a.py", "/x/a.py", "src/a.rs"]))
def test_any_symbol_is_answered(symbol: str, source: str, file: str) -> None:
    key = FunctionKey(symbol, file)
    Edits([edited("a.py", source), edited("src/a.rs", source)], {key: (40, 40)}).of(key)
    row = regressed(symbol, file, 1, 2)
    base, head = snapshots({"main": (1, 1)})
    blame(
        Comparison(functions=(row,)), head, base, [edited("a.py", source), locked("Cargo.lock", "rust", "a")]
    )


def test_files_of_libraries_are_told_from_those_of_the_service() -> None:
    files = [
        "jsonschema/_keywords.py",
        "python3.12/json/encoder.py",
        "shop/codec.py",
        "/usr/include/c++/12/bits/vector.h",
    ]
    rows = [regressed(f"f{i}", file, 1, 2) for i, file in enumerate(files)]
    same = replace(regressed("g", "yaml/x.py", 1, 2), verdict=Verdict.UNCHANGED)
    assert foreign_files(Comparison(functions=(*rows, same))) == (files[0], files[1], files[3])
    assert foreign_files(None) == ()
