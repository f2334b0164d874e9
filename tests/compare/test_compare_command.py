"""`perf-action compare`: files in, documents and exit codes out."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from perf_action.cli import run

FOLDED = "main;serve;hash 765\nmain;serve;parse {parse}\nmain;serve;emit 126\n"


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    paths = {
        "base": tmp_path / "base.folded",
        "head": tmp_path / "head.folded",
        "fast": tmp_path / "fast.metrics.json",
        "slow": tmp_path / "slow.metrics.json",
    }
    paths["base"].write_text(FOLDED.format(parse=367))
    paths["head"].write_text(FOLDED.format(parse=767))
    for name, level in (("fast", 0.010), ("slow", 0.011)):
        samples = (level * np.exp(np.random.default_rng(len(name)).normal(0, 0.005, 12))).tolist()
        numbers = list(range(12))
        metrics = [
            {
                "name": "cpu.per_request",
                "unit": "s",
                "better": "lower",
                "samples": samples,
                "launches": numbers,
                "pairs": numbers,
            },
            {"name": "memory.peak", "unit": "bytes", "better": "lower", "samples": [400_000_000]},
        ]
        document = {"schema": 1, "commit": name, "environment": {"cores": 2}, "metrics": metrics}
        paths[name].write_text(json.dumps(document))
    return paths


def call(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    code = run(["compare", *map(str, arguments)])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_two_profiles_as_json(files, capsys):
    code, out, err = call(capsys, files["base"], files["head"], "--format", "json")
    assert (code, err) == (0, "")
    document = json.loads(out)
    assert document["verdict"] == "regression"
    assert [f["name"] for f in document["functions"] if f["verdict"] == "regression"] == ["parse"]
    assert not [f["name"] for f in document["functions"] if f["verdict"] == "improvement"]


def test_two_metric_files_as_json(files, capsys):
    _, out, _ = call(capsys, files["fast"], files["slow"], "--format", "json")
    row = json.loads(out)["metrics"][0]
    assert (row["name"], row["unit"], row["verdict"]) == ("cpu.per_request", "s", "regression")
    assert row["change"] == pytest.approx(0.1, abs=0.01)
    assert row["interval"][0] < 0.1 < row["interval"][1]


@pytest.mark.parametrize("medium", ["table", "markdown", "junit"])
def test_the_other_documents_name_what_changed(files, capsys, medium):
    code, out, _ = call(capsys, files["base"], files["head"], "--format", medium)
    assert code == 0
    assert "parse" in out


def test_a_document_can_go_to_a_file(files, capsys, tmp_path):
    target = tmp_path / "new" / "comparison.json"
    code, out, _ = call(capsys, files["base"], files["base"], "--format", "json", "--output", target)
    assert (code, out) == (0, "")
    assert json.loads(target.read_text())["verdict"] == "inconclusive"


@pytest.mark.parametrize(
    ("pair", "arguments", "code"),
    [
        (("fast", "slow"), [], 0),
        (("fast", "slow"), ["--fail-on", "regression"], 1),
        (("slow", "fast"), ["--fail-on", "regression,leak"], 0),
        (("fast", "slow"), ["--budget", "memory.peak=500MB", "--fail-on", "budget"], 0),
        (("fast", "slow"), ["--budget", "memory.peak=300MB", "--fail-on", "budget"], 1),
        (("fast", "slow"), ["--budget", "cpu.per_request=+5%", "--fail-on", "budget"], 1),
        (("slow", "fast"), ["--budget", "cpu.hot_function=10%", "--fail-on", "inconclusive"], 1),
    ],
)
def test_exit_codes_of_the_policy(files, capsys, pair, arguments, code):
    got, out, err = call(capsys, *(files[name] for name in pair), "--format", "json", *arguments)
    assert got == code
    assert json.loads(out)["verdict"], "the document comes out whatever the policy says"
    assert err.startswith("error: ") == (code == 1)


def test_budgets_are_in_the_document(files, capsys):
    _, out, _ = call(
        capsys, files["fast"], files["slow"], "--format", "json", "--budget", "memory.peak=500MB"
    )
    (budget,) = json.loads(out)["budgets"]
    assert (budget["rule"], budget["limit"], budget["value"], budget["state"]) == (
        "memory.peak",
        500_000_000,
        400_000_000,
        "pass",
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["{base}", "nowhere"], "nowhere: no such file or directory"),
        (["{base}"], "Missing argument 'HEAD'"),
        (["{base}", "{head}", "--fail-on", "everything"], "'everything' is not one of"),
        (["{base}", "{head}", "--budget", "memory.peak"], "write RULE=LIMIT"),
        (["{base}", "{head}", "--budget", "memory.peak=much"], "memory.peak"),
        (["{base}", "{head}", "--format", "pdf"], "'pdf' is not one of"),
    ],
)
def test_bad_calls_are_one_line(files, capsys, arguments, message):
    code, out, err = call(capsys, *(a.format(**files) for a in arguments))
    assert (code, out) == (2, "")
    assert err.startswith("error: ")
    assert err.count("\n") == 1
    assert message in err


def test_a_broken_file_is_named_and_nothing_is_written(files, capsys, tmp_path):
    files["head"].write_text("main;serve;hash many\n")
    target = tmp_path / "out.json"
    code, _, err = call(capsys, files["base"], files["head"], "--format", "json", "--output", target)
    assert code == 2
    assert "head.folded" in err
    assert not target.exists()
