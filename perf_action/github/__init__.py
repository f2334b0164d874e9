"""GitHub: which run we are in, what people are told there, and whether there is anything to measure."""

from perf_action.github.client import ApiError, Client
from perf_action.github.context import Context, PullRequest, read_context
from perf_action.github.paths import skip_reason, why_skip
from perf_action.github.publish import Outcome, preview, publish
from perf_action.github.results import Results, read_results

__all__ = [
    "ApiError",
    "Client",
    "Context",
    "Outcome",
    "PullRequest",
    "Results",
    "preview",
    "publish",
    "read_context",
    "read_results",
    "skip_reason",
    "why_skip",
]
