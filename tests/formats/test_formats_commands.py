"""`show` and `convert` as people and scripts call them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from perf_action.cli import run

SAMPLES = Path(__file__).resolve().parent / "samples"
HEAP = str(SAMPLES / "pprof" / "go-heap.pb.gz")
RAW = str(SAMPLES / "py-spy-raw" / "plain.folded")
K6 = str(SAMPLES / "k6-summary" / "export.json")
SLICES = str(SAMPLES / "slices" / "two.slices.jsonl")


@pytest.fixture
def show(capsys: pytest.CaptureFixture[str]):
    """Runs a command that must succeed; what it printed, as JSON if it is JSON."""

    def call(*argv: str) -> Any:
        code = run(["show", *argv])
        out, err = capsys.readouterr()
        assert (code, err) == (0, "")
        return json.loads(out) if "json" in argv else out

    return call


def fails(capsys: pytest.CaptureFixture[str], *argv: str) -> str:
    assert run(argv) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    return err


def test_json_is_the_contract(show: Any) -> None:
    document = show(RAW, "--format", "json", "--limit", "0")
    assert (document["format"], document["notes"], document["metrics"]) == ("py-spy-raw", [], [])
    (profile,) = document["profiles"]
    assert (profile["kind"], profile["unit"], profile["duration_ns"]) == ("cpu", "samples", None)
    functions = profile["functions"]
    assert sum(f["self"] for f in functions) == profile["total"]
    assert [f["self"] for f in functions] == sorted((f["self"] for f in functions), reverse=True)
    first = functions[0]
    assert (first["name"], first["file"], first["module"]) == ("price.<locals>.<genexpr>", "shop.py", None)
    assert first["self_share"] == first["self"] / profile["total"]
    assert sum(f["self_share"] for f in functions) == pytest.approx(1)


def test_limit_and_kind(show: Any) -> None:
    document = show(HEAP, "--format", "json", "--limit", "2", "--kind", "allocated")
    assert [p["kind"] for p in document["profiles"]] == ["allocated"]
    assert len(document["profiles"][0]["functions"]) == 2
    assert len(show(HEAP, "--format", "json")["profiles"][0]["functions"]) == 20


def test_slices_are_shown_as_one_profile(show: Any) -> None:
    (profile,) = show(SLICES, "--format", "json")["profiles"]
    assert (profile["total"], profile["functions"][0]["name"], profile["functions"][0]["self"]) == (
        83,
        "encode",
        78,
    )


def test_metrics_and_series(show: Any) -> None:
    document = show(str(SAMPLES / "metrics" / "all.metrics.json"), "--format", "json")
    assert document["metrics"][0] == {
        "name": "cpu.per_request",
        "unit": "s",
        "better": "lower",
        "samples": [0.0101, 0.0099],
        "launches": [0, 1],
        "pairs": [0, 1],
    }
    assert document["series"][0]["t_s"] == [0, 0.5, 1.5]
    assert show(K6, "--format", "json")["profiles"] == []


def test_the_table_is_for_people(show: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    table = show(HEAP, "--limit", "1", "--kind", "in_use")
    assert "in_use: 8.40 MB in all, 1 of" in table
    assert "main.keep" in table
    assert "\x1b" not in table
    assert "latency.p95" in show(K6)


def test_hostile_names_do_not_reach_the_terminal(show: Any, tmp_path: Path) -> None:
    (tmp_path / "x").write_text("\x1b[31mred;\u202eevil;[bold]markup[/bold] 3\n")
    for table in (show(str(tmp_path / "x")), show(str(tmp_path / "x"), "--limit", "1")):
        assert "\x1b" not in table
        assert "\u202e" not in table
        assert "[bold]" in table
    assert run(["show", str(tmp_path / "x"), "--format", "json"]) == 0


def test_errors_are_one_line(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert "no such" in fails(capsys, "show", str(tmp_path / "none")).lower()
    assert "has no 'peak'; it has cpu" in fails(capsys, "show", RAW, "--kind", "peak")
    assert "program or library" in fails(capsys, "show", sys.executable)
    assert "end it in one of" in fails(capsys, "convert", RAW, str(tmp_path / "out.txt"))
    assert "metrics and no profile" in fails(capsys, "convert", K6, str(tmp_path / "out.folded"))
    assert "metrics only" in fails(capsys, "convert", K6, str(tmp_path / "out.svg"), "--kind", "cpu")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", [".folded", ".pb.gz", ".speedscope.json"])
def test_convert_and_show_again(suffix: str, show: Any, tmp_path: Path) -> None:
    out = tmp_path / f"out{suffix}"
    assert run(["convert", RAW, str(out)]) == 0
    before, after = (
        show(path, "--format", "json", "--limit", "0")["profiles"][0] for path in (RAW, str(out))
    )
    assert [(f["name"], f["self"], f["total"]) for f in by_name(after)] == [
        (f["name"], f["self"], f["total"]) for f in by_name(before)
    ]
    assert (after["kind"], after["unit"], after["total"]) == (before["kind"], before["unit"], before["total"])


def by_name(profile: dict[str, Any]) -> list[dict[str, Any]]:
    """Functions by name; folded text knows no files, so those of one name become one."""
    out: dict[str, dict[str, Any]] = {}
    for f in profile["functions"]:
        same = out.setdefault(f["name"], {"name": f["name"], "self": 0, "total": 0})
        same["self"] += f["self"]
        same["total"] += f["total"]
    return [out[name] for name in sorted(out)]


def test_convert_takes_one_kind(show: Any, tmp_path: Path) -> None:
    for suffix in (".folded", ".pb.gz"):
        out = str(tmp_path / f"out{suffix}")
        assert run(["convert", HEAP, out, "--kind", "allocations"]) == 0
        (profile,) = show(out, "--format", "json")["profiles"]
        assert (
            profile["total"]
            == show(HEAP, "--format", "json", "--kind", "allocations")["profiles"][0]["total"]
        )


def test_convert_to_json_and_metrics(show: Any, tmp_path: Path) -> None:
    assert run(["convert", HEAP, str(tmp_path / "a.json")]) == 0
    assert json.loads((tmp_path / "a.json").read_text()) == show(HEAP, "--format", "json", "--limit", "0")
    assert run(["convert", K6, str(tmp_path / "b.metrics.json")]) == 0
    again = show(str(tmp_path / "b.metrics.json"), "--format", "json")
    assert again["metrics"] == show(K6, "--format", "json")["metrics"]


def test_convert_to_pictures(tmp_path: Path) -> None:
    for suffix in (".svg", ".html"):
        assert run(["convert", RAW, str(tmp_path / f"out{suffix}")]) == 0
        text = (tmp_path / f"out{suffix}").read_text()
        assert "<svg" in text
        assert "price" in text


def test_help_has_examples(capsys: pytest.CaptureFixture[str]) -> None:
    for command in ("show", "convert"):
        assert run([command, "--help"]) == 0
        assert f"perf-action {command} " in capsys.readouterr().out
