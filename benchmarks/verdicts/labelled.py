"""Real launches with a label, from a directory that the caller names.

cases_cpu.jsonl.gz     {"case", "launches": [{"slices": [{"base": {"cpu_us", "p50_us", "p95_us"}, "head": {…}}]}]}
labels_cpu.csv         case, design, env, arm, kind (AA: identical code, AB)
profile_slices.jsonl.gz {"slice", "n", "cpu_us", "rate_hz", "stacks": {"main (app.py:1);f (app.py:9)": 37}}
cases_profile.json     [{"case", "base": [[slice, …] for each launch], "head": …}]
labels_profile.csv     case, arm, function (empty: nothing changed)
leak_series.csv        case, t, rss_kb, reqs
labels_leak.csv        case, leak (1 or 0)
"""

from __future__ import annotations

import csv
import gzip
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from perf_action.model.builder import ProfileBuilder
from perf_action.model.metric import Metric, Series
from perf_action.model.profile import Profile, ProfileSlice, ValueKind
from perf_action.model.snapshot import Snapshot

_FRAME = re.compile(r"^(.*) \((.*):(\d+)\)$")
_METRICS = {"cpu.per_request": "cpu_us", "latency.p50": "p50_us", "latency.p95": "p95_us"}


@dataclass(frozen=True)
class Case:
    """`group` is what is scored together; `changed` what must be named, empty for identical code."""

    group: str
    changed: str
    base: Snapshot
    head: Snapshot


def cases(directory: Path) -> Iterator[Case]:
    yield from _cpu(directory)
    yield from _profiles(directory)
    yield from _leaks(directory)


def _labels(path: Path) -> dict[str, dict[str, str]]:
    with path.open() as file:
        return {row["case"]: row for row in csv.DictReader(file)}


def _cpu(directory: Path) -> Iterator[Case]:
    labels = _labels(directory / "labels_cpu.csv")
    with gzip.open(directory / "cases_cpu.jsonl.gz", "rt") as file:
        for line in file:
            case = json.loads(line)
            label = labels[case["case"]]
            few = "L<8" if int(label["launches"]) < 8 else "L>=8"
            same = label["kind"] == "AA"
            group = " ".join((label["design"], label["env"], few, "identical" if same else label["arm"]))
            base, head = (_snapshot(case, side) for side in ("base", "head"))
            yield Case(group, "" if same else "cpu.per_request", base, head)


def _snapshot(case: dict, side: str) -> Snapshot:
    rows = [(i, s[side]) for i, launch in enumerate(case["launches"]) for s in launch["slices"]]
    metrics = tuple(
        Metric(
            name=name,
            unit="us",
            better="lower",
            samples=tuple(s[key] for _, s in rows),
            launches=tuple(i for i, _ in rows),
            pairs=tuple(range(len(rows))),
        )
        for name, key in _METRICS.items()
    )
    return Snapshot(label=side, metrics=metrics)


def _profiles(directory: Path) -> Iterator[Case]:
    if not (directory / "cases_profile.json").exists():
        return
    slices = {}
    with gzip.open(directory / "profile_slices.jsonl.gz", "rt") as file:
        for line in file:
            raw = json.loads(line)
            slices[raw["slice"]] = (raw, _profile(raw["stacks"]))
    labels = _labels(directory / "labels_profile.csv")
    for case in json.loads((directory / "cases_profile.json").read_text()):
        label = labels[case["case"]]
        sides = []
        for side in ("base", "head"):
            found = [
                ProfileSlice(
                    launch=launch,
                    slice=number,
                    requests=int(slices[name][0]["n"]),
                    cpu_ns_per_request=slices[name][0]["cpu_us"] * 1e3,
                    rate_hz=slices[name][0]["rate_hz"],
                    profile=slices[name][1],
                )
                for launch, names in enumerate(case[side])
                for number, name in enumerate(names)
            ]
            sides.append(Snapshot(label=side, slices=tuple(found)))
        yield Case(f"profile {label['arm']}", label["function"].split(" (")[0], *sides)


def _profile(stacks: dict[str, int]) -> Profile:
    builder = ProfileBuilder([ValueKind("cpu", "samples")])
    for text, count in stacks.items():
        frames = []
        for frame in text.split(";"):
            match = _FRAME.match(frame)
            name, file, line = match.groups() if match else (frame, "", "0")
            frames.append(builder.frame(builder.function(name, file=file), int(line)))
        builder.sample(builder.stack_of(frames), [count])
    return builder.build()


def _leaks(directory: Path) -> Iterator[Case]:
    if not (directory / "leak_series.csv").exists():
        return
    labels, rows = _labels(directory / "labels_leak.csv"), defaultdict(list)
    with (directory / "leak_series.csv").open() as file:
        for row in csv.DictReader(file):
            rows[row["case"]].append(row)
    steady = next(name for name in rows if labels[name]["leak"] == "0")
    for name, points in rows.items():
        leaks = labels[name]["leak"] == "1"
        base, head = (
            Snapshot(label=label, series=(_series(side),))
            for label, side in (("base", rows[steady]), ("head", points))
        )
        yield Case("leak" if leaks else "steady memory", "memory.rss" if leaks else "", base, head)


def _series(rows: list[dict[str, str]]) -> Series:
    return Series(
        name="memory.rss",
        unit="KiB",
        t_ns=tuple(int(float(r["t"]) * 1e9) for r in rows),
        values=tuple(float(r["rss_kb"]) for r in rows),
        requests=tuple(int(float(r["reqs"])) for r in rows),
    )
