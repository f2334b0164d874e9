"""Firefox profiles, raw and in every processed form: the same numbers, and what is wrong, named."""

from __future__ import annotations

import copy
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from gecko_forms import processed

from perf_action import formats
from perf_action.errors import InputError
from perf_action.formats.gecko.raw import Libraries, frame_of
from perf_action.formats.gecko.tables import Place
from perf_action.model.profile import FunctionKey, Profile, ValueKind
from perf_action.model.tree import costs
from perf_action.system import System

SAMPLES = Path(__file__).resolve().parent / "samples/gecko"


def read(body: Any, folder: Path, system: System) -> Profile:
    (folder / "x").write_text(json.dumps(body))
    return formats.read(folder / "x", system).captures[0].profile


def raw() -> dict[str, Any]:
    body: dict[str, Any] = json.loads((SAMPLES / "firefox.json").read_text())
    return body


def test_every_sample_weighs_one(system: System) -> None:
    """The leaves of the samples, counted by a few lines of their own."""
    profile = formats.read(SAMPLES / "firefox.json", system).captures[0].profile
    rows, leaves = 0, Counter[str]()
    processes = [raw()]
    for process in processes:
        processes.extend(process["processes"])
        for thread in process["threads"]:
            for row in thread["samples"]["data"]:
                if row[0] is not None:
                    rows += 1
                    frame = thread["frameTable"]["data"][thread["stackTable"]["data"][row[0]][1]]
                    leaves[thread["stringTable"][frame[0]][:2]] += 1
    assert profile.total() == rows > 50
    unknown = sum(cost.self for key, cost in costs(profile).items() if key.name == "[unknown]")
    assert unknown == leaves["0x"]


@pytest.mark.parametrize("version", [40, 55, 57, 59, 60, 66, 70])
def test_every_processed_form_says_the_same(version: int, system: System, tmp_path: Path) -> None:
    before = formats.read(SAMPLES / "firefox.json", system).captures[0].profile
    after = read(processed(raw(), version), tmp_path, system)
    assert costs(after) == costs(before)
    assert after.kinds == before.kinds
    assert [n for n in after.notes if "symbol" in n]


NOWHERE = Libraries([{"start": 0x1000, "end": 0x2000, "name": "/usr/lib/libc.so.6"}, 3, {"start": "x"}])


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("encode (file:///srv/shop.js:9:4)[2]", Place("encode", "/srv/shop.js", start=9)),
        ("encode (https://x.org/a(b).js:9:4)", Place("encode", "https://x.org/a(b).js", start=9)),
        ("get x (resource://a -> file:///b.js:7)", Place("get x", "/b.js", start=7)),
        ("https://x.org/a.js:1:2", Place("(root scope) https://x.org/a.js", "https://x.org/a.js", start=1)),
        ("f (self-hosted:780:27)", Place("f", "self-hosted", start=780)),
        ("malloc (in libc.so.6)", Place("malloc", module="libc.so.6")),
        (
            "malloc(unsigned long) (in /usr/lib/libc.so.6) + 12",
            Place("malloc(unsigned long)", module="libc.so.6"),
        ),
        ("malloc (in libc.so.6) (malloc.c:12)", Place("malloc", module="libc.so.6")),
        ("0x1800", Place("[unknown]", module="libc.so.6")),
        ("0x2000", Place("[unknown]")),
        ("0xzz", Place("[unknown]")),
        ("0x" + "9" * 10_000, Place("[unknown]")),
        ("(root)", Place("(root)")),
        ("Startup::XRE_Main", Place("Startup::XRE_Main")),
        ("SpinEventLoopUntil #3", Place("SpinEventLoopUntil #3")),
        ("", Place("")),
        (":1:2", Place(":1:2")),
    ],
)
def test_a_frame_is_one_text(text: str, place: Place) -> None:
    assert frame_of(text, 0, NOWHERE) == place
    assert frame_of(" (" * 100_000 + text, 3, NOWHERE).line == 3


def small(**samples: Any) -> dict[str, Any]:
    """A processed profile of one thread: `f` calls `g`."""
    return {
        "meta": {"preprocessedProfileVersion": 57, "interval": 1},
        "shared": {"stringArray": ["f", "g", "a.py", "~"]},
        "threads": [
            {
                "name": "main",
                "samples": {"stack": [0, 1, None, 1], **samples},
                "stackTable": {"frame": [0, 1], "prefix": [None, 0]},
                "frameTable": {"func": [0, 1], "line": [3, 9]},
                "funcTable": {"name": [0, 1], "fileName": [2, 2], "resource": [-1, -1]},
            }
        ],
    }


F, G = FunctionKey("f", "a.py"), FunctionKey("g", "a.py")


