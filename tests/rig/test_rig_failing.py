"""What the action does when it cannot do its work."""

from __future__ import annotations

import pytest

from rig.world import Worlds

CHECKOUT = "actions/checkout@08c6903cd8c0fde910a37f88322edcfb5dd907a8"

WORKFLOW = f"""
name: Performance
on:
  push: {{branches: [main]}}
  pull_request:
permissions: {{}}
jobs:
  perf:
    runs-on: ubuntu-latest
    permissions: {{contents: read, pull-requests: write}}
    steps:
      - uses: {CHECKOUT}
      - name: Before
        run: env | grep -vE '^(ACTIONS_|GITHUB_ACTION|_=)' | sort >../before; command -v python >>../before
      - uses: org/perf-action@v1
      - name: After
        if: always()
        run: env | grep -vE '^(ACTIONS_|GITHUB_ACTION|_=)' | sort >../after; command -v python >>../after; diff ../before ../after
"""


@pytest.mark.slow
def test_a_wrong_config_is_said_on_the_pull_request_and_turns_the_last_step_red(make_world: Worlds) -> None:
    world = make_world({".github/workflows/perf.yml": WORKFLOW, "perf.yml": "service: {command: ./serve}\n"})
    world.push_pull(7, {"a.txt": "a"}, "Change")
    run = world.run_pull(7)
    print(run.log)
    assert not run.green
    assert run.outcome("Publish") == "success"
    assert run.outcome("Verdict") == "failure"
    assert run.outcome("After") == "success"
