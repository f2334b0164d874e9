"""Faults to be found by profilers, switched on by REGISTRY_FAULT=slow,leak,lock,query (any of those below)."""

from __future__ import annotations

import os

KNOWN = (
    "slow",
    "leak",
    "lock",
    "query",
    "json-twice",
    "compress",
    "bytes",
    "deepcopy",
    "log",
    "quadratic",
    "regex",
    "n-plus-one",
    "no-index",
    "connection",
    "sleep",
    "file-read",
    "strptime",
    "collect",
    "leak-cache",
    "leak-listener",
)
ON = frozenset(filter(None, os.environ.get("REGISTRY_FAULT", "").split(",")))
if ON - set(KNOWN):
    raise SystemExit(f"REGISTRY_FAULT: {min(ON - set(KNOWN))!r} is not one of {', '.join(KNOWN)}")

#: `canonicalise` does the work of several
SLOW = "slow" in ON
#: `record_request` keeps every answer
LEAK = "leak" in ON
#: `with_registry_lock` holds the event loop longer than it has to
LOCK = "lock" in ON
#: schemas are looked up with a query that reads all of them for each
QUERY = "query" in ON

# the others are calls of a function in `defects`
JSON_TWICE = "json-twice" in ON
COMPRESS = "compress" in ON
BYTES = "bytes" in ON
DEEPCOPY = "deepcopy" in ON
LOG = "log" in ON
QUADRATIC = "quadratic" in ON
REGEX = "regex" in ON
N_PLUS_ONE = "n-plus-one" in ON
NO_INDEX = "no-index" in ON
CONNECTION = "connection" in ON
SLEEP = "sleep" in ON
FILE_READ = "file-read" in ON
STRPTIME = "strptime" in ON
COLLECT = "collect" in ON
LEAK_CACHE = "leak-cache" in ON
LEAK_LISTENER = "leak-listener" in ON
