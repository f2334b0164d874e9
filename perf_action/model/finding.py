"""What a rule says of a snapshot or a comparison: pass, fail or cannot tell, with its evidence."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Literal


class State(str, Enum):
    PASS = "pass"  # noqa: S105
    FAIL = "fail"
    CANNOT_TELL = "cannot-tell"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """`limit` and `value` are canonical (ns, bytes, counts, shares), in `unit`; value None where it was not measured.

    `function` is the service's own one that it is about, in `file` at `line`, where there is one.
    `message` is one sentence for people; `evidence` the stacks or numbers behind it, most telling first.
    `against_past`: the limit is on the change against base, or was lowered by the history; `origin` says where the limit
    comes from where that is not perf.yml.
    """

    rule: str
    state: State
    limit: float | None = None
    value: float | None = None
    unit: str = ""
    message: str = ""
    evidence: tuple[str, ...] = ()
    function: str = ""
    file: str = ""
    line: int = 0
    against_past: bool = False
    origin: str = ""


#: what a budget limits: a metric, a latency of routes, or the cost of functions, of a category or of call sites
Subject = Literal["metric", "route", "function", "category", "site"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """A limit on one quantity. `rule` names it to people: a metric (``memory.peak``, or ``cpu.hot_function``, the largest
    self share of one function), ``latency.p95{GET /items/*}``, ``function encode_*``, ``category locks``, ``site store.*``.

    `limit` is canonical, in `unit` (ns, bytes, count, 1/s, ratio, ns/request …). `relative`: the limit is on the change
    against base (0.05 is +5 %) instead of on head itself. `at_least`: the value must not fall below the limit.

    `pattern` is a glob for routes, functions and sites, or the category; `kind` the metric of a route or the kind of cost
    (cpu, allocated …). `inclusive`: with all that the function calls. `together`: the limit is on the sum of all that
    match instead of on each. `ratchet` lets the limit follow the history down to this much (0.05 is 5 %) above the best
    that it kept; None: it does not. `preset` is where the limit comes from, empty for perf.yml itself. `followed` says what the history made of it, and
    `lowered` whether that is a limit of its own.
    """

    rule: str
    limit: float
    unit: str
    relative: bool = False
    at_least: bool = False
    subject: Subject = "metric"
    pattern: str = ""
    kind: str = ""
    inclusive: bool = False
    together: bool = False
    ratchet: float | None = None
    preset: str = ""
    followed: str = ""
    lowered: bool = False

    @property
    def origin(self) -> str:
        """Where the limit comes from; empty for perf.yml itself."""
        preset = f"preset {self.preset}" if self.preset and not self.lowered else ""
        return "; ".join(part for part in (preset, self.followed) if part)
