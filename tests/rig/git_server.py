"""A git remote over HTTP, as GitHub's: real ``git http-backend`` behind a wrapper that asks for a token.

Reading needs `contents: read`, pushing `contents: write`. Requests are kept, so that a test can see who fetched what.
"""

from __future__ import annotations

import os
import re
import subprocess
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from urllib.parse import unquote, urlsplit

from rig.local_server import LocalServer
from rig.tokens import Token, find

#: a repository, with or without .git as at GitHub, and what is asked of it
_PATH = re.compile(r"(.+?)(?:\.git)?(/(?:info/refs|git-upload-pack|git-receive-pack))")


class GitServer(LocalServer):
    """Serves every bare repository below `root`. `url` is an address below *.localhost, which the artifact library
    takes for GitHub itself; git resolves it to the loopback.
    """

    def __init__(self, root: Path, tokens: tuple[Token, ...]) -> None:
        super().__init__(_Handler)
        self.root, self.tokens = root, tokens
        self.requests: list[str] = []
        self.outages = 0  # so many times it answers 502 before it works
        self.url = f"http://gh.localhost:{self.port}"


class _Handler(BaseHTTPRequestHandler):
    owner: GitServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def _serve(self) -> None:
        url = urlsplit(self.path)
        pushing = "git-receive-pack" in self.path
        body = self._body()
        self.owner.requests.append(f"{self.command} {self.path}")
        path = _PATH.fullmatch(unquote(url.path))
        if self.owner.outages:
            self.owner.outages -= 1
            return self._refuse(502, "Bad gateway")
        token = find(self.owner.tokens, self.headers.get("Authorization", ""))
        if token is None:
            return self._refuse(401, "Authentication required")
        if not token.may("contents", "write" if pushing else "read"):
            return self._refuse(403, "Permission to this repository denied to github-actions[bot].")
        if path is None:
            return self._refuse(404, "Not found")
        self._answer(self._backend(f"{path[1]}.git{path[2]}", url.query, token, body))
        return None

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _backend(self, path: str, query: str, token: Token, body: bytes) -> bytes:
        """One CGI call (RFC 3875)."""
        environ = {
            "PATH": os.environ["PATH"],
            "GIT_PROJECT_ROOT": str(self.owner.root),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "REQUEST_METHOD": self.command,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "REMOTE_USER": token.login,
            "REMOTE_ADDR": "127.0.0.1",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
        }
        done = subprocess.run(
            ["git", "http-backend"], input=body, env=environ, capture_output=True, timeout=60
        )
        return done.stdout

    def _answer(self, cgi: bytes) -> None:
        head, _, content = cgi.partition(b"\r\n\r\n")
        headers = [line.split(": ", 1) for line in head.decode().split("\r\n") if line]
        status = next((value for name, value in headers if name == "Status"), "200 OK")
        self.send_response(int(status.split()[0]))
        for name, value in headers:
            if name != "Status":
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _refuse(self, code: int, message: str) -> None:
        content = f"{message}\n".encode()
        self.send_response(code)
        if code == 401:
            self.send_header("WWW-Authenticate", 'Basic realm="GitHub"')
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Quiet: what matters is in `requests`."""
