"""A stack as evidence: one folded line that nothing in a name can break, with the middle of a deep one left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from perf_action.model.profile import UNKNOWN, Profile

_FRAMES: Final = 20
_CHARACTERS: Final = 200


def shown_stack(profile: Profile, stack: int) -> str:
    """The folded line of a stack of the profile."""
    functions = (profile.frame_function[frame] for frame in profile.frames_of(stack))
    return shown_names([profile.strings[int(profile.function_name[f])] for f in functions])


def shown_names(names: Sequence[str]) -> str:
    """The folded line of these functions, outermost first: where it begins, and what is nearest to the leaf."""
    shown = names if len(names) <= _FRAMES else [names[0], "…", *names[2 - _FRAMES :]]
    return ";".join(_one_word(name) for name in shown)


def _one_word(name: str) -> str:
    return " ".join(name[: 2 * _CHARACTERS].replace(";", ":").split())[:_CHARACTERS] or UNKNOWN
