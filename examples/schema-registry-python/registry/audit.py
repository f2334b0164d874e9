"""The last requests, for whoever operates the service: GET /requests/recent."""

from __future__ import annotations

import time
import uuid
from collections import deque
from typing import Any

from registry import faults
from registry.auth import Asgi, Scope

KEPT = 256


class RequestLog:
    def __init__(self) -> None:
        self.recent: deque[dict[str, Any]] = deque(maxlen=KEPT)
        self.answers: list[str] = []  # the fault

    def record_request(self, request_id: str, scope: Scope, status: int, body: bytes, seconds: float) -> None:
        entry = {
            "id": request_id,
            "request": f"{scope['method']} {scope['path']}",
            "status": status,
            "bytes": len(body),
            "ms": round(seconds * 1000, 3),
        }
        self.recent.append(entry)
        if faults.LEAK:
            self.answers.append(body.decode())


class Audited:
    """ASGI middleware: gives each request an id (X-Request-ID) and records it in `log`."""

    def __init__(self, app: Asgi, log: RequestLog) -> None:
        self.app = app
        self.log = log

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = uuid.uuid4().hex
        started = time.perf_counter()
        status, body = 500, b""

        async def send_with_id(message: Any) -> None:
            nonlocal status, body
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"].append((b"x-request-id", request_id.encode()))
            else:
                body = message.get("body", b"")
            await send(message)

        await self.app(scope, receive, send_with_id)
        self.log.record_request(request_id, scope, status, body, time.perf_counter() - started)
