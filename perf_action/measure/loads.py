"""How each load of perf.yml is made: by its scenario, or by a replay of requests that the scenario made once.

A replay is the same requests for both sides and every launch, and its client costs the machine a fraction of what the
scenario's tool does. Before a load's calibration its scenario is let run on head, through a recorder; the calibration is
then the first replay, and must be answered as the recording was. If it is not, the scenario itself is used.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from perf_action.config import Config, Scenario
from perf_action.errors import LoadFailed
from perf_action.load import tool
from perf_action.load.recorded_session import RecordedSession
from perf_action.load.recording import Recording
from perf_action.load.replay import ReplaySession
from perf_action.load.session import LoadSession, Where
from perf_action.measure.captured import Read
from perf_action.measure.schedule import CALIBRATION, RECORDING
from perf_action.model.trial import SOAK, Stage, Trial, TrialRecord
from perf_action.system import System

_SECONDS = 2.0
#: a script whose users rest as long between requests means them to
_PAUSE_S = 0.005
#: which share of its requests a scenario must repeat of itself
_REPEATS = 0.3


class Loads:
    """`directory` is head's, where the scripts are. Recordings are held here, in memory, and nowhere else."""

    def __init__(self, config: Config, directory: Path, system: System, read: Read) -> None:
        self._config, self._directory, self._system, self._read = config, directory, system, read
        self._tried: set[str] = set()
        self._found: dict[str, Recording | LoadFailed] = {}
        self.notes: tuple[str, ...] = _closed_loop(config)

    def open(self, stage: Stage, where: Where) -> LoadSession:
        """A generator for the stage's load. Raises LoadFailed."""
        scenario = self._config.load[stage.load]
        found = self._found.get(stage.load)

        def itself(there: Where) -> LoadSession:
            return tool(scenario.tool, self._read).open(scenario, there, self._system)

        if stage.name == RECORDING:
            return RecordedSession(
                itself,
                where,
                max_error_rate=scenario.max_error_rate,
                keep=lambda recording: self._found.update({stage.load: recording}),
            )
        # a soak looks for what grows: with what is asked for the first time, most of all
        if isinstance(found, Recording) and stage.name != SOAK:
            return ReplaySession(found, scenario, where, self._system)
        return itself(where)

    def execute(self, trial: Trial, *, perform: Callable[[Trial], TrialRecord]) -> TrialRecord:
        """The trial; before the first calibration of a load, find out whether it can be replayed. Raises LoadFailed if
        it cannot, but has to be.
        """
        load = trial.stage.load
        scenario = self._config.load[load]
        if trial.stage.name != CALIBRATION or load in self._tried or scenario.replay == "never":
            return perform(trial)
        self._tried.add(load)
        reason = self._record(trial, scenario, perform)
        if reason:
            return self._without(load, scenario, reason, trial, perform)
        record = perform(trial)
        requests = sum(s.requests or 0 for s in record.slices)
        errors = sum(s.errors for s in record.slices)
        if record.failure is None and errors > scenario.max_error_rate * requests:
            reason = f"{errors} of {requests} requests were not answered as when they were recorded"
        if scenario.replay == "auto" and (reason or record.failure):
            return self._without(load, scenario, reason or str(record.failure), trial, perform)
        self._tell(load, scenario, record)
        return record

    def _record(self, trial: Trial, scenario: Scenario, perform: Callable[[Trial], TrialRecord]) -> str:
        """Record a load; why it cannot be replayed, or empty."""
        load = trial.stage.load
        where = Where(
            url=scenario.host,
            port=0,
            directory=self._directory,
            env=self._system.environ,
            out=self._directory,
        )
        reason = tool(scenario.tool, self._read).not_recorded(scenario, where, self._system)
        if reason:
            return reason
        stage = replace(trial.stage, name=RECORDING, slices=1, requests=None, seconds=_SECONDS)
        record = perform(replace(trial, stage=stage))
        found = self._found.get(load)
        if record.failure is not None or found is None:
            return record.failure or "nothing was recorded"
        if isinstance(found, LoadFailed):
            return str(found)
        return _unlike(found) if scenario.replay == "auto" else ""

    def _without(
        self,
        load: str,
        scenario: Scenario,
        reason: str,
        trial: Trial,
        perform: Callable[[Trial], TrialRecord],
    ) -> TrialRecord:
        if scenario.replay == "always":
            raise LoadFailed(
                f"load.{load} cannot be replayed: {reason}; replay: auto uses the scenario itself then"
            )
        self._found.pop(load, None)
        self.notes += (f"load {load}: the scenario itself is used, not a replay of its requests: {reason}",)
        return perform(trial)

    def _tell(self, load: str, scenario: Scenario, record: TrialRecord) -> None:
        found = self._found[load]
        if not isinstance(found, Recording):
            return
        cpu = sum(s.load_cpu_ns or 0 for s in record.slices) / max(
            1, sum(s.requests or 0 for s in record.slices)
        )
        note = (
            f"load {load}: {len(found.requests)} requests of its {scenario.tool} scenario were recorded and are replayed in "
            f"a closed loop of {scenario.users} connections; the client takes {cpu / 1000:.0f} µs of CPU a request; the soak "
            "is made by the scenario itself"
        )
        self.notes += (note,)


def _unlike(found: Recording) -> str:
    """Why a replay would be another load than the scenario, or empty."""
    if found.pause_s >= _PAUSE_S:
        return f"its users pause for {found.pause_s * 1000:.0f} ms between requests, and a replay does not"
    if found.repeats() < _REPEATS:
        return (
            f"only {found.repeats():.0%} of its requests come again, and caches would know those of a replay "
            "(replay: always does it all the same)"
        )
    return ""


def _closed_loop(config: Config) -> tuple[str, ...]:
    """What is to be known where latencies are held against budgets."""
    scenario = next(iter(config.load.values()))
    if scenario.tool == "command" or not any(limit.rule.startswith("latency.") for limit in config.limits):
        return ()
    note = (
        f"latencies are those of a closed loop of {scenario.users} users: a slow answer delays the request after it, so "
        "users who come at a fixed rate would wait longer than these percentiles say (coordinated omission)"
    )
    return (note,)
