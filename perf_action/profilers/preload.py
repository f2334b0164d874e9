"""Whether a library can be put in front of a service's own with ``LD_PRELOAD`` (https://man7.org/linux/man-pages/man8/ld.so.8.html)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from perf_action.errors import CannotMeasure
from perf_action.profilers.plan import Target
from perf_action.profilers.subject import Subject


def check_start(target: Target, tool: str) -> None:
    """CannotMeasure if the service runs already."""
    if target.pid is not None:
        raise CannotMeasure(
            f"{tool} has to be there when the service starts, which runs already; give service.command"
        )


def check_malloc(subject: Subject | None, who: str, remedy: str) -> None:
    """CannotMeasure if `who` would not see what the service allocates; `remedy` is for a static program."""
    if subject is not None and subject.language == "go":
        raise CannotMeasure(f"Go does not allocate with malloc ({subject.evidence}); use profiler: pprof")
    if subject is not None and subject.elf is not None and subject.elf.static:
        raise CannotMeasure(f"the service is linked statically, so {who}; {remedy}")
    if subject is not None and subject.elf is not None and "musl" in subject.elf.interpreter:
        raise CannotMeasure(f"the service is built with musl, so {who}: libraries here are for glibc")


def with_library(env: Mapping[str, str], library: Path) -> str:
    """The value of LD_PRELOAD with `library` behind those of the service."""
    return ":".join(filter(None, (env.get("LD_PRELOAD"), str(library))))
