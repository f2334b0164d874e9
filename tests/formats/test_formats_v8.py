"""V8's CPU and heap profiles: what counts for what, and what no tree is."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from perf_action import formats
from perf_action.errors import InputError
from perf_action.model.profile import FunctionKey, Profile, ValueKind
from perf_action.model.tree import costs
from perf_action.system import System

SAMPLES = Path(__file__).resolve().parent / "samples"


def node(
    id_: int, name: str, *children: int, url: str = "file:///srv/a%20b.js", line: int = 4, **more: Any
) -> dict[str, Any]:
    call = {"functionName": name, "scriptId": "1", "url": url, "lineNumber": line, "columnNumber": 2}
    return {"id": id_, "callFrame": call, "children": list(children), **more}


def document(**changes: Any) -> dict[str, Any]:
    nodes = [
        node(1, "(root)", 2, 3, url="", line=-1, hitCount=0),
        node(2, "(idle)", url="", line=-1, hitCount=1),
        node(3, "", 4, hitCount=1),
        node(4, "work", hitCount=2),
    ]
    body = {
        "nodes": nodes,
        "startTime": 100,
        "endTime": 150,
        "samples": [3, 4, 2, 4],
        "timeDeltas": [5, 10, 20, 3],
    }
    return {**body, **changes}


def read(body: Any, folder: Path, system: System) -> Profile:
    (folder / "x").write_text(json.dumps(body))
    return formats.read(folder / "x", system).captures[0].profile


ANONYMOUS, WORK = FunctionKey("(anonymous)", "/srv/a b.js"), FunctionKey("work", "/srv/a b.js")


def test_a_sample_lasts_until_the_next_one(system: System, tmp_path: Path) -> None:
    profile = read(document(), tmp_path, system)
    assert profile.kinds == (ValueKind("cpu", "ns"), ValueKind("wall", "ns"), ValueKind("samples", "samples"))
    assert costs(profile, 0) == {ANONYMOUS: (10_000, 30_000), WORK: (20_000, 20_000)}
    assert costs(profile, 1) == {
        ANONYMOUS: (10_000, 30_000),
        WORK: (20_000, 20_000),
        FunctionKey("(idle)"): (3_000, 3_000),
    }
    assert costs(profile, 2) == {ANONYMOUS: (1, 3), WORK: (2, 2), FunctionKey("(idle)"): (1, 1)}
    assert profile.duration_ns == 50_000
    assert sorted(profile.function_line.tolist()) == [0, 0, 5, 5]


def test_a_clock_that_goes_back_stands_still(system: System, tmp_path: Path) -> None:
    profile = read(document(timeDeltas=[5, 10, -8, 20]), tmp_path, system)
    assert [profile.total(k) for k in range(2)] == [10_000, 22_000]
    assert costs(profile, 1)[FunctionKey("(idle)")].self == 12_000


def test_counts_are_all_there_is_without_samples(system: System, tmp_path: Path) -> None:
    body = document()
    del body["samples"], body["timeDeltas"]
    profile = read(body, tmp_path, system)
    assert profile.kinds == (ValueKind("cpu", "samples"),)
    assert costs(profile) == {ANONYMOUS: (1, 3), WORK: (2, 2)}
    assert profile.notes == ("the file has no samples, only how often each node was hit",)


def test_samples_are_counted_where_nobody_else_did(system: System, tmp_path: Path) -> None:
    body = document()
    for n in body["nodes"]:
        del n["hitCount"]
    assert costs(read(body, tmp_path, system), 2)[WORK] == (2, 2)


def test_parents_may_be_named_by_their_children(system: System, tmp_path: Path) -> None:
    body = document()
    for n, parent in zip(body["nodes"], (None, 1, 1, 3), strict=True):
        del n["children"]
        if parent:
            n["parent"] = parent
    body["nodes"].reverse()
    assert costs(read(body, tmp_path, system)) == costs(read(document(), tmp_path, system))


def test_a_sample_of_the_root_is_kept(system: System, tmp_path: Path) -> None:
    profile = read(document(samples=[1, 4, 2, 4]), tmp_path, system)
    assert costs(profile, 1)[FunctionKey("(root)")] == (10_000, 10_000)
    assert costs(profile, 1)[WORK] == (20_000, 20_000)


def test_the_old_form_is_a_tree_with_timestamps(system: System) -> None:
    profile = formats.read(SAMPLES / "cpuprofile/before-2016.cpuprofile", system).captures[0].profile
    assert [profile.total(k) for k in range(3)] == [3_500_000, 3_500_000, 4]
    assert costs(profile)[FunctionKey("price", "/srv/shop/shop%20v8.js")] == (2_500_000, 2_500_000)
    assert profile.duration_ns == pytest.approx(5_000_000, rel=1e-4)  # seconds as floats


def test_node_says_what_we_say(system: System) -> None:
    """The sums that a few lines make of the file, without any of our code."""
    path = SAMPLES / "cpuprofile/node-often.cpuprofile"
    body = json.loads(path.read_text())
    names = {n["id"]: n["callFrame"]["functionName"] for n in body["nodes"]}
    lasted: dict[str, int] = {}
    for id_, delta in zip(body["samples"], [*body["timeDeltas"][1:], 0], strict=True):
        lasted[names[id_]] = lasted.get(names[id_], 0) + delta * 1000
    profile = formats.read(path, system).captures[0].profile
    found: dict[str, int] = {}
    for key, cost in costs(profile, 1).items():
        found[key.name] = found.get(key.name, 0) + cost.self
    assert {k: v for k, v in found.items() if v} == {k or "(anonymous)": v for k, v in lasted.items() if v}
    assert profile.total(2) == sum(n["hitCount"] for n in body["nodes"])
    assert profile.total(0) == sum(lasted.values()) - lasted["(idle)"]
    assert found["price"] > 0.5 * profile.total(0)


def test_a_heap_profile_is_what_was_alive(system: System) -> None:
    path = SAMPLES / "heapprofile/node.heapprofile"
    body = json.loads(path.read_text())
    profile = formats.read(path, system).captures[0].profile
    assert profile.kinds == (ValueKind("in_use", "bytes"),)
    nodes = [body["head"]]
    for n in nodes:
        nodes.extend(n["children"])
    assert profile.total() == sum(n["selfSize"] for n in nodes) > 100_000
    assert {"total", "serve"} <= {key.name for key in costs(profile)}


def deep(levels: int) -> dict[str, Any]:
    nodes = [node(i, f"f{i}", *([i + 1] if i < levels else []), hitCount=0) for i in range(1, levels + 1)]
    return document(nodes=nodes, samples=[levels], timeDeltas=[1])


def test_a_hundred_thousand_frames_deep(system: System, tmp_path: Path) -> None:
    body = deep(100_000)
    body["samples"], body["timeDeltas"] = [100_000, 100_000], [0, 7]
    assert read(body, tmp_path, system).total(1) == 7_000


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"samples": [3, 4]}, "2 samples but 4 timeDeltas"),
        ({"samples": [3, 4, 9, 4]}, r"samples: node 9 does not exist \(4 nodes\)"),
        ({"samples": [3, "4", 2, 4]}, r"samples\[1\]: '4' where a number should be"),
        ({"timeDeltas": None}, "has samples but no timeDeltas"),
        ({"timeDeltas": [1, 2, 3, True]}, r"timeDeltas\[3\]: 'True' where a number should be"),
        ({"timeDeltas": [0, 10**400, 1, 1]}, "timeDeltas: a number is too large"),
        ({"timeDeltas": [0, 1e300, 1, 1]}, "timeDeltas: value .* is too large"),
        ({"timeDeltas": {}}, "timeDeltas: is no list"),
        ({"endTime": "soon"}, "endTime: 'soon' where a number should be"),
    ],
)
def test_what_is_wrong_is_named(change: dict[str, Any], words: str, system: System, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=words):
        read(document(**change), tmp_path, system)


def wrong(what: str) -> dict[str, Any]:
    body = copy.deepcopy(document())
    nodes = body["nodes"]
    match what:
        case "circle":
            nodes[3]["children"] = [3]
        case "twice":
            nodes[3]["id"] = 2
        case "orphans":
            nodes[0]["parent"] = 77
        case "self":
            nodes[0]["children"].append(1)
        case "id":
            nodes[2]["id"] = "3"
        case "name":
            nodes[2]["callFrame"]["functionName"] = None
        case "children":
            nodes[2]["children"] = 4
        case "hits":
            nodes[2]["hitCount"] = -1
        case "many":
            nodes[2]["hitCount"] = 2**63
        case "node":
            nodes[2] = 3
    return body


@pytest.mark.parametrize(
    ("what", "words"),
    [
        ("circle", r"nodes\[3\]: its child 3 has another parent"),
        ("twice", "is no number, or not the only one"),
        ("orphans", "4 nodes hang on no root"),
        ("self", "4 nodes hang on no root"),
        ("id", r"nodes\[2\]: is no node: it has no id"),
        ("name", r"nodes\[2\]: has no functionName"),
        ("children", r"nodes\[2\]: its children are no list"),
        ("hits", r"nodes\[2\]: hitCount: value -1 is negative"),
        ("many", r"nodes\[2\]: hitCount: value .* is too large"),
        ("node", r"nodes\[2\]: is no node"),
    ],
)
def test_what_is_no_tree_is_named(what: str, words: str, system: System, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=words):
        read(wrong(what), tmp_path, system)


def test_a_heap_profile_without_sizes_is_refused(system: System, tmp_path: Path) -> None:
    head = node(1, "(root)", selfSize=0)
    head["children"] = [{**node(2, "keep"), "children": []}]
    with pytest.raises(InputError, match="a child of node 1: selfSize: missing where a number should be"):
        read({"head": head, "samples": []}, tmp_path, system)
    head["children"] = [{**node(1, "keep"), "children": [], "selfSize": 1}]
    with pytest.raises(InputError, match="not the only one"):
        read({"head": head}, tmp_path, system)


def test_a_profile_of_nothing_is_said_to_be_one(system: System, tmp_path: Path) -> None:
    (tmp_path / "x").write_text(json.dumps(document(samples=[], timeDeltas=[], nodes=[])))
    assert "the profile holds no samples" in formats.read(tmp_path / "x", system).notes
