"""The run folder while it is being filled: under another name until it is whole, and never filled twice at once."""

from __future__ import annotations

import contextlib
import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from perf_action.errors import UsageError
from perf_action.recording.run import RUN_FILE


@contextlib.contextmanager
def run_folder(out: Path) -> Iterator[Path]:
    """A folder that becomes `out` if the block succeeds, and disappears if it does not.

    An earlier run folder at `out` is replaced; anything else there is not touched. UsageError if there is something
    else, or if another run is writing to it now.
    """
    out = out.absolute()
    if out.exists() and (not out.is_dir() or (any(out.iterdir()) and not (out / RUN_FILE).exists())):
        raise UsageError(f"{out}: exists and is no run folder; name another place with --out")
    out.parent.mkdir(parents=True, exist_ok=True)
    with (out.parent / f".{out.name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise UsageError(
                f"{out}: another run is writing there; wait for it, or name another place with --out"
            ) from None
        folder = Path(tempfile.mkdtemp(dir=out.parent, prefix=f".{out.name}."))
        try:
            yield folder
            folder.chmod(0o755)
            if out.exists():
                shutil.rmtree(out)
            folder.rename(out)
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            Path(lock.name).unlink(missing_ok=True)
