"""The run folder: everything one run measured, self-contained, to be zipped, moved and judged again.

``run.json`` (sides with their metrics and series, environment, stages), ``<side>/<stage>/profile.pb.gz`` (the merged
profile, for any viewer), ``<side>/<stage>/slices.jsonl.gz`` and ``launch-N.profile`` (what the comparison reads), and
``trials/NNN/`` (records, logs and the captures as the tools wrote them). Environment values and headers are never
written.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from perf_action.errors import InputError, UsageError
from perf_action.formats.pprof.write import to_pprof
from perf_action.formats.slices import to_slices
from perf_action.model.category import CategoryRule
from perf_action.model.check import Check
from perf_action.model.environment import Environment
from perf_action.model.finding import Budget
from perf_action.model.outcome import StageOutcome
from perf_action.model.profile import CapturedProfile, Profile, ProfileSlice
from perf_action.model.report import FlameGraph
from perf_action.model.snapshot import Snapshot
from perf_action.model.touched import TouchedFile
from perf_action.model.tree import merge
from perf_action.model.trial import Side, TrialRecord
from perf_action.recording.columns import decode_profile, encode_profile
from perf_action.recording.snapshot_file import (
    ENVIRONMENT,
    check_schema,
    decode_slices,
    described,
    from_description,
    load_json,
)
from perf_action.system import write_bytes, write_text

SCHEMA = 1
RUN_FILE = "run.json"
#: where the second measurement is
AGAIN = "again"
_STAGES: TypeAdapter[tuple[StageOutcome, ...]] = TypeAdapter(tuple[StageOutcome, ...])
_CHECKS: TypeAdapter[tuple[Check, ...]] = TypeAdapter(tuple[Check, ...])
_CATEGORIES: TypeAdapter[tuple[CategoryRule, ...]] = TypeAdapter(tuple[CategoryRule, ...])
_BUDGETS: TypeAdapter[tuple[Budget, ...]] = TypeAdapter(tuple[Budget, ...])
_TOUCHED: TypeAdapter[tuple[TouchedFile, ...]] = TypeAdapter(tuple[TouchedFile, ...])
_SETTINGS: TypeAdapter[dict[str, Any] | None] = TypeAdapter(dict[str, Any] | None)
_RECORD: TypeAdapter[TrialRecord] = TypeAdapter(TrialRecord)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Confirmation:
    """The second measurement of what got worse: its `sides`, none if nothing did. `why_not` says why it is missing."""

    sides: Mapping[Side, Snapshot] = field(default_factory=dict)
    why_not: str = ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Run:
    """A run as measured. `failed` gives for a side the reason why it could not be measured; `identical` why the sides
    were not measured, since they are the same program; `skipped` why nothing was measured. `budgets`, `fail_on` and
    `categories` are those of the settings it was measured with; `checks` say under which conditions it was.
    `touched` is what differs between the sources of the sides; `confirmation` is None where the settings ask for none.
    `settings` are those it was measured with, as far as they may be shared (`config.shareable`); None in older runs.
    """

    config_digest: str
    created: float
    environment: Environment
    sides: Mapping[Side, Snapshot]
    stages: tuple[StageOutcome, ...] = ()
    failed: tuple[tuple[Side, str], ...] = ()
    notes: tuple[str, ...] = ()
    identical: str = ""
    skipped: str = ""
    budgets: tuple[Budget, ...] = ()
    categories: tuple[CategoryRule, ...] = ()
    fail_on: tuple[str, ...] = ()
    checks: tuple[Check, ...] = ()
    touched: tuple[TouchedFile, ...] = ()
    confirmation: Confirmation | None = None
    settings: Mapping[str, Any] | None = None

    def snapshot(self, side: Side) -> Snapshot:
        """One side; UsageError if it was not measured."""
        if side not in self.sides:
            raise UsageError(
                f"the run has no {side.value} side, only {', '.join(s.value for s in self.sides) or 'none'}"
            )
        return self.sides[side]

    def flames(self) -> tuple[FlameGraph, ...]:
        """The merged profile of each stage that head has one of."""
        head, base = (
            stage_profiles(self.sides[side]) if side in self.sides else {} for side in (Side.HEAD, Side.BASE)
        )
        return tuple(
            FlameGraph(stage=name, base=base.get(name), head=profile) for name, profile in head.items()
        )


def stage_profiles(snapshot: Snapshot) -> dict[str, Profile]:
    """Stage name -> the merge of all its captures; for a stage of counts, its longest launch."""
    out: dict[str, Profile] = {}
    for name in dict.fromkeys(c.stage for c in snapshot.captures):
        captures = [c for c in snapshot.captures if c.stage == name]
        longest = max((c.requests or 0) for c in captures)
        same = [
            c.profile for c in captures if (c.requests or 0) == longest or c.profile.fidelity == "sampled"
        ]
        out[name] = merge([p for p in same if p.kinds == same[0].kinds])
    return out


def write_run(folder: Path, run: Run) -> None:
    """Write run.json and the profiles; run.json comes last, so that a folder with one is whole."""
    for side, snapshot in run.sides.items():
        _write_profiles(folder / side.value, snapshot)
    for side, snapshot in (run.confirmation.sides if run.confirmation else {}).items():
        _write_profiles(folder / AGAIN / side.value, snapshot)
    data = {
        "schema": SCHEMA,
        "config_digest": run.config_digest,
        "created": run.created,
        "environment": ENVIRONMENT.dump_python(run.environment, mode="json"),
        "sides": {side.value: _side_to_json(s) for side, s in run.sides.items()},
        "stages": _STAGES.dump_python(run.stages, mode="json"),
        "failed": {side.value: reason for side, reason in run.failed},
        "notes": list(run.notes),
        "identical": run.identical,
        "skipped": run.skipped,
        "budgets": _BUDGETS.dump_python(run.budgets, mode="json"),
        "categories": _CATEGORIES.dump_python(run.categories, mode="json"),
        "fail_on": list(run.fail_on),
        "checks": _CHECKS.dump_python(run.checks, mode="json"),
        "touched": _TOUCHED.dump_python(run.touched, mode="json"),
        "confirmation": _confirmation_to_json(run.confirmation),
        "settings": None if run.settings is None else dict(run.settings),
    }
    write_text(folder / RUN_FILE, json.dumps(data, indent=1) + "\n")


def write_trial(folder: Path, record: TrialRecord) -> None:
    """Write a trial's record into its folder ``trials/NNN``."""
    hidden = {"trial": {"stage": {"headers"}}}
    write_bytes(folder / "trial.json", _RECORD.dump_json(record, indent=1, exclude=hidden))


