"""k6 with the user's script unchanged, once per slice; its summary is the result.

Slices of N requests are N iterations shared by the users, slices of seconds a duration; both override what the script
says of scenarios and stages (https://grafana.com/docs/k6/latest/using-k6/k6-options/how-to/). The script finds the
service in ``__ENV.BASE_URL`` (also TARGET_URL, TARGET and HOST). Crossed thresholds of the script are the script's
business: exit code 99 is no error here. Sends nothing home, and opens no port.
"""

from __future__ import annotations

import json
from pathlib import Path

from perf_action.config import Scenario
from perf_action.errors import LoadFailed, ToolMissing
from perf_action.load.invocation import Invocation, InvocationSession, Read
from perf_action.load.output import Secrets
from perf_action.load.session import Amount, LoadSession, Where
from perf_action.load.words import environment, fill, values
from perf_action.system import System

_THRESHOLDS_CROSSED = 99
_URL_NAMES = ("BASE_URL", "TARGET_URL", "TARGET", "HOST")
_QUIET = {"K6_NO_USAGE_REPORT": "true", "K6_AUTO_EXTENSION_RESOLUTION": "false", "K6_WEB_DASHBOARD": "false"}


class K6Tool:
    """The `k6` on the PATH. `read` turns its summary into a `Capture`."""

    name = "k6"

    def __init__(self, read: Read) -> None:
        self._read = read

    def version(self, system: System) -> str:
        """Such as ``1.1.0``."""
        said = system.run([_binary(system), "version"], timeout=30)
        words = said.stdout.split()
        if said.code or len(words) < 2:
            raise LoadFailed(f"k6 version ended with exit code {said.code}: {said.stdout}{said.stderr}")
        return words[1].removeprefix("v")

    def not_recorded(self, scenario: Scenario, where: Where, system: System) -> str:
        """An executor that starts iterations at a rate, whether or not earlier ones have ended, is an open loop."""
        argv = [_binary(system), "inspect", "--include-system-env-vars", str(_script(scenario, where))]
        said = system.run(argv, cwd=where.directory, env=_environment(scenario, where), timeout=60)
        try:
            executors = {
                str(one["executor"]) for one in (json.loads(said.stdout)["scenarios"] or {}).values()
            }
        except (ValueError, KeyError, TypeError, AttributeError):
            return f"k6 inspect says nothing of the script {scenario.script}"
        rates = ", ".join(sorted(name for name in executors if name.endswith("-arrival-rate")))
        return f"k6's {rates} is an open loop (which slices of a fixed amount override)" if rates else ""

    def open(self, scenario: Scenario, where: Where, system: System) -> LoadSession:
        binary, script = _binary(system), _script(scenario, where)
        env = _environment(scenario, where)

        def plan(amount: Amount, folder: Path) -> Invocation:
            known = values(where, amount, str(folder))
            summary = folder / "summary.json"
            argv = [binary, "run", "--quiet", "--no-color", "--address=", f"--summary-export={summary}"]
            argv += [
                "--summary-trend-stats=min,avg,med,max,p(90),p(95),p(99)",
                f"--vus={_users(scenario, amount)}",
            ]
            argv += [_amount(amount), *(fill(a, known) for a in scenario.args), str(script)]
            return Invocation(
                argv=argv,
                env={**env, "SEED": str(amount.seed)},
                result=summary,
                success=(0, _THRESHOLDS_CROSSED),
                counted=True,
                telling=r"level=(?:error|warning)",
            )

        secrets = Secrets(scenario.env, env)
        return InvocationSession(self.name, plan, where, system, read=self._read, secrets=secrets)


def _binary(system: System) -> str:
    found = system.which("k6")
    if found is None:
        raise ToolMissing(
            "k6",
            "run perf-action setup k6, or put it on the PATH: https://grafana.com/docs/k6/latest/set-up/install-k6/",
        )
    return found


def _script(scenario: Scenario, where: Where) -> Path:
    script = where.directory / (scenario.script or "")
    if not script.is_file():
        raise LoadFailed(f"{scenario.script}: no such k6 script in {where.directory}; load.script names it")
    return script


def _environment(scenario: Scenario, where: Where) -> dict[str, str]:
    return environment(scenario.env, where, {**_QUIET, **dict.fromkeys(_URL_NAMES, where.url)})


def _users(scenario: Scenario, amount: Amount) -> int:
    """k6 wants no more users than iterations."""
    return scenario.users if amount.requests is None else min(scenario.users, amount.requests)


def _amount(amount: Amount) -> str:
    if amount.requests is not None:
        return f"--iterations={amount.requests}"
    # k6 refuses less than a second
    return f"--duration={max(1000, round((amount.seconds or 0.0) * 1000))}ms"
