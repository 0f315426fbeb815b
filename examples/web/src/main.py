"""A small web service: a page that says what it is, and a health check."""

import os
import signal
import sys
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from page import render_page

STATUS_FOLDER = Path("/var/lib/dpkg/status.d")


def count_packages() -> int:
    """How many Debian packages the image has; 0 outside of an image."""
    if not STATUS_FOLDER.is_dir():
        return 0
    return sum(1 for path in STATUS_FOLDER.iterdir() if path.suffix != ".md5sums")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "com.example.app"
    sys_version = ""

    def do_GET(self) -> None:
        if self.path == "/":
            self.answer(HTTPStatus.OK, "text/html; charset=utf-8", render_page(count_packages()))
        elif self.path == "/healthz":
            self.answer(HTTPStatus.OK, "text/plain; charset=utf-8", "ok\n")
        else:
            self.answer(HTTPStatus.NOT_FOUND, "text/plain; charset=utf-8", "There is nothing here.\n")

    do_HEAD = do_GET

    def answer(self, status: HTTPStatus, content_type: str, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def main() -> None:
    # The first process of a container gets no default action for a signal: without this, stopping takes until
    # somebody loses patience.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    address = (os.environ.get("HOST", "0.0.0.0"), int(os.environ.get("PORT", "8080")))
    with ThreadingHTTPServer(address, Handler) as server:
        print(f"listening on {server.server_address[0]}:{server.server_address[1]}", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            sys.exit(0)


if __name__ == "__main__":
    main()