def read_run(folder: Path) -> Run:
    """A run folder. UsageError if it is none, InputError naming the file if it is broken."""
    path = folder / RUN_FILE
    if not path.is_file():
        raise UsageError(f"{folder}: not a run folder, it has no {RUN_FILE}; perf-action run writes one")
    raw = load_json(path.read_bytes(), path)
    check_schema(raw, SCHEMA, path)
    try:
        return Run(
            config_digest=str(raw["config_digest"]),
            created=float(raw["created"]),
            environment=ENVIRONMENT.validate_python(raw["environment"]) or Environment(),
            sides=_sides_from_json(folder, raw["sides"], path),
            stages=_STAGES.validate_python(raw["stages"]),
            failed=tuple((Side(name), str(reason)) for name, reason in raw["failed"].items()),
            notes=tuple(map(str, raw["notes"])),
            identical=str(raw["identical"]),
            skipped=str(raw["skipped"]),
            budgets=_BUDGETS.validate_python(raw["budgets"]),
            fail_on=tuple(map(str, raw["fail_on"])),
            # runs of earlier versions have none of these
            categories=_CATEGORIES.validate_python(raw.get("categories", [])),
            checks=_CHECKS.validate_python(raw.get("checks", [])),
            touched=_TOUCHED.validate_python(raw.get("touched", [])),
            confirmation=_confirmation_from_json(folder / AGAIN, raw.get("confirmation"), path),
            settings=_SETTINGS.validate_python(raw.get("settings")),
        )
    except (KeyError, TypeError, AttributeError, ValueError, ValidationError) as error:
        raise InputError(path, f"not what perf-action run writes: {type(error).__name__} {error}") from None


