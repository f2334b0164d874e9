"""Fetches Go's profiles from a running service, over /debug/pprof (https://pkg.go.dev/net/http/pprof).

`fetch_all` gets several at once. As a program it is the recorder of one slice: what is wanted is in argv as
``NAME=FILE``, headers (``$NAME`` is taken from the environment) come by the environment, never by argv.

* ``profile``, ``allocs``, ``mutex`` and ``block`` are asked for with ``?seconds=``: what happened meanwhile. ``heap``
  (``?gc=1``, so that what is dead is not in it) and ``goroutine`` are what is there at the end.
* An answer that is no profile (404, a web page, a redirect) is a `Refused` with the server's own words. Redirects are not
  followed, since the headers would go along.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import requests
from requests.auth import AuthBase

from perf_action.errors import CannotMeasure, PerfActionError, UsageError, one_line
from perf_action.profilers.pprof import AFTER, HEADERS_VARIABLE, RECORDING, TIMED, Server
from perf_action.system import System, write_bytes

LARGEST_BYTES: Final = 1 << 28
_CONNECT_S, _PATIENCE_S = 5.0, 30.0
_VARIABLE = re.compile(r"\$(\$)|\$(?:\{(\w+)\}|(\w+))")
_PAGE = re.compile(rb"\s*<(?:!doctype|html|\?xml|head|body)", re.IGNORECASE)


class Refused(CannotMeasure):
    """The server answered with something else than a profile, or not at all; says what, and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of one profile: its bytes, or the problem."""

    name: str
    data: bytes = field(default=b"", repr=False)
    problem: str = ""


class _NoAuth(AuthBase):
    """With an `auth` of its own requests does not look for a password in ~/.netrc."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


def fetch_all(server: Server, names: Sequence[str], seconds: int) -> list[Outcome]:
    """The profiles of those names over the next `seconds`, in the order of `names`; none failing harms another."""
    unknown = [name for name in names if name not in (*TIMED, *AFTER)]
    if unknown:
        raise UsageError(f"there is no profile {unknown[0]!r}; there is {', '.join((*TIMED, *AFTER))}")
    timed = [name for name in names if name in TIMED]
    with ThreadPoolExecutor(max(1, len(timed))) as pool:
        outcomes = list(pool.map(lambda name: _outcome(server, name, seconds), timed))
    outcomes += [_outcome(server, name, None) for name in names if name in AFTER]
    return sorted(outcomes, key=lambda outcome: names.index(outcome.name))


def _outcome(server: Server, name: str, seconds: int | None) -> Outcome:
    try:
        return Outcome(name=name, data=fetch(server, name, seconds=seconds))
    except Refused as error:
        return Outcome(name=name, problem=str(error))


def fetch(server: Server, name: str, *, seconds: int | None = None, limit: int = LARGEST_BYTES) -> bytes:
    """One profile of at most `limit` bytes, as the server sends it: over the next `seconds`, or as it is now.

    Raises Refused.
    """
    query = AFTER.get(name, "") if seconds is None else f"seconds={seconds}"
    url = f"{server.base.rstrip('/')}/{name}" + (f"?{query}" if query else "")
    with requests.Session() as session:
        session.trust_env = not _is_here(server.base)
        try:
            with session.get(
                url,
                headers={**server.headers},
                timeout=(_CONNECT_S, (seconds or 0) + _PATIENCE_S),
                allow_redirects=False,
                auth=_NoAuth(),
                stream=True,
            ) as response:
                data = _body(url, response, limit)
        except (requests.RequestException, UnicodeError) as error:
            raise Refused(f"GET {url}: {_reason(error)}") from None
    _check(url, response, data)
    if seconds and name != "profile" and response.elapsed.total_seconds() < seconds / 2:
        raise Refused(
            f"GET {url}: answered at once, without waiting; Go before 1.15 knows no ?seconds= there"
        )
    return data


def _body(url: str, response: requests.Response, limit: int) -> bytes:
    parts: list[bytes] = []
    size = 0
    for part in response.iter_content(1 << 16):
        size += len(part)
        if size > limit:
            raise Refused(f"GET {url}: larger than a profile can be ({limit >> 10} KiB)")
        parts.append(part)
    return b"".join(parts)


def _check(url: str, response: requests.Response, data: bytes) -> None:
    code = response.status_code
    if response.is_redirect:
        where = one_line(response.headers.get("Location", ""), 200)
        raise Refused(f"GET {url}: {code}, leads to {where}; give the URL where /debug/pprof is")
    if code != 200:
        said = (
            "a web page" if _PAGE.match(data) else one_line(data[:300].decode(errors="replace").strip(), 200)
        )
        remedy = {
            401: "; give the headers that it wants",
            403: "; give the headers that it wants",
            404: '; import _ "net/http/pprof", serve it, and give its URL if it is on another port',
        }.get(code, "; make the slices shorter" if "WriteTimeout" in said else "")
        raise Refused(f"GET {url}: {code} {one_line(response.reason or '', 50)}: {said or 'no text'}{remedy}")
    if _PAGE.match(data):
        raise Refused(f"GET {url}: answered with a web page, no profile; give the URL where /debug/pprof is")
    if not data:
        raise Refused(f"GET {url}: the answer is empty")


def _reason(error: Exception) -> str:
    """What went wrong, without the objects that requests wraps it in."""
    if isinstance(error, (requests.exceptions.InvalidHeader, UnicodeError)):
        return "a header has a character that none may have"  # which one is not said: it may be a secret
    if isinstance(error, requests.Timeout):
        return "no answer in time"
    if isinstance(error, requests.ConnectionError):
        return "nobody answers there" if "refused" in str(error).lower() else "the connection was lost"
    return one_line(error, 200)


def _is_here(url: str) -> bool:
    """Whether a URL is of this machine, where no proxy leads to."""
    host = urlsplit(url).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def headers_of(environ: Mapping[str, str]) -> dict[str, str]:
    """The headers that the environment asks for, ``$NAME`` and ``${NAME}`` replaced (``$$`` is a dollar)."""
    given = json.loads(environ.get(HEADERS_VARIABLE) or "{}")

    def value(match: re.Match[str]) -> str:
        if match[1]:
            return "$"
        name = match[2] or match[3]
        if name not in environ:
            raise UsageError(f"the environment variable {name}, which a header needs, is not set")
        return environ[name]

    return {name: _VARIABLE.sub(value, text) for name, text in given.items()}


def record(argv: Sequence[str], environ: Mapping[str, str]) -> int:
    """Fetch what `argv` names into files and print what could not be had; 1 if nothing could."""
    parser = argparse.ArgumentParser(prog="pprof_http")
    parser.add_argument("base")
    parser.add_argument("seconds", type=int)
    parser.add_argument("wanted", nargs="+", metavar="NAME=FILE")
    args = parser.parse_args(argv)
    files = dict(word.split("=", 1) for word in args.wanted)
    server = Server(base=args.base, headers=headers_of(environ))
    print(RECORDING, flush=True)  # noqa: T201
    outcomes = fetch_all(server, list(files), max(1, args.seconds))
    for outcome in outcomes:
        if outcome.problem:
            print(outcome.problem, flush=True)  # noqa: T201
        else:
            write_bytes(Path(files[outcome.name]), outcome.data)
    return 0 if any(not outcome.problem for outcome in outcomes) else 1


def main() -> None:
    try:
        code = record(sys.argv[1:], System().environ)
    except PerfActionError as error:
        print(error, flush=True)  # noqa: T201
        code = 1
    sys.exit(code)


if __name__ == "__main__":
    main()
