"""What an entry of the store is called, and the path that says it.

The path is the whole index of a store, so everything that selection needs stands in it, and two writers can never
mean the same file: ``<config-digest>/<fingerprint>/<commit>-<run-id>-<attempt>.json.gz`` is the snapshot of a run,
``….point.json`` beside it what the history keeps of it, ``….reference.json`` the same of a run that people chose for
others to be held against. What does not look exactly like that is not ours and is left alone, whatever it tries to be.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Literal

from perf_action.errors import UsageError

_HEX = "[0-9a-f]"
_PATH = re.compile(
    rf"(?P<config>{_HEX}{{8,64}})/(?P<fingerprint>{_HEX}{{8,64}})/"
    rf"(?P<commit>{_HEX}{{40}}|{_HEX}{{64}})-(?P<run>[1-9][0-9]{{0,17}})-(?P<attempt>[1-9][0-9]{{0,5}})"
    r"\.(?P<suffix>json\.gz|point\.json|reference\.json)"
)
#: what is kept of a run in one file
Part = Literal["snapshot", "point", "reference"]
_SUFFIXES: dict[Part, str] = {"snapshot": "json.gz", "point": "point.json", "reference": "reference.json"}
_PARTS: dict[str, Part] = {suffix: part for part, suffix in _SUFFIXES.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryKey:
    """One file of one run: digests and commit in lower-case hex, the commit in full; `run_id` grows with time.

    UsageError where a part is not of that form, so that a key always makes a path that `parse` reads back.
    """

    config_digest: str
    fingerprint: str
    commit: str
    run_id: int
    attempt: int
    part: Part = "snapshot"

    def __post_init__(self) -> None:
        if not _PATH.fullmatch(self.path):
            raise UsageError(
                f"{self.path}: a baseline needs the full commit, digests in hex and a run and attempt from 1 on; "
                "measure inside a git checkout"
            )

    @property
    def path(self) -> str:
        """Relative, with forward slashes."""
        return f"{self.series}/{self.commit}-{self.run_id}-{self.attempt}.{_SUFFIXES[self.part]}"

    @property
    def series(self) -> str:
        """What all entries that may be compared with each other share."""
        return f"{self.config_digest}/{self.fingerprint}"

    def beside(self, part: Part) -> EntryKey:
        """Another file of the same run."""
        return replace(self, part=part)

    @property
    def age_order(self) -> tuple[int, int]:
        """Sorts entries of a store from the oldest to the newest."""
        return self.run_id, self.attempt


def parse(path: str) -> EntryKey | None:
    """The key that a path of a store stands for; None for anything else that lies there."""
    found = _PATH.fullmatch(path)
    if not found:
        return None
    return EntryKey(
        config_digest=found["config"],
        fingerprint=found["fingerprint"],
        commit=found["commit"],
        run_id=int(found["run"]),
        attempt=int(found["attempt"]),
        part=_PARTS[found["suffix"]],
    )
