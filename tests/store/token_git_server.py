"""A git server over HTTP that asks for a token: `git http-backend` behind Python's own web server.

Anyone with one of the tokens may read; pushing takes the writing one, and is refused with GitHub's own words.
"""

from __future__ import annotations

import base64
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urlsplit


@dataclass
class GitServer:
    """`url` is its address without a path; `seen` the requests, with what they had as Authorization."""

    root: Path
    reader: str = "reader-token"
    writer: str = "writer-token"
    seen: list[tuple[str, str]] = field(default_factory=list)
    #: answers 502 this many times before it works
    outages: int = 0
    url: str = ""

    def may(self, authorization: str, *, write: bool) -> bool:
        allowed = {_basic(self.writer)} | (set() if write else {_basic(self.reader)})
        return authorization in allowed


def _basic(token: str) -> str:
    return "Basic " + base64.b64encode(f"x-access-token:{token}".encode()).decode()


@contextmanager
def serving(root: Path) -> Iterator[GitServer]:
    state = GitServer(root)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(b"")

        def do_POST(self) -> None:
            self._answer(self._body())

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding") != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length", "0")))
            parts = []
            while size := int(self.rfile.readline(), 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)

        def _answer(self, body: bytes) -> None:
            given = self.headers.get("Authorization", "")
            state.seen.append((self.path, given))
            url = urlsplit(self.path)
            write = "git-receive-pack" in self.path
            if state.outages:
                state.outages -= 1
                self._plain(502, b"bad gateway")
            elif not state.may(given, write=False):
                self._plain(401, b"who are you?")
            elif write and not state.may(given, write=True):
                self._plain(403, b"remote: Permission to o/r.git denied to github-actions[bot].")
            else:
                self._backend(unquote(url.path), url.query, body)

        def _backend(self, path: str, query: str, body: bytes) -> None:
            env = {
                "GIT_PROJECT_ROOT": str(state.root),
                "GIT_HTTP_EXPORT_ALL": "1",
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "REQUEST_METHOD": self.command,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "CONTENT_LENGTH": str(len(body)),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                "REMOTE_USER": "tester",
                "REMOTE_ADDR": "127.0.0.1",
                "PATH": "/usr/bin:/bin",
            }
            done = subprocess.run(
                ["git", "http-backend"], input=body, env=env, capture_output=True, timeout=60
            )
            head, _, rest = done.stdout.partition(b"\r\n\r\n")
            headers = [line.split(": ", 1) for line in head.decode().split("\r\n")]
            status = next((int(v.split()[0]) for k, v in headers if k == "Status"), 200)
            self.send_response(status)
            for key, value in headers:
                if key != "Status":
                    self.send_header(key, value)
            self.send_header("Content-Length", str(len(rest)))
            self.end_headers()
            self.wfile.write(rest)

        def _plain(self, status: int, text: bytes) -> None:
            self.send_response(status)
            if status == 401:
                self.send_header("WWW-Authenticate", 'Basic realm="git"')
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        state.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield state
        finally:
            server.shutdown()
            thread.join()
