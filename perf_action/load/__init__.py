"""What makes the load. `registry` lists the generators; it is imported late, because the child process of locust
imports this package too, and is started for every launch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from perf_action.load.invocation import Read
    from perf_action.load.session import LoadTool


def tool(name: str, read: Read) -> LoadTool:
    """The generator of that name (`load.tool` of perf.yml); UsageError for an unknown one. `read` reads result files
    (`perf_action.formats`, which this room may not import).
    """
    from perf_action.load import registry  # noqa: PLC0415

    return registry.tool(name, read)
