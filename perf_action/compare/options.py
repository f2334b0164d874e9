"""What a comparison may be told: the error rates it works at. The defaults are the measured ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from perf_action.model.profile import FunctionKey
from perf_action.model.touched import TouchedFile


def _every(key: FunctionKey) -> bool:  # noqa: ARG001
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareOptions:
    """`alpha` is the one-sided level of one metric; a report that judges more than `metrics_at_alpha` metrics shares
    alpha * metrics_at_alpha among them, so that the whole report stays below one false alarm in a hundred.

    `function_alpha` is shared among the functions of one kind; where it is known what the pull request touches
    (`touched`, what differs in the sources), those functions and their direct callers share `touched_alpha`, and the
    others half of `function_alpha`. `most_functions` is how many sampled functions are blamed at most; `self_check`
    compares base with itself from its own launches. `paired` False: pair numbers mean nothing across the sides, because
    the two were measured in runs of their own.
    `own` says whether a function is the service's own: where only functions of libraries got worse, the nearest own one
    that they work for is named too.
    `untimed` is why times may not be judged, besides what the environments themselves say; `run_sd` the relative
    scatter between runs of each metric, by name, as the history has it: where it is larger than the rule's, it counts.
    """

    alpha: float = 0.001
    metrics_at_alpha: int = 5
    function_alpha: float = 0.005
    touched_alpha: float = 0.005
    most_functions: int = 3
    self_check: bool = True
    paired: bool = True
    untimed: str = ""
    run_sd: Mapping[str, float] = field(default_factory=dict, repr=False)
    touched: tuple[TouchedFile, ...] = field(default=(), repr=False)
    own: Callable[[FunctionKey], bool] = field(default=_every, repr=False)

    def metric_alpha(self, judged: int) -> float:
        """The level for each of `judged` metrics."""
        return self.alpha * min(1.0, self.metrics_at_alpha / max(judged, 1))
