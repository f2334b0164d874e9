"""What is advised, in which order, where to begin, and that nothing is said without evidence."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perf_action import formats
from perf_action.errors import ConfigError
from perf_action.judge.advice import advise
from perf_action.judge.advice.rules import check_together, read_rules, shipped_rules
from perf_action.judge.code.language import languages_of
from perf_action.model.category import CategoryCost
from perf_action.model.change import Comparison, FunctionChange, LeakChange, LeakState, Verdict
from perf_action.model.finding import Finding, State
from perf_action.model.snapshot import Snapshot
from perf_action.system import System

from .advice_examples import Known, profile_of, snapshot_of

SAMPLES = Path(__file__).parents[1] / "formats" / "samples"
JSON = "dumps (json/__init__.py:231);JSONEncoder.encode (json/encoder.py:200)"
CLEAN = "\n".join(
    f"<module> (app.py:9);handle (app.py:{i});work{i} (work.py:{i});run (uvicorn/server.py:1) 40"
    for i in range(12)
)


def rules_of(stacks: str, **known: object) -> list[str]:
    return [a.rule for a in Known(snapshot_of(profile_of(stacks)), **known).advice()]  # type: ignore[arg-type]


def regression(name: str, file: str) -> Comparison:
    row = FunctionChange(
        name=name, file=file, kind="cpu", unit="ns/request", value="total", base=1, head=2, change=1.0,
        share_base=0.1, share_head=0.2, verdict=Verdict.REGRESSION,
    )  # fmt: skip
    return Comparison(functions=(row,))


def test_nothing_is_advised_where_nothing_is_wrong() -> None:
    assert rules_of(CLEAN) == []


def test_nothing_is_advised_without_data() -> None:
    assert advise(Snapshot(label="head"), None, (), ()) == ()


def test_few_samples_are_noise() -> None:
    few = f"<module> (app.py:9);handle (app.py:20);{JSON} 12\n<module> (app.py:9);other (app.py:3);run (uvicorn/x.py:1) 4"
    assert rules_of(few) == []


def test_what_counted_exactly_needs_no_samples() -> None:
    stacks = "main (m.c:9);handle (m.c:20);strlen (libc.so.6) 9\nmain (m.c:9);draw (m.c:3);sqrt (libm.so.6) 9"
    exact = profile_of(stacks, "instructions")
    assert [a.rule for a in Known(snapshot_of(exact)).advice()] == ["c-strlen"]


def test_advice_is_ranked_by_what_it_could_save() -> None:
    stacks = f"""<module> (app.py:9);handle (app.py:20);{JSON} 50
<module> (app.py:9);load (app.py:30);_strptime (_strptime.py:309) 90
{CLEAN}"""
    assert rules_of(stacks) == ["python-strptime"]
    more = stacks.replace(f"{JSON} 50", f"{JSON} 300")
    assert rules_of(more) == ["python-json", "python-strptime"]


def test_what_lies_under_a_regressed_function_comes_first() -> None:
    stacks = f"""<module> (app.py:9);handle (app.py:20);{JSON} 300
