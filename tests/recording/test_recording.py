from __future__ import annotations

import contextlib
import gzip
import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perf_action.errors import InputError, UsageError
from perf_action.model.builder import ProfileBuilder
from perf_action.model.category import CategoryRule
from perf_action.model.check import Check, Weight
from perf_action.model.environment import Environment
from perf_action.model.finding import Budget, State
from perf_action.model.metric import Metric, Series
from perf_action.model.outcome import StageOutcome
from perf_action.model.profile import CapturedProfile, Profile, ProfileSlice, ValueKind
from perf_action.model.snapshot import Snapshot
from perf_action.model.touched import TouchedFile
from perf_action.model.tree import costs
from perf_action.model.trial import Side
from perf_action.recording import Run, decode_snapshot, encode_snapshot, read_run, write_run
from perf_action.recording.columns import decode_profile, encode_profile


def profile(kind: ValueKind, *, fidelity: str = "sampled") -> Profile:
    builder = ProfileBuilder([kind], tool="py-spy", fidelity=fidelity)  # type: ignore[arg-type]
    frames = [builder.frame(builder.function(name, file="app.py"), line=3) for name in ("main", "encode")]
    builder.sample(builder.stack_of(frames), [7])
    return builder.build(requests=100)


def snapshot() -> Snapshot:
    cpu, peak = ValueKind("cpu", "samples"), ValueKind("peak", "bytes")
    return Snapshot(
        label="abc",
        commit="a" * 40,
        environment=Environment(cpu_model="Xeon", cores=2, tools=(("py-spy", "0.4.3"),)),
        metrics=(
            Metric(
                name="cpu.per_request",
                unit="s",
                better="lower",
                samples=(0.1, 0.2),
                launches=(0, 1),
                pairs=(0, 1),
            ),
        ),
        series=(Series(name="memory.rss", unit="bytes", t_ns=(0, 10), values=(1.0, 2.0), requests=(0, 5)),),
        captures=(
            CapturedProfile(stage="cpu", requests=100, profile=profile(cpu)),
            CapturedProfile(stage="memory", launch=1, requests=100, profile=profile(peak, fidelity="exact")),
        ),
        slices=(
            ProfileSlice(
                launch=0, slice=0, requests=100, cpu_ns_per_request=5e4, rate_hz=250, profile=profile(cpu)
            ),
        ),
        notes=("a note",),
    )


def run() -> Run:
    return Run(
        config_digest="0123456789ab",
        created=1.0,
        environment=Environment(cores=2),
        sides={Side.HEAD: snapshot()},
        stages=(StageOutcome(name="cpu", profiler="py-spy", state="done", launches=5, seconds=40.0),),
        failed=((Side.BASE, "could not be built"),),
        budgets=(Budget(rule="memory.peak", limit=5e8, unit="bytes"),),
        fail_on=("budget",),
        categories=(CategoryRule(category="codec", function=("encode_*",)),),
        checks=(
            Check(name="warmed up", topic="before profiling", state=State.PASS, evidence="+1 %"),
            Check(
                name="linking",
                topic="program",
                state=State.FAIL,
                evidence="static",
                remedy="link",
                weight=Weight.ADVICE,
            ),
        ),
        touched=(TouchedFile(base="a.py", head="b.py", head_lines=((1, 2),), functions=("encode",)),),
    )


def same(one: Snapshot, other: Snapshot) -> None:
    assert (one.label, one.commit, one.environment, one.metrics, one.series, one.notes) == (
        other.label, other.commit, other.environment, other.metrics, other.series, other.notes,
    )  # fmt: skip
    assert [costs(c.profile) for c in one.captures] == [costs(c.profile) for c in other.captures]
    assert [(c.stage, c.launch, c.requests, c.profile.fidelity, c.profile.kinds) for c in one.captures] == [
        (c.stage, c.launch, c.requests, c.profile.fidelity, c.profile.kinds) for c in other.captures
    ]
    assert [(s.launch, s.requests, costs(s.profile)) for s in one.slices] == [
        (s.launch, s.requests, costs(s.profile)) for s in other.slices
    ]


def test_a_stored_snapshot_comes_back_as_it_was() -> None:
    data = encode_snapshot(snapshot())
    same(decode_snapshot(data, "x"), snapshot())
    assert data == encode_snapshot(snapshot())


def test_a_run_folder_can_be_moved_and_read_again(tmp_path: Path) -> None:
    write_run(tmp_path / "here", run())
    shutil.move(tmp_path / "here", tmp_path / "there")
    found = read_run(tmp_path / "there")
    same(found.snapshot(Side.HEAD), snapshot())
    assert found.budgets == run().budgets
    assert found.stages == run().stages
    assert found.failed == run().failed
    assert found.checks == run().checks
    assert found.touched == run().touched
    assert (tmp_path / "there" / "head" / "cpu" / "profile.pb.gz").is_file()
    with pytest.raises(UsageError, match="no base side, only head"):
        found.snapshot(Side.BASE)


