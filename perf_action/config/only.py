"""Settings cut down to some of their stages: what `run --only` measures, and what a reproducer measures again."""

from __future__ import annotations

from collections.abc import Collection

from perf_action.config.groups import Config
from perf_action.errors import UsageError, did_you_mean
from perf_action.model.trial import CLEAN, SOAK


def only(config: Config, names: Collection[str]) -> Config:
    """`config` with none but the named stages. UsageError naming the nearest if there is no such stage."""
    if not names:
        return config
    known = [CLEAN, *((SOAK,) if config.measure.soak else ()), *config.stages]
    for name in names:
        if name not in known:
            remedy = did_you_mean(name, known, f"there is {', '.join(known)}")
            raise UsageError(f"--only {name}: there is no such stage; {remedy}")
    measure = config.measure.model_copy(
        update={"clean": CLEAN in names, "soak": config.measure.soak if SOAK in names else 0.0}
    )
    stages = {name: stage for name, stage in config.stages.items() if name in names}
    return config.model_copy(update={"measure": measure, "stages": stages})