<module> (app.py:9);load (app.py:30);_strptime (_strptime.py:309) 90
{CLEAN}"""
    known = Known(snapshot_of(profile_of(stacks)))
    assert [a.rule for a in known.advice(regression("load", "app.py"))] == ["python-strptime", "python-json"]
    assert [a.rule for a in known.advice(regression("handle", "app.py"))] == [
        "python-json",
        "python-strptime",
    ]
    # a regression of everything is none of load in particular
    assert [a.rule for a in known.advice(regression("<module>", "app.py"))] == [
        "python-json",
        "python-strptime",
    ]


def test_a_precise_rule_silences_the_general_one() -> None:
    stacks = f"<module> (app.py:9);handle (app.py:20);{JSON} 200\n{CLEAN}"
    cost = CategoryCost(category="serialization", kind="cpu", stage="stage", share=0.3, samples=1000)
    assert rules_of(stacks, categories=(cost,)) == ["python-json"]
    twice = f"{stacks}\n<module> (app.py:9);handle (app.py:25);{JSON} 180"
    assert rules_of(twice, categories=(cost,)) == ["python-json-twice"]


def test_a_general_rule_speaks_where_the_precise_one_is_about_little() -> None:
    stacks = f"<module> (app.py:9);handle (app.py:20);{JSON} 100\n{CLEAN}"
    stacks += (
        f"\n<module> (app.py:9);other (app.py:40);{JSON} 40\n<module> (app.py:9);other (app.py:44);{JSON} 40"
    )
    assert rules_of(stacks) == ["python-json", "python-json-twice"]


def test_where_to_begin_is_the_own_function_next_to_the_cause() -> None:
    stacks = (
        f"<module> (app.py:9);main (app.py:80);serve (uvicorn/server.py:7);handle (shop/api.py:20);{JSON} 200"
    )
    advice = Known(snapshot_of(profile_of(f"{stacks}\n{CLEAN}"))).advice()[0]
    assert (advice.function, advice.file, advice.line) == ("handle", "shop/api.py", 20)
    assert advice.evidence[0] == "handle;dumps;JSONEncoder.encode 200"
    assert advice.kind == "cpu"
    assert advice.share == pytest.approx(200 / 680)


def test_what_a_server_runs_is_not_the_doing_of_who_started_it() -> None:
    stacks = (
        f"<module> (app.py:9);main (app.py:80);serve (uvicorn/server.py:7);app (fastapi/x.py:3);{JSON} 300"
    )
    advice = Known(snapshot_of(profile_of(f"{stacks}\n{CLEAN}"))).advice()[0]
    assert (advice.rule, advice.function, advice.line) == ("python-json", "", 0)


def test_a_file_of_the_service_that_is_called_like_a_library_is_no_library() -> None:
    own = "<module> (/srv/app.py:9);handle (/srv/app.py:20);dumps (/srv/shop/json/__init__.py:3);x (uvicorn/x.py:1) 300"
    assert "python-json" not in rules_of(f"{own}\n{CLEAN}")


def test_advice_is_for_the_language_of_the_service_only() -> None:
    inside = "<module> (app.py:9);handle (app.py:20);numpy_sum (x.cpython-311-x86_64-linux-gnu.so);malloc (libc.so.6) 500"
    assert rules_of(f"{inside}\n{CLEAN}") == []
    assert "c-malloc" in rules_of("main (m.c:9);handle (m.c:20);malloc (libc.so.6) 500\nmain (m.c:9) 100")


def test_a_leak_names_who_holds_the_memory() -> None:
    leak = LeakChange(
        name="memory.rss", unit="bytes", per_second=1e5, per_request=500.0, interval_per_second=(9e4, 1.1e5),
        verdict=LeakState.LEAKING, new=True,
    )  # fmt: skip
    kept = profile_of("<module> (app.py:9);handle (app.py:20);remember (cache.py:7) 900", "leaked")
    known = Known(snapshot_of(kept), leaks=(leak,))
    advice = known.advice()[0]
    assert (advice.rule, advice.function, advice.line) == ("memory-growth", "remember", 7)
    assert "500 bytes a request" in advice.evidence[0]
    # a comparison judges the leaks itself
    assert known.advice(Comparison()) == []


def test_a_failed_check_ranks_before_small_savings() -> None:
    stacks = f"<module> (app.py:9);load (app.py:30);_strptime (_strptime.py:309) 60\n{CLEAN}"
    failed = Finding(
        rule="cpu.blocking_in_async", state=State.FAIL, function="load", file="app.py", line=30,
        message="load reads or writes a file in an event loop's callback: 40% of the time of all callbacks",
    )  # fmt: skip
    known = Known(snapshot_of(profile_of(stacks)), checklist=(failed,))
    advice = known.advice()
    assert [a.rule for a in advice] == ["python-file-in-async", "python-strptime"]
    assert (advice[0].function, advice[0].file, advice[0].line) == ("load", "app.py", 30)


# --- real captures


@pytest.mark.parametrize(
    ("file", "languages"),
    [
        ("py-spy-raw/plain.folded", ("python",)),
        ("py-spy-raw/native.folded", ("python",)),
        ("austin/cpu.austin", ("python",)),
        ("pprof/go-cpu.pb.gz", ("go",)),
        ("pprof/go-heap.pb.gz", ("go",)),
        ("heaptrack/shop-rs.zst", ("rust",)),
        ("heaptrack/shop-cc.gz", ("c-cpp",)),
        ("perf-script/default.txt", ("c-cpp",)),
        ("dhat/heap.out", ("c-cpp",)),
        ("cpuprofile/node.cpuprofile", ("node",)),
        ("hyperfine/sleep.json", ()),
    ],
)
def test_the_language_of_a_capture(file: str, languages: tuple[str, ...], system: System) -> None:
    assert languages_of(formats.snapshot_of(formats.read(SAMPLES / file, system))) == languages


@pytest.mark.parametrize(
    ("file", "function"),
    [
        ("py-spy-raw/plain.folded", "price.<locals>.<genexpr>"),
        ("pprof/go-cpu.pb.gz", "main.price"),
    ],
)
def test_a_capture_with_one_hot_function(file: str, function: str, system: System) -> None:
    advice = advise(formats.snapshot_of(formats.read(SAMPLES / file, system)), None, (), ())
    assert advice[0].function == function
    assert "hot-function" in advice[0].rule
    assert advice[0].line > 0


# --- hostile input


_names = st.text(min_size=1, max_size=30) | st.sampled_from(
    ["dumps (json/__init__.py:1)", "malloc", "main.a", "*"]
)


@given(st.lists(st.tuples(st.lists(_names, min_size=1, max_size=6), st.integers(1, 2**40)), max_size=12))
@settings(max_examples=60)
def test_any_capture_gives_sound_advice(stacks: list[tuple[list[str], int]]) -> None:
    text = "\n".join(
        ";".join(" ".join(n.replace(";", "").split()) or "x" for n in s) + f" {v}" for s, v in stacks
    )
    for advice in Known(snapshot_of(profile_of(text))).advice() if text else ():
        assert 0 <= advice.share <= 1
        assert all("\n" not in line for line in advice.evidence)


def test_deep_and_wide_captures_take_bounded_time() -> None:
    deep = ";".join(["encode (json/encoder.py:5)"] * 30_000) + " 100"
    long = "\n".join(
        f"handle (app.py:{i});{'a*' * 300}{i} (x.py:1);dumps (json/__init__.py:2) 1" for i in range(5_000)
    )
    started = time.process_time()
    Known(snapshot_of(profile_of(f"{deep}\n{long}"))).advice()
    assert time.process_time() - started < 10


GOOD = """
- id: a-rule
  title: A rule
  symptom: Something is wrong.
  when: {frames: {match: [dumps], at-least: 5%}}
  solutions: [Do it]
  links: ["https://example.org/"]
  examples:
    triggers: [{stacks: "dumps 100"}]
    silent: [{stacks: "loads 100"}]
