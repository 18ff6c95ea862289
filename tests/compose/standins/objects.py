#!/usr/bin/env python3
"""Look like a healthy object store that nobody stores anything in."""

from http.server import BaseHTTPRequestHandler, HTTPServer


class Healthy(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/minio/health/live" else 404)
        self.end_headers()


if __name__ == "__main__":
    HTTPServer(("0.0.0.0", 9000), Healthy).serve_forever()  # noqa: S104 - reached from other containers
