"""The runner does what GitHub's does where act by itself would not, and its artifacts go over the true protocol."""

from __future__ import annotations

import pytest

from rig.workflows import CHECKOUT
from rig.world import READING, Worlds

pytestmark = pytest.mark.slow

UPLOAD = "actions/upload-artifact@b7c566a772e6b6bfb58ed0dc250532a479d7789f"

WORKFLOW = f"""
on: [push, pull_request, schedule]
jobs:
  job:
    runs-on: ubuntu-latest
    steps:
      - uses: {CHECKOUT}
      - name: Look
        id: look
        run: |
          mkdir -p out/sub && echo data >out/sub/file && echo hidden >out/.hidden
          git log --format=%H >out/log
          echo "ref=$GITHUB_REF" >>"$GITHUB_OUTPUT"
          echo "parents=$(git cat-file -p HEAD | grep -c ^parent)" >>"$GITHUB_OUTPUT"
          echo "# It was seen" >>"$GITHUB_STEP_SUMMARY"
          echo "::warning::watch out"
      - uses: ./composite
        with: {{word: secret}}
      - id: artifact
        uses: {UPLOAD}
        with: {{name: things, path: out}}
"""
COMPOSITE = """
name: composite
description: says which inputs its script sees
inputs: {word: {description: a word}}
runs:
  using: composite
  steps:
    - id: inputs
      shell: bash
      run: echo "seen=${INPUT_WORD:-none}" >>"$GITHUB_OUTPUT"
"""
FILES = {".github/workflows/w.yml": WORKFLOW, "composite/action.yml": COMPOSITE}


def test_a_pull_request_is_checked_out_as_its_merge_at_depth_one(make_world: Worlds) -> None:
    world = make_world(FILES)
    pull = world.push_pull(7, {"a.txt": "a"}, "Change")
    run = world.run_pull(7, READING)
    assert run.green, run.log
    assert run.outputs["ref"] == "refs/pull/7/merge"
    assert run.outputs["parents"] == "2"
    artifact = world.artifact(run, "things")
    assert artifact == {"sub/file": b"data\n", "log": f"{pull.merge_sha}\n".encode()}
    assert run.summary.strip() == "# It was seen"
    assert ("warning", "watch out") in run.annotations


def test_scripts_of_composite_actions_see_no_inputs(make_world: Worlds) -> None:
    run = make_world(FILES).run_push()
    assert run.green, run.log
    assert run.outputs["seen"] == "none"
    assert run.outputs["ref"] == "refs/heads/main"


def test_what_a_schedule_starts_runs_on_main(make_world: Worlds) -> None:
    world = make_world(FILES)
    run = world.run_schedule()
    assert run.green, run.log
    assert run.outputs["ref"] == "refs/heads/main"
    assert world.artifact(run, "things")["log"].decode().strip() == world.git("rev-parse", "main")
