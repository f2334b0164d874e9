"""Where the store is: the options of every command that opens it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from pydantic import ValidationError

from perf_action.config import BaselineOptions, digest
from perf_action.config.inputs import overrides
from perf_action.errors import UsageError
from perf_action.pipeline.settings import read_settings
from perf_action.store import Store, open_store
from perf_action.system import System


class StoreOptions:
    """Where the store is: --store and --branch over the action's inputs over perf.yml over the defaults.

    `configuration` is the digest of perf.yml, empty where there is none.
    """

    def __init__(self, config: Path, store: str | None, branch: str | None) -> None:
        self.system = System()
        given = overrides(self.system.environ)
        chosen = {k.removeprefix("baseline."): v for k, v in given.items() if k.startswith("baseline.")}
        self.repository, self.configuration = Path.cwd(), ""
        if config.exists():
            settings = read_settings(config, given, self.system)
            self.repository, chosen = settings.repository, settings.config.baseline.model_dump()
            self.configuration = digest(settings.config)
        if store in ("git", "none"):
            chosen["store"] = store
        elif store is not None:
            chosen |= {"store": "directory", "path": str(Path(store).resolve())}
        if branch is not None:
            chosen["branch"] = branch
        try:
            self.options = BaselineOptions.model_validate(chosen)
        except ValidationError as error:
            first = error.errors()[0]
            raise UsageError(
                f"baseline {first['loc'][0]}: {first['msg'].removeprefix('Value error, ')}"
            ) from None

    @contextmanager
    def open(self) -> Iterator[Store]:
        with open_store(self.options, self.system, self.repository) as store:
            yield store


BRANCH = click.option("--branch", help="The branch, for a store on git; default: perf-data.")
STORE = click.option("--store", metavar="DIR|git", help="A folder, or git for a branch of this repository.")
CONFIG = click.option(
    "--config",
    type=click.Path(path_type=Path),
    default="perf.yml",
    show_default=True,
    help="Take `baseline:` from here, if it is there.",
)


def with_store(command: click.decorators.FC) -> click.decorators.FC:
    """The options that say where the store is."""
    for option in (BRANCH, STORE, CONFIG):
        command = option(command)
    return command
