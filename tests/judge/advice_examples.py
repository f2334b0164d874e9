"""Snapshots, categories and checks from the examples of the rules: as small as a reader of the rule file sees them."""

from __future__ import annotations

from typing import NamedTuple

from perf_action.config.quantity import quantity
from perf_action.formats.py_spy_frames import frame
from perf_action.judge.advice import advise
from perf_action.judge.advice.rules import Example, Rule
from perf_action.model.advice import Advice
from perf_action.model.builder import ProfileBuilder
from perf_action.model.category import CategoryCost
from perf_action.model.change import Comparison, FunctionChange, LeakChange, LeakState, Verdict
from perf_action.model.finding import Finding, State
from perf_action.model.metric import Metric
from perf_action.model.profile import CapturedProfile, Profile, ValueKind
from perf_action.model.snapshot import Snapshot

UNITS = {"cpu": "samples", "wall": "samples", "lock_wait": "ns", "allocations": "count"}


class Known(NamedTuple):
    """What `advise` takes."""

    head: Snapshot
    categories: tuple[CategoryCost, ...] = ()
    checklist: tuple[Finding, ...] = ()
    leaks: tuple[LeakChange, ...] = ()
    worse: tuple[FunctionChange, ...] = ()

    def advice(
        self, comparison: Comparison | None = None, rules: tuple[Rule, ...] | None = None
    ) -> list[Advice]:
        if self.worse:
            comparison = Comparison(functions=self.worse)
        found = advise(self.head, comparison, self.categories, self.checklist, leaks=self.leaks, rules=rules)
        return list(found)


def profile_of(stacks: str, kind: str = "cpu") -> Profile:
    builder = ProfileBuilder(
        [ValueKind(kind, UNITS.get(kind, "bytes"))], fidelity="sampled" if kind == "cpu" else "exact"
    )
    for line in stacks.strip().splitlines():
        text, _, count = line.rpartition(" ")
        frames = []
        for part in text.split(";"):
            f = frame(part)
            frames.append(builder.frame(builder.function(f.name, file=f.file, module=f.module), f.line))
        builder.sample(builder.stack_of(frames), [int(count)])
    return builder.build()


def snapshot_of(*profiles: Profile, metrics: tuple[Metric, ...] = ()) -> Snapshot:
    captures = tuple(CapturedProfile(stage="stage", profile=p) for p in profiles)
    return Snapshot(label="head", captures=captures, metrics=metrics)


def known_of(example: Example) -> Known:
    metrics = []
    for name, text in example.metrics.items():
        value, unit = quantity(text)
        metrics.append(Metric(name=name, unit=unit, better="lower", samples=(value,)))
    profiles = (profile_of(example.stacks, example.kind),) if example.stacks else ()
    return Known(
        head=snapshot_of(*profiles, metrics=tuple(metrics)),
        categories=tuple(
            CategoryCost(
                category=name, kind="cpu", stage="stage", share=share, samples=1000,
                base_share=example.base_categories.get(name),
            )
            for name, share in example.categories.items()
        ),
        checklist=tuple(
            Finding(rule=name, state=State.FAIL, evidence=evidence) for name, evidence in example.failed.items()
        ),
        leaks=tuple(
            LeakChange(
                name=name, unit="bytes", per_second=1e5, per_request=500.0, interval_per_second=(9e4, 1.1e5),
                verdict=LeakState.LEAKING, new=True,
            )
            for name in example.leaking
        ),
        worse=tuple(
            FunctionChange(
                name=key.name, file=key.file, kind=example.kind, unit="ns/request", base=1.0, head=2.0, change=1.0,
                share_base=0.1, share_head=0.2, verdict=Verdict.REGRESSION,
            )
            for key in (profiles[0].function_keys if profiles else ())
            if key.name in example.worse
        ),
    )  # fmt: skip
