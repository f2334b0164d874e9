"""The inputs of the GitHub action, each an override of a key of perf.yml. action.yml, the README's table and this are
held together by a test.

An input reaches the program as the environment variable ``PERF_INPUT_<NAME>``; empty means not given.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Input:
    """`key` is the dotted key of perf.yml it overrides; empty where it configures the action itself."""

    name: str
    key: str
    description: str
    default: str = ""

    @property
    def variable(self) -> str:
        return "PERF_INPUT_" + self.name.upper().replace("-", "_")


INPUTS: tuple[Input, ...] = (
    Input("config", "", "the settings file, relative to working-directory", "perf.yml"),
    Input("working-directory", "", "the folder of the service in the checkout", "."),
    Input(
        "base",
        "",
        "what head is measured against, side by side: auto (the base of the pull request), a revision, or none",
        "auto",
    ),
    Input(
        "max-minutes",
        "measure.max-minutes",
        "minutes that measuring may take, after set-up and build; default 5",
    ),
    Input("launches", "measure.launches", "fresh starts of each side, such as 8..24"),
    Input(
        "fail-on",
        "fail-on",
        "what makes the job red: regression, budget, leak, inconclusive (a list, comma-separated), or never; default never",
    ),
    Input(
        "comment-mode",
        "comment.mode",
        "when to comment: always, changes, regressions or never; default changes",
    ),
    Input("comment-id", "comment.id", "tells several uses of this action in one repository apart"),
    Input(
        "check-run",
        "check-run",
        "post a check run, too, with annotations on the changed lines: true or false; needs checks: write; default false",
    ),
    Input(
        "baseline-store",
        "baseline.store",
        "where baselines are kept: git (a branch), directory or none; default git",
    ),
    Input("baseline-branch", "baseline.branch", "the branch of baselines; default perf-data"),
    Input(
        "save-baseline",
        "",
        "keep this measurement as a baseline: auto (on a push to the default branch, and on its schedule), true or false",
        "auto",
    ),
    Input(
        "artifact-name",
        "",
        "the name of the uploaded artifact; give each job of a matrix its own",
        "perf-report",
    ),
    Input("retention-days", "", "how long the artifact is kept, in days", "30"),
    Input(
        "github-token",
        "",
        "reads the pull request and writes the comment; contents: write only where baselines are kept",
        "${{ github.token }}",
    ),
)


def overrides(environ: Mapping[str, str]) -> dict[str, str]:
    """Dotted key of perf.yml -> value, for every input that overrides one and was given."""
    return {i.key: environ[i.variable] for i in INPUTS if i.key and environ.get(i.variable, "").strip()}


def markdown_table() -> str:
    """The table of the README."""
    rows = [f"| `{i.name}` | {i.description} | {f'`{i.default}`' if i.default else ''} |" for i in INPUTS]
    return "\n".join(["| input | what it does | default |", "|---|---|---|", *rows]) + "\n"
