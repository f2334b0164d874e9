"""Every kind of load generator: one file for each, one line for each here."""

from __future__ import annotations

from perf_action.errors import UsageError
from perf_action.load.command import CommandTool
from perf_action.load.invocation import Read
from perf_action.load.k6 import K6Tool
from perf_action.load.locust import LocustTool
from perf_action.load.session import LoadTool


def tools(read: Read) -> tuple[LoadTool, ...]:
    return (LocustTool(), K6Tool(read), CommandTool(read))


def tool(name: str, read: Read) -> LoadTool:
    known = {each.name: each for each in tools(read)}
    if name not in known:
        raise UsageError(f"there is no load tool {name!r}; there is {', '.join(known)}")
    return known[name]
