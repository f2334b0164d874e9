"""git, called so that no hook, filter, prompt or variable of the repository's owner gets a word in.

What opens a server travels as an HTTP header in ``GIT_CONFIG_KEY_n`` / ``GIT_CONFIG_VALUE_n``
(https://git-scm.com/docs/git-config#ENVIRONMENT), so a token is in no argv, on no disk and in no log.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from perf_action.errors import CannotMeasure, one_line
from perf_action.system import Completed, System

#: variables that would lead git into somebody else's repository (a hook runs with them), or make it talk
_NOT_OURS = re.compile(
    r"GIT_(DIR|WORK_TREE|INDEX_FILE|OBJECT_DIRECTORY|ALTERNATE_OBJECT_DIRECTORIES|NAMESPACE|PREFIX|COMMON_DIR"
    r"|QUARANTINE_PATH|SHALLOW_FILE|GRAFT_FILE|REPLACE_REF_BASE|CONFIG|CONFIG_PARAMETERS|CURL_VERBOSE|TRACE\w*)"
)
#: who commits: a runner has no name configured
_BOT = {"NAME": "github-actions[bot]", "EMAIL": "41898282+github-actions[bot]@users.noreply.github.com"}
_SPOKEN = ("fatal: ", "error: ", "remote: ")


@dataclass(frozen=True, slots=True)
class Access:
    """What opens an HTTP server: `server` is its root, such as ``https://github.com``, `header` the value of
    ``http.extraheader``.
    """

    server: str
    header: str = field(repr=False)

    @classmethod
    def of_login(cls, server: str, login: str) -> Access:
        """`login` is ``user:password``."""
        return cls(server, "Authorization: Basic " + base64.b64encode(login.encode()).decode())

    @classmethod
    def of_token(cls, server: str, token: str) -> Access:
        """A token of GitHub."""
        return cls.of_login(server, f"x-access-token:{token}")

    def without_secret(self, text: str) -> str:
        """`text` fit to show, should git ever repeat the header or what is coded in it."""
        for secret in self._spellings():
            text = text.replace(secret, "***")
        return text

    def _spellings(self) -> tuple[str, ...]:
        """The header, its credentials, and the password within them."""
        code = self.header.rpartition(" ")[2]
        try:
            password = base64.b64decode(code, validate=True).decode().partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            password = ""
        return tuple(s for s in (self.header, code, password) if s)


class Git:
    """git in one directory. `access` is for what it may fetch and push, `error` what is raised when it fails."""

    def __init__(
        self,
        system: System,
        directory: Path,
        access: Access | None = None,
        *,
        error: type[CannotMeasure] = CannotMeasure,
    ) -> None:
        self.directory = directory
        self._system, self._access, self._error = system, access, error

    def run(
        self,
        *args: str,
        stdin: bytes | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float = 300,
    ) -> Completed:
        """Run to the end, whatever the exit code; messages are English and free of secrets."""
        environ = {**_environment(self._system.environ, self._settings()), **(env or {})}
        argv = ["git", *args]
        done = self._system.run(argv, cwd=self.directory, env=environ, stdin=stdin, timeout=timeout)
        return replace(done, stderr=self._access.without_secret(done.stderr)) if self._access else done

    def out(
        self,
        *args: str,
        stdin: bytes | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float = 300,
    ) -> str:
        """The output without the last newline; `error` with git's own words if it fails."""
        done = self.run(*args, stdin=stdin, env=env, timeout=timeout)
        if done.code:
            raise self._error(f"git {args[0]} failed: {complaint(done)}")
        return done.stdout.removesuffix("\n")

    def commit(self, rev: str) -> str | None:
        """The full id of the commit that `rev` names, or None if there is none here."""
        done = self.run("rev-parse", "--verify", "--quiet", "--end-of-options", f"{rev}^{{commit}}")
        return done.stdout.strip() or None if done.code == 0 else None

    def parents(self, commit: str) -> tuple[str, ...]:
        """As the commit itself has them, also where a shallow clone hides them; they need not be here."""
        header = self.out("cat-file", "commit", commit).partition("\n\n")[0]
        return tuple(line.split()[1] for line in header.splitlines() if line.startswith("parent "))

    def start(self, origin: str) -> None:
        """An empty repository of our own, with an address to fetch from and push to."""
        self.directory.mkdir(parents=True, exist_ok=True)
        self.out("init", "--quiet", "--bare", "--template=")
        self.out("config", "remote.origin.url", origin)

    @property
    def shallow(self) -> bool:
        """Whether commits before some of those that are here were left out."""
        return self.out("rev-parse", "--is-shallow-repository") == "true"

    def _settings(self) -> list[tuple[str, str]]:
        settings = [
            ("core.hooksPath", "/dev/null"),
            ("core.fsmonitor", "false"),
            ("advice.detachedHead", "false"),
            ("gc.auto", "0"),
            ("maintenance.auto", "false"),
            ("safe.directory", str(self.directory)),  # a container's checkout belongs to another user
            ("http.lowSpeedLimit", "1000"),
            ("http.lowSpeedTime", "60"),
        ]
        if self._access:
            key = f"http.{self._access.server.rstrip('/')}/.extraheader"
            # the empty one drops what actions/checkout may have left: two headers are an error
            settings += [(key, ""), (key, self._access.header)]
        return settings


def open_repository(system: System, path: Path, access: Access | None = None) -> Git:
    """Git in the repository that `path` is in. CannotMeasure if it is in none."""
    done = Git(system, path).run("rev-parse", "--show-toplevel")
    if done.code != 0:
        raise CannotMeasure(
            f"{path} is in no git repository ({complaint(done)}); run `git init`, or leave --base out"
        )
    return Git(system, Path(done.stdout.removesuffix("\n")), access)


def token_of(environ: Mapping[str, str]) -> str:
    """The token of the environment: GITHUB_TOKEN, else GH_TOKEN, else empty."""
    return environ.get("GITHUB_TOKEN", "").strip() or environ.get("GH_TOKEN", "").strip()


def access_of(environ: Mapping[str, str]) -> Access | None:
    """What the token of the environment opens: the GitHub server that gave it."""
    token = token_of(environ)
    server = environ.get("GITHUB_SERVER_URL", "https://github.com").rstrip("/")
    return Access.of_token(server, token) if token else None


def complaint(done: Completed) -> str:
    """The line in which git, or the server, says what is wrong."""
    lines = [
        line.strip() for line in done.stderr.splitlines() if line.strip() and not line.startswith("hint:")
    ]
    said = next((line for line in lines if line.startswith(_SPOKEN)), "")
    for prefix in _SPOKEN:
        said = said.removeprefix(prefix)
    return one_line(said or (lines[-1] if lines else f"exit code {done.code}"), 300)


def _environment(environ: Mapping[str, str], settings: list[tuple[str, str]]) -> dict[str, str]:
    env = {k: v for k, v in environ.items() if not _NOT_OURS.fullmatch(k)}
    env |= {
        "LC_ALL": "C",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_LFS_SKIP_SMUDGE": "1",
    }
    env |= {f"GIT_{who}_{k}": v for who in ("AUTHOR", "COMMITTER") for k, v in _BOT.items()}
    given = env.get("GIT_CONFIG_COUNT", "0")
    start = int(given) if given.isdecimal() else 0
    for n, (key, value) in enumerate(settings, start):
        env[f"GIT_CONFIG_KEY_{n}"], env[f"GIT_CONFIG_VALUE_{n}"] = key, value
    return env | {"GIT_CONFIG_COUNT": str(start + len(settings))}
