"""The server that the load samples were made with: /items answers, all else fails."""

import http.server
import sys


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        status = 200 if self.path == "/items" else 500
        self.wfile.write(b"HTTP/1.1 %d OK\r\nContent-Length: 2\r\n\r\nok" % status)

    def log_message(self, *args):
        pass


http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
