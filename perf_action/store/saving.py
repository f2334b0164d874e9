"""Keeping a measurement: what a push to the default branch does, and `perf-action baseline save`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from perf_action.errors import UsageError
from perf_action.model.snapshot import Snapshot
from perf_action.store.base import Store
from perf_action.store.key import EntryKey

Encode = Callable[[Snapshot], bytes]


def save(
    store: Store,
    snapshot: Snapshot,
    encode: Encode,
    *,
    config_digest: str,
    fingerprint: str,
    environ: Mapping[str, str],
    now_s: float,
    point: bytes = b"",
    reference: bool = False,
) -> EntryKey:
    """Keep `snapshot` under the run and attempt of `environ`'s workflow, outside GitHub under the time in ms; and beside
    it `point`, what the history keeps of it, as a `reference` for others or not.

    UsageError if it does not say which commit it is of, or may not be compared with anything; StoreError if the store
    cannot be written.
    """
    if snapshot.not_comparable:
        raise UsageError(f"{snapshot.label}: cannot be a baseline: {snapshot.not_comparable}")
    run_id, attempt = environ.get("GITHUB_RUN_ID", ""), environ.get("GITHUB_RUN_ATTEMPT", "")
    key = EntryKey(
        config_digest=config_digest,
        fingerprint=fingerprint,
        commit=snapshot.commit,
        run_id=int(run_id) if run_id.isdecimal() else int(now_s * 1000),
        attempt=int(attempt) if attempt.isdecimal() else 1,
    )
    beside = [(key.beside("reference" if reference else "point"), point)] if point else []
    store.add(key, encode(snapshot), *beside)
    return key
