"""What a snapshot and a comparison are held against: budgets, and the policy that makes a job red."""

from perf_action.judge.budgets import judge
from perf_action.judge.policy import fails

__all__ = ["fails", "judge"]
