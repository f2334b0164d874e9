"""memray's own flame graph of a capture, self-contained, on stdout: the report that is kept beside the capture.

A program of its own, since ``memray flamegraph`` writes files only and says on stdout that it did. It shows what was
alive at the peak, with the source lines of Python files; nothing is loaded from the network when it is opened.
"""

from __future__ import annotations

import contextlib
import sys
import tempfile
from pathlib import Path

from memray.commands import main as memray


def main(capture: str) -> int:
    """Prints the page; memray's exit code."""
    with tempfile.TemporaryDirectory(prefix="perf-action-") as folder:
        page = Path(folder) / "flamegraph.html"
        with contextlib.redirect_stdout(sys.stderr):
            code = int(memray(["flamegraph", "--no-web", "--output", str(page), capture]))
        if code == 0:
            sys.stdout.write(page.read_text(encoding="utf-8"))
    return code


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
