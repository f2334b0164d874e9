"""How each metric is judged: by its name, with a sensible default for names nobody foresaw.

The floors are what a change must reach to be worth a word; they stand against the systematic effects that no amount
of repetition averages away (memory layout, cache alignment), not against noise.
"""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Final

from perf_action.model import units
from perf_action.model.metric import Metric

#: with fewer launches the t test stands on its assumption of normality alone: eight launches that happen to fall on
#: one of two memory layouts do so with probability 2^-8
FEW_LAUNCHES: Final = 8
#: what a change must reach with fewer launches: more than layout luck can do
FEW_LAUNCHES_FLOOR: Final = 0.10
#: three times as long: of 1,146 launches of identical code no p95 was more than 2.15 times the other side's, and that one
#: on a noisy machine (docs/statistics.md)
_TAIL_FLOOR: Final = 2.0
#: a change that could have gone unseen: above this, "unchanged" would be a guess
SETTLED_BELOW: Final = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """`floor` is relative, `absolute` in canonical units; both must be reached. `launches` is how many a verdict needs; with
    fewer, but `least` of them, a change that reaches `few_floor` is worse or better all the same.

    `judged` False: only shown. `gating` False: never holds up the headline while unsettled. `timed`: depends on the
    processor. `exact`: counted, so single values are judged. `launch_sd` and `run_sd` are the relative scatter between
    launches and between runs at different times, assumed where the data cannot show it.
    """

    floor: float
    absolute: float = 0.0
    launches: int = FEW_LAUNCHES
    least: int = 1
    few_floor: float = FEW_LAUNCHES_FLOOR
    judged: bool = True
    gating: bool = True
    timed: bool = True
    exact: bool = False
    launch_sd: float = 0.03
    run_sd: float = 0.007
    why_not: str = ""


_MEGABYTE: Final = 1e6
_INFORMATIVE: Final = Rule(
    floor=0.05, judged=False, gating=False, why_not="informative: the load generator has a part in it"
)
_TAIL: Final = Rule(floor=0.05, judged=False, gating=False, why_not="shown only: too noisy to be judged")
_ROUTE: Final = Rule(
    floor=0.05, judged=False, gating=False, why_not="shown only: one route of many; limit it with a budget"
)
_RESIDENT: Final = Rule(floor=0.05, absolute=_MEGABYTE, launches=3, timed=False, launch_sd=0.02, run_sd=0.003)
_SIZE: Final = Rule(
    floor=0.05,
    judged=False,
    gating=False,
    timed=False,
    exact=True,
    why_not="shown only: limit it with a budget",
)
_COUNTED: Final = Rule(floor=0.01, absolute=1.0, launches=3, timed=False, exact=True)

#: first match wins; patterns as in a shell
RULES: Final[tuple[tuple[str, Rule], ...]] = (
    ("load.*", _INFORMATIVE),
    ("cpu.per_request", Rule(floor=0.01)),
    ("latency.p50", Rule(floor=0.03, gating=False)),
    ("latency.*{*", _ROUTE),
    ("latency.p95", Rule(floor=0.05, launches=24, least=3, few_floor=_TAIL_FLOOR, gating=False)),
    ("latency.p99*", _TAIL),
    ("latency.max", _TAIL),
    ("latency.*", Rule(floor=0.05, gating=False)),
    ("memory.rss*", _RESIDENT),
    ("memory.pss*", _RESIDENT),
    ("memory.peak", Rule(floor=0.05, absolute=100e3, launches=3, timed=False, exact=True, run_sd=0.003)),
    ("memory.allocations", _COUNTED),
    ("memory.allocations.per_request", _COUNTED),
    ("memory.allocated*", Rule(floor=0.01, absolute=16.0, launches=3, timed=False, exact=True)),
    ("memory.leak.*", Rule(floor=0.05, absolute=64.0, launches=3, timed=False, exact=True)),
    ("memory.errors", _COUNTED),
    ("artefact.size", _SIZE),
)
_DEFAULT: Final = Rule(floor=0.05)
_DEFAULT_SIZE: Final = Rule(floor=0.05, launches=3, timed=False, launch_sd=0.02, run_sd=0.003)


def rule_for(metric: Metric) -> Rule:
    """The rule of a metric's name, or of its kind: events that are counted, sizes, and everything that takes time."""
    named = next((rule for pattern, rule in RULES if fnmatchcase(metric.name, pattern)), None)
    if named is not None:
        return named
    unit = units.measured_in(metric.unit)[0]
    if metric.exact or unit == "instructions":
        return _COUNTED
    return _DEFAULT_SIZE if unit in ("bytes", "count") else _DEFAULT
