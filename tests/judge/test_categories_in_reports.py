"""A run's report says what its costs were spent on, with the rules of its perf.yml."""

from __future__ import annotations

from pathlib import Path

import pytest

from perf_action.model.environment import Environment
from perf_action.model.snapshot import Snapshot
from perf_action.model.trial import Side
from perf_action.pipeline.assessing import assess
from perf_action.pipeline.reading import load_snapshot
from perf_action.pipeline.settings import Settings, read_settings
from perf_action.recording import Run, write_run
from perf_action.system import System

CAPTURE = Path(__file__).parent / "captures" / "python.pb.gz"


def _run(folder: Path, system: System) -> Path:
    captures = load_snapshot(CAPTURE, system).captures
    sides = {side: Snapshot(label=side.value, commit=side.value, captures=captures) for side in Side}
    write_run(folder, Run(config_digest="c" * 12, created=0.0, environment=Environment(), sides=sides))
    return folder


def _settings(folder: Path, categories: str, system: System) -> Settings:
    text = f"service: {{command: x, ready: {{log: up}}}}\nload: {{a: {{script: l.py}}}}\n{categories}\n"
    (folder / "perf.yml").write_text(text)
    return read_settings(folder / "perf.yml", {}, system)


def test_a_report_has_the_categories_of_both_sides(tmp_path: Path, system: System) -> None:
    report = assess(_run(tmp_path / "run", system), system)
    shares = {c.category: (c.share, c.base_share) for c in report.categories if c.kind == "cpu"}
    assert {"serialization", "regex", "logging", "other"} <= shares.keys()
    assert sum(share for share, _ in shares.values()) == pytest.approx(1)
    assert all(share == base for share, base in shares.values())


def test_rules_of_perf_yml_count(tmp_path: Path, system: System) -> None:
    settings = _settings(
        tmp_path, 'categories: {cooking: [{function: "do_o*", file: "*/kitchen.py"}]}', system
    )
    report = assess(_run(tmp_path / "run", system), system, settings=settings)
    cooking = next(c for c in report.categories if c.category == "cooking")
    assert cooking.functions[0][0] == "do_other"
    assert 0.02 < cooking.share < 0.5
