"""The command line: argv to a call of the program, and every error to one line and an exit code.

A command group is one small file here; `COMMANDS` lists them all.
"""

from __future__ import annotations

import errno
import gc
import os
import sys
from collections.abc import Sequence

import click

from perf_action import __version__
from perf_action.errors import PerfActionError, one_line

#: module that holds the command -> names of the commands in it; imported only when one of them is called
COMMANDS: dict[str, tuple[str, ...]] = {
    "perf_action.cli.measuring": ("run", "demo"),
    "perf_action.cli.assessing": ("assess",),
    "perf_action.cli.comparing": ("compare",),
    "perf_action.cli.files": ("show", "convert"),
    "perf_action.cli.baseline": ("baseline",),
    "perf_action.cli.trend": ("trend",),
    "perf_action.cli.budgets": ("budgets",),
    "perf_action.cli.machine": ("doctor", "setup"),
    "perf_action.cli.publishing": ("publish",),
}

#: nearly all that a command makes lives as long as it does: looking for cycles as often as a server has to would take a
#: tenth of its time. https://docs.python.org/3/library/gc.html#gc.set_threshold
_COLLECT = (50_000, 10, 100)
_REMEDIES = {
    errno.ENOSPC: "; free some space there, or name another place with --out",
    errno.EACCES: "; name another place with --out, or ask for the right to write there",
    errno.EROFS: "; name another place with --out",
}


class _Lazy(click.Group):
    """Imports a command's module when it is called: `show` must not wait for what only `run` needs."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return sorted(name for names in COMMANDS.values() for name in names)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        from importlib import import_module  # noqa: PLC0415

        for module, names in COMMANDS.items():
            if cmd_name in names:
                command = getattr(import_module(module), cmd_name)
                assert isinstance(command, click.Command)
                gc.freeze()  # what was imported stays
                return command
        return None


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="perf-action")
def cli() -> None:
    """Measure what a change did to the CPU and memory of a running service, and which function did it.

    \b
    perf-action demo                      see it work, no set-up
    perf-action run --base origin/main    measure your change against its base
    perf-action assess perf-run           judge and render what was measured
    perf-action compare BASE HEAD         two of anything: runs, profiles, metric files
    perf-action show FILE                 what is in a capture of any profiler
    """


def run(argv: Sequence[str]) -> int:
    """Run one command line; the exit code is 0, 1 (verdict), 2 (usage, config, input) or 3 (could not measure)."""
    gc.set_threshold(*_COLLECT)
    try:
        result = cli.main(args=list(argv), prog_name="perf-action", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help() if error.ctx else "", err=True)
        return 2
    except click.ClickException as error:
        return _fail(error.format_message(), 2)
    except PerfActionError as error:
        return _fail(str(error), error.exit_code)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _fail(f"{where}{error.strerror or error}{_REMEDIES.get(error.errno or 0, '')}", 2)
    except (KeyboardInterrupt, click.Abort):
        return _fail("interrupted", 130)
    except Exception as error:  # whatever happens, people get one line and a code
        if os.environ.get("PERF_ACTION_DEBUG"):
            raise
        what = f"{type(error).__name__}: {error}"
        return _fail(
            f"a fault of perf-action itself: {what}; report it with what PERF_ACTION_DEBUG=1 shows", 3
        )
    return result if isinstance(result, int) else 0


def _fail(message: str, code: int) -> int:
    click.echo(f"error: {one_line(message, 2000)}", err=True)
    return code
