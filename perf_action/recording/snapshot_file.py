"""A snapshot as bytes: what a store keeps and a later run is compared with.

One gzip-compressed JSON object: metrics, series, environment, the stacks of each slice, and whole profiles (columns.py).
A reader refuses what a newer version wrote and says so; older schemas are migrated here.
"""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from perf_action.errors import InputError
from perf_action.formats import slices
from perf_action.formats.source import ReadOptions, Source
from perf_action.model.environment import Environment
from perf_action.model.metric import Metric, Series
from perf_action.model.profile import CapturedProfile, ProfileSlice
from perf_action.model.query import Query
from perf_action.model.snapshot import Snapshot
from perf_action.recording.columns import decode_profile, encode_profile

SCHEMA = 1
#: a stored snapshot of an ordinary run is well under one megabyte
MAX_BYTES = 200_000_000

METRICS: TypeAdapter[tuple[Metric, ...]] = TypeAdapter(tuple[Metric, ...])
SERIES: TypeAdapter[tuple[Series, ...]] = TypeAdapter(tuple[Series, ...])
QUERIES: TypeAdapter[tuple[Query, ...] | None] = TypeAdapter(tuple[Query, ...] | None)
ENVIRONMENT: TypeAdapter[Environment | None] = TypeAdapter(Environment | None)


def encode_snapshot(snapshot: Snapshot) -> bytes:
    """The same snapshot gives the same bytes."""
    data = {
        "schema": SCHEMA,
        **described(snapshot),
        "slices": _text(slices.to_slices(snapshot.slices)) if snapshot.slices else "",
        "captures": [
            {
                "stage": c.stage,
                "launch": c.launch,
                "requests": c.requests,
                "profile": _text(encode_profile(c.profile)),
            }
            for c in snapshot.captures
        ],
    }
    return gzip.compress(json.dumps(data, separators=(",", ":")).encode(), mtime=0)


def decode_snapshot(data: bytes, source: str) -> Snapshot:
    """The snapshot in `data`; InputError names `source` and what is wrong with it."""
    raw = load_json(_decompressed(data, source), source)
    check_schema(raw, SCHEMA, source)
    try:
        return replace(
            from_description(raw),
            slices=decode_slices(source, _bytes(raw["slices"])) if raw["slices"] else (),
            captures=tuple(
                CapturedProfile(
                    stage=str(c["stage"]),
                    launch=int(c["launch"]),
                    requests=None if c["requests"] is None else int(c["requests"]),
                    profile=decode_profile(source, _bytes(c["profile"])),
                )
                for c in raw["captures"]
            ),
        )
    except (KeyError, TypeError, ValueError, ValidationError) as error:
        raise InputError(source, f"not a stored snapshot: {type(error).__name__} {error}") from None


def described(snapshot: Snapshot) -> dict[str, Any]:
    """What is said of a side beside its profiles, for JSON."""
    return {
        "label": snapshot.label,
        "commit": snapshot.commit,
        "environment": ENVIRONMENT.dump_python(snapshot.environment, mode="json"),
        "metrics": METRICS.dump_python(snapshot.metrics, mode="json"),
        "series": SERIES.dump_python(snapshot.series, mode="json"),
        "notes": list(snapshot.notes),
        "not_comparable": snapshot.not_comparable,
        "queries": QUERIES.dump_python(snapshot.queries, mode="json"),
    }


def from_description(raw: dict[str, Any]) -> Snapshot:
    """What `described` says. KeyError, TypeError or ValueError if it is something else."""
    return Snapshot(
        label=str(raw["label"]),
        commit=str(raw["commit"]),
        environment=ENVIRONMENT.validate_python(raw["environment"]),
        metrics=METRICS.validate_python(raw["metrics"]),
        series=SERIES.validate_python(raw["series"]),
        notes=tuple(map(str, raw["notes"])),
        not_comparable=str(raw["not_comparable"]),
        queries=QUERIES.validate_python(raw.get("queries")),  # earlier versions asked nobody
    )


def decode_slices(source: str, data: bytes) -> tuple[ProfileSlice, ...]:
    """Slices that `to_slices` wrote; InputError names `source`."""
    return slices.decode(Source(Path(source), ReadOptions(), data))


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)


def load_json(data: bytes, source: object) -> dict[str, Any]:
    """A JSON object; InputError otherwise."""
    try:
        raw = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise InputError(str(source), f"not JSON: {error}") from None
    if not isinstance(raw, dict):
        raise InputError(str(source), "not a JSON object")
    return raw


def check_schema(raw: dict[str, Any], newest: int, source: object) -> None:
    """InputError if a newer version of the program wrote it, or nobody said which."""
    schema = raw.get("schema")
    if not isinstance(schema, int) or schema < 1:
        raise InputError(str(source), "has no schema version", remedy="was it written by perf-action?")
    if schema > newest:
        raise InputError(
            str(source),
            f"has schema {schema}, this version reads up to {newest}",
            remedy="update perf-action",
        )


def _decompressed(data: bytes, source: str) -> bytes:
    unpack = zlib.decompressobj(16 + zlib.MAX_WBITS)
    try:
        out = unpack.decompress(data, MAX_BYTES)
    except zlib.error as error:
        raise InputError(source, f"damaged: {error}") from None
    if not unpack.eof:
        reason = "larger than a snapshot can be" if unpack.unconsumed_tail else "cut short"
        raise InputError(source, reason)
    return out
