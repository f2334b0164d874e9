from __future__ import annotations

import pytest

from perf_action.config import Config, parse
from perf_action.config.only import only
from perf_action.errors import UsageError
from perf_action.measure.schedule import Schedule, Settled, calibrated, expected_seconds, next_trial, schedule
from perf_action.model.trial import Side, Trial, TrialRecord

BOTH = (Side.BASE, Side.HEAD)


def config(memory: dict[str, object] | None = None, **measure: object) -> Config:
    return parse(
        {
            "service": {"command": "x --port {port}"},
            "load": {"baseline": {"script": "l.py"}},
            "stages": {"cpu": {"profiler": "py-spy"}, "memory": {"profiler": "memray", **(memory or {})}},
            "measure": {"launches": "3..6", "max-minutes": 10, **measure},
        },
        "perf.yml",
    )


def carry_out(plan: Schedule, *, seconds: float = 5.0, settled: bool = False) -> tuple[list[Trial], Settled]:
    done: list[TrialRecord] = []
    while True:
        step = next_trial(plan, done, settled=settled)
        if isinstance(step, Settled):
            return [r.trial for r in done], step
        done.append(TrialRecord(trial=step, seconds=seconds))
        assert len(done) < 200


def test_two_cores_and_two_ports_make_a_duet() -> None:
    assert {s.placement for s in schedule(config(), BOTH, (0, 1, 2, 3)).stages} == {"duet"}
    assert {s.placement for s in schedule(config(), BOTH, (0,)).stages} == {"interleaved"}
    fixed = parse({"service": {"command": "x"}, "load": {"a": {"script": "l.py"}}}, "perf.yml")
    assert {s.placement for s in schedule(fixed, BOTH, (0, 1)).stages} == {"interleaved"}
    assert {s.placement for s in schedule(config(), (Side.HEAD,), (0, 1)).stages} == {"alone"}


def test_a_recorder_gets_a_core_of_its_own() -> None:
    found = {s.name: s.placement for s in schedule(config(), BOTH, (0, 1)).stages}
    assert found == {"clean": "duet", "cpu": "interleaved", "memory": "duet", "soak": "duet"}


def test_a_duet_rotates_the_cores_over_launches() -> None:
    trials, _ = carry_out(schedule(config(), BOTH, (0, 1)))
    clean = [t for t in trials if t.stage.name == "clean"]
    assert [t.cores for t in clean[:4]] == [(0, 1), (1, 0), (0, 1), (1, 0)]
    assert all(t.sides == BOTH and t.swap for t in clean)


def test_interleaved_launches_give_neither_side_the_first_place() -> None:
    trials, _ = carry_out(schedule(config(), BOTH, (0,)))
    clean = [(t.pair, t.sides[0]) for t in trials if t.stage.name == "clean"][:6]
    assert clean == [
        (0, Side.BASE), (0, Side.HEAD), (1, Side.HEAD), (1, Side.BASE), (2, Side.BASE), (2, Side.HEAD),
    ]  # fmt: skip


def test_more_launches_only_while_they_are_not_settled() -> None:
    plan = schedule(config(), BOTH, (0, 1))
    settled, _ = carry_out(plan, settled=True)
    open_, end = carry_out(plan)
    assert sum(t.stage.name == "clean" for t in settled) == 3
    assert sum(t.stage.name == "clean" for t in open_) == 6
    assert end.dropped == ()


def test_time_is_a_budget_and_what_it_drops_is_listed() -> None:
    plan = schedule(config(**{"max-minutes": 1}), BOTH, (0, 1))
    trials, end = carry_out(plan, seconds=10)
    assert sum(10 for _ in trials) <= 60
    assert any("launches within 1 minutes" in line for line in end.dropped)
    assert sum(t.stage.name == "clean" for t in trials) >= 3


@pytest.mark.parametrize("minutes", [n / 4 for n in range(2, 24)])
@pytest.mark.parametrize("cores", [(0,), (0, 1)])
def test_half_a_pair_is_made_whole_and_not_begun_for_nothing(minutes: float, cores: tuple[int, ...]) -> None:
    trials, _ = carry_out(schedule(config(**{"max-minutes": minutes}), BOTH, cores), seconds=11)
    for stage in ("clean", "cpu"):
        sides = [t.sides[0] for t in trials if t.stage.name == stage and len(t.sides) == 1]
        assert sides.count(Side.BASE) == sides.count(Side.HEAD)


@pytest.mark.parametrize(("rate", "expected"), [(30.0, 50), (1234.0, 620), (100_000.0, 50_000), (None, None)])
def test_amounts_follow_the_speed_of_the_service(rate: float | None, expected: int | None) -> None:
    plan = calibrated(schedule(config(), BOTH, (0, 1)), {"baseline": rate})
    assert plan.stages[0].requests == expected
    assert plan.stages[0].seconds == (None if rate else 2.0)


def test_counters_take_a_short_launch_and_two_long_ones() -> None:
    plan = calibrated(schedule(config(), BOTH, (0, 1)), {"baseline": 1000.0})
    trials, _ = carry_out(plan)
    assert [t.stage.requests for t in trials if t.stage.name == "memory"] == [30, 300, 300]


def test_one_launch_under_a_counter_is_not_enough() -> None:
    plan = calibrated(schedule(config({"launches": 1}), BOTH, (0, 1)), {"baseline": 1000.0})
    trials, _ = carry_out(plan)
    assert [t.stage.requests for t in trials if t.stage.name == "memory"] == [30, 300]


def test_numbers_and_seeds_do_not_repeat_within_a_stage() -> None:
    trials, _ = carry_out(schedule(config(), BOTH, (0, 1)))
    assert [t.number for t in trials] == list(range(1, len(trials) + 1))
    seeds = [t.seed for t in trials if t.stage.name == "clean"]
    assert len(set(seeds)) == len(seeds)


def test_a_plan_without_a_soak_has_none() -> None:
    assert [s.name for s in schedule(config(soak=0), BOTH, (0, 1)).stages] == ["clean", "memory", "cpu"]
    soak = next(s for s in schedule(config(soak="45s"), BOTH, (0, 1)).stages if s.name == "soak")
    assert soak.slices * (soak.seconds or 0) == pytest.approx(45)


def test_only_some_stages_are_measured_where_that_is_asked_for() -> None:
    chosen = schedule(only(config(), ["cpu"]), BOTH, (0, 1))
    trials, settled = carry_out(calibrated(chosen, {"baseline": 1000.0}))
    assert {t.stage.name for t in trials} == {"cpu"}
    assert settled.dropped == ()
    assert [stage.name for stage, _ in expected_seconds(chosen)] == ["cpu"]
    names = {t.stage.name for t in carry_out(schedule(only(config(), ["clean", "soak"]), BOTH, (0, 1)))[0]}
    assert names == {"clean", "soak"}
    assert only(config(), []) == config()


@pytest.mark.parametrize(
    ("name", "remedy"), [("cpuu", "did you mean 'cpu'"), ("zzz", "there is clean, soak, cpu, memory")]
)
def test_a_stage_that_does_not_exist_is_told_the_nearest(name: str, remedy: str) -> None:
    with pytest.raises(UsageError, match=f"--only {name}: there is no such stage; {remedy}"):
        only(config(), [name])
