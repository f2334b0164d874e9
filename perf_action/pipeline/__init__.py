"""The glue: read, run and assess, each a straight line through the rooms.

Where a branch wants to appear here, it belongs into the room that knows the answer.
"""

from perf_action.pipeline.reading import load_snapshot

__all__ = ["load_snapshot"]
