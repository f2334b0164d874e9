"""From a run folder as `assess` leaves it to what people see, against the fake API."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from werkzeug import Response

from perf_action.config import Comment, CommentMode
from perf_action.errors import InputError, UsageError
from perf_action.github import Outcome, preview, publish, read_results
from perf_action.github.failures import read_failures
from perf_action.model.change import Comparison, FunctionChange, LeakChange, LeakState, MetricChange, Verdict
from perf_action.model.finding import Finding, State
from perf_action.model.outcome import StageOutcome
from perf_action.model.report import Baseline, Report
from perf_action.model.snapshot import Snapshot
from perf_action.model.suspect import Confidence, Suspect
from perf_action.render import documents
from perf_action.system import write_text

SHA = "3f2a9c1d0b7e4a65f8c9d2e1a0b3c4d5e6f70819"
ENCODE = FunctionChange(
    name="encode",
    file="app.py",
    line=7,
    kind="cpu",
    unit="ns/request",
    base=12_000.0,
    head=15_900.0,
    change=0.325,
    share_base=0.1,
    share_head=0.13,
    verdict=Verdict.REGRESSION,
)
CPU = MetricChange(
    name="cpu.per_request",
    unit="s",
    better="lower",
    base=0.01,
    head=0.0106,
    change=0.06,
    verdict=Verdict.REGRESSION,
)
LEAK = LeakChange(
    name="memory.rss",
    unit="bytes",
    per_second=1.0,
    per_request=None,
    interval_per_second=None,
    verdict=LeakState.LEAKING,
    new=True,
)
BUDGET = Finding(
    rule="memory.peak",
    state=State.FAIL,
    limit=5e8,
    value=6e8,
    unit="bytes",
    message="over by 100 MB",
    file="app.py",
)
WORSE = Report(
    title="",
    head=Snapshot(label="head"),
    base=Snapshot(label="base"),
    baseline=Baseline(how="stored", commit=SHA, commits_behind=2, days_old=4.5),
    comparison=Comparison(functions=(ENCODE,), metrics=(CPU,), leaks=(LEAK,)),
    budgets=(BUDGET,),
    stages=(
        StageOutcome(
            name="memory", profiler="memray", state="skipped", launches=0, seconds=0.0, reason="no time left"
        ),
    ),
)
SAME = replace(
    WORSE,
    comparison=Comparison(metrics=(replace(CPU, head=0.01, change=0.0, verdict=Verdict.UNCHANGED),)),
    budgets=(),
    stages=(),
)
FIRST = replace(WORSE, base=None, comparison=None, budgets=(), stages=(), baseline=Baseline(how="none"))


@pytest.fixture
def run(tmp_path: Path) -> Callable[[Report], Path]:
    """A run folder with all documents of a report, beside a checkout with app.py in it."""

    def make(report: Report) -> Path:
        folder = tmp_path / "perf run ü"
        folder.mkdir(exist_ok=True)
        for name, text in documents(report).items():
            write_text(folder / name, text)
        (tmp_path / "app.py").write_text("")
        return folder

    return make


@pytest.fixture
def tell(fake, connect, context, run, tmp_path: Path) -> Callable[..., Outcome]:
    def call(
        report: Report,
        failures: str = "",
        *,
        settings: Comment | None = None,
        check_run: bool = False,
        **changes: object,
    ) -> Outcome:
        noted = tmp_path / "failures"
        noted.write_text(failures)
        return publish(
            read_results(run(report), read_failures(noted)),
            replace(context, **changes),
            connect(),
            settings or Comment(),
            artifact_url="https://github.example/o/r/actions/runs/500/artifacts/1",
            roots=[tmp_path],
            now_s=1_790_000_000.0,
            check_run=check_run,
        )

    return call


def outputs(file: Path) -> dict[str, str]:
    """The file as the runner reads it."""
    found, lines = {}, iter(file.read_text().splitlines())
    for line in lines:
        name, _, delimiter = line.partition("<<")
        value = []
        for part in lines:
            if part == delimiter:
                break
            value.append(part)
        found[name] = "\n".join(value)
    return found


def test_a_regression_is_told_everywhere(fake, tell, context) -> None:
    outcome = tell(WORSE)
    body = fake.comments[0]["body"]
    assert "`encode`" in body
    assert (
        "[Profiles, flame graphs and logs](https://github.example/o/r/actions/runs/500/artifacts/1)" in body
    )
    assert "[this run](https://github.example/o/r/actions/runs/500/attempts/1)" in body
    assert "`encode`" in context.summary.read_text()
    commands = [line for line in outcome.lines if line.startswith("::")]
    assert commands[0].startswith("::error title=Over budget,file=app.py::memory.peak: over by 100 MB")
    assert commands[1].startswith(
        "::warning title=Regression,file=app.py,line=7::encode costs +32 %25 CPU per request"
    )
    assert len(commands) == 4
    assert outcome.lines[0].startswith("🔴 Regression: encode")


def test_the_outputs(fake, tell, context, tmp_path: Path) -> None:
    tell(WORSE)
    found = outputs(context.output)
    assert found["verdict"] == "regression"
    assert found["regression-detected"] == "true"
    assert found["failed-budgets"] == "memory.peak"
    assert found["comment-id"] == str(fake.comments[0]["id"])
    assert found["comment-file-written"] == "false"
    assert (found["baseline-sha"], found["baseline-age-days"]) == (SHA, "4.5")
    assert found["skipped-stages"] == "memory"
    assert (found["cpu-per-request-change"], found["latency-p95-change"]) == ("0.06", "")
    for name in ("report-json", "report-md", "comment-file"):
        assert Path(found[name]).is_file()


def test_nothing_changed_is_silent_but_for_the_summary(fake, tell, context) -> None:
    outcome = tell(SAME)
    assert fake.comments == []
    assert outcome.posted.reason == "comment-mode is changes and the verdict is unchanged"
    assert "No change" in context.summary.read_text()
    assert outputs(context.output)["verdict"] == "unchanged"
    assert not [line for line in outcome.lines if line.startswith("::")]


def test_a_first_run_is_told_kindly(fake, tell, context) -> None:
    tell(FIRST)
    assert "First run" in fake.comments[0]["body"]
    assert outputs(context.output)["verdict"] == "no-baseline"


def test_two_pushes_one_comment_and_the_first_result_folded(fake, tell, context) -> None:
    tell(WORSE)
    newer = replace(context.pull_request, head_sha="c" * 40)
    tell(SAME, run_id=501, pull_request=newer)
    assert len(fake.comments) == 1
    body = fake.comments[0]["body"]
    assert "Earlier results of this pull request (1)" in body
    assert body.index("No change") < body.index("Earlier results") < body.index("Regression: encode")


def test_a_read_only_token_ends_with_a_warning_and_everything_in_the_summary(fake, tell, context) -> None:
    fake.may_write = False
    fork = replace(context.pull_request, is_fork=True)
    outcome = tell(WORSE, pull_request=fork)
    assert outcome.posted.refused
    warnings = [line for line in outcome.lines if line.startswith("::warning title=perf-action::")]
    assert len(warnings) == 1
    assert "403" in warnings[0]
    summary = context.summary.read_text()
    assert "`encode`" in summary
    assert "a token that can only read" in summary
    assert outputs(context.output)["comment-file-written"] == "true"
    assert outputs(context.output)["comment-id"] == ""


def test_a_push_has_no_pull_request_to_comment_on(fake, tell, context) -> None:
    outcome = tell(WORSE, event="push", pull_request=None)
    assert fake.requests == []
    assert outcome.posted.reason == "the event push has no pull request"
    assert not outcome.posted.refused
    assert context.summary.exists()


def test_a_step_that_failed_before_is_no_pass(fake, tell, context) -> None:
    tell(SAME, "run\t3\tthe service <b>died</b> @everyone\nassess\t2\tx\n")
    body = fake.comments[0]["body"]
    assert "could not" not in body
    assert "> - `perf-action run`: the service" in body
    assert "@everyone" not in body
    assert "<b>died" not in body.replace("\\<b\\>", "")
    assert outputs(context.output)["verdict"] == "error"


def test_where_nothing_was_measured_the_failure_is_the_comment(
    fake, connect, context, tmp_path: Path
) -> None:
    noted = tmp_path / "failures"
    noted.write_text("run\t2\tperf.yml: servce: unknown key\nnot a line\n")
    results = read_results(tmp_path / "none", read_failures(noted))
    publish(results, context, connect(), Comment(), artifact_url="javascript:alert(1)", roots=[], now_s=0.0)
    body = fake.comments[0]["body"]
    assert "## ⚠️ perf-action could not measure" in body
    assert "perf.yml: servce: unknown key" in body
    assert "javascript" not in body
    found = outputs(context.output)
    assert (found["verdict"], found["report-json"]) == ("error", "")
    assert "could not measure" in context.summary.read_text()


def test_outside_github_it_says_what_it_would_do(run, tmp_path: Path) -> None:
    lines = "\n".join(preview(read_results(run(WORSE)), Comment(), roots=[tmp_path]))
    assert "nothing is published" in lines
    assert "post the comment 'default'" in lines
    assert "annotate 4 findings" in lines
    quiet = "\n".join(
        preview(read_results(run(SAME)), Comment(mode=CommentMode.REGRESSIONS), roots=[tmp_path])
    )
    assert "not post, unless there is one already" in quiet


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda folder: (folder / "report.json").write_text("{"), "report.json: not JSON"),
        (lambda folder: (folder / "report.json").write_bytes(b"\xff\xfe"), "report.json: not UTF-8"),
        (lambda folder: (folder / "report.json").write_text("[" * 100_000), "report.json: not JSON"),
        (lambda folder: (folder / "report.json").write_text("[]"), "report.json: "),
        (
            lambda folder: _edit(folder, schema=99),
            r"report.json: schema 99 is newer than 1; update perf-action",
        ),
        (lambda folder: _edit(folder, about="great"), r"report.json: about: "),
        (
            lambda folder: _edit(folder, comparison={"metrics": [{"name": 7}]}),
            r"report.json: comparison.metrics.0",
        ),
        (
            lambda folder: (folder / "comment.md").unlink(),
            r"comment.md: missing; run `perf-action assess` again",
        ),
    ],
)
def test_a_broken_folder_is_one_clear_error(run, change, says) -> None:
    folder = run(WORSE)
    change(folder)
    with pytest.raises(InputError, match=says):
        read_results(folder)


def _edit(folder: Path, **changes: object) -> None:
    path = folder / "report.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_a_folder_that_was_not_assessed_names_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="perf-action assess"):
        read_results(tmp_path)


SUSPECT = Suspect(
    function="encode",
    kind="cpu",
    change=0.325,
    relation="calls it",
    changed="serialize_all",
    file="shop/views.py",
    lines=((40, 47),),
    confidence=Confidence.HIGH,
    function_file="app.py",
)


def test_a_regression_is_annotated_on_the_changed_lines_that_lead_to_it(tell) -> None:
    lines = tell(replace(WORSE, suspects=(SUSPECT,))).lines
    assert (
        "::warning title=Regression,file=shop/views.py,line=40,endLine=47::encode costs +32 %25 CPU per request"
        " (12.0 → 15.9 µs); called from serialize_all, changed in this pull request, lines 40–47 of shop/views.py (sure)"
    ) in lines


@pytest.mark.parametrize(
    "suspect",
    [
        replace(SUSPECT, confidence=Confidence.LOW),
        replace(SUSPECT, lines=()),
        replace(SUSPECT, function="other"),
        replace(SUSPECT, file="../../etc/passwd"),
    ],
)
def test_what_is_not_sure_stays_where_the_function_is(tell, suspect: Suspect) -> None:
    lines = tell(replace(WORSE, suspects=(suspect,))).lines
    assert any(
        line.startswith("::warning title=Regression,file=app.py,line=7::encode costs") for line in lines
    )


SLEEPS = Finding(
    rule="cpu.blocking_in_async",
    state=State.FAIL,
    message="wait sleeps in an event loop's callback: 20% of the time of all callbacks",
    function="wait",
    file="/srv/shop/wait.py",
    line=9,
)
CALLER = replace(SUSPECT, function="wait", kind=SLEEPS.rule, change=None, function_file="/srv/shop/wait.py")


def test_a_check_is_annotated_where_the_pull_request_made_it_fail(tell) -> None:
    (line,) = [t for t in tell(replace(WORSE, checklist=(SLEEPS,), suspects=(CALLER,))).lines if "wait" in t]
    assert line == (
        "::warning title=Check fails,file=shop/views.py,line=40,endLine=47::wait sleeps in an event loop's callback: "
        "20%25 of the time of all callbacks; called from serialize_all, changed in this pull request, lines 40–47 of "
        "shop/views.py (sure)"
    )
    assert not any("wait" in t for t in tell(replace(WORSE, checklist=(SLEEPS,))).lines)


def test_a_check_run_that_is_refused_is_a_warning_and_the_annotations_stay(fake, tell) -> None:
    fake.may_write = False
    outcome = tell(replace(WORSE, suspects=(SUSPECT,)), check_run=True)
    assert any(
        line.startswith("::warning title=perf-action::The check run was not posted: POST")
        for line in outcome.lines
    )
    assert any("file=shop/views.py" in line for line in outcome.lines)


def test_what_stands_on_the_check_run_is_not_said_twice(fake, tell) -> None:
    posted = []

    def checks(request):
        if request.path != "/repos/o/r/check-runs":
            return None
        posted.append(json.loads(request.data))
        return Response(
            json.dumps({"id": 3, "html_url": "https://github.example/o/r/runs/3"}),
            201,
            content_type="application/json",
        )

    fake.hooks.append(checks)
    outcome = tell(replace(WORSE, suspects=(SUSPECT,)), check_run=True)
    assert "check run: https://github.example/o/r/runs/3" in outcome.lines
    assert not any("file=" in line for line in outcome.lines)
    (body,) = posted
    assert (body["name"], body["conclusion"]) == ("perf-action", "neutral")
    assert [a["path"] for a in body["output"]["annotations"]] == ["app.py", "shop/views.py"]
    assert not any("check run" in line for line in tell(WORSE).lines)
