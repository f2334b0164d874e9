"""perf.yml and the action's inputs as one frozen, checked value."""

from perf_action.config.groups import (
    BaselineOptions,
    Command,
    Comment,
    CommentMode,
    Config,
    FailOn,
    Measure,
    Ready,
    Scenario,
    Service,
    StageOptions,
    parse_budget,
)
from perf_action.config.read import digest, parse, read_config

__all__ = [
    "BaselineOptions",
    "Command",
    "Comment",
    "CommentMode",
    "Config",
    "FailOn",
    "Measure",
    "Ready",
    "Scenario",
    "Service",
    "StageOptions",
    "digest",
    "parse",
    "parse_budget",
    "read_config",
]
