"""A server for the tests, and a proxy in front of it that loses, cuts and refuses."""

import http.client
import json
import os
import subprocess
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit


def serve(folder: str) -> tuple["subprocess.Popen[str]", str]:
    environment = {**os.environ, "LASTSEAT_LOG_LEVEL": "warn"}
    arguments = [os.environ.get("LASTSEAT_PROGRAM", "lastseat"), "serve", "--listen", "127.0.0.1:0", "--data", folder]
    server = subprocess.Popen(arguments, env=environment, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    for line in server.stdout:
        if "Seat map" in line:
            threading.Thread(target=server.stdout.read, daemon=True).start()
            return server, line.split()[-1].rstrip("/")
    raise SystemExit("the server said no address")


@dataclass(frozen=True)
class Trouble:
    """What happens to one request: the answer is lost (`lose`), the request never arrives (`drop`), the answer ends after so many bytes of
    its body (`cut_after`), nothing more comes after them (`stall_after`), or the proxy answers (`status`; with a `code` as the server would)."""

    lose: bool = False
    drop: bool = False
    cut_after: int | None = None
    stall_after: int | None = None
    status: int | None = None
    code: str | None = None
    retry_after: int | None = None


@dataclass(frozen=True)
class Seen:
    path: str
    key: str | None
    at: float


class Proxy:
    """Requests get the troubles in their order; the rest passes."""

    def __init__(self, upstream: str) -> None:
        self.upstream = urlsplit(upstream).netloc
        self.seen: list[Seen] = []
        self.open: list[http.client.HTTPResponse] = []
        self._troubles: list[Trouble] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"proxy": self}))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def trouble(self, *troubles: Trouble) -> None:
        """From now on."""
        self._troubles = list(troubles)
        self.seen.clear()

    def next(self, seen: Seen) -> Trouble:
        self.seen.append(seen)
        return self._troubles.pop(0) if self._troubles else Trouble()

    def end(self) -> None:
        self._server.shutdown()


class _Handler(BaseHTTPRequestHandler):
    proxy: Proxy

    def handle_any(self) -> None:
        self.close_connection = True
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        trouble = self.proxy.next(Seen(self.path, self.headers.get("idempotency-key"), time.monotonic()))
        if trouble.drop:
            return
        if trouble.status is not None:
            return self.refuse(trouble)
        upstream = http.client.HTTPConnection(self.proxy.upstream, timeout=30)
        headers = {name: value for name, value in self.headers.items() if name.lower() not in ("host", "connection")}
        upstream.request(self.command, self.path, body or None, headers)
        answer = upstream.getresponse()
        if trouble.lose:
            answer.read()
            return
        self.send_response_only(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("connection", "transfer-encoding"):
                self.send_header(name, value)
        # Without a length the body ends with the connection, and a cut would look like an end.
        chunked = answer.chunked
        if chunked:
            self.send_header("transfer-encoding", "chunked")
        self.send_header("connection", "close")
        self.end_headers()
        self.pass_on(answer, chunked, trouble)

    def pass_on(self, answer: http.client.HTTPResponse, chunked: bool, trouble: Trouble) -> None:
        left = trouble.cut_after or trouble.stall_after
        while chunk := answer.read1(65_536):
            chunk = chunk if left is None else chunk[:left]
            self.wfile.write(f"{len(chunk):x}\r\n".encode() + chunk + b"\r\n" if chunked and chunk else chunk)
            self.wfile.flush()
            if left is not None:
                left -= len(chunk)
                if left <= 0:
                    if trouble.stall_after is not None:
                        self.rfile.read(1)  # until the client has had enough
                    return
        if chunked:
            self.wfile.write(b"0\r\n\r\n")

    def refuse(self, trouble: Trouble) -> None:
        problem: dict[str, Any] = {"type": "", "title": "", "status": trouble.status, "code": trouble.code, "detail": "Later."}
        body = json.dumps(problem).encode() if trouble.code else b"<h1>No</h1>"
        self.send_response_only(trouble.status or 500)
        self.send_header("content-type", "application/problem+json" if trouble.code else "text/html")
        self.send_header("content-length", str(len(body)))
        if trouble.retry_after is not None:
            self.send_header("retry-after", str(trouble.retry_after))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = do_PATCH = do_DELETE = handle_any
