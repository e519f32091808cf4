"""HTTP servers on the loopback interface, honest ones and others, that count what they send."""

import gzip
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread


@dataclass
class Shelf:
    """What a server has, how it serves it, and what it has sent."""

    files: dict[str, bytes] = field(default_factory=dict)
    ranges: bool = True  # whether it serves them
    says_no_ranges: bool = False  # by Accept-Ranges: none
    framing: str = "length"  # of a body: "chunked", or "close": it ends where the connection does
    cut_after: int | None = None  # bytes of one answer, after which the connection is closed
    fail_from: int | None = None  # the number of the GET that is the first to be answered by...
    status: int = 503  # ... this
    compresses: bool = False  # what it may
    extra: bytes = b""  # sent with each range, beyond what was asked for
    sent: int = 0
    requests: list[tuple[str, str | None]] = field(default_factory=list)
    url: str = ""

    @property
    def gets(self) -> int:
        return sum(method == "GET" for method, _ in self.requests)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    shelf: Shelf

    def handle(self) -> None:
        with suppress(ConnectionResetError):  # who asked has seen enough
            super().handle()

    def log_message(self, format: str, *args: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._answer(has_body=False)

    def do_GET(self) -> None:
        self._answer(has_body=True)

    def _answer(self, has_body: bool) -> None:
        shelf = self.shelf
        asked = self.headers.get("Range")
        shelf.requests.append((self.command, asked))
        if self.path.startswith("/moved/"):
            self._send(302, b"", {"Location": self.path.removeprefix("/moved")}, has_body)
            return
        data = shelf.files.get(self.path)
        if data is None:
            self._send(404, b"", {}, has_body)
        elif shelf.fail_from is not None and shelf.gets >= shelf.fail_from:
            self._send(shelf.status, b"", {}, has_body)
        elif asked is not None and shelf.ranges:
            match = re.fullmatch(r"bytes=(\d+)-(\d+)", asked)
            assert match
            first, last = int(match[1]), min(int(match[2]), len(data) - 1)
            told = {"Content-Range": f"bytes {first}-{last}/{len(data)}"}
            self._send(206, data[first : last + 1] + shelf.extra, told, has_body)
        else:
            about = {"Accept-Ranges": "bytes"} if shelf.ranges else {}
            about = {"Accept-Ranges": "none"} if shelf.says_no_ranges else about
            if shelf.compresses and "gzip" in self.headers.get("Accept-Encoding", ""):
                data, about = gzip.compress(data), {"Content-Encoding": "gzip"}
            self._send(200, data, about, has_body)

    def _send(self, status: int, body: bytes, about: dict[str, str], has_body: bool) -> None:
        framing = self.shelf.framing if status == 200 else "length"
        self.send_response(status)
        for name, value in about.items():
            self.send_header(name, value)
        if framing == "length":
            self.send_header("Content-Length", str(len(body)))
        elif framing == "chunked":
            self.send_header("Transfer-Encoding", "chunked")
        else:
            self.send_header("Connection", "close")
        self.end_headers()
        if not has_body:
            return
        whole = self.shelf.cut_after is None or len(body) <= self.shelf.cut_after
        try:
            self._write(body if whole else body[: self.shelf.cut_after], framing, whole)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True  # who asked has seen enough
        if not whole:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)

    def _write(self, body: bytes, framing: str, whole: bool) -> None:
        for start in range(0, len(body), 1 << 16):
            piece = body[start : start + (1 << 16)]
            head, tail = (
                (f"{len(piece):x}\r\n".encode(), b"\r\n") if framing == "chunked" else 2 * (b"",)
            )
            self.shelf.sent += len(piece)  # before: who asked may look as soon as it has them
            self.wfile.write(head + piece + tail)
        if framing == "chunked" and whole:
            self.wfile.write(b"0\r\n\r\n")


@contextmanager
def serving(
    files: dict[str, bytes], change: Callable[[Shelf], object] = lambda _: None
) -> Iterator[Shelf]:
    """Serve these files by name, such as "/a.wav", as `change` wants it."""
    shelf = Shelf(files)
    change(shelf)
    handler = type("Handler", (_Handler,), {"shelf": shelf})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    shelf.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield shelf
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