def _confirmation_to_json(again: Confirmation | None) -> dict[str, Any] | None:
    if again is None:
        return None
    return {
        "sides": {side.value: _side_to_json(s) for side, s in again.sides.items()},
        "why_not": again.why_not,
    }


def _confirmation_from_json(folder: Path, raw: dict[str, Any] | None, source: Path) -> Confirmation | None:
    if raw is None:
        return None
    return Confirmation(sides=_sides_from_json(folder, raw["sides"], source), why_not=str(raw["why_not"]))


def _sides_from_json(folder: Path, raw: dict[str, Any], source: Path) -> dict[Side, Snapshot]:
    return {Side(name): _side_from_json(folder / Side(name).value, s, source) for name, s in raw.items()}


def _side_to_json(snapshot: Snapshot) -> dict[str, Any]:
    return {
        **described(snapshot),
        "captures": [_described(name, c) for name, c in _named(snapshot)],
        "slices": bool(snapshot.slices),
        "timelines": [_described(name, c) for name, c in _named_timelines(snapshot)],
    }


def _described(file: str, capture: CapturedProfile) -> dict[str, Any]:
    return {"stage": capture.stage, "launch": capture.launch, "requests": capture.requests, "file": file}


def _side_from_json(folder: Path, raw: dict[str, Any], source: Path) -> Snapshot:
    return replace(
        from_description(raw),
        captures=tuple(_capture(folder, c, source) for c in raw["captures"]),
        slices=_slices(folder / "slices.jsonl.gz", source) if raw["slices"] else (),
        timelines=tuple(
            _capture(folder, c, source) for c in raw.get("timelines", [])
        ),  # earlier runs have none
    )


def _capture(folder: Path, raw: dict[str, Any], source: Path) -> CapturedProfile:
    path = _inside(folder, str(raw["file"]), source)
    requests = None if raw["requests"] is None else int(raw["requests"])
    profile = decode_profile(str(path), _read(path, source))
    return CapturedProfile(
        stage=str(raw["stage"]), launch=int(raw["launch"]), requests=requests, profile=profile
    )


def _write_profiles(folder: Path, snapshot: Snapshot) -> None:
    for name, capture in _named(snapshot):
        write_bytes(folder / name, encode_profile(capture.profile))
    for name, capture in _named_timelines(snapshot):
        write_bytes(folder / name, encode_profile(capture.profile, timed=True))
    for stage, profile in stage_profiles(snapshot).items():
        write_bytes(folder / stage / "profile.pb.gz", to_pprof(profile))
    if snapshot.slices:
        write_bytes(folder / "slices.jsonl.gz", to_slices(snapshot.slices))


def _slices(path: Path, source: Path) -> tuple[ProfileSlice, ...]:
    return decode_slices(str(path), _read(path, source))


def _named(snapshot: Snapshot) -> list[tuple[str, CapturedProfile]]:
    return [(f"{c.stage}/launch-{c.launch}-{i}.profile", c) for i, c in enumerate(snapshot.captures)]


def _named_timelines(snapshot: Snapshot) -> list[tuple[str, CapturedProfile]]:
    return [(f"{c.stage}/timeline-{c.launch}-{i}.profile", c) for i, c in enumerate(snapshot.timelines)]


def _inside(folder: Path, name: str, source: Path) -> Path:
    """A file that run.json names; it may not lead out of the folder."""
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise InputError(source, f"names a file outside the run folder: {name}")
    return path


def _read(path: Path, source: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise InputError(source, f"{path.name} is missing from the run folder") from None