"""


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("match: [dumps]", "mach: [dumps]", ["a-rule.when.frames.mach", "unknown key", "'match'"]),
        ("match: [dumps]", "match: ['(?i)dumps.*']", ["a-rule.when.frames.match", "regular expression"]),
        ("match: [dumps]", "match: ['*a*a*a*a*a*a*a*a*a']", ["stars"]),
        ("match: [dumps]", f"match: ['{'a' * 300}']", ["a-rule.when.frames.match"]),
        ("frames: {", "leak: [memory.rss], frames: {", ["exactly one"]),
        ("5%", "5 apples", ["at-least", "share"]),
        ("https:", "javascript:", ["links", "https://"]),
        ("  title: A rule\n", "", ["a-rule.title", "missing"]),
        ("silent: [", "quiet: [", ["a-rule.examples.quiet", "unknown key"]),
        ("- id: a-rule", "id: a-rule", ["no list of rules"]),
        ("title: A rule", "title: [", ["not YAML", "line"]),
    ],
)
def test_a_broken_rule_is_refused_with_its_place(old: str, new: str, words: list[str]) -> None:
    assert len(read_rules(GOOD.encode(), "mine.yml")) == 1
    text = GOOD.replace(old, new)
    if new.startswith("id:"):
        text = text.replace("\n  ", "\n")
    with pytest.raises(ConfigError) as error:
        read_rules(text.encode(), "mine.yml")
    assert "mine.yml" in str(error.value)
    for word in words:
        assert word in str(error.value), str(error.value)


@pytest.mark.parametrize("data", [b"\xff\xfe", b"[" * 100_000, b"a: &a [*a]", b"x" * 600_000, b"- 1", b""])
def test_what_is_no_rule_file_is_refused(data: bytes) -> None:
    with pytest.raises(ConfigError, match=r"mine\.yml"):
        read_rules(data, "mine.yml")


def test_rules_refer_to_each_other_by_names_that_exist() -> None:
    (rule,) = read_rules(GOOD.encode(), "mine.yml")
    with pytest.raises(ConfigError, match="two rules"):
        check_together((rule, rule))
    with pytest.raises(ConfigError, match="did you mean 'hot-function'"):
        check_together((*shipped_rules(), rule.model_copy(update={"refines": ("hot-funktion",)})))
