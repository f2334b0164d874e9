"""GitHub's REST API as a stateful fake on 127.0.0.1.

Every request is held against GitHub's own description, and so is every answer of the fake. Permissions are enforced
from the token; bodies of comments are limited to 65,536 characters; lists come in pages. A request that GitHub would
not understand is answered as GitHub does, and noted in `violations`, which a test asserts to be empty.
"""

from __future__ import annotations

import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qsl, urlencode, urlsplit

from rig.api import description
from rig.api.answers import HANDLERS, Answer, Request, error
from rig.api.state import Repository
from rig.local_server import LocalServer
from rig.tokens import Token, find


@dataclass(slots=True, kw_only=True)
class Fault:
    """Answers `times` requests that match (``METHOD /path``) with `status` instead."""

    match: str
    status: int
    headers: dict[str, str] = field(default_factory=dict)
    times: int = 1


class ApiServer(LocalServer):
    """`url` is what GITHUB_API_URL must be. `calls` lists ``(METHOD /path?query, status)``."""

    def __init__(self, repository: Repository, tokens: tuple[Token, ...]) -> None:
        super().__init__(_Handler)
        self.repository, self.tokens = repository, tokens
        self.calls: list[tuple[str, int]] = []
        self.violations: list[str] = []
        self.faults: list[Fault] = []
        self.lock = threading.Lock()
        self.url = f"http://127.0.0.1:{self.port}"

    def handle(self, method: str, target: str, authorization: str, raw: bytes) -> Answer:
        url = urlsplit(target)
        found = description.find(method, url.path)
        if found is None:
            self.violations.append(
                f"{method} {url.path}: no such operation in the rig's part of the description"
            )
            return error(404, "Not Found")
        operation, path = found
        token = find(self.tokens, authorization)
        if token is None:
            return error(401, "Bad credentials")
        try:
            body = json.loads(raw) if raw else None
        except ValueError:
            self.violations.append(f"{operation.id}: the body is not JSON")
            return error(400, "Problems parsing JSON")
        query = dict(parse_qsl(url.query, keep_blank_values=True))
        if reason := description.request_problem(operation, path, query, body):
            self.violations.append(reason)
            return error(422, "Invalid request", errors=[reason])
        request = Request(operation=operation.id, path=path, query=query, body=body, token=token)
        answer = self._permitted(request)
        schema = operation.responses.get(str(answer.status))
        if schema and (reason := description.problem(schema, answer.body)):
            raise AssertionError(f"the fake's answer to {operation.id} is not GitHub's: {reason}")
        return answer

    def _permitted(self, request: Request) -> Answer:
        handler, scopes, level = HANDLERS[request.operation]
        named = request.path.get("owner"), request.path.get("repo")
        if named[0] is not None and "/".join(map(str, named)) != self.repository.name:
            return error(404, "Not Found")
        if not any(request.token.may(scope, level) for scope in scopes):
            return error(403, "Resource not accessible by integration")
        with self.lock:
            return handler(self.repository, request)


class _Handler(BaseHTTPRequestHandler):
    owner: ApiServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._serve()

    do_POST = do_PATCH = do_PUT = do_DELETE = do_GET  # noqa: N815

    def _serve(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        asked = f"{self.command} {self.path}"
        fault = next((f for f in self.owner.faults if f.times and re.match(f.match, asked)), None)
        if fault:
            fault.times -= 1
            answer = error(fault.status, "the rig was told to fail here")
        else:
            answer = self.owner.handle(self.command, self.path, self.headers.get("Authorization", ""), raw)
        self.owner.calls.append((asked, answer.status))
        content = b"" if answer.body is None else json.dumps(answer.body).encode()
        self.send_response(answer.status)
        if answer.pages is not None:
            self._link(answer.pages)
        for name, value in (fault.headers if fault else {}).items():
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _link(self, pages: int) -> None:
        """The Link header by which lists are paged (RFC 8288)."""
        url = urlsplit(self.path)
        query = dict(parse_qsl(url.query))
        now = int(query.get("page", 1))
        steps = {"prev": now - 1, "next": now + 1, "last": pages}
        links = [
            f'<{self.owner.url}{url.path}?{urlencode({**query, "page": page})}>; rel="{name}"'
            for name, page in steps.items()
            if 1 <= page <= pages and page != now
        ]
        if links:
            self.send_header("Link", ", ".join(links))

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Quiet: what matters is in `calls`."""
