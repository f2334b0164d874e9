"""What goes over the wire: JSON, compact."""

from __future__ import annotations

import json
from typing import Any

from starlette.responses import Response


def encode_response(content: Any, status: int = 200) -> Response:
    body = json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode()
    return Response(body, status_code=status, media_type="application/json")


def problem(status: int, title: str, **more: Any) -> Response:
    return encode_response({"status": status, "title": title, **more}, status)
