"""Fills a new database with the sample schemas: the same state for every launch.

python -m registry.seed registry.db
"""

from __future__ import annotations

import sys
from pathlib import Path

from registry.canonical import canonicalise, fingerprint
from registry.references import self_contained
from registry.samples import SUBJECTS, VERSIONS, schema
from registry.store import Store


def seed(db: Path) -> int:
    """How many schemas it has now. An earlier database in its place is removed."""
    for path in (db, Path(f"{db}-wal"), Path(f"{db}-shm")):
        path.unlink(missing_ok=True)
    store = Store(db)
    for subject in SUBJECTS:
        for version in range(1, VERSIONS + 1):
            body = schema(subject, version)
            store.add(subject, fingerprint(canonicalise(self_contained(body))), body)
    store.close()
    return len(SUBJECTS) * VERSIONS


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit("usage: python -m registry.seed DATABASE")
    print(f"{seed(Path(sys.argv[1]))} schemas in {sys.argv[1]}")
