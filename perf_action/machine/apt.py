"""Packages of Debian and Ubuntu, installed with apt-get: nothing is asked, nothing recommended comes along, the list of
packages is fetched at most once, and only where a package is missing from it or has gone from the archive.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from perf_action.errors import CannotMeasure, one_line
from perf_action.machine.root import as_root, command_by_hand, may_be_root
from perf_action.system import Completed, System

_OPTIONS = ("-y", "-qq", "--no-install-recommends", "-o", "DPkg::Lock::Timeout=300")
_INSTALL_TIMEOUT, _UPDATE_TIMEOUT = 1800.0, 600.0


class Apt:
    """The machine's apt, used by the user `uid`. `options` are added to each call."""

    def __init__(
        self,
        system: System,
        say: Callable[[str], None],
        options: Sequence[str] = (),
        uid: Callable[[], int] = os.geteuid,
    ) -> None:
        self._system, self._say, self._options, self._uid = system, say, tuple(options), uid
        self._updated = False

    @property
    def there(self) -> bool:
        return self._system.which("apt-get") is not None

    def knows(self, names: Sequence[str]) -> bool:
        """Whether these packages could be installed, by a dry run."""
        done = self._system.run(
            ["apt-get", *self._options, "install", "-s", "-qq", "--no-install-recommends", *names],
            timeout=120,
        )
        return done.code == 0

    def first_known(self, alternatives: Sequence[tuple[str, ...]]) -> tuple[str, ...] | None:
        """The first alternative that apt knows, looked for again with a fresh list of packages if there is none."""
        for _ in range(2):
            for names in alternatives:
                if self.knows(names):
                    return names
            if self._updated or not self.may_install():
                return None
            self.update()
        return None

    def may_install(self) -> bool:
        return may_be_root(self._system, self._uid)

    def update(self) -> None:
        """Fetch the list of packages, once. A mirror that fails is no error: the list that is here may do."""
        if not self._updated:
            self._updated = True
            self._say("apt-get update")
            self._run(("update", "-qq"), _UPDATE_TIMEOUT)

    def install(self, names: Sequence[str]) -> None:
        """Install, with a fresh list if a file is no longer in the archive. CannotMeasure with the command to run by hand."""
        by_hand = command_by_hand(f"apt-get install -y {' '.join(names)}", self._uid)
        if not self.may_install():
            raise CannotMeasure(
                f"{' '.join(names)}: installing needs root, which sudo does not give without a password here; run {by_hand}"
            )
        self._say(f"apt-get install {' '.join(names)}")
        done = self._run(("install", *_OPTIONS, *names), _INSTALL_TIMEOUT)
        if done.code != 0 and not self._updated:
            self.update()
            done = self._run(("install", *_OPTIONS, *names), _INSTALL_TIMEOUT)
        if done.code != 0:
            said = [line for line in done.stderr.splitlines() if line.strip()] or [f"exit code {done.code}"]
            reason = next((line for line in said if line.startswith("E: ")), said[-1]).removeprefix("E: ")
            raise CannotMeasure(f"apt-get install failed: {one_line(reason, 300)}; run {by_hand}")

    def _run(self, argv: tuple[str, ...], timeout: float) -> Completed:
        quiet = ("env", "DEBIAN_FRONTEND=noninteractive", "NEEDRESTART_MODE=l")
        argv = (*quiet, "apt-get", *self._options, *argv)
        return as_root(argv, self._system, timeout=timeout, uid=self._uid)
