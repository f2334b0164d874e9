"""Where the branch of a store is, and what opens it. The user's checkout is only ever asked questions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from perf_action.errors import UsageError
from perf_action.git import Access, Git, access_of, complaint
from perf_action.system import System


@dataclass(frozen=True, slots=True, kw_only=True)
class Remote:
    """`url` is without user and password; `access` is None where nothing is needed, or known."""

    url: str
    access: Access | None = None

    @property
    def origin(self) -> str:
        """Scheme, host and port of an HTTP address; empty for any other."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}" if parts.scheme in ("http", "https") else ""


def remote_of(system: System, repository: Path, name: str) -> Remote:
    """The remote `name` of a checkout (or an address), with what opens it.

    Credentials, in this order: those in the address itself (taken out of it); the token of the environment, if the
    address is on the GitHub server that gave it; what the checkout left in its configuration (persist-credentials).
    """
    asked = Git(system, repository).run("remote", "get-url", "--", name)
    url = asked.stdout.strip() if asked.code == 0 else name
    if asked.code and not _is_address(name, repository):
        raise UsageError(
            f"{repository}: no git remote {name!r} ({complaint(asked)}); add it, or use --store DIR"
        )
    url, userinfo = _split_credentials(url)
    if "://" not in url and (repository / url).exists():
        url = str((repository / url).resolve())
    plain = Remote(url=url)
    if not plain.origin:
        return plain
    if userinfo:
        return Remote(url=url, access=Access.of_login(plain.origin, userinfo))
    access = access_of(system.environ)
    if access and access.server == plain.origin:
        return Remote(url=url, access=access)
    kept = Git(system, repository).run("config", "--get-urlmatch", "http.extraheader", url)
    header = kept.stdout.strip() if kept.code == 0 else ""
    return Remote(url=url, access=Access(plain.origin, header) if header else None)


def _is_address(name: str, repository: Path) -> bool:
    return "://" in name or bool(re.match(r"[\w.-]+@[\w.-]+:", name)) or (repository / name).is_dir()


def _split_credentials(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    userinfo, at, host = parts.netloc.rpartition("@")
    if not at or parts.scheme not in ("http", "https"):
        return url, ""
    return urlunsplit(parts._replace(netloc=host)), unquote(userinfo)
