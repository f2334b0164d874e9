"""Whole stacks out of the stack tree, for writers: as `Profile.frames_of`, many times over."""

from __future__ import annotations

from collections.abc import Callable

from perf_action.model.profile import Profile


def paths(profile: Profile) -> Callable[[int], list[int]]:
    """A function from a stack to its frames, root first."""
    parents: list[int] = profile.stack_parent.tolist()
    frames: list[int] = profile.stack_frame.tolist()

    def path_of(stack: int) -> list[int]:
        path = []
        while stack >= 0:
            path.append(frames[stack])
            stack = parents[stack]
        return path[::-1]

    return path_of
