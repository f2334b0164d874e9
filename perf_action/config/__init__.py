"""perf.yml and the action's inputs as one frozen, checked value."""

from perf_action.config.budgets import parse_budget
from perf_action.config.group import Command
from perf_action.config.groups import (
    Accept,
    BaselineOptions,
    Comment,
    CommentMode,
    Config,
    FailOn,
    Measure,
    Scenario,
    StageOptions,
)
from perf_action.config.needs import Need
from perf_action.config.read import digest, parse, read_config
from perf_action.config.service import Ready, Service

__all__ = [
    "Accept",
    "BaselineOptions",
    "Command",
    "Comment",
    "CommentMode",
    "Config",
    "FailOn",
    "Measure",
    "Need",
    "Ready",
    "Scenario",
    "Service",
    "StageOptions",
    "digest",
    "parse",
    "parse_budget",
    "read_config",
]
