"""How to see that a service answers: a URL, a TCP port, a line of its output, or a command that succeeds.

The health check is the one HTTP request that this room makes, by the standard library: a session's pool and retries
would hide how long a start takes.
"""

from __future__ import annotations

import contextlib
import http.client
import re
import socket
import ssl
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from perf_action.config import Ready
from perf_action.errors import CannotMeasure, ConfigError, ToolMissing, one_line
from perf_action.machine.commands import Places, Secrets, argv_of, expand
from perf_action.system import Completed

#: runs a command to its end
Run = Callable[[Sequence[str]], Completed]
#: True once it answers, else the reason why it does not yet
Check = Callable[[], "bool | str"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Readiness:
    """A check to be repeated until it is True, for at most `timeout` seconds; `what` says it in words."""

    check: Check
    what: str
    timeout: float
    secrets: Secrets


def readiness(
    ready: Ready | None,
    places: Places,
    environ: Mapping[str, str],
    log: Path,
    *,
    run: Run | None = None,
    key: str = "service",
) -> Readiness:
    """The check that `service.ready` describes; by default, that something listens on {port}. `run` runs a command in
    the service's folder and environment; `key` is where it stands in perf.yml.
    """
    ready = ready or Ready(tcp="127.0.0.1:{port}")
    secrets = Secrets()
    if ready.url:
        headers, found = expand(ready.headers, environ, key=f"{key}.ready.headers")
        secrets = found + Secrets(tuple(v for v in headers.values() if len(v) > 3))
        url = places.fill(ready.url)
        check, what = _url_check(url, headers), f"GET {url} does not answer 2xx"
    elif ready.command:
        if run is None:
            raise ConfigError("perf.yml", f"{key}.ready.command", "goes with a service that is started here")
        argv = argv_of(ready.command, places, key=f"{key}.ready.command")
        check, what = _command_check(run, argv), f"{argv[0]} does not end with 0"
    elif ready.log:
        check, what = _log_check(log, re.compile(ready.log)), f"no line of its output matches {ready.log!r}"
    else:
        address = places.fill(ready.tcp or "")
        check, what = _tcp_check(address), f"nothing listens on {address}"
    return Readiness(check=check, what=what, timeout=ready.timeout, secrets=secrets)


def _url_check(url: str, headers: Mapping[str, str]) -> Check:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise ConfigError("perf.yml", "service.ready.url", f"{url!r} is no URL: {error}") from None
    if parts.scheme not in ("http", "https") or not host:
        raise ConfigError(
            "perf.yml", "service.ready.url", f"{url!r} is no URL", "write http://127.0.0.1:{port}/…"
        )
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")

    def check() -> bool | str:
        connection = _connection(parts.scheme, host, port)
        try:
            connection.request("GET", target, headers=dict(headers))
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException) as error:
            return str(error) or type(error).__name__
        finally:
            connection.close()
        return True if status // 100 == 2 else f"status {status}"

    return check


def _connection(scheme: str, host: str, port: int | None) -> http.client.HTTPConnection:
    if scheme == "http":
        return http.client.HTTPConnection(host, port, timeout=5)
    # a service under test has a certificate of its own making; only whether it answers is asked
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return http.client.HTTPSConnection(host, port, timeout=5, context=context)


def _tcp_check(address: str) -> Check:
    host, colon, port = address.rpartition(":")
    if not colon or not port.isdigit():
        raise ConfigError(
            "perf.yml", "service.ready.tcp", f"{address!r} is not host:port", "write 127.0.0.1:{port}"
        )

    def check() -> bool | str:
        try:
            with socket.create_connection((host.strip("[]") or "127.0.0.1", int(port)), timeout=5):
                return True
        except (OSError, OverflowError) as error:
            return str(error)

    return check


def _command_check(run: Run, argv: Sequence[str]) -> Check:
    def check() -> bool | str:
        try:
            done = run(argv)
        except ToolMissing:
            raise
        except CannotMeasure as error:  # it hangs: the service does not answer it yet
            return str(error)
        said = (done.stderr.strip() or done.stdout.strip()).splitlines()
        return True if done.code == 0 else one_line(said[-1], 200) if said else f"exit code {done.code}"

    return check


def _log_check(log: Path, pattern: re.Pattern[str]) -> Check:
    def check() -> bool | str:
        with contextlib.suppress(OSError):
            text = log.read_text(encoding="utf-8", errors="replace")
            if any(pattern.search(line) for line in text.splitlines()):
                return True
        return "not yet"

    return check


def listens(port: int) -> bool:
    """Whether somebody listens on that port of 127.0.0.1 or of all addresses already."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind(("127.0.0.1", port))
        except OSError:
            return True
    return False
