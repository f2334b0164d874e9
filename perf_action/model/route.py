"""Routes: what requests that mean the same thing have in common, and the metrics that are kept for each.

A route is a method and a path without a query, with ``{id}`` for what names one thing out of many. A metric of one
route is written like a label: ``latency.p95{GET /items/{id}}``.
"""

from __future__ import annotations

import re
from typing import NamedTuple

#: a segment of a path that names one thing out of many: a number, a UUID, a hash, a token
_ID = re.compile(r"(?=[^/]*\d)[0-9A-Fa-f-]+|(?=[^/]*\d)[\w.~%+=:@-]{20,}|[\w.~%+=:@-]{32,}")
_ORIGIN = re.compile(r"[a-z][a-z0-9+.-]*://[^/?#\s]*")
#: how people and frameworks write a place in a path: ``:id``, ``{id}``, ``<int:id>``, ``[id]``, ``${}``
_PLACE = re.compile(r":[A-Za-z_]\w*|\$?\{[^{}/]*\}|<[^<>/]*>|\[[^\[\]/]*\]")
MAX_LENGTH = 200
#: so many routes of a load are kept, the busiest
MOST_ROUTES = 20
#: fewer requests than this have no such percentile worth a number
_LEAST_REQUESTS = {"latency.p50": 5, "latency.p95": 20, "latency.p99": 100}
_LONGEST_TARGET = 4000


class RouteResult(NamedTuple):
    """What the requests of one route came to in one slice. Latencies in ns, None where nobody knows them; `requests` is 0
    where nobody counted.
    """

    name: str
    requests: int
    errors: int
    p50_ns: float | None = None
    p95_ns: float | None = None
    p99_ns: float | None = None

    def latencies(self) -> dict[str, float]:
        """Metric -> ns, for the percentiles that its number of requests can show."""
        values = {"latency.p50": self.p50_ns, "latency.p95": self.p95_ns, "latency.p99": self.p99_ns}
        return {
            name: value
            for name, value in values.items()
            if value is not None and (not self.requests or self.requests >= _LEAST_REQUESTS[name])
        }


def route_of(name: str) -> str:
    """What a load tool calls a request (``GET http://127.0.0.1:80/items/17``) as a route (``GET /items/{id}``)."""
    method, space, target = name.strip().partition(" ")
    if space and method.isupper() and (target.startswith("/") or "://" in target[:20]):
        return f"{method} {template(target)}"
    return template(name.strip())


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
