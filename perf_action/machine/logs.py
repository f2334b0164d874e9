"""Output of services and set-up commands: kept in a file without secrets, its end shown in errors."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from perf_action.errors import CannotMeasure, one_line
from perf_action.machine.commands import Secrets
from perf_action.system import System

_TAIL_LINES = 15
_TAIL_BYTES = 16_384
#: what is kept of a log in the run folder; the beginning says how it started, the end how it ended
_KEPT_BYTES = 2_000_000


def tail(log: Path, secrets: Secrets, lines: int = _TAIL_LINES) -> str:
    """The last lines of a log, secrets masked; empty if there is none."""
    try:
        with log.open("rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - _TAIL_BYTES))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    return secrets.mask("\n".join(text.splitlines()[-lines:]))


def last_words(log_tail: str) -> str:
    """The last line that says something, for a message of one line."""
    said = [line.strip() for line in log_tail.splitlines() if line.strip()]
    return f": {one_line(said[-1], 300)}" if said else ""


def keep(raw: Path, log: Path, secrets: Secrets) -> None:
    """Append `raw` to `log` with secrets masked, the middle of a very long one left out. Does nothing without `raw`."""
    if not raw.exists():
        return
    with raw.open("rb") as source, log.open("a", encoding="utf-8") as target:
        size = raw.stat().st_size
        if size <= _KEPT_BYTES:
            target.write(secrets.mask(source.read().decode(errors="replace")))
            return
        target.write(secrets.mask(source.read(_KEPT_BYTES // 2).decode(errors="replace")))
        target.write(f"\n[… {size - _KEPT_BYTES} bytes left out …]\n")
        source.seek(-(_KEPT_BYTES // 2), 2)
        target.write(secrets.mask(source.read().decode(errors="replace")))


def run_logged(
    argv: Sequence[str],
    *,
    what: str,
    cwd: Path,
    env: Mapping[str, str],
    log: Path,
    secrets: Secrets,
    system: System,
    timeout: float,
) -> None:
    """Run a command of perf.yml to its end, output appended to `log`. CannotMeasure names `what`, with its last line."""
    log.parent.mkdir(parents=True, exist_ok=True)
    raw = log.with_name(f".{log.name}.raw")
    raw.unlink(missing_ok=True)
    process = system.start(argv, cwd=cwd, env=env, log=raw)
    try:
        code = process.wait(timeout)
    finally:
        process.close()
        shown = tail(raw, secrets)
        keep(raw, log, secrets)
        raw.unlink(missing_ok=True)
    if code is None:
        raise CannotMeasure(f"{what} did not finish within {timeout:g} s{last_words(shown)}")
    if code != 0:
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        raise CannotMeasure(f"{what} failed ({how}){last_words(shown)}; the whole output is in {log}")


def remove_tree(path: Path) -> None:
    """Remove a folder of ours, whatever is in it."""
    shutil.rmtree(path, ignore_errors=True)