def test_weights_are_samples_time_or_bytes(system: System, tmp_path: Path) -> None:
    kinds = {
        "samples": ("cpu", "samples", 1),
        "tracing-ms": ("wall", "ns", 1_000_000),
        "bytes": ("in_use", "bytes", 1),
    }
    for weight_type, (kind, unit, scale) in kinds.items():
        profile = read(small(weight=[2, 3, 50, 4], weightType=weight_type), tmp_path, system)
        assert profile.kinds == (ValueKind(kind, unit),)
        assert costs(profile) == {F: (2 * scale, 9 * scale), G: (7 * scale, 7 * scale)}
    fractions = read(small(weight=[0.5, 0.25, 1, 0.125], weightType="tracing-ms"), tmp_path, system)
    assert fractions.total() == 875_000


def test_threads_may_weigh_differently(system: System, tmp_path: Path) -> None:
    body = small()
    other = copy.deepcopy(body["threads"][0])
    other["name"], other["samples"]["weightType"], other["samples"]["weight"] = (
        "memory",
        "bytes",
        [8, 16, 0, 0],
    )
    body["threads"].append(other)
    profile = read(body, tmp_path, system)
    assert [(k.kind, profile.total(i)) for i, k in enumerate(profile.kinds)] == [("cpu", 3), ("in_use", 24)]
    assert profile.sample_thread is not None
    assert {profile.strings[t] for t in profile.sample_thread} == {"main", "memory"}


def test_what_python_has_no_file_for_has_none(system: System, tmp_path: Path) -> None:
    body = small()
    body["threads"][0]["funcTable"]["fileName"] = [2, 3]
    assert FunctionKey("g") in costs(read(body, tmp_path, system))


def test_a_hundred_thousand_frames_deep(system: System, tmp_path: Path) -> None:
    body = small(stack=[99_999])
    body["threads"][0]["stackTable"] = {"frame": [0] * 100_000, "prefix": [None, *range(99_999)]}
    assert costs(read(body, tmp_path, system)) == {F: (1, 1)}


def changed(*path: Any) -> dict[str, Any]:
    """`small` with the last of `path` put where the others lead."""
    body = small(weight=[1, 1, 1, 1])
    at: Any = body["threads"][0]
    *keys, last, value = path
    for key in keys:
        at = at[key]
    at[last] = value
    return body


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (changed("samples", "stack", [0, 1, None, 2]), r"threads\[0\].samples: sample 3 has stack 2 of 2"),
        (changed("samples", "stack", [0, 1, None, "1"]), "sample 3 has stack 1 of 2"),
        (changed("samples", "weight", [1]), "4 samples but 1 weights"),
        (changed("samples", "weight", [1, -2, 1, 1]), "sample 1 weighs -2; give both profiles"),
        (changed("samples", "weight", [1, "x", 1, 1]), "'x' where a number should be"),
        (changed("samples", "weight", [1, 1e300, 1, 1]), "is too large"),
        (changed("samples", "weightType", "sheep"), "weightType 'sheep' is not known"),
        (changed("samples", None), r"threads\[0\]: has no samples"),
        (changed("stackTable", "prefix", [None, 1]), "stack 1 comes before its parent 1"),
        (changed("stackTable", "prefix", [None]), "2 frames for 1 prefixes"),
        (changed("stackTable", "frame", [0, 7]), "row 1 points to row 7 of 2"),
        (changed("stackTable", None), "stackTable.prefix: is missing"),
        (changed("frameTable", "func", [0, 5]), "funcTable: row 0 points to row 5 of 2"),
        (changed("funcTable", "name", [0, 44]), "string 44 does not exist"),
        (changed("funcTable", "fileName", [0, 44]), "string 44 does not exist"),
    ],
)
def test_what_is_wrong_is_named(body: dict[str, Any], words: str, system: System, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=words):
        read(body, tmp_path, system)


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (("samples", "data", 0, 0), 10_000, r"threads\[0\].samples: sample 0 has stack 10000"),
        (("stackTable", "data", 0, 0), 0, "stack 0 comes before its parent 0"),
        (("stackTable", "data", 0, 1), -1, "points to row -1"),
        (("frameTable", "data", 0, 0), 10_000, "string 10000 does not exist"),
        (("samples", "data", 0), 3, "has a row that is no list"),
        (("samples", "schema", "stack"), -1, "its schema is none"),
        (("samples", "schema"), None, "has no schema: .* open it in https://profiler.firefox.com"),
        (("stringTable",), None, "stringTable: is missing"),
    ],
)
def test_what_is_wrong_in_a_raw_one_is_named(
    path: tuple[Any, ...], value: Any, words: str, system: System, tmp_path: Path
) -> None:
    body = raw()
    at: Any = body["threads"][0]
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    with pytest.raises(InputError, match=words):
        read(body, tmp_path, system)


def test_a_profile_of_nothing_is_said_to_be_one(system: System, tmp_path: Path) -> None:
    assert read({"meta": {"version": 30, "interval": 1}, "threads": []}, tmp_path, system).total() == 0
    assert "the profile holds no samples" in formats.read(tmp_path / "x", system).notes
