"""docs/budgets.md: every example in it is settings that are read, and its tables name what there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from perf_action.config import parse
from perf_action.config.presets import names

DOC = Path(__file__).resolve().parents[2] / "docs" / "budgets.md"
BLOCKS = re.findall(r"^```yaml\n(.*?)^```", DOC.read_text(), re.DOTALL | re.MULTILINE)
SMALL = {"service": {"command": "x"}, "load": {"baseline": {"script": "l.py"}}}


def examples() -> list[dict]:
    """Each block; of one with the same key on several lines, each line."""
    out = []
    for block in BLOCKS:
        lines = [line for line in block.splitlines() if line.startswith("budgets: {")]
        out += [yaml.safe_load(text) for text in (lines or [block])]
    return out


@pytest.mark.parametrize("example", examples(), ids=",".join)
def test_an_example_is_read(example: dict) -> None:
    merged = {**SMALL, **example, "service": {**SMALL["service"], **example.get("service", {})}}
    config = parse(merged, "docs/budgets.md")
    assert bool(config.limits) is ("budgets" in example)


def test_the_presets_are_described() -> None:
    assert set(re.findall(r"^\| `([a-z-]+)` \| ", DOC.read_text(), re.MULTILINE)) == set(names())
