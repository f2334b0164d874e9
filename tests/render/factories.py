"""Reports as real runs give them: a schema registry whose `encode` got slower and whose cache grows."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace

from perf_action.model.advice import Advice
from perf_action.model.builder import ProfileBuilder
from perf_action.model.category import CategoryCost
from perf_action.model.change import (
    Comparison,
    FunctionChange,
    LeakChange,
    LeakState,
    MetricChange,
    SelfCheck,
    Verdict,
)
from perf_action.model.environment import Environment
from perf_action.model.finding import Finding, State
from perf_action.model.metric import Metric, Series
from perf_action.model.outcome import StageOutcome
from perf_action.model.profile import Profile, ValueKind
from perf_action.model.report import Baseline, FlameGraph, Report
from perf_action.model.snapshot import Snapshot
from perf_action.model.suspect import Confidence, Suspect
from perf_action.model.trial import Side

BASE_COMMIT = "3f2a9c1d0b7e4a65f8c9d2e1a0b3c4d5e6f70819"
HEAD_COMMIT = "b81e04f7a2c9d3e5f6071829a3b4c5d6e7f8091a"

ENVIRONMENT = Environment(
    cpu_model="AMD EPYC 7763 64-Core Processor",
    cores=4,
    memory_bytes=16_766_201_856,
    kernel="6.8.0-1021-azure",
    os="Ubuntu 24.04.2 LTS",
    arch="x86_64",
    image="ubuntu24/20250316.1.0",
    tools=(("memray", "1.17.1"), ("py-spy", "0.4.0"), ("python", "3.12.9")),
)

#: stack (root first, "function file") -> samples on base, samples on head
STACKS: Mapping[tuple[str, ...], tuple[int, int]] = {
    (
        "<module> app.py",
        "run server.py",
        "handle server.py",
        "route app.py",
        "get_schema registry.py",
        "execute db.py",
    ): (
        5210,
        5240,
    ),
    (
        "<module> app.py",
        "run server.py",
        "handle server.py",
        "route app.py",
        "get_schema registry.py",
        "encode codec.py",
    ): (
        3010,
        3980,
    ),
    (
        "<module> app.py",
        "run server.py",
        "handle server.py",
        "route app.py",
        "get_schema registry.py",
        "encode codec.py",
        "dumps json/__init__.py",
    ): (1120, 1130),
    (
        "<module> app.py",
        "run server.py",
        "handle server.py",
        "route app.py",
        "validate validation.py",
        "iter_errors validator.py",
    ): (
        4210,
        4150,
    ),
    (
        "<module> app.py",
        "run server.py",
        "handle server.py",
        "route app.py",
        "validate validation.py",
        "iter_errors validator.py",
        "ref validator.py",
    ): (1820, 1850),
    (
        "<module> app.py",
        "run server.py",
        "handle server.py",
        "route app.py",
        "register registry.py",
        "remember cache.py",
    ): (610, 640),
    (
        "<module> app.py",
        "run server.py",
        "handle server.py",
        "route app.py",
        "register registry.py",
        "execute db.py",
    ): (1500, 1490),
    ("<module> app.py", "run server.py", "handle server.py", "route app.py", "old_check compat.py"): (420, 0),
    ("<module> app.py", "run server.py", "handle server.py", "route app.py", "check compat.py"): (0, 405),
    ("<module> app.py", "run server.py", "handle server.py", "parse_headers server.py"): (2330, 2310),
    ("<module> app.py", "run server.py", "select selectors.py"): (950, 940),
}


def profile(
    stacks: Mapping[tuple[str, ...], int],
    *,
    kind: str = "cpu",
    unit: str = "samples",
    requests: int | None = 192_000,
) -> Profile:
    builder = ProfileBuilder((ValueKind(kind, unit),), tool="py-spy", tool_version="0.4.0")
    for frames, value in stacks.items():
        places = []
        for frame in frames:
            name, _, file = frame.rpartition(" ") if " " in frame else (frame, "", "")
            places.append(builder.frame(builder.function(name, file=file)))
        builder.sample(builder.stack_of(places), (value,))
    return builder.build(requests=requests, duration_ns=64_000_000_000)


def side_profile(side: int) -> Profile:
    return profile({stack: counts[side] for stack, counts in STACKS.items()})


def memory_profile(side: int) -> Profile:
    stacks = {
        ("<module> app.py", "run server.py", "route app.py", "register registry.py", "remember cache.py"): (
            61_000,
            48_200_000,
        ),
        (
            "<module> app.py",
            "run server.py",
            "route app.py",
            "get_schema registry.py",
            "loads json/__init__.py",
        ): (
            1_400_000,
            1_410_000,
        ),
        ("<module> app.py", "import_all importlib.py"): (22_000_000, 22_000_000),
    }
    return profile(
        {stack: values[side] for stack, values in stacks.items()},
        kind="leaked",
        unit="bytes",
        requests=44_000,
    )


def metric_change(name: str = "cpu.per_request", **over: object) -> MetricChange:
    facts: dict[str, object] = {
        "unit": "s",
        "better": "lower",
        "base": 102.1e-6,
        "head": 110.0e-6,
        "change": 0.0774,
        "interval": (0.069, 0.085),
        "p": 2e-7,
        "minimum_detectable": 0.013,
        "verdict": Verdict.REGRESSION,
        "launches": 24,
    }
    return MetricChange(name=name, **{**facts, **over})  # type: ignore[arg-type]


def function_change(name: str = "encode", **over: object) -> FunctionChange:
    facts: dict[str, object] = {
        "file": "codec.py",
        "line": 41,
        "kind": "cpu",
        "unit": "ns/request",
        "base": 14_500.0,
        "head": 19_050.0,
        "change": 0.314,
        "interval": (0.271, 0.352),
        "p": 1e-9,
        "share_base": 0.142,
        "share_head": 0.173,
        "verdict": Verdict.REGRESSION,
    }
    return FunctionChange(name=name, **{**facts, **over})  # type: ignore[arg-type]


def leak_change(**over: object) -> LeakChange:
    facts: dict[str, object] = {
        "name": "memory.rss",
        "unit": "bytes",
        "per_second": 219_000.0,
        "per_request": 1095.0,
        "interval_per_second": (204_000.0, 231_000.0),
        "base_per_second": 180.0,
        "verdict": LeakState.LEAKING,
        "new": True,
    }
    return LeakChange(**{**facts, **over})  # type: ignore[arg-type]


def unchanged_metrics() -> tuple[MetricChange, ...]:
    same = {"verdict": Verdict.UNCHANGED}
    return (
        metric_change(head=102.4e-6, change=0.0029, interval=(-0.006, 0.012), p=0.21, **same),
        metric_change(
            "memory.rss.peak",
            unit="bytes",
            base=88.1e6,
            head=88.3e6,
            change=0.0023,
            interval=(-0.004, 0.008),
            p=0.3,
            **same,
        ),
        metric_change(
            "memory.allocations",
            unit="count",
            base=753.64,
            head=753.64,
            change=0.0,
            interval=(0.0, 0.0),
            p=None,
            **same,
        ),
        metric_change(
            "latency.p50",
            base=1.91e-3,
            head=1.92e-3,
            change=0.005,
            interval=(-0.01, 0.02),
            p=0.4,
            gating=False,
            **same,
        ),
        metric_change(
            "latency.p95",
            base=4.3e-3,
            head=4.4e-3,
            change=0.023,
            interval=(-0.06, 0.11),
            p=0.3,
            minimum_detectable=0.09,
            gating=False,
            verdict=Verdict.INCONCLUSIVE,
            reason="a change below 9 % could not be seen",
        ),
        metric_change(
            "load.throughput",
            unit="1/s",
            better="higher",
            base=1931.0,
            head=1927.0,
            change=-0.002,
            interval=(-0.012, 0.008),
            p=0.4,
            gating=False,
            **same,
        ),
        metric_change(
            "load.error_rate",
            unit="ratio",
            base=0.0,
            head=0.0,
            change=0.0,
            interval=None,
            p=None,
            minimum_detectable=None,
            **same,
        ),
    )


def regressed_metrics() -> tuple[MetricChange, ...]:
    rest = unchanged_metrics()
    return (
        metric_change(),
        metric_change(
            "memory.rss.peak",
            unit="bytes",
            base=88.1e6,
            head=136.4e6,
            change=0.548,
            interval=(0.531, 0.566),
            p=1e-9,
        ),
        *rest[2:],
    )


def _samples(
    seed: int, mean: float, sd: float, launches: int = 24, slices: int = 4
) -> tuple[list[float], list[int]]:
    rng = random.Random(seed)
    values, launch_of = [], []
    for launch in range(launches):
        centre = mean * math.exp(rng.gauss(0, sd))
        for _ in range(slices):
            values.append(centre * math.exp(rng.gauss(0, sd)))
            launch_of.append(launch)
    return values, launch_of


def snapshot(side: Side, factor: float = 1.0, leak: float = 0.0) -> Snapshot:
    seed = 1 if side is Side.BASE else 2
    metrics = []
    for name, unit, mean, sd, better in (
        ("cpu.per_request", "s", 102.1e-6 * factor, 0.012, "lower"),
        ("latency.p50", "s", 1.91e-3, 0.015, "lower"),
        ("memory.rss.peak", "bytes", 88.1e6 * (1 + 0.5 * bool(leak)), 0.003, "lower"),
        ("load.throughput", "1/s", 1930.0, 0.01, "higher"),
    ):
        values, launches = _samples(seed + len(metrics) * 20, mean, sd)
        metrics.append(
            Metric(
                name=name,
                unit=unit,
                better=better,  # type: ignore[arg-type]
                samples=tuple(values),
                launches=tuple(launches),
                pairs=tuple(launches),
            )
        )
    rng = random.Random(seed + 10)
    times = range(0, 60, 1)
    rss = [70e6 + 17e6 * (1 - math.exp(-t / 6)) + leak * t + rng.gauss(0, 2e5) for t in times]
    series = Series(
        name="memory.rss",
        unit="bytes",
        t_ns=tuple(t * 1_000_000_000 for t in times),
        values=tuple(rss),
        requests=tuple(t * 200 for t in times),
    )
    commit = BASE_COMMIT if side is Side.BASE else HEAD_COMMIT
    return Snapshot(
        label=side.value, commit=commit, environment=ENVIRONMENT, metrics=tuple(metrics), series=(series,)
    )


STAGES = (
    StageOutcome(name="duet", profiler="none", state="done", launches=24, seconds=71.0),
    StageOutcome(name="cpu", profiler="py-spy", state="done", launches=6, seconds=66.0),
    StageOutcome(name="memory", profiler="memray", state="done", launches=2, seconds=41.0),
    StageOutcome(name="soak", profiler="none", state="done", launches=1, seconds=63.0),
)

BUDGETS = (
    Finding(
        rule="memory.peak",
        state=State.PASS,
        limit=500e6,
        value=136.4e6,
        unit="bytes",
        message="peak of the heap on head",
    ),
    Finding(
        rule="cpu.hot_function",
        state=State.FAIL,
        limit=0.15,
        value=0.173,
        unit="ratio",
        message="encode takes 17.3 % of all CPU",
        evidence=("<module>;run;handle;route;get_schema;encode",),
        file="codec.py",
        line=41,
    ),
    Finding(
        rule="load.error_rate",
        state=State.PASS,
        limit=0.01,
        value=0.0,
        unit="ratio",
        message="failed requests on head",
    ),
    Finding(
        rule="latency.p99",
        state=State.CANNOT_TELL,
        limit=20e6,
        value=None,
        unit="ns",
        message="no latencies were measured",
    ),
)


def report(
    comparison: Comparison | None,
    *,
    base: Snapshot | None = None,
    head: Snapshot | None = None,
    flames: Sequence[FlameGraph] = (),
    **over: object,
) -> Report:
    facts: dict[str, object] = {
        "title": "schema-registry",
        "head": head or snapshot(Side.HEAD),
        "base": base if base is not None or comparison is None else snapshot(Side.BASE),
        "baseline": Baseline(how="side-by-side", commit=BASE_COMMIT, commits_behind=3, days_old=1.4),
        "comparison": comparison,
        "stages": STAGES,
        "flames": tuple(flames),
        "environment": ENVIRONMENT,
        "artifact_url": "https://github.com/acme/registry/actions/runs/123456789/artifacts/987654",
        "run_url": "https://github.com/acme/registry/actions/runs/123456789",
    }
    return Report(**{**facts, **over})  # type: ignore[arg-type]


def regression() -> Report:
    """One function slower, one leak, a budget exceeded: what the demo shows."""
    functions = (
        function_change(),
        function_change(
            "remember",
            file="cache.py",
            line=17,
            kind="leaked",
            unit="bytes/request",
            base=1.4,
            head=1095.0,
            change=781.0,
            interval=None,
            p=None,
            share_base=0.003,
            share_head=0.673,
        ),
        function_change(
            "check",
            file="compat.py",
            line=8,
            base=0.0,
            head=1940.0,
            change=None,
            interval=None,
            p=None,
            share_base=0.0,
            share_head=0.018,
            verdict=Verdict.UNCHANGED,
            reason="renamed",
            moved_from="old_check",
        ),
        function_change(
            "execute",
            file="db.py",
            line=90,
            base=32_300.0,
            head=32_100.0,
            change=-0.006,
            interval=(-0.04, 0.03),
            p=0.4,
            share_base=0.317,
            share_head=0.29,
            verdict=Verdict.UNCHANGED,
        ),
    )
    return report(
        Comparison(
            metrics=regressed_metrics(),
            functions=functions,
            leaks=(leak_change(),),
            self_check=SelfCheck(false_alarms=0, of=12),
        ),
        base=snapshot(Side.BASE),
        head=snapshot(Side.HEAD, factor=1.077, leak=0.8e6),
        flames=(
            FlameGraph(stage="cpu", base=side_profile(0), head=side_profile(1)),
            FlameGraph(stage="memory", base=memory_profile(0), head=memory_profile(1)),
        ),
        budgets=BUDGETS,
        fails=("budget: cpu.hot_function is 17.3 %, limit 15.0 %",),
        checklist=CHECKLIST,
        base_checklist=BASE_CHECKLIST,
        categories=CATEGORIES,
        advice=ADVICE,
        suspects=SUSPECTS,
    )


#: what the checks of a slower service with a leak say
CHECKLIST = (
    Finding(
        rule="cpu.hot_function", state=State.FAIL, limit=0.1, value=0.173, unit="ratio",
        message="encode takes 17.3% of the CPU time itself",
        evidence=("encode (codec.py) 17.3%", "execute (db.py) 9.1%"), file="codec.py", line=41,
    ),
    Finding(
        rule="cpu.blocking_in_async", state=State.FAIL, limit=1e8, unit="ns",
        message="remember sleeps in an event loop's callback: 12% of the time of all callbacks",
        evidence=("remember sleeps: handle;route;remember;time_sleep;clock_nanosleep",), function="remember", file="cache.py",
        line=17,
    ),
    Finding(rule="cpu.lock_contention", state=State.PASS, limit=0.05, value=0.004, unit="ratio"),
    Finding(rule="cpu.serialization", state=State.FAIL, limit=0.15, value=0.21, unit="ratio", message="most in encode"),
    Finding(rule="cpu.database", state=State.PASS, limit=0.2, value=0.12, unit="ratio"),
    Finding(rule="cpu.cores", state=State.PASS, limit=2.0, value=0.93, unit="ratio"),
    Finding(
        rule="memory.stable", state=State.FAIL, value=1095.0, unit="bytes/request", message="memory.rss is leaking",
    ),
    Finding(rule="memory.leak", state=State.FAIL, value=1095.0, unit="bytes/request", message="memory.rss is leaking"),
    Finding(rule="memory.total", state=State.PASS, limit=5e8, value=136.4e6, unit="bytes"),
    Finding(rule="memory.allocation_rate", state=State.PASS, limit=1e8, value=41e6, unit="bytes/s"),
    Finding(rule="memory.allocations_per_second", state=State.PASS, limit=1e6, value=310_000.0, unit="1/s"),
    Finding(
        rule="memory.fragmentation", state=State.CANNOT_TELL, limit=0.2, unit="ratio",
        message="it was not measured; add a stage with jemalloc",
    ),
    Finding(
        rule="database.slow_query", state=State.CANNOT_TELL, limit=5e7, unit="ns",
        message="it was not measured; add a stage with py-spy, which records a time-line",
    ),
    Finding(rule="before.warmed up", state=State.PASS, message="+0.4 % per request"),
    Finding(rule="during.long enough: cpu", state=State.FAIL, message="12 s were profiled; more launches"),
    Finding(rule="after.compared with a baseline", state=State.PASS),
)  # fmt: skip
#: the same of base: the hot function was there already
BASE_CHECKLIST = (
    replace(CHECKLIST[0], value=0.142),
    *(replace(f, state=State.PASS) for f in CHECKLIST[1:13]),
)
CATEGORIES = (
    CategoryCost(category="other", kind="cpu", stage="cpu", share=0.55, base_share=0.6, samples=9000.0),
    CategoryCost(
        category="serialization", kind="cpu", stage="cpu", share=0.21, base_share=0.17, samples=3400.0,
        functions=(("encode", 0.173), ("iter_errors", 0.02)), stacks=("main;route;encode;dumps",),
    ),
    CategoryCost(category="tls", kind="cpu", stage="cpu", share=0.001, samples=16.0),
    CategoryCost(category="serialization", kind="allocated", stage="memory", share=0.4, samples=0.0),
)  # fmt: skip
ADVICE = tuple(
    Advice(
        rule=f"python.json-{i}", title=title, symptom="serialization takes 21 % of CPU",
        solutions=("Cache serialized responses", "Use orjson"), links=("https://docs.python.org/3/library/json.html",),
        language="python", kind="cpu", share=0.21 - i / 100, category="serialization", function="encode",
        file="codec.py", line=41, evidence=("main;route;encode;dumps",),
    )
    for i, title in enumerate(("Serialize less", "Validate once", "Pool connections", "The fourth is too many"))
)  # fmt: skip
SUSPECTS = (
    Suspect(
        function="encode", kind="cpu", change=0.31, relation="calls it", changed="serialize_all", file="routes.py",
        lines=((40, 47),), confidence=Confidence.HIGH, path=("serialize_all", "encode"), function_file="codec.py",
    ),
    Suspect(
        function="remember", kind="cpu.blocking_in_async", change=None, relation="itself", changed="remember",
        file="cache.py", lines=((17, 17),), confidence=Confidence.HIGH, function_file="cache.py", function_line=17,
    ),
)  # fmt: skip


def identical() -> Report:
    leak = leak_change(
        per_second=180.0,
        per_request=0.9,
        interval_per_second=(-900.0, 1300.0),
        verdict=LeakState.STABLE,
        new=False,
    )
    return report(
        Comparison(metrics=unchanged_metrics(), leaks=(leak,), self_check=SelfCheck(false_alarms=0, of=12)),
        flames=(FlameGraph(stage="cpu", base=side_profile(0), head=side_profile(0)),),
    )


def improvement() -> Report:
    better = function_change(
        base=19_050.0, head=14_500.0, change=-0.239, interval=(-0.26, -0.213), share_base=0.173, share_head=0.142,
        verdict=Verdict.IMPROVEMENT,
    )  # fmt: skip
    metric = metric_change(
        base=110.0e-6, head=102.1e-6, change=-0.0718, interval=(-0.078, -0.065), verdict=Verdict.IMPROVEMENT
    )
    return report(
        Comparison(metrics=(metric, *unchanged_metrics()[1:]), functions=(better,)),
        flames=(FlameGraph(stage="cpu", base=side_profile(1), head=side_profile(0)),),
    )


def noisy() -> Report:
    """A runner that shook so much that nothing can be said."""
    cpu = metric_change(
        head=104.3e-6, change=0.022, interval=(-0.031, 0.078), p=0.09, minimum_detectable=0.072,
        verdict=Verdict.INCONCLUSIVE, reason="a change below 7.2 % could not be seen", more_launches=18,
    )  # fmt: skip
    return report(
        Comparison(
            metrics=(cpu, *unchanged_metrics()[1:]),
            environment_differences=("cpu_model: AMD EPYC 7763 in base, Intel Xeon 8370C in head",),
            self_check=SelfCheck(false_alarms=1, of=12),
        ),
        baseline=Baseline(
            how="stored", commit=BASE_COMMIT, commits_behind=12, days_old=4.2, note="older than 3 days"
        ),
    )


def first_run() -> Report:
    return report(
        None,
        baseline=Baseline(how="none"),
        flames=(FlameGraph(stage="cpu", base=None, head=side_profile(0)),),
        budgets=BUDGETS[:1],
    )


def skipped() -> Report:
    return report(
        None,
        head=Snapshot(label="head", commit=HEAD_COMMIT),
        baseline=Baseline(how="none"),
        stages=(),
        environment=None,
        skipped="nothing under src/** or perf.yml was changed",
    )


def failed() -> Report:
    log = "Traceback (most recent call last):\n  File \"app.py\", line 3, in <module>\nModuleNotFoundError: No module named 'orjson'"
    return report(
        None,
        head=Snapshot(label="head", commit=HEAD_COMMIT),
        stages=(
            StageOutcome(
                name="duet",
                profiler="none",
                state="failed",
                launches=0,
                seconds=12.0,
                reason="head did not start",
            ),
            StageOutcome(
                name="cpu",
                profiler="py-spy",
                state="skipped",
                launches=0,
                seconds=0.0,
                reason="head did not start",
            ),
        ),
        failed_sides=((Side.HEAD, f"the service ended with code 1 before it was ready\n{log}"),),
    )


HOSTILE = (
    "a|b",
    "`rm -rf`|``x``",
    "@octocat please look",
    "#1 GH-7 acme/registry#3",
    "[click](https://evil.example/x)",
    "![pixel](https://evil.example/p.png)",
    "<img src=https://evil.example/i onerror=alert(1)>",
    "</code></pre><script>alert(1)</script>",
    "https://evil.example/ www.evil.example a@evil.example",
    "safe\u202egnp.exe\u2066\u200b",
    "\x1b[31mred\x1b[0m\r\n\x07\x00",
    "x" * 1_500_000,
    "```\n# heading\n```",
    "<!-- perf-action --> $a$ :tada: &lt;b&gt; ~~gone~~ **bold** _it_",
    "\ud800 lone",
    "operator||",
    "back\\|slash \\",
    " ",
    "'\"><svg onload=alert(1)>",
    "]]><script>alert(2)</script>{{7*7}}{% raw %}",
)


def hostile() -> Report:
    """Every foreign text of a report is an attack."""
    names = HOSTILE
    stacks = {
        tuple(f"{n} {names[(i + 1) % len(names)].replace(' ', '')[:50] or 'f'}" for n in names[: i + 1]): 100
        + i
        for i in range(len(names))
    }
    functions = tuple(
        function_change(n, file=names[i - 1], reason=names[i - 2], moved_from=names[i - 3])
        for i, n in enumerate(names)
    )
    metrics = tuple(metric_change(n, reason=n, unit="s") for n in names)
    inconclusive = tuple(
        metric_change("memory.peak", verdict=Verdict.INCONCLUSIVE, reason=n, interval=None) for n in names
    )
    leaks = tuple(leak_change(name=n, reason=n) for n in names)
    budgets = tuple(
        Finding(
            rule=n,
            state=State.FAIL,
            limit=1.0,
            value=2.0,
            unit="count",
            message=n,
            evidence=(n,),
            file=n,
            line=3,
        )
        for n in names
    )
    every = "".join(n for n in names if len(n) < 1000)
    environment = Environment(
        cpu_model=every, kernel=every, os=every, image=every, tools=tuple((n[:99], n) for n in names)
    )
    return report(
        Comparison(
            metrics=(*metrics, *inconclusive),
            functions=functions,
            leaks=leaks,
            environment_differences=names,
            reasons=names,
            notes=names,
        ),
        title=every,
        base=Snapshot(label=every, commit=every, environment=environment),
        head=Snapshot(label=every, commit=every, environment=environment, not_comparable=every),
        baseline=Baseline(how="stored", commit=every, note=every),
        flames=(FlameGraph(stage=every, base=profile(stacks), head=profile(stacks)),),
        budgets=budgets,
        stages=tuple(
            StageOutcome(name=n, profiler=n, state="failed", launches=1, seconds=3.0, reason=n) for n in names
        ),
        environment=environment,
        fails=names,
        notes=names,
        checklist=tuple(
            Finding(rule=f"{part}{n}", state=State.FAIL, limit=1.0, value=2.0, message=n, evidence=(n, n))
            for n in names
            for part in ("", "before.", "during.")
        )
        + tuple(replace(f, message=names[i % len(names)], evidence=names) for i, f in enumerate(CHECKLIST)),
        categories=tuple(
            CategoryCost(
                category=n, kind="cpu", stage=n, share=0.1, samples=9.0, functions=((n, 0.1),), stacks=(n,)
            )
            for n in names
        ),
        advice=tuple(
            Advice(
                rule=n,
                title=n,
                symptom=n,
                solutions=(n, n),
                links=(n, "https://evil.example/)[x](y", "javascript:a"),
                language=n,
                kind="cpu",
                share=0.5,
                category=n,
                function=n,
                file=n,
                line=3,
                evidence=(n,),
            )
            for n in names
        ),
        suspects=tuple(
            Suspect(
                function=f.name,
                kind=f.kind,
                function_file=f.file,
                change=None,
                relation="itself",
                changed=f.name,
                file=f.file,
                lines=((1, 2),),
                confidence=Confidence.HIGH,
                path=(f.name,),
                doubt=f.name,
            )
            for f in functions
        ),
        artifact_url="https://evil.example/)[x](y",
        run_url="javascript:alert(1)",
    )


ALL = {
    f.__name__.replace("_", "-"): f
    for f in (regression, identical, improvement, noisy, first_run, skipped, failed, hostile)
}
