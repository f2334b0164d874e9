"""What in the pull request made a check fail: waiting costs no CPU time, so that no row of the comparison leads to it.

The changed lines are in the function that the check found; or in one that the profiles in which waiting is seen have above
it, and they call what is on the way, or nothing of the service's own is between the two.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

from perf_action.compare.touched import seen_lines
from perf_action.judge.blame.charge import Charge, is_called
from perf_action.judge.blame.edits import Edits
from perf_action.judge.code.own import is_own
from perf_action.model.finding import Finding
from perf_action.model.profile import FunctionKey, Profile
from perf_action.model.snapshot import Snapshot
from perf_action.model.suspect import Confidence, Suspect
from perf_action.model.touched import TouchedFile

#: checks of waiting; what the others count costs something, which the comparison of functions judges
_OF_WAITING = frozenset({"cpu.blocking_in_async", "cpu.lock_contention"})
#: so much of the time below the function must be reached through a caller that it is suspected, and that it is likely
_LEAST, _MOST = 0.2, 0.5
_MOST_FOR_ONE = 3


def blame_checks(
    failures: Sequence[Finding], head: Snapshot, touched: Sequence[TouchedFile]
) -> tuple[Suspect, ...]:
    """For every failed check of waiting the changes that lead to its function, the surest first."""
    asked = [f for f in failures if f.rule in _OF_WAITING and f.function]
    if not asked or not touched:
        return ()
    edits = Edits(touched, seen_lines(head))
    return tuple(suspect for finding in asked for suspect in _suspects(finding, head, edits))


def _suspects(finding: Finding, head: Snapshot, edits: Edits) -> list[Suspect]:
    charge = Charge.of_check(finding)
    itself = edits.of(FunctionKey(finding.function, finding.file, ""))
    if itself is not None:
        return [charge.of_edit(itself, "itself", Confidence.HIGH)]
    found = sorted(_callers(charge, head, edits), key=lambda s: s.confidence is not Confidence.HIGH)
    return found[:_MOST_FOR_ONE]


def _callers(charge: Charge, head: Snapshot, edits: Edits) -> Iterator[Suspect]:
    """The changed functions above that of the charge which lead to it."""
    for way, share in _ways(charge, head, edits):
        edit = edits.of(way[-1])
        if edit is None or share < _LEAST:
            continue
        calls_it = is_called(edit, way[:-1])
        if not calls_it and (share < _MOST or any(is_own(key) for key in way[1:-1])):
            continue
        confidence = Confidence.HIGH if share >= _MOST and calls_it else Confidence.MEDIUM
        path = tuple(key.name for key in reversed(way))
        yield charge.of_edit(edit, "calls it", confidence, share=share, path=path)


def _ways(charge: Charge, head: Snapshot, edits: Edits) -> list[tuple[tuple[FunctionKey, ...], float]]:
    """From the function of the charge up to each changed caller, and the share of the time that was reached that way;
    from the first profile that has the function.
    """
    for profile in _profiles(head):
        found = _ways_in(profile, charge, edits)
        if found:
            return found
    return []


def _profiles(head: Snapshot) -> Iterator[Profile]:
    """What sees waiting first."""
    yield from (c.profile for c in head.captures if c.profile.find_kind("lock_wait") is not None)
    yield from (c.profile for c in head.timelines)
    yield from (s.profile for s in head.slices)
    yield from (c.profile for c in head.captures if c.profile.find_kind("cpu") is not None)


def _ways_in(profile: Profile, charge: Charge, edits: Edits) -> list[tuple[tuple[FunctionKey, ...], float]]:
    keys = profile.function_keys
    accused = {i for i, key in enumerate(keys) if (key.name, key.file) == (charge.function, charge.file)}
    if not accused:
        return []
    edited = edits.among(keys)
    column = profile.find_kind("lock_wait") or 0
    whole = 0
    shares: defaultdict[int, int] = defaultdict(int)
    ways: dict[int, tuple[FunctionKey, ...]] = {}
    for stack, value in zip(
        profile.sample_stack.tolist(), profile.sample_values[:, column].tolist(), strict=True
    ):
        functions = [int(profile.frame_function[frame]) for frame in reversed(profile.frames_of(stack))]
        start = next((i for i, function in enumerate(functions) if function in accused), None)
        if start is None:
            continue
        whole += value
        for place, function in enumerate(functions[start + 1 :], start + 1):
            if function in edited and function not in functions[start:place]:
                shares[function] += value
                ways.setdefault(function, tuple(keys[f] for f in functions[start : place + 1]))
    return [(ways[f], shares[f] / whole) for f in shares] if whole else []
