"""One quick run of locust's child, and what needs no child."""

from __future__ import annotations

import re

import pytest

from perf_action.errors import ConfigError, LoadFailed, UsageError
from perf_action.load import tool
from perf_action.load.locust import LocustTool

SCRIPT = """
import os
from locust import FastHttpUser, task

class Reader(FastHttpUser):
    @task
    def read(self):
        self.client.get("/read", headers={"X-API-Key": os.environ["API_KEY"]})
        if os.environ.get("RAISE"):
            raise SystemExit(os.environ["API_KEY"])
"""


def test_locust_makes_two_slices(bench, server, slice_of):
    session = bench.locust(SCRIPT, env={"API_KEY": "k-1234"})
    for number in (30, 41):
        result = slice_of(session, requests=number)
        assert (result.requests, result.errors) == (number, 0)
    assert len(server.seen) == 71
    assert {h["x-api-key"] for h in server.headers} == {"k-1234"}


def test_a_broken_script_is_one_line_without_secrets(bench, slice_of):
    session = bench.locust("import os\nraise ValueError(os.environ['API_KEY'])\n", env={"API_KEY": "k-1234"})
    with pytest.raises(LoadFailed, match=r"locustfile.py:2: ValueError: \*\*\*") as failed:
        slice_of(session, requests=1)
    assert "k-1234" not in str(failed.value)
    assert "\n" not in str(failed.value)


def test_a_variable_that_is_not_set_is_named(bench):
    with pytest.raises(ConfigError, match=r"load.env.API_KEY: the environment variable NOT_SET is not set"):
        bench.locust(SCRIPT, env={"API_KEY": "$NOT_SET"})


def test_the_version_is_the_installed_one(system):
    assert re.fullmatch(r"\d+\.\d+.*", LocustTool().version(system))


def test_tools_are_found_by_name(bench):
    assert [tool(name, bench.read).name for name in ("locust", "k6", "command")] == [
        "locust",
        "k6",
        "command",
    ]
    with pytest.raises(UsageError, match=r"no load tool 'jmeter'; there is locust, k6, command"):
        tool("jmeter", bench.read)
