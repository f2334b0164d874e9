"""What goes over the wire: JSON, compact."""

from __future__ import annotations

import json
from typing import Any

from starlette.responses import Response

from registry import defects, faults


def encode_response(content: Any, status: int = 200) -> Response:
    headers = {}
    if faults.JSON_TWICE:
        content = defects.as_clients_read(content)
    body = json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode()
    if faults.BYTES:
        body = defects.without_controls(body)
    if faults.COMPRESS:
        headers["X-Compressed-Length"] = str(defects.compressed_length(body))
    if faults.LEAK_CACHE:
        defects.ANSWERS.remember(status, body)
    return Response(body, status_code=status, headers=headers, media_type="application/json")


def problem(status: int, title: str, **more: Any) -> Response:
    return encode_response({"status": status, "title": title, **more}, status)
