"""How busy the machine is with other things: what makes times uncertain before anything is measured."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from perf_action.system import System

#: above these shares times become uncertain; both are about what the clean launches of a quiet machine scatter by
STEAL_LIMIT, BUSY_LIMIT = 0.01, 0.10


@dataclass(frozen=True, slots=True, kw_only=True)
class Noise:
    """Shares (0..1) of all processors' time: `busy` with other programs, `stolen` by the hypervisor."""

    busy: float
    stolen: float
    load_average: float

    @property
    def quiet(self) -> bool:
        return self.busy <= BUSY_LIMIT and self.stolen <= STEAL_LIMIT


def noise(system: System, seconds: float = 1.0, *, root: Path = Path("/")) -> Noise:
    """Watch the processors for a while, from /proc/stat (proc_stat(5))."""
    before = _times(root)
    system.sleep(seconds)
    spent = [now - then for now, then in zip(_times(root), before, strict=True)]
    user, nice, kernel, _idle, _iowait, irq, softirq, stolen = spent
    total = max(1, sum(spent))
    return Noise(
        busy=(user + nice + kernel + irq + softirq) / total,
        stolen=stolen / total,
        load_average=os.getloadavg()[0],
    )


def _times(root: Path) -> list[int]:
    first = (root / "proc/stat").read_text(encoding="ascii").split("\n", 1)[0]
    return [int(word) for word in first.split()[1:9]]
