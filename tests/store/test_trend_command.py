"""`perf-action trend` on a folder and on a branch of a real repository, with runs saved by `baseline save`."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from perf_action.config import digest, read_config
from perf_action.model.environment import Environment
from perf_action.model.metric import Metric
from perf_action.model.snapshot import Snapshot
from perf_action.model.trial import Side
from perf_action.recording import Run, encode_snapshot, write_run
from perf_action.store import EntryKey
from perf_action.system import System

MACHINE = Environment(cpu_model="Fast 1", cores=2)
PAIRS = tuple(range(8))


def sha(i: int) -> str:
    return f"{i:040x}"


def snapshot(i: int, level: float = 1.0, name: str = "cpu.per_request") -> Snapshot:
    r = random.Random(i)
    samples = tuple(0.001 * level * (1 + r.gauss(0, 0.01)) for _ in PAIRS)
    cpu = Metric(name=name, unit="s", better="lower", samples=samples, launches=PAIRS, pairs=PAIRS)
    count = Metric(
        name="memory.allocations",
        unit="count",
        better="lower",
        samples=(700.0 if i < 6 else 770.0,),
        exact=True,
    )
    return Snapshot(label="main", commit=sha(i), environment=MACHINE, metrics=(cpu, count))


class Checkout:
    def __init__(self, folder: Path, bare: Path, git_in, command, system: System) -> None:
        folder.mkdir()
        self.folder, self.command, self.system = folder, command, system
        git = git_in(folder)
        git("init", "--quiet")
        git("remote", "add", "origin", bare.as_uri())

    def call(self, *args: str, **environ: str) -> Any:
        return self.command(*args, cwd=self.folder, env={**self.system.environ, **environ})

    def save(self, i: int, *more: str, level: float = 1.0, config: str = "c" * 12, **what) -> None:
        sides = {Side.BASE: snapshot(i - 1, **what), Side.HEAD: snapshot(i, level, **what)}
        run = Run(config_digest=config, created=1.7e9 + i, environment=MACHINE, sides=sides)
        write_run(self.folder / f"run {i}", run)
        saved = self.call("baseline", "save", f"run {i}", *more, GITHUB_RUN_ID=str(i), GITHUB_RUN_ATTEMPT="1")
        assert (saved.returncode, saved.stderr) == (0, "")


@pytest.fixture
def checkout(tmp_path: Path, bare: Path, git_in, command, system: System) -> Checkout:
    return Checkout(tmp_path / "wörk dir", bare, git_in, command, system)


@pytest.fixture
def kept(checkout: Checkout) -> Checkout:
    """Twelve runs in a folder; the third is the reference, and the code is 20 % slower from the ninth on."""
    for i in range(1, 13):
        more = ("--reference",) if i == 3 else ()
        checkout.save(i, "--store", "kept", *more, level=1.2 if i >= 9 else 1.0)
    return checkout


def test_the_history_of_a_branch(checkout: Checkout, bare: Path, git_in) -> None:
    assert "no history yet in branch perf-data" in checkout.call("trend").stdout
    for i in range(1, 4):
        checkout.save(i)
    names = git_in(bare)("ls-tree", "-r", "--name-only", "perf-data").splitlines()
    assert [n.rpartition(".json")[0].rpartition(".")[2] for n in names if n.endswith(".json")] == [
        "point"
    ] * 3
    found = json.loads(checkout.call("trend", "--format", "json").stdout)
    assert (found["runs"], found["configuration"], found["environment"]) == (
        3,
        "c" * 12,
        MACHINE.fingerprint(),
    )
    cpu = next(m for m in found["metrics"] if m["basis"] == "absolute")
    assert [p["commit"] for p in cpu["points"]] == [sha(1), sha(2), sha(3)]
    rated = next(m for m in found["metrics"] if m["basis"] == "ratios")
    assert [p["commit"] for p in rated["points"]] == [sha(0), sha(1), sha(2), sha(3)]
    checkout.call("baseline", "prune", "--keep", "1")
    assert json.loads(checkout.call("trend", "git", "--format", "json").stdout)["runs"] == 3


def test_the_table_says_what_crept_away_from_the_reference(kept: Checkout) -> None:
    shown = kept.call("trend", "kept")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert "12 runs of configuration ccccccccc" in shown.stdout
    assert max(map(len, shown.stdout.splitlines())) <= 80
    said = " ".join(shown.stdout.split())
    assert f"from the reference {sha(3)[:9]} on this hardware" in said
    assert "Allocations is +10 % ± 0 % from the reference" in said
    only = kept.call("trend", "kept", "--metric", "memory.*").stdout
    assert "Allocations" in only
    assert "CPU time" not in only


def test_json_has_drift_noise_and_reference(kept: Checkout) -> None:
    kept.call("trend", "kept", "--format", "json", "--output", "out.json")
    found = json.loads((kept.folder / "out.json").read_text())
    cpu = next(m for m in found["metrics"] if m["basis"] == "absolute")
    assert [p["commit"] for p in cpu["points"] if p["reference"]] == [sha(3)]
    assert cpu["drift"]["reference"] == sha(3)
    assert (cpu["drift"]["exceeds"], cpu["drift"]["worse"]) == (True, True)
    assert cpu["drift"]["change"] == pytest.approx(0.2, abs=0.02)
    assert 0 < cpu["noise_floor"] < 0.05


def test_a_page_with_a_plot_for_each_line(kept: Checkout) -> None:
    page = kept.call("trend", "kept", "--format", "html").stdout
    pictures = [ET.fromstring(f"<svg{p.partition('</svg>')[0]}</svg>") for p in page.split("<svg")[1:]]
    assert len(pictures) == 3
    dots = [list(p.iter("circle")) for p in pictures]
    assert sorted(map(len, dots)) == [12, 12, 13]
    assert all(sum(c.get("class") == "reference" for c in some) == 1 for some in dots)
    assert 'http-equiv="Content-Security-Policy" content="default-src &#39;none&#39;' in page
    assert "<script" not in page


def test_a_reference_older_than_the_window_still_holds(kept: Checkout) -> None:
    found = json.loads(kept.call("trend", "kept", "--format", "json", "--limit", "4").stdout)
    assert found["runs"] == 5
    cpu = next(m for m in found["metrics"] if m["basis"] == "absolute")
    assert [p["commit"] for p in cpu["points"]] == [sha(i) for i in (3, 9, 10, 11, 12)]


def test_hostile_names_stay_text(checkout: Checkout) -> None:
    name = "<script>alert(1)</script>\x1b[31m\u202e[bold]x"
    for i in range(1, 4):
        checkout.save(i, "--store", "kept", name=name)
    table = checkout.call("trend", "kept").stdout
    assert "\x1b" not in table
    assert "\u202e" not in table
    page = checkout.call("trend", "kept", "--format", "html").stdout
    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_runs_of_earlier_versions_have_snapshots_only(checkout: Checkout) -> None:
    checkout.save(2, "--store", "kept")
    old = EntryKey(
        config_digest="c" * 12, fingerprint=MACHINE.fingerprint(), commit=sha(1), run_id=1, attempt=1
    )
    (checkout.folder / "kept" / old.path).write_bytes(encode_snapshot(snapshot(1)))
    found = json.loads(checkout.call("trend", "kept", "--format", "json").stdout)
    cpu = next(m for m in found["metrics"] if m["basis"] == "absolute")
    assert [p["commit"] for p in cpu["points"]] == [sha(1), sha(2)]


def test_what_cannot_be_read_is_passed_over_and_named(kept: Checkout) -> None:
    broken = sorted((kept.folder / "kept").rglob("*.point.json"))[:2]
    broken[0].write_text("{")
    broken[1].write_text(broken[1].read_text().replace('"schema":1', '"schema":2'))
    found = json.loads(kept.call("trend", "kept", "--format", "json").stdout)
    assert found["runs"] == 10
    assert "is passed over" in found["notes"][0]
    assert "update perf-action" in found["notes"][1]


def test_a_file_cannot_claim_to_be_of_another_commit(kept: Checkout) -> None:
    point = next((kept.folder / "kept").rglob(f"{sha(5)}*.point.json"))
    point.write_text(point.read_text().replace(sha(5), sha(99)))
    found = json.loads(kept.call("trend", "kept", "--format", "json").stdout)
    cpu = next(m for m in found["metrics"] if m["basis"] == "absolute")
    assert [p["commit"] for p in cpu["points"]] == [sha(i) for i in range(1, 13)]


def test_other_configurations_are_named_and_can_be_chosen(kept: Checkout) -> None:
    kept.save(20, "--store", "kept", config="d" * 12)
    latest = json.loads(kept.call("trend", "kept", "--format", "json").stdout)
    assert (latest["configuration"], latest["runs"]) == ("d" * 12, 1)
    assert f"other configurations: {'c' * 12}; see --configuration" in latest["notes"]
    other = json.loads(kept.call("trend", "kept", "--format", "json", "--configuration", "ccc").stdout)
    assert other["runs"] == 12


@pytest.mark.parametrize(
    ("args", "code", "says"),
    [
        (["kept", "--configuration", "123"], 2, "has no run of configuration 123; it has cccccccccccc"),
        (["kept", "--environment", "123"], 2, "no run was on environment 123"),
        (["kept", "--metric", "nope"], 2, "--metric nope: no such metric; there is cpu.per_request"),
        (["kept", "--limit", "1"], 2, "Invalid value for '--limit'"),
        (["none"], 2, "baseline.store is none"),
        (["a-file"], 3, "a-file: not a folder"),
    ],
)
def test_errors_are_one_line_with_their_exit_code(checkout: Checkout, args, code, says) -> None:
    for i in (1, 2):
        checkout.save(i, "--store", "kept")
    (checkout.folder / "a-file").write_text("")
    done = checkout.call("trend", *args)
    assert done.returncode == code
    assert done.stderr.startswith("error: ")
    assert says in done.stderr
    assert done.stderr.count("\n") == 1


PERF_YML = "service: {command: x}\nload: {a: {script: l.py}}\nbaseline: {store: directory, path: kept}\n"


def test_the_notes_of_a_report_say_what_crept_away(checkout: Checkout) -> None:
    (checkout.folder / "perf.yml").write_text(PERF_YML)
    config = digest(read_config(checkout.folder / "perf.yml"))
    for i in range(1, 21):
        checkout.save(i, config=config, level=1.01**i)

    def notes(run: str) -> str:
        assert checkout.call("assess", run, "--config", "perf.yml").returncode == 0
        return " ".join((checkout.folder / run / "report.html").read_text().partition("Notes")[2].split())

    said = notes("run 20")
    assert "In the history, CPU time per request is +" in said
    assert f"from the first runs, {sha(1)[:9]} on this hardware; see perf-action trend" in said
    checkout.save(31, "--store", "elsewhere", config="d" * 12, level=1.3)
    assert "In the history" not in notes("run 31")


def test_without_otava_the_history_is_shown_and_how_to_get_change_points(
    kept: Checkout, repository: Path
) -> None:
    program = "import sys; sys.modules['otava'] = None; from perf_action.cli import run; sys.exit(run(sys.argv[1:]))"
    done = subprocess.run(
        [sys.executable, "-c", program, "trend", "kept"],
        cwd=kept.folder,
        env={**os.environ, "PYTHONPATH": str(repository)},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert "CPU time per request" in done.stdout
    assert "pip install 'perf-action[trend]'" in done.stdout
    assert done.stderr == ""
