"""git, called so that no hook, filter or prompt of the repository gets a word in, and no token into an argv."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from pathlib import Path

from perf_action.errors import CannotMeasure, one_line
from perf_action.system import Completed, System

_QUIET = (
    "-c", "core.hooksPath=/dev/null", "-c", "core.fsmonitor=false", "-c", "gc.auto=0", "-c", "maintenance.auto=false",
    "-c", "advice.detachedHead=false",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Access:
    """A token for fetching over HTTP. `server` is the root that it is for, such as ``https://github.com``."""

    server: str
    token: str = field(repr=False)


class Git:
    """git in one repository."""

    def __init__(self, system: System, repo: Path, access: Access | None = None) -> None:
        self._system, self.repo = system, repo
        self._env = {
            **system.environ,
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_LFS_SKIP_SMUDGE": "1",
            "GIT_OPTIONAL_LOCKS": "0",
            "LC_ALL": "C",
            **_identity(),
            **(_authorisation(system, access) if access else {}),
        }

    def try_run(self, *args: str, timeout: float = 300) -> Completed:
        """Run git and return what came of it, whatever the exit code."""
        return self._system.run(["git", *_QUIET, *args], cwd=self.repo, env=self._env, timeout=timeout)

    def run(self, *args: str, timeout: float = 300) -> str:
        """The output, without the last newline. CannotMeasure with git's own words if it fails."""
        done = self.try_run(*args, timeout=timeout)
        if done.code != 0:
            raise CannotMeasure(f"git {args[0]} in {self.repo} failed: {complaint(done)}")
        return done.stdout.removesuffix("\n")

    def commit(self, rev: str) -> str | None:
        """The full id of the commit that `rev` names, or None if there is none here."""
        done = self.try_run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{rev}^{{commit}}")
        return done.stdout.strip() or None if done.code == 0 else None

    @property
    def shallow(self) -> bool:
        return self.run("rev-parse", "--is-shallow-repository") == "true"


def complaint(done: Completed) -> str:
    """The line in which git says what is wrong."""
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    said = [line for line in lines if line.startswith(("fatal:", "error:"))] or lines or ["no output"]
    return one_line(said[-1].removeprefix("fatal: ").removeprefix("error: "), 300)


def open_repository(system: System, path: Path, access: Access | None = None) -> Git:
    """Git in the repository that `path` is in. CannotMeasure if it is in none."""
    done = Git(system, path).try_run("rev-parse", "--show-toplevel")
    if done.code != 0:
        raise CannotMeasure(
            f"{path} is in no git repository ({complaint(done)}); run `git init`, or leave --base out"
        )
    return Git(system, Path(done.stdout.removesuffix("\n")), access)


def _identity() -> dict[str, str]:
    """`git stash create` makes a commit, and a runner has no name configured."""
    return {f"GIT_{who}_{what}": value for who in ("AUTHOR", "COMMITTER") for what, value in (("NAME", "perf-action"), ("EMAIL", "perf-action@localhost"))}  # fmt: skip


def _authorisation(system: System, access: Access) -> dict[str, str]:
    """Configuration by environment. The empty value first drops a header that actions/checkout may have left: two
    headers are an error.
    """
    first = int(system.environ.get("GIT_CONFIG_COUNT") or 0)
    login = base64.b64encode(f"x-access-token:{access.token}".encode()).decode()
    key = f"http.{access.server.rstrip('/')}/.extraheader"
    out = {"GIT_CONFIG_COUNT": str(first + 2)}
    for i, value in enumerate(("", f"AUTHORIZATION: basic {login}"), start=first):
        out |= {f"GIT_CONFIG_KEY_{i}": key, f"GIT_CONFIG_VALUE_{i}": value}
    return out
