from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf_action.github import read_context
from perf_action.github.context import Context, _pull_request

ENVIRON = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_REPOSITORY": "o/r",
    "GITHUB_SHA": "a" * 40,
    "GITHUB_RUN_ID": "12",
    "GITHUB_RUN_ATTEMPT": "3",
    "GITHUB_SERVER_URL": "https://ghes.example",
    "GITHUB_API_URL": "https://ghes.example/api/v3",
}


def pull_request(**head: Any) -> dict[str, Any]:
    return {
        "number": 7,
        "pull_request": {
            "number": 7,
            "head": {"sha": "b" * 40, "repo": {"full_name": "o/r"}, **head},
            "base": {"sha": "c" * 40, "ref": "main"},
        },
        "repository": {"default_branch": "main"},
    }


@pytest.fixture
def read(tmp_path: Path):
    def call(event: str, payload: Any = None, **environ: str) -> Context:
        path = tmp_path / "event.json"
        path.write_text(payload if isinstance(payload, str) else json.dumps(payload))
        context = read_context(
            {**ENVIRON, "GITHUB_EVENT_NAME": event, "GITHUB_EVENT_PATH": str(path), **environ}
        )
        assert context is not None
        return context

    return call


def test_outside_github_there_is_no_context() -> None:
    assert read_context({"GITHUB_REPOSITORY": "o/r"}) is None


def test_a_pull_request(read) -> None:
    context = read("pull_request", pull_request(), GITHUB_REF="refs/pull/7/merge")
    pr = context.pull_request
    assert (pr.number, pr.head_sha, pr.base_sha, pr.base_ref, pr.is_fork) == (
        7,
        "b" * 40,
        "c" * 40,
        "main",
        False,
    )
    assert context.run_url == "https://ghes.example/o/r/actions/runs/12/attempts/3"
    assert context.api_url == "https://ghes.example/api/v3"
    assert (context.reads_only, context.keeps_baseline, context.token_is_weak) == (True, False, False)


@pytest.mark.parametrize("repo", [None, {"full_name": "someone/r"}, {}, "o/r"])
def test_a_fork(read, repo) -> None:
    context = read("pull_request", pull_request(repo=repo))
    assert context.pull_request.is_fork
    assert context.token_is_weak


def test_dependabot_is_like_a_fork(read) -> None:
    assert read("pull_request", pull_request(), GITHUB_ACTOR="dependabot[bot]").token_is_weak


@pytest.mark.parametrize(
    ("event", "ref", "keeps"),
    [
        ("push", "refs/heads/main", True),
        ("schedule", "refs/heads/main", True),
        ("workflow_dispatch", "refs/heads/main", True),
        ("push", "refs/heads/topic", False),
        ("push", "refs/tags/main", False),
        ("workflow_run", "refs/heads/main", False),
        ("pull_request_target", "refs/heads/main", False),
    ],
)
def test_only_the_default_branch_keeps_a_baseline(read, event, ref, keeps) -> None:
    context = read(event, {"repository": {"default_branch": "main"}, "before": "d" * 40}, GITHUB_REF=ref)
    assert context.keeps_baseline is keeps
    assert context.before == "d" * 40
    assert not (keeps and context.reads_only)


@pytest.mark.parametrize(
    "payload",
    [
        "",
        "not json",
        "[]",
        "null",
        "[" * 100_000,
        {"pull_request": None},
        {"pull_request": {"number": "7; rm -rf /", "head": {"sha": "b" * 40}}},
        {"pull_request": {"number": True, "head": {"sha": "b" * 40}}},
        {"pull_request": {"number": -1, "head": {"sha": "b" * 40}}},
        {"pull_request": {"number": 7, "head": {"sha": "$(id)"}}},
        {"pull_request": {"number": 7, "head": [1]}},
    ],
)
def test_a_payload_of_another_form_is_no_pull_request(read, payload) -> None:
    assert read("pull_request", payload).pull_request is None


def test_what_does_not_have_the_right_form_is_left_out(read, tmp_path: Path) -> None:
    context = read(
        "push",
        {"repository": {"default_branch": "ma in\n::error::"}, "before": "../x"},
        GITHUB_REPOSITORY="o/r/../../x",
        GITHUB_SHA="HEAD",
        GITHUB_RUN_ID="１２",
        GITHUB_EVENT_PATH=str(tmp_path / "none"),
    )
    assert (context.repository, context.sha, context.default_branch, context.before) == ("", "", "", "")
    assert (context.run_id, context.run_url, context.keeps_baseline) == (0, "", False)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["pull_request", "head", "base", "repo", "sha", "number"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@given(_json)
def test_no_payload_breaks_it(payload: Any) -> None:
    found = _pull_request(payload, "o/r")
    assert found is None or found.number > 0
