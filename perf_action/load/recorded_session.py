"""A session of a user's scenario whose last slice is recorded: the load tool goes through a `Recorder`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from perf_action.errors import LoadFailed
from perf_action.load.recorder import Recorder
from perf_action.load.recording import Recording, error_share
from perf_action.load.session import Amount, LoadResult, LoadSession, Where
from perf_action.model.units import NS_PER_S

#: fewer requests than this are no sample of what a scenario does
_FEWEST = 50


class RecordedSession:
    """`open_tool` opens the load tool on a changed `where`. After each slice, `keep` is given what was recorded, or
    the LoadFailed that says why it cannot be replayed.
    """

    def __init__(
        self,
        open_tool: Callable[[Where], LoadSession],
        where: Where,
        *,
        max_error_rate: float,
        keep: Callable[[Recording | LoadFailed], None],
    ) -> None:
        self._recorder = Recorder(where)
        self._max_error_rate, self._keep = max_error_rate, keep
        try:
            self._session = open_tool(self._recorder.where_recorded())
        except BaseException:
            self._recorder.close()
            raise

    def begin(self, amount: Amount) -> None:
        self._recorder.restart()
        self._session.begin(amount)

    def finish(self, timeout: float) -> LoadResult:
        result = self._session.finish(timeout)
        try:
            recording = self._recorder.recording((result.end_ns - result.start_ns) / NS_PER_S)
            self._check(recording, result)
            self._keep(recording.whole_steps())
        except LoadFailed as error:
            self._keep(error)
        return result

    def pin(self, cores: Sequence[int]) -> None:
        self._session.pin(cores)

    def close(self) -> None:
        try:
            self._session.close()
        finally:
            self._recorder.close()

    def _check(self, recording: Recording, result: LoadResult) -> None:
        """Whether the recording is all that the tool did, and enough."""
        seen = len(recording.requests)
        if result.requests is not None and seen < result.requests:
            raise LoadFailed(
                f"{result.requests - seen} of {result.requests} requests did not go to the service"
            )
        if seen < _FEWEST:
            raise LoadFailed(f"only {seen} requests were recorded in {recording.seconds:.1f} s")
        if result.requests and result.errors / result.requests > self._max_error_rate:
            share = error_share(recording.requests)
            raise LoadFailed(
                f"{result.errors} of {result.requests} requests failed while they were recorded ({share:.1%} answered 4xx or 5xx)"
            )
