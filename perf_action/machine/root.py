"""Commands that need root: run as they are by root, through sudo without a question by others."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from perf_action.system import Completed, System


def may_be_root(system: System, uid: Callable[[], int] = os.geteuid) -> bool:
    """Whether this process is root, or sudo lets it be without a password."""
    if uid() == 0:
        return True
    sudo = system.which("sudo")
    return sudo is not None and system.run([sudo, "-n", "true"], timeout=30).code == 0


def as_root(
    argv: Sequence[str],
    system: System,
    *,
    stdin: bytes | None = None,
    timeout: float = 600,
    uid: Callable[[], int] = os.geteuid,
) -> Completed:
    """Run as root. Only where `may_be_root`; sudo asks nothing (-n), so that nothing waits for a password."""
    prefix = () if uid() == 0 else (system.which("sudo") or "sudo", "-n")
    return system.run([*prefix, *argv], stdin=stdin, timeout=timeout)


def command_by_hand(argv: str, uid: Callable[[], int] = os.geteuid) -> str:
    """`argv` as a person would type it."""
    return argv if uid() == 0 else f"sudo {argv}"
