"""perf.yml, `service.queries:`: who counts the service's database queries."""

from __future__ import annotations

from pydantic import Field, model_validator

from perf_action.config.group import Group


class Queries(Group):
    """Who counts the service's database queries, for the check that none is slow: exactly one of postgres and log."""

    postgres: str | None = Field(default=None, repr=False, pattern=r"^(postgres(ql)?://|\$)\S*$")
    """address of its PostgreSQL, whose extension pg_stat_statements is asked before and after; $NAME is taken from the
    environment, {needs.NAME.port} is replaced
    """
    log: str | None = None
    """a file that the service itself writes, one JSON object a query: {"query": "select …", "ms": 1.5}"""

    @model_validator(mode="after")
    def _one_way(self) -> Queries:
        if (self.postgres is None) == (self.log is None):
            raise ValueError("give exactly one of postgres and log")
        return self
