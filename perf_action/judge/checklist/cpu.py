"""What the CPU time goes to: no function too hot, no category too large, not too many cores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from perf_action.compare.idle import idle_functions
from perf_action.judge.budgets import judge
from perf_action.judge.budgets.limits import joined
from perf_action.judge.categories import Categories
from perf_action.judge.checklist import targets
from perf_action.judge.checklist.loops import is_python, node_functions
from perf_action.model.category import CategoryCost
from perf_action.model.finding import Finding, State
from perf_action.model.snapshot import Snapshot
from perf_action.model.units import NS_PER_S


def as_budget(
    rule: str, head: Snapshot, categories: Sequence[CategoryCost], limits: Mapping[str, float]
) -> Finding:
    """The rule judged as a budget on the same quantity, under the rule's own name."""
    (found,) = judge([targets.budget_of(rule, limits)], head, None, categories)
    return replace(found, rule=rule)


def hot_function(head: Snapshot, limits: Mapping[str, float]) -> Finding:
    """No function takes more than its share; from half of it on it is worth a look, which is said and no failure."""
    found = as_budget(targets.HOT_FUNCTION, head, (), limits)
    warned = found.state is State.PASS and (found.value or 0) >= targets.HOT_WARNING
    if not warned:
        return found
    return replace(found, message=f"{found.message}; worth a look from {targets.HOT_WARNING:.0%} on")


def serialization(
    head: Snapshot, categories: Sequence[CategoryCost], rules: Categories, limits: Mapping[str, float]
) -> Finding:
    """Its share of CPU; beyond a second limit it is more than a warning."""
    found = with_c_functions(
        as_budget(targets.SERIALIZATION, head, categories, limits), "serialization", head, rules
    )
    if found.state is not State.FAIL or (found.value or 0) < targets.SERIALIZATION_ISSUE:
        return found
    said = f"an issue, as it is from {targets.SERIALIZATION_ISSUE:.0%} on"
    return replace(found, message=joined(found.message, said))


def database(
    head: Snapshot, categories: Sequence[CategoryCost], rules: Categories, limits: Mapping[str, float]
) -> Finding:
    """The share of CPU that this process spends on its database; waiting for one is no CPU time."""
    return with_c_functions(as_budget(targets.DATABASE, head, categories, limits), "database", head, rules)


def cores(head: Snapshot, limits: Mapping[str, float]) -> Finding:
    """CPU time over time, of the clean launches; the load decides how much of the service it asks for."""
    found = as_budget(targets.CORES, head, (), limits)
    if found.value is None:
        return found
    said = "under the load of this run"
    return replace(found, message=joined(said, found.message))


# --- what a sampler of Python alone does not see


def with_c_functions(found: Finding, category: str, head: Snapshot, rules: Categories) -> Finding:
    """A pass that holds with C functions too: drivers and encoders written in C have no frames of their own in a profile
    of Python, but in its time-line, whose share of the threads at work is at least what the CPU share would be.
    """
    if found.state is not State.PASS or found.limit is None or not _only_python(head):
        return found
    share = _share_at_work(category, head, rules)
    if share is None:
        said = "the profile has no C functions, in which it may hide; set native: true for the stage"
        return found if found.value else replace(found, state=State.CANNOT_TELL, value=None, message=said)
    if share <= (found.value or 0.0):
        return found
    if share <= found.limit:
        return replace(
            found, value=share, message=joined(found.message, "with C functions, from the time-line")
        )
    said = f"with C functions it is up to {share:.0%} of the time-line; native: true for the stage would tell"
    return replace(found, state=State.CANNOT_TELL, message=joined(found.message, said))


def _only_python(head: Snapshot) -> bool:
    """Whether CPU profiles have frames of Python and no others."""
    profiles = [s.profile for s in head.slices[:1]]
    profiles += [c.profile for c in head.captures if c.profile.find_kind("cpu") is not None]
    files = {p.strings[i] for p in profiles for i in p.function_file.tolist()}
    return bool(files) and all(map(is_python, files))


def _share_at_work(category: str, head: Snapshot, rules: Categories) -> float | None:
    """The category's share of what threads did in the time-line while they did not wait; None without C functions."""
    mine = everything = 0
    for capture in head.timelines:
        profile = capture.profile
        keys = profile.function_keys
        if all(is_python(key.file) for key in keys):
            continue
        idle = idle_functions(keys, native=True)
        numbers, names = rules.of_stacks(profile)
        functions = node_functions(profile)
        values = zip(profile.sample_stack.tolist(), profile.sample_values[:, 0].tolist(), strict=True)
        for stack, value in values:
            if keys[functions[stack]] not in idle:
                everything += value
                mine += value * (names[numbers[stack]] == category)
    return mine / everything if everything >= NS_PER_S // 2 else None
