"""Routes: what requests that mean the same thing have in common, and the metrics that are kept for each.

A route is a method and a path without a query, with ``{id}`` for what names one thing out of many. A metric of one
route is written like a label: ``latency.p95{GET /items/{id}}``.
"""

from __future__ import annotations

import re

#: a segment of a path that names one thing out of many: a number, a UUID, a hash, a token
_ID = re.compile(r"(?=[^/]*\d)[0-9A-Fa-f-]+|(?=[^/]*\d)[\w.~%+=:@-]{20,}|[\w.~%+=:@-]{32,}")
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^/?#\s]*")
#: how people and frameworks write a place in a path: ``:id``, ``{id}``, ``<int:id>``, ``[id]``, ``${}``
_PLACE = re.compile(r":[A-Za-z_]\w*|\$?\{[^{}/]*\}|<[^<>/]*>|\[[^\[\]/]*\]")
MAX_LENGTH = 200
_LONGEST_TARGET = 4000


def template(target: str) -> str:
    """A request target (``/items/17?x=1``) or a whole URL as its route's path (``/items/{id}``)."""
    path = target[:_LONGEST_TARGET].split("?", 1)[0].split("#", 1)[0]
    origin = _ORIGIN.match(path)
    if origin:
        path = path[origin.end() :] or "/"
    return "/".join("{id}" if _ID.fullmatch(segment) else segment for segment in path.split("/"))[:MAX_LENGTH]


def metric_name(metric: str, route: str) -> str:
    """``latency.p95`` of ``GET /items`` as one name."""
    return f"{metric}{{{route}}}"


def parts(name: str) -> tuple[str, str]:
    """A metric's name and its route, which is empty for a metric of all requests."""
    metric, brace, rest = name.partition("{")
    return (metric, rest[:-1]) if brace and rest.endswith("}") else (name, "")


def normal(route: str) -> str:
    """A route, or a pattern of some, in which every place is written alike: ``/a/:id`` as ``/a/{}``."""
    return "/".join("{}" if _PLACE.fullmatch(part) else part for part in route[:_LONGEST_TARGET].split("/"))
