"""action.yml, the table of inputs in the package and the README's table say the same."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from perf_action.config.inputs import INPUTS, markdown_table
from perf_action.github.failures import Failure
from perf_action.github.results import outputs_of, read_results

Action = dict[str, Any]


@pytest.fixture
def action(repository: Path) -> Action:
    loaded = yaml.safe_load((repository / "action.yml").read_text(encoding="utf-8"))
    assert isinstance(loaded, dict)
    return loaded


def test_every_input_has_the_words_and_the_default_of_the_package(action: Action) -> None:
    described = {name: (i["description"], i["default"]) for name, i in action["inputs"].items()}
    assert described == {i.name: (i.description, i.default) for i in INPUTS}


def test_every_input_but_the_token_reaches_the_program_through_the_environment(action: Action) -> None:
    step = next(s for s in action["runs"]["steps"] if s.get("id") == "home")
    passed = {name: value for name, value in step["env"].items() if name.startswith("PERF_INPUT_")}
    assert passed == {i.variable: f"${{{{ inputs.{i.name} }}}}" for i in INPUTS if i.name != "github-token"}


def test_the_readme_has_the_same_table(repository: Path) -> None:
    text = (repository / "README.md").read_text(encoding="utf-8")
    table = re.search(r"<!-- inputs -->\n(.*?)<!-- /inputs -->", text, re.DOTALL)
    assert table is not None
    assert table[1] == markdown_table()


def test_every_output_of_publishing_is_an_output_of_the_action(action: Action, tmp_path: Path) -> None:
    results = read_results(tmp_path, (Failure(step="run", reason="it did not start"),))
    published = {*outputs_of(results), "comment-id", "comment-file-written"}
    passed = {name: o["value"] for name, o in action["outputs"].items() if "steps.publish" in o["value"]}
    assert passed == {name: f"${{{{ steps.publish.outputs.{name} }}}}" for name in published}


def test_no_script_has_an_expression_pasted_into_it(action: Action) -> None:
    assert [s["name"] for s in action["runs"]["steps"] if "${{" in s.get("run", "")] == []


def test_actions_of_others_are_pinned_to_a_commit_with_its_version(repository: Path) -> None:
    for file in [repository / "action.yml", *(repository / ".github/workflows").glob("*.yml")]:
        used = re.findall(r"uses: (?!\./)(.*)", file.read_text(encoding="utf-8"))
        assert used
        assert [u for u in used if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", u)] == []


def test_the_token_is_given_to_no_step_that_sets_up_tools(action: Action) -> None:
    holding = [s["name"] for s in action["runs"]["steps"] if "github-token" in str(s.get("env", ""))]
    assert holding == ["Measure", "Assess", "Publish", "Keep the baseline"]


def test_the_verdict_is_the_last_step_and_only_it_can_turn_findings_red(action: Action) -> None:
    names = [s["name"] for s in action["runs"]["steps"]]
    order = [
        "Install",
        "Set up tools",
        "Measure",
        "Assess",
        "Upload",
        "Publish",
        "Keep the baseline",
        "Verdict",
    ]
    assert [n for n in names if n in order] == order
    assert names[-1] == "Verdict"


def test_the_artifact_is_uploaded_whatever_happened(action: Action) -> None:
    upload = next(s for s in action["runs"]["steps"] if s["name"] == "Upload")
    assert upload["if"] == "always()"
