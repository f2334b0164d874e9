"""git as this room uses it: in a repository of our own, with the token in the environment only.

The user's checkout is only ever asked questions (the address of a remote, the parents of a commit). The token
travels as an HTTP header in ``GIT_CONFIG_KEY_n`` / ``GIT_CONFIG_VALUE_n``
(https://git-scm.com/docs/git-config#ENVIRONMENT), so it is in no argv, on no disk and in no log.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from perf_action.errors import StoreError, UsageError
from perf_action.system import Completed, System

#: variables that would lead git into somebody else's repository (a hook runs with them), or make it talk
_NOT_OURS = re.compile(
    r"GIT_(DIR|WORK_TREE|INDEX_FILE|OBJECT_DIRECTORY|ALTERNATE_OBJECT_DIRECTORIES|NAMESPACE|PREFIX|COMMON_DIR"
    r"|QUARANTINE_PATH|SHALLOW_FILE|GRAFT_FILE|REPLACE_REF_BASE|CONFIG|CONFIG_PARAMETERS|CURL_VERBOSE|TRACE\w*)"
)
_BOT = {"NAME": "github-actions[bot]", "EMAIL": "41898282+github-actions[bot]@users.noreply.github.com"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """`url` without user and password; `header` is the value of ``http.extraheader``, empty where none is needed."""

    url: str
    header: str = field(default="", repr=False)

    @property
    def origin(self) -> str:
        """Scheme, host and port of an HTTP address; empty for any other."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}" if parts.scheme in ("http", "https") else ""

    def without_secret(self, text: str) -> str:
        """`text` fit to show, should git ever repeat the header or what is coded in it."""
        for secret in _spellings(self.header):
            text = text.replace(secret, "***")
        return text


def _spellings(header: str) -> tuple[str, ...]:
    """The header, its credentials, and the password within them."""
    code = header.rpartition(" ")[2]
    try:
        password = base64.b64decode(code, validate=True).decode().partition(":")[2]
    except (binascii.Error, UnicodeDecodeError):
        password = ""
    return tuple(s for s in (header, code, password) if s)


class Git:
    """git in one directory. `remote` gives the credentials for what it may fetch and push."""

    def __init__(self, system: System, directory: Path, remote: Remote | None = None) -> None:
        self.system, self.directory, self.remote = system, directory, remote

    def run(self, *args: str, stdin: bytes | None = None, env: Mapping[str, str] | None = None) -> Completed:
        """Run to the end, whatever the exit code; messages are English and free of secrets."""
        done = self.system.run(
            ["git", *args],
            cwd=self.directory,
            env={**self._environment(), **(env or {})},
            stdin=stdin,
            timeout=300,
        )
        if self.remote is None:
            return done
        clean = self.remote.without_secret
        return Completed(
            argv=done.argv,
            code=done.code,
            stdout=done.stdout,
            stderr=clean(done.stderr),
            seconds=done.seconds,
        )

    def out(self, *args: str, stdin: bytes | None = None, env: Mapping[str, str] | None = None) -> str:
        """The output, stripped; StoreError with git's own words if it fails."""
        done = self.run(*args, stdin=stdin, env=env)
        if done.code:
            raise failure(f"git {args[0]}", done)
        return done.stdout.strip()

    def _environment(self) -> dict[str, str]:
        env = {k: v for k, v in self.system.environ.items() if not _NOT_OURS.fullmatch(k)}
        env |= {
            "LC_ALL": "C",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_NO_REPLACE_OBJECTS": "1",
        }
        env |= {f"GIT_{who}_{k}": v for who in ("AUTHOR", "COMMITTER") for k, v in _BOT.items()}
        given = env.get("GIT_CONFIG_COUNT", "0")
        start = int(given) if given.isdecimal() else 0
        settings = self._settings()
        for n, (key, value) in enumerate(settings, start):
            env[f"GIT_CONFIG_KEY_{n}"], env[f"GIT_CONFIG_VALUE_{n}"] = key, value
        env["GIT_CONFIG_COUNT"] = str(start + len(settings))
        return env

    def _settings(self) -> list[tuple[str, str]]:
        settings = [
            ("core.hooksPath", "/dev/null"),
            ("gc.auto", "0"),
            ("maintenance.auto", "false"),
            ("safe.directory", str(self.directory)),  # a container's checkout belongs to another user
            ("http.lowSpeedLimit", "1000"),
            ("http.lowSpeedTime", "60"),
        ]
        if self.remote and self.remote.header and self.remote.origin:
            key = f"http.{self.remote.origin}/.extraheader"
            settings += [(key, ""), (key, self.remote.header)]  # the empty one drops what is set elsewhere
        return settings


def failure(what: str, done: Completed) -> StoreError:
    """Git's own last words as an error."""
    lines = [line for line in done.stderr.splitlines() if line.strip() and not line.startswith("hint:")]
    said = next((line for line in lines if line.startswith(("fatal:", "error:", "remote:"))), "")
    return StoreError(f"{what}: {said or (lines[-1] if lines else f'exit code {done.code}')}")


def remote_of(system: System, repository: Path, name: str) -> Remote:
    """The remote `name` of a checkout (or an address), with what opens it.

    Credentials, in this order: those in the address itself (taken out of it); the token of the environment, if the
    address is on the GitHub server that gave it; what the checkout left in its configuration (persist-credentials).
    """
    asked = Git(system, repository).run("remote", "get-url", "--", name)
    url = asked.stdout.strip() if asked.code == 0 else name
    if asked.code and not _is_address(name, repository):
        raise UsageError(
            f"{repository}: no git remote {name!r} ({failure('git', asked)}); add it, or use --store DIR"
        )
    url, userinfo = _split_credentials(url)
    if "://" not in url and (repository / url).exists():
        url = str((repository / url).resolve())
    plain = Remote(url=url)
    if not plain.origin:
        return plain
    if userinfo:
        return Remote(url=url, header=_basic(userinfo))
    token = token_of(system.environ)
    if token and plain.origin == system.environ.get("GITHUB_SERVER_URL", "https://github.com").rstrip("/"):
        return Remote(url=url, header=_basic(f"x-access-token:{token}"))
    kept = Git(system, repository).run("config", "--get-urlmatch", "http.extraheader", url)
    return Remote(url=url, header=kept.stdout.strip() if kept.code == 0 else "")


def token_of(environ: Mapping[str, str]) -> str:
    """The token of the environment: GITHUB_TOKEN, else GH_TOKEN, else empty."""
    return environ.get("GITHUB_TOKEN", "").strip() or environ.get("GH_TOKEN", "").strip()


def _is_address(name: str, repository: Path) -> bool:
    return "://" in name or bool(re.match(r"[\w.-]+@[\w.-]+:", name)) or (repository / name).is_dir()


def _split_credentials(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    userinfo, at, host = parts.netloc.rpartition("@")
    if not at or parts.scheme not in ("http", "https"):
        return url, ""
    return urlunsplit(parts._replace(netloc=host)), unquote(userinfo)


def _basic(userinfo: str) -> str:
    return "Authorization: Basic " + base64.b64encode(userinfo.encode()).decode()
