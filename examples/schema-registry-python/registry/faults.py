"""Faults to be found by profilers, switched on by REGISTRY_FAULT=slow,leak,lock,query (any of them)."""

from __future__ import annotations

import os

KNOWN = frozenset({"slow", "leak", "lock", "query"})
ON = frozenset(filter(None, os.environ.get("REGISTRY_FAULT", "").split(",")))
if ON - KNOWN:
    raise SystemExit(f"REGISTRY_FAULT: {min(ON - KNOWN)!r} is not one of slow, leak, lock, query")

#: `canonicalise` does the work of several
SLOW = "slow" in ON
#: `record_request` keeps every answer
LEAK = "leak" in ON
#: `with_registry_lock` holds the event loop longer than it has to
LOCK = "lock" in ON
#: schemas are looked up with a query that reads all of them for each
QUERY = "query" in ON