def test_a_run_of_an_earlier_version_has_less_to_say(tmp_path: Path) -> None:
    write_run(tmp_path, run())
    data = json.loads((tmp_path / "run.json").read_text())
    del data["checks"], data["touched"]
    (tmp_path / "run.json").write_text(json.dumps(data))
    assert (read_run(tmp_path).checks, read_run(tmp_path).touched) == ((), ())


def changed(data: bytes, **changes: object) -> bytes:
    return gzip.compress(json.dumps({**json.loads(gzip.decompress(data)), **changes}).encode())


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda d: d[: len(d) // 2], "cut short"),
        (lambda d: b"garbage", "damaged"),
        (lambda d: b"", "cut short"),
        (lambda d: gzip.compress(b"{}"), "has no schema version"),
        (lambda d: gzip.compress(b"[]"), "not a JSON object"),
        (lambda d: changed(d, schema=99), "reads up to 1; update perf-action"),
        (lambda d: changed(d, metrics=[{"name": 1}]), "not a stored snapshot"),
        (lambda d: changed(d, slices="!!"), "not a stored snapshot"),
        (lambda d: changed(d, captures=7), "not a stored snapshot"),
    ],
)
def test_a_spoilt_snapshot_is_refused_with_the_reason(spoil, reason: str) -> None:
    with pytest.raises(InputError, match=reason) as caught:
        decode_snapshot(spoil(encode_snapshot(snapshot())), "perf-data: x.json.gz")
    assert str(caught.value).startswith("perf-data: x.json.gz")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{", "not JSON"),
        ('{"schema": 2}', "update perf-action"),
        ('{"schema": 1}', "not what perf-action run writes"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_a_spoilt_run_folder_is_refused_with_the_reason(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(InputError, match=reason):
        read_run(tmp_path)


def test_a_run_folder_may_not_name_files_outside(tmp_path: Path) -> None:
    write_run(tmp_path / "r", run())
    (tmp_path / "secret.profile").write_bytes(b"x")
    path = tmp_path / "r" / "run.json"
    raw = json.loads(path.read_text())
    raw["sides"]["head"]["captures"][0]["file"] = "../../secret.profile"
    path.write_text(json.dumps(raw))
    with pytest.raises(InputError, match="outside the run folder"):
        read_run(tmp_path / "r")


def test_a_folder_that_is_no_run_says_what_makes_one(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="perf-action run writes one"):
        read_run(tmp_path)


@given(st.data())
def test_a_spoilt_profile_is_refused_and_nothing_else(data: st.DataObject) -> None:
    whole = encode_profile(profile(ValueKind("cpu", "samples")))
    cut = data.draw(st.integers(0, len(whole)))
    flipped = bytearray(whole[:cut] if data.draw(st.booleans()) else whole)
    for _ in range(data.draw(st.integers(0, 3))):
        if flipped:
            flipped[data.draw(st.integers(0, len(flipped) - 1))] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(InputError):
        decode_profile("x", bytes(flipped)).check()


def timeline() -> Profile:
    builder = ProfileBuilder([ValueKind("wall", "ns")], tool="py-spy")
    stack = builder.stack_of([builder.frame(builder.function("wait", file="app.py"), line=3)])
    for at in (0, 10_000_000):
        builder.sample(stack, [10_000_000], thread="loop", time_ns=at)
    return builder.build(requests=40)


def test_a_time_line_keeps_its_times_and_threads(tmp_path: Path) -> None:
    kept = CapturedProfile(stage="cpu", launch=0, requests=40, profile=timeline())
    write_run(tmp_path, replace(run(), sides={Side.HEAD: replace(snapshot(), timelines=(kept,))}))
    (read,) = read_run(tmp_path).sides[Side.HEAD].timelines
    assert (read.stage, read.requests, read.profile.kinds[0].kind) == ("cpu", 40, "wall")
    assert read.profile.sample_time_ns is not None
    assert read.profile.sample_time_ns.tolist() == [0, 10_000_000]
    assert read.profile.sample_thread is not None
    assert [read.profile.strings[i] for i in read.profile.sample_thread] == ["loop", "loop"]


def test_times_that_do_not_fit_their_samples_are_refused() -> None:
    good = timeline()
    assert good.sample_time_ns is not None
    assert good.sample_thread is not None
    for bad in (
        replace(good, sample_time_ns=good.sample_time_ns[:1]),
        replace(good, sample_thread=good.sample_thread + 1000),
    ):
        with pytest.raises(InputError, match="not a recorded profile"):
            decode_profile("timeline.profile", encode_profile(bad, timed=True))
    assert decode_profile("plain", encode_profile(good)).sample_time_ns is None
