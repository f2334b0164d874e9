"""Who may use the service: everyone who knows the key."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable
from typing import Any

from registry import defects, faults
from registry.responses import problem

Scope = dict[str, Any]
Asgi = Callable[[Scope, Callable[[], Awaitable[Any]], Callable[[Any], Awaitable[None]]], Awaitable[None]]


class ApiKeyRequired:
    """ASGI middleware: 401 without the right X-API-Key."""

    def __init__(self, app: Asgi, key: str) -> None:
        self.app = app
        self._key = key.encode()

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and not hmac.compare_digest(given_key(scope), self._key):
            await problem(401, "X-API-Key is missing or wrong")(scope, receive, send)
            return
        if scope["type"] == "http":
            await before_request(scope)
        await self.app(scope, receive, send)


async def before_request(scope: Scope) -> None:
    """Where some of the faults are; nothing without them."""
    if faults.SLEEP and scope["path"].startswith("/compatibility/"):
        await defects.wait_for_replicas()
    if faults.FILE_READ:
        await defects.version_of_sources()
    if faults.STRPTIME:
        defects.is_holiday()
    if faults.COLLECT and scope["path"].startswith("/schemas/") and scope["method"] == "POST":
        defects.tidy_up()
    if faults.LEAK_LISTENER:
        defects.LISTENERS.subscribe(scope)


def given_key(scope: Scope) -> bytes:
    for name, value in scope["headers"]:
        if name == b"x-api-key":
            return value
    return b""
