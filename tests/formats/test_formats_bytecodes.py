"""Bytecodes by stack: what may be in the file, and what may not."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf_action import formats
from perf_action.errors import InputError
from perf_action.model.tree import costs
from perf_action.system import System

CODES = [["handle", "/srv/app.py", 1], ["encode", "/srv/app.py", 9]]


def write(folder: Path, **changes: Any) -> Path:
    document = {"format": "perf-action bytecodes", "version": 1, "python": "3.12.1", "codes": CODES}
    path = folder / "bytecodes.1.json"
    path.write_text(json.dumps({**document, "nodes": [[-1, 0, 5], [0, 1, 7], [1, 1, 1]], **changes}))
    return path


def test_counts_by_function_self_and_total(tmp_path: Path) -> None:
    capture = formats.read(write(tmp_path), System())
    assert capture.format == "bytecodes"
    profile = capture.captures[0].profile
    assert (profile.fidelity, profile.kinds[0].unit) == ("exact", "count")
    found = {key.name: (cost.self, cost.total) for key, cost in costs(profile, 0).items()}
    assert found == {"handle": (5, 13), "encode": (8, 8)}


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"version": 2}, "another version"),
        ({"nodes": []}, "has no nodes"),
        ({"codes": {}}, "has no codes"),
        ({"codes": [["a", "b"]]}, "code 0: is no name, file and line"),
        ({"nodes": [[-1, 0, 1], [1, 0, 1]]}, "node 1: points to what is not there"),
        ({"nodes": [[-1, 2, 1]]}, "node 0: points to what is not there"),
        ({"nodes": [[-1, 0, True]]}, "node 0: is no parent"),
        ({"nodes": [[-1, 0, -4]]}, "is no profile"),
        ({"nodes": [[-1, 0, 2**64]]}, "is no profile"),
    ],
)
def test_what_is_wrong_is_named_with_its_place(tmp_path: Path, changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(InputError, match=reason):
        formats.read(write(tmp_path, **changes), System())


@given(st.integers(1, 250))
def test_a_file_that_is_cut_off_is_refused(tmp_path_factory: pytest.TempPathFactory, length: int) -> None:
    path = write(tmp_path_factory.mktemp("cut"))
    path.write_bytes(path.read_bytes()[: min(length, path.stat().st_size - 1)])
    with pytest.raises(InputError):
        formats.read(path, System())


def test_a_stack_of_a_hundred_thousand_calls(tmp_path: Path) -> None:
    nodes = [[i - 1, 0, 1] for i in range(100_000)]
    profile = formats.read(write(tmp_path, nodes=nodes), System()).captures[0].profile
    assert profile.total() == 100_000
