"""The check run against the fake that holds requests to GitHub's description and tokens to their permissions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from perf_action.github import Client, Context, Results, read_results
from perf_action.github.annotations import Annotation
from perf_action.github.check_run import MAX_ANNOTATIONS, MAX_SUMMARY, conclusion, post_check_run
from perf_action.github.failures import Failure
from perf_action.system import System
from rig.api.server import ApiServer, Fault
from rig.api.state import Repository
from rig.tokens import Token
from rig.world import COMMENTING, NAME

CHECKING = Token(secret="rig-token-checking", permissions={"contents": "read", "checks": "write"})
CONTEXT = Context(
    event="push", repository=NAME, sha="a" * 40, ref="refs/heads/main", default_branch="main", run_id=5, attempt=1,
    server_url="http://gh.localhost", api_url="",
)  # fmt: skip


@pytest.fixture
def api() -> Iterator[ApiServer]:
    with ApiServer(Repository(name=NAME), (CHECKING, COMMENTING)) as server:
        yield server
        assert server.violations == []


@pytest.fixture
def results(tmp_path: Path) -> Results:
    return read_results(tmp_path, (Failure(step="run", reason="it did not start"),))


def client(api: ApiServer, token: Token = CHECKING) -> Client:
    return Client(System({}), api_url=api.url, token=token.secret, backoff_s=0.001)


def annotations(n: int) -> list[Annotation]:
    return [
        Annotation(
            level="warning",
            title="Regression",
            message=f"m{i}",
            file="shop/app.py",
            line=40 + i,
            end_line=47 + i,
        )
        for i in range(n)
    ]


@pytest.mark.parametrize(("n", "requests"), [(0, 1), (1, 1), (50, 1), (51, 2), (130, 3), (250, 4)])
def test_annotations_go_fifty_at_a_time(api: ApiServer, results: Results, n: int, requests: int) -> None:
    outside = Annotation(level="warning", title="Regression", message="no place")
    found = [outside, *annotations(n)]
    checked = post_check_run(client(api), CONTEXT, results, found, name="perf-action", footer="")
    (run,) = api.repository.check_runs
    assert [call for call, _ in api.calls][1:] == [f"PATCH /repos/{NAME}/check-runs/{run.id}"] * (
        requests - 1
    )
    assert [a["message"] for a in run.annotations] == [f"m{i}" for i in range(min(n, MAX_ANNOTATIONS))]
    assert checked.shown == tuple(found[1 : MAX_ANNOTATIONS + 1])
    assert (run.head_sha, run.conclusion, checked.url) == (
        "a" * 40,
        "neutral",
        f"http://gh.localhost/runs/{run.id}",
    )
    if n:
        assert (run.annotations[0]["start_line"], run.annotations[0]["end_line"]) == (40, 47)


def test_a_token_without_the_permission_is_a_reason_and_no_error(api: ApiServer, results: Results) -> None:
    checked = post_check_run(
        client(api, COMMENTING), CONTEXT, results, annotations(1), name="perf-action", footer=""
    )
    assert "403" in checked.reason
    assert (checked.url, checked.shown) == ("", ())


def test_what_was_shown_before_a_failure_is_known(api: ApiServer, results: Results) -> None:
    api.faults.append(Fault(match="PATCH", status=500, times=9))
    checked = post_check_run(client(api), CONTEXT, results, annotations(60), name="perf-action", footer="")
    assert checked.reason
    assert len(checked.shown) == 50


@pytest.mark.parametrize("text", ["x" * 200_000, "é" * 60_000, "\ud800 \0 lone", ""])
def test_texts_of_any_length_are_taken(api: ApiServer, results: Results, text: str) -> None:
    found = [Annotation(level="error", title=text, message=text, file="a.py", line=0)]
    long = replace(results, comment=text.replace("\ud800", "?"))
    assert post_check_run(client(api), CONTEXT, long, found, name="perf-action", footer="").reason == ""
    assert len(api.repository.check_runs[0].summary.encode()) <= MAX_SUMMARY


def test_the_conclusion_fails_only_where_the_policy_does(results: Results) -> None:
    report = replace(results.report, about="regression")
    assert conclusion(replace(results, report=report, failures=())) == "neutral"
    assert (
        conclusion(replace(results, report=replace(report, fails=("regression: encode",)), failures=()))
        == "failure"
    )
    assert conclusion(replace(results, report=replace(report, about="skipped"), failures=())) == "skipped"
