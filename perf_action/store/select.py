"""Which entry of a store a change is compared with: the commit it builds on, else its nearest ancestor.

Only entries of the same configuration count, and times only compare on the same hardware, so an entry of another
fingerprint is offered when there is no other, to be shown and not judged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from perf_action.errors import PerfActionError, one_line
from perf_action.model.report import Baseline
from perf_action.model.snapshot import Snapshot
from perf_action.store.base import Store
from perf_action.store.history import Commit, History, history_of
from perf_action.store.key import EntryKey

#: bytes of an entry and what to call it in an error -> snapshot; raises PerfActionError if it cannot be read
Decode = Callable[[bytes, str], Snapshot]
_S_PER_DAY = 86400


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An entry that may serve. `commits_behind`: steps from the commit that the change builds on (0: that very one)."""

    key: EntryKey
    commits_behind: int
    committed_s: int
    same_hardware: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """The baseline, or None with what to tell people instead; `warnings` name entries that could not be used."""

    baseline: Baseline
    snapshot: Snapshot | None = None
    same_hardware: bool = True
    warnings: tuple[str, ...] = ()


def select(
    entries: Iterable[EntryKey], history: History, *, config_digest: str, fingerprint: str
) -> tuple[Candidate, ...]:
    """Every entry that may serve, best first: same hardware, then nearest, then the latest run and attempt."""
    distances = history.distances()
    usable = [
        Candidate(
            key=key,
            commits_behind=distances[key.commit],
            committed_s=history.commits[key.commit].time_s,
            same_hardware=key.fingerprint == fingerprint,
        )
        for key in entries
        if key.config_digest == config_digest and key.commit in distances
    ]
    return tuple(sorted(usable, key=_preference))


def _preference(candidate: Candidate) -> tuple[object, ...]:
    run, attempt = candidate.key.age_order
    return not candidate.same_hardware, candidate.commits_behind, -run, -attempt, candidate.key.path


def choose(
    store: Store,
    history: History,
    decode: Decode,
    *,
    config_digest: str,
    fingerprint: str,
    now_s: float,
    head: str = "",
) -> Chosen:
    """Read the best entry that can be read; where no ancestor of `head` has one, an earlier one of `head` itself.

    Raises StoreError only if the store itself cannot be reached.
    """
    entries = store.entries()
    candidates = select(entries, history, config_digest=config_digest, fingerprint=fingerprint) or _earlier(
        entries, head, config_digest=config_digest, fingerprint=fingerprint
    )
    warnings: list[str] = []
    for candidate in candidates:
        path = candidate.key.path
        try:
            snapshot = decode(store.read(candidate.key), f"{store.name}: {path}")
        except PerfActionError as error:
            warnings.append(one_line(f"the baseline {path} is passed over: {error}"))
            continue
        return Chosen(
            baseline=_describe(candidate, now_s, itself=candidate.key.commit == head),
            snapshot=snapshot,
            same_hardware=candidate.same_hardware,
            warnings=tuple(warnings),
        )
    why = _why_none(entries, history, config_digest, unreadable=len(warnings))
    return Chosen(baseline=Baseline(how="none", note=why), warnings=tuple(warnings))


def _earlier(
    entries: Iterable[EntryKey], head: str, *, config_digest: str, fingerprint: str
) -> tuple[Candidate, ...]:
    """Entries of the measured commit itself, as a history of that commit alone would choose them."""
    alone = history_of(head, (Commit(sha=head),) if head else ())
    return select(entries, alone, config_digest=config_digest, fingerprint=fingerprint)


def _describe(candidate: Candidate, now_s: float, *, itself: bool) -> Baseline:
    note = (
        ""
        if candidate.same_hardware
        else "measured on other hardware or with other tools: times are shown, not judged"
    )
    if itself:
        again = "the same commit, measured earlier; no ancestor of it is in the store"
        return Baseline(
            how="stored", commit=candidate.key.commit, note="; ".join(filter(None, (again, note)))
        )
    return Baseline(
        how="stored",
        commit=candidate.key.commit,
        commits_behind=candidate.commits_behind,
        days_old=max(0.0, (now_s - candidate.committed_s) / _S_PER_DAY),
        note=note,
    )


def _why_none(entries: tuple[EntryKey, ...], history: History, config_digest: str, *, unreadable: int) -> str:
    if not entries:
        return "no baseline yet: the store is empty; the next run on the default branch keeps one"
    if unreadable:
        return f"no baseline: none of the {unreadable} that fit could be read"
    same_config = [key for key in entries if key.config_digest == config_digest]
    if not same_config:
        return f"no baseline yet for this configuration: the {len(entries)} in the store were measured with another one"
    if history.notes:
        return f"no baseline: {'; '.join(history.notes)}"
    return f"no baseline yet: none of the {len(same_config)} in the store is of an ancestor of this change"
