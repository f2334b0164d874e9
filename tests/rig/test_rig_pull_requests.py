"""The life of a repository that uses the action, on the example service, with real load and real profilers.

Each fixture is one run of the workflow and needs those before it; tests look at what it left behind. The order: a pull
request while there is no baseline yet, a push to main that keeps one, a pull request with two pushes of which the
second is slower, one from a fork whose token only reads, one that changes only the README, and the weekly run of main.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rig.act import Run
from rig.registry import CPU, MEMORY, QUICK, SURE, files, settings, slower
from rig.workflows import workflow
from rig.world import FORK, READING, TOKENS, World

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

INPUTS = "fail-on: regression\ncomment-mode: always"
HARMLESS = {"registry/added.py": "ADDED = True\n"}


@pytest.fixture(scope="module")
def example() -> Path:
    return Path(__file__).resolve().parents[2] / "examples/schema-registry-python"


@pytest.fixture(scope="module")
def world(
    actions: dict[str, Path], tmp_path_factory: pytest.TempPathFactory, example: Path
) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("wörld")
    python = Path(sys.executable).resolve()
    with World(folder, actions=actions, python=python, files=files(example, inputs=INPUTS)) as made:
        made.variables["API_KEY"] = "rig-key"
        yield made
        assert made.api.violations == []


@pytest.fixture(scope="module")
def first(world: World, example: Path) -> Run:
    """Nothing to compare with: the pull request is measured alone, and main never was."""
    perf = settings(example, QUICK | {"max-minutes": 3}, MEMORY)  # a counter takes two launches
    alone = {".github/workflows/perf.yml": workflow(inputs="base: none"), "perf.yml": perf}
    world.push_pull(1, {**alone, **HARMLESS}, "Add the action")
    return world.run_pull(1)


@pytest.fixture(scope="module")
def pushed(world: World, first: Run) -> Run:
    return world.run_push()


@pytest.fixture(scope="module")
def opened(world: World, pushed: Run) -> Run:
    world.push_pull(7, HARMLESS, "Add a constant")
    return world.run_pull(7, action="opened")


@pytest.fixture(scope="module")
def updated(world: World, opened: Run, example: Path) -> Run:
    """Base is measured as the perf.yml of head says."""
    world.push_pull(7, {**slower(example), "perf.yml": settings(example, SURE, CPU)}, "Slower")
    return world.run_pull(7)


@pytest.fixture(scope="module")
def forked(world: World, pushed: Run) -> Run:
    """Whose token only reads; measured alone, against the stored baseline."""
    alone = {".github/workflows/perf.yml": workflow(inputs="base: none")}
    world.push_pull(8, {**alone, **HARMLESS}, "From outside", repository=FORK)
    return world.run_pull(8, READING, action="opened")


@pytest.fixture(scope="module")
def weekly(world: World, pushed: Run) -> Run:
    """Main has moved on since its baseline was kept, by a commit that nobody measured."""
    world.push_main(HARMLESS, "Later")
    return world.run_schedule()


def comments(world: World, pull: int) -> list[str]:
    return [c.body for c in world.repository.comments_of(pull)]


def test_the_first_pull_request_is_told_that_there_is_nothing_to_compare_with(
    world: World, first: Run
) -> None:
    assert first.green, first.log
    assert first.outputs["verdict"] == "no-baseline"
    assert first.outputs["skipped-stages"] == ""
    assert len(comments(world, 1)) == 1
    assert "baseline" in comments(world, 1)[0]
    assert world.branch_files("perf-data") == []


def test_a_push_to_main_keeps_a_baseline_on_the_branch_of_data(world: World, pushed: Run) -> None:
    assert pushed.green, pushed.log
    assert pushed.outcome("Keep the baseline") == "success"
    kept = [name for name in world.branch_files("perf-data") if name.endswith(".json.gz")]
    assert len(kept) == 1
    assert world.git("rev-parse", "main") in kept[0]


def test_a_pull_request_gets_one_comment(world: World, opened: Run) -> None:
    assert opened.green, opened.log
    assert opened.outputs["verdict"] in ("unchanged", "inconclusive", "improvement")
    assert len(comments(world, 7)) == 1


def test_the_second_push_updates_it_and_the_slower_function_is_named(world: World, updated: Run) -> None:
    assert [c.edits for c in world.repository.comments_of(7)] == [1]
    assert updated.outputs["verdict"] == "regression"
    comment = comments(world, 7)[0]
    assert "canonicalise" in comment
    assert "called from `encode_response`, changed in this pull request, lines 15–16 of" in comment
    assert updated.outputs["comment-id"] == str(world.repository.comments_of(7)[0].id)


def test_what_the_changed_lines_call_is_annotated_on_the_changed_lines(updated: Run) -> None:
    found = {text: place for text, place in updated.places.items() if text.startswith("canonicalise costs")}
    assert set(found.values()) == {("registry/responses.py", 15, 16)}


def test_a_regression_turns_only_the_last_step_red_after_comment_and_artifact(updated: Run) -> None:
    assert not updated.green
    assert [s.name for s in updated.steps if s.outcome == "failure"] == ["Verdict", "org/perf-action@v1"]
    names = updated.names
    assert names.index("Upload") < names.index("Publish") < names.index("Verdict")


def test_the_artifact_is_a_run_folder(world: World, first: Run, updated: Run) -> None:
    captures = world.artifact(first)
    assert [n for n in captures if n.endswith(".bin") and "memray" in n] != []
    artifact = world.artifact(updated)
    assert [n for n in artifact if "py-spy" in n] != []
    assert {"run.json", "report.json", "comment.md", "summary.md", "report.html", "junit.xml"} <= set(
        artifact
    )
    assert json.loads(artifact["run.json"])["schema"] >= 1
    assert b"rig-key" not in b"".join(artifact.values())


def test_a_pull_request_keeps_no_baseline(world: World, pushed: Run, updated: Run) -> None:
    assert updated.outcome("Keep the baseline") == ""
    kept = [name for name in world.branch_files("perf-data") if name.endswith(".gz")]
    assert [name for name in kept if f"-{updated.id}-1" in name] == []
    assert [name for name in kept if f"-{pushed.id}-1" in name] != []


def test_a_fork_whose_token_only_reads_ends_green_with_summary_and_artifact(
    world: World, forked: Run
) -> None:
    assert forked.green, forked.log
    assert comments(world, 8) == []
    assert any(level == "warning" and "not posted" in text for level, text in forked.annotations)
    assert "perf-action" in forked.summary.lower()
    assert "run.json" in world.artifact(forked)
    assert forked.outputs["comment-file-written"] == "true"
    assert forked.outputs["baseline-sha"] == world.git("rev-parse", "main")
    assert forked.outputs["verdict"] in ("unchanged", "inconclusive", "improvement")


def test_a_change_of_the_readme_is_not_measured(world: World, pushed: Run) -> None:
    world.push_pull(9, {"README.md": "# The registry\n"}, "Words")
    run = world.run_pull(9)
    assert run.green, run.log
    assert run.outputs["verdict"] == "skipped"
    assert "paths" in run.summary
    assert run.seconds("Measure") < 20


def test_the_weekly_run_is_compared_with_the_stored_baseline_and_kept_too(world: World, weekly: Run) -> None:
    assert weekly.green, weekly.log
    assert weekly.outputs["baseline-sha"] == world.git("rev-parse", "main~1")
    assert weekly.outputs["verdict"] in ("unchanged", "inconclusive", "improvement")
    assert [
        n for n in world.branch_files("perf-data") if f"{world.git('rev-parse', 'main')}-{weekly.id}-1" in n
    ]


def test_no_secret_is_in_a_log_a_comment_or_a_summary(
    world: World, pushed: Run, updated: Run, forked: Run
) -> None:
    texts = [t for run in (pushed, updated, forked) for t in (run.log, run.summary)]
    texts += [c.body for c in world.repository.comments]
    for secret in ["rig-key", *(t.secret for t in TOKENS)]:
        assert [t for t in texts if secret in t] == []
