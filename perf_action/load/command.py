"""Any command as load generator: wrk, hey, vegeta, a shell script.

It is run once per slice. ``{port} {url} {out} {requests} {seconds} {seed}`` are replaced in it, and given as
``PERF_LOAD_…`` in its environment. `result` names the file it writes, in any format that `perf-action show` reads;
without one nothing is known of requests and latencies, and costs are per second.
"""

from __future__ import annotations

import shlex
from pathlib import Path

from perf_action.config import Scenario
from perf_action.errors import LoadFailed
from perf_action.load.invocation import Invocation, InvocationSession, Read
from perf_action.load.output import Secrets
from perf_action.load.session import Amount, LoadSession, Where
from perf_action.load.words import command_line, environment, fill, values
from perf_action.system import System


class CommandTool:
    """`read` turns the result file into a `Capture`."""

    name = "command"

    def __init__(self, read: Read) -> None:
        self._read = read

    def version(self, system: System) -> str:  # noqa: ARG002 (nobody can ask an unknown command)
        return ""

    def not_recorded(self, scenario: Scenario, where: Where, system: System) -> str:  # noqa: ARG002
        return "what a command sends, and when, is its own business"

    def open(self, scenario: Scenario, where: Where, system: System) -> LoadSession:
        command = scenario.command
        if not command:
            raise LoadFailed("load.command is empty")
        env = environment(scenario.env, where, {})

        def plan(amount: Amount, folder: Path) -> Invocation:
            known = values(where, amount, str(folder))
            result = _result_path(scenario.result, known, where)
            if result is not None:
                result.unlink(missing_ok=True)
            argv = command_line(command, known)
            if isinstance(command, str):
                argv[-1] = " ".join([argv[-1], *(shlex.quote(fill(a, known)) for a in scenario.args)])
            else:
                argv += [fill(a, known) for a in scenario.args]
            ours = {f"PERF_LOAD_{name.upper()}": value for name, value in known.items()}
            return Invocation(argv=argv, env={**ours, **env}, result=result)

        secrets = Secrets(scenario.env, env)
        return InvocationSession(self.name, plan, where, system, read=self._read, secrets=secrets)


def _result_path(result: str | None, known: dict[str, str], where: Where) -> Path | None:
    """Where the command writes its result; a relative path is relative to where it runs."""
    return None if result is None else where.directory / fill(result, known)
