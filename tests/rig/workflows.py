"""The workflow that the rig's repositories have: what the README tells a user to write."""

from __future__ import annotations

CHECKOUT = "actions/checkout@08c6903cd8c0fde910a37f88322edcfb5dd907a8"


def workflow(*, inputs: str = "", before: str = "", after: str = "") -> str:
    """`inputs` are lines below ``with:``; `before` and `after` are scripts round the action, left out where empty."""
    given = "".join(f"\n          {line}" for line in inputs.splitlines())
    return (
        f"""\
name: Performance
on:
  pull_request:
  push:
    branches: [main]
  schedule:
    - cron: "17 3 * * 1"
permissions: {{}}
jobs:
  perf:
    runs-on: ubuntu-latest
    permissions:
      contents: write
      pull-requests: write
    steps:
      - uses: {CHECKOUT}
"""
        + _script("Before", before)
        + f"""\
      - uses: org/perf-action@v1
{f"        with:{given}" if given else ""}
"""
        + _script("After", after)
    )


def _script(name: str, text: str) -> str:
    if not text:
        return ""
    lines = "".join(f"          {line}\n" for line in text.splitlines())
    return f"      - name: {name}\n        if: always()\n        run: |\n{lines}"
