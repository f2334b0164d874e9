"""`python -m perf_action` and the `perf-action` command: argv to exit code."""

from __future__ import annotations

import sys

from perf_action.cli import run


def main() -> None:
    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
