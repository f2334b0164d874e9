"""Profile a running service under load, compare it with its base, and say on the pull request what changed."""

from __future__ import annotations

__version__ = "0.1.0"
