"""One statement of a database, as the database itself counts it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """`text` is the statement without its values, shortened. `total_ns` is the time of all `calls`, `longest_ns` of the
    longest one of them, None where the database does not say.
    """

    text: str
    calls: int
    total_ns: float
    longest_ns: float | None = None

    @property
    def mean_ns(self) -> float:
        return self.total_ns / self.calls if self.calls else 0.0


def added(queries: Iterable[Query]) -> tuple[Query, ...]:
    """Each statement once, those that took most time first."""
    sums: dict[str, Query] = {}
    for query in queries:
        known = sums.get(query.text)
        longest = [q.longest_ns for q in (known, query) if q is not None and q.longest_ns is not None]
        sums[query.text] = replace(
            query,
            calls=query.calls + (known.calls if known else 0),
            total_ns=query.total_ns + (known.total_ns if known else 0.0),
            longest_ns=max(longest, default=None),
        )
    return tuple(sorted(sums.values(), key=lambda q: (-q.total_ns, q.text)))
