"""From the settings (`baseline:` of perf.yml) to a store, and to the baseline of a change."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from perf_action.config import BaselineOptions
from perf_action.errors import CannotMeasure, UsageError
from perf_action.model.report import Baseline
from perf_action.store.base import Store
from perf_action.store.directory import DirectoryStore
from perf_action.store.git_branch import GitBranchStore
from perf_action.store.history import read_history
from perf_action.store.remote import Remote, remote_of
from perf_action.store.select import Chosen, Decode, choose
from perf_action.system import System


@contextmanager
def scratch_folder(system: System) -> Iterator[Path]:
    """A folder of our own for clones, outside the checkout, gone afterwards."""
    with tempfile.TemporaryDirectory(
        prefix="perf-action-", dir=system.environ.get("RUNNER_TEMP") or None
    ) as name:
        yield Path(name)


@contextmanager
def open_store(options: BaselineOptions, system: System, repository: Path) -> Iterator[Store]:
    """The store that `options` mean for the checkout `repository`; UsageError for ``store: none``."""
    if options.store == "none":
        raise UsageError("baseline.store is none: nothing is kept; set it to git or directory")
    if options.store == "directory":
        yield DirectoryStore(repository / options.path)
        return
    remote = remote_of(system, repository, options.remote)
    with scratch_folder(system) as scratch:
        yield GitBranchStore(remote, options.branch, system, scratch)


def find_baseline(
    options: BaselineOptions,
    system: System,
    repository: Path,
    decode: Decode,
    *,
    config_digest: str,
    fingerprint: str,
    head: str,
    base: str = "",
    pull_head: str = "",
) -> Chosen:
    """The stored baseline of commit `head` (see `read_history` for the three commits).

    A store that cannot be reached, or has no place yet, is a warning and no baseline: what was measured is still worth telling.
    """
    if options.store == "none":
        return Chosen(baseline=Baseline(how="none", note="no baseline: baseline.store is none"))
    try:
        with open_store(options, system, repository) as store, scratch_folder(system) as scratch:
            remote = _remote_or_none(options, system, repository)
            history = read_history(
                system, repository, remote, scratch, head=head, base=base, pull_head=pull_head
            )
            return choose(
                store,
                history,
                decode,
                config_digest=config_digest,
                fingerprint=fingerprint,
                now_s=system.now(),
                head=head,
            )
    except (CannotMeasure, UsageError) as error:
        note = f"no baseline: the store could not be read: {error}"
        return Chosen(baseline=Baseline(how="none", note=note), warnings=(note,))


def _remote_or_none(options: BaselineOptions, system: System, repository: Path) -> Remote | None:
    try:
        return remote_of(system, repository, options.remote)
    except UsageError:
        return None  # a repository on a laptop that has no remote: its history is all there
