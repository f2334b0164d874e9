"""Replays a recording on a service: fixed counts, the recorded order, a closed loop of `users` kept-alive connections.

A child process of its own (`replay_runner`), pinned like every generator. An error is a request that is not answered
with the class of status that was recorded. Latencies are those of a closed loop: a slow answer delays the request after
it instead of meeting it, so they are lower than what users who come at a fixed rate would see (coordinated omission).

What it costs and gains, measured against locust: docs/statistics.md.
"""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import urlsplit

from perf_action.config import Scenario
from perf_action.errors import LoadFailed
from perf_action.load.child import Child, ChildSession
from perf_action.load.output import Log, Secrets
from perf_action.load.recording import Recording, outcome
from perf_action.load.session import LoadResult, Where
from perf_action.load.words import environment
from perf_action.system import System

_NAME, _MODULE = "replay", "perf_action.load.replay_runner"


class ReplaySession(ChildSession):
    """`recording` on the service that `where.url` names, by as many connections as `scenario` has users."""

    def __init__(self, recording: Recording, scenario: Scenario, where: Where, system: System) -> None:
        where.out.mkdir(parents=True, exist_ok=True)
        env = environment(scenario.env, where, {})
        self._log = Log(where.out / "replay.log", Secrets(scenario.env, env))
        super().__init__(
            Child(
                _NAME,
                _MODULE,
                _order(recording, scenario.users, where.url),
                system,
                cwd=where.out,
                env={name: value for name, value in where.env.items() if not name.startswith("PYTHON")},
                log=self._log,
                cores=where.cores,
            )
        )

    def finish(self, timeout: float) -> LoadResult:
        said = self._child.said(timeout)
        failures = [self._log.mask(text) for text in said["failures"]]
        if said["requests"] and said["errors"] == said["requests"]:
            raise LoadFailed(
                f"replay: none of {said['requests']} requests was answered as recorded: {'; '.join(failures)}"
            )
        return self._child.result(said, [f"not as recorded: {text}" for text in failures])


def _order(recording: Recording, users: int, url: str) -> dict[str, Any]:
    service = urlsplit(url)
    requests = [
        [
            base64.b64encode(request.wire(service.netloc, recording.recorded_at)).decode(),
            request.method,
            request.connection,
            outcome(request.status),
            route,
        ]
        for request, route in zip(recording.requests, recording.routes(), strict=True)
    ]
    return {"address": [service.hostname, service.port or 80], "users": users, "requests": requests}
