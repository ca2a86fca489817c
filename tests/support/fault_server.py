"""A server on raw sockets: a handler writes the bytes, so it can break HTTP in any way.

```python
with FaultServer(lambda call: call.reset()) as server:
    ...                       # talk to server.url
assert server.request_count == 3
```

One thread a connection; a handler gets one ``Call`` a request. When the handler returns, the connection
is kept for the next request unless the handler closed it.
"""

from __future__ import annotations

import contextlib
import functools
import json
import select
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import trustme

__all__ = ["Call", "FaultServer", "Handler", "Request", "certificate_authority", "tls_context"]

RESET_ON_CLOSE = struct.pack("ii", 1, 0)
REASONS = {200: "OK", 307: "Temporary Redirect", 429: "Too Many Requests", 503: "Service Unavailable"}


@dataclass(frozen=True)
class Request:
    """One request as it came over the wire.

    Attributes:
        headers: Names in lower case; of a repeated header the last value.
        head: The raw bytes up to the blank line.
        connection: Number of the connection, from 0, in the order of acceptance.
    """

    method: str
    target: str
    headers: dict[str, str]
    head: bytes
    body: bytes
    connection: int
    at: float = field(default_factory=time.monotonic)

    @property
    def path(self) -> str:
        """The target without its query."""
        return self.target.partition("?")[0]

    @property
    def json(self) -> Any:
        """The decoded body; ``None`` when there is none."""
        return json.loads(self.body) if self.body else None

    @property
    def wants_stream(self) -> bool:
        """Whether the body asks for a stream."""
        return isinstance(self.json, dict) and bool(self.json.get("stream"))


class Call:
    """What a handler has in its hands: the request, and the socket to answer on."""

    def __init__(self, server: FaultServer, sock: socket.socket, request: Request, number: int) -> None:
        self.server = server
        self.sock = sock
        self.request = request
        self.number = number
        self.open = True

    def send(self, data: bytes) -> None:
        """Write bytes as they are; a client that went away is no error."""
        try:
            self.sock.sendall(data)
        except (OSError, ValueError):
            self.open = False

    def respond(
        self,
        status: int = 200,
        body: bytes | str | dict[str, Any] | list[Any] = b"",
        headers: dict[str, str] | None = None,
        *,
        content_type: str | None = "application/json",
    ) -> None:
        """Answer properly: status line, headers, length, body."""
        data = body if isinstance(body, bytes) else encoded(body)
        merged = {"Content-Length": str(len(data)), **(headers or {})}
        if content_type:
            merged.setdefault("Content-Type", content_type)
        self.head(status, merged)
        self.send(data)

    def head(self, status: int = 200, headers: dict[str, str] | None = None) -> None:
        """Write the status line and headers only."""
        lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'Status')}"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        self.send(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1"))

    def stream_head(self, status: int = 200, content_type: str = "text/event-stream") -> None:
        """Open a chunked answer."""
        self.head(status, {"Content-Type": content_type, "Transfer-Encoding": "chunked"})

    def chunk(self, data: bytes) -> None:
        """Write one chunk of a chunked answer."""
        self.send(b"%x\r\n%s\r\n" % (len(data), data))

    def end_chunks(self) -> None:
        """End a chunked answer."""
        self.send(b"0\r\n\r\n")

    def stream(self, pieces: Iterable[bytes], *, pause: float = 0.0) -> None:
        """Answer with an event stream, one chunk a piece."""
        self.stream_head()
        for piece in pieces:
            if not self.open:
                return
            self.chunk(piece)
            if pause:
                self.server.stopping.wait(pause)
        self.end_chunks()

    def close(self) -> None:
        """Close the connection in an orderly way (FIN)."""
        self.open = False
        with contextlib.suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)

    def reset(self) -> None:
        """Break the connection (RST)."""
        self.open = False
        with contextlib.suppress(OSError):
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
        self.sock.close()

    def hang(self, limit: float = 30.0) -> None:
        """Say nothing until the client goes away or the server stops."""
        self.client_left(limit)
        self.close()

    def client_left(self, limit: float = 5.0) -> float | None:
        """Wait until the client has closed its end; seconds waited, or ``None`` after ``limit``."""
        started = time.monotonic()
        while time.monotonic() - started < limit and not self.server.stopping.is_set():
            if self._ended():
                return time.monotonic() - started
        return None

    def _ended(self) -> bool:
        try:
            ready = select.select([self.sock], [], [], 0.01)[0]
            return bool(ready) and not self.sock.recv(1, socket.MSG_PEEK)
        except (OSError, ValueError):
            return True


Handler = Callable[[Call], None]


class FaultServer:
    """Listens on loopback, counts connections and requests, and lets ``handler`` answer.

    Attributes:
        requests: Every request read whole, in order.
        connection_count: Connections accepted, those without a whole request included.
        junk: First bytes of connections that did not speak HTTP (a TLS hello on a plain port).
        errors: Exceptions of handlers; ``close`` raises the first of them.
        stopping: Set by ``close``; a handler that waits should wait on this.
    """

    def __init__(
        self, handler: Handler, *, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1"
    ) -> None:
        self.handler = handler
        self.requests: list[Request] = []
        self.connection_count = 0
        self.junk: list[bytes] = []
        self.errors: list[BaseException] = []
        self.stopping = threading.Event()
        self._tls = tls
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, 0), family=family, backlog=512)
        self.host = host
        self.port: int = self._listener.getsockname()[1]
        self._acceptor = threading.Thread(target=self._accept, name="fault-server", daemon=True)
        self._acceptor.start()

    @property
    def request_count(self) -> int:
        """Requests read whole so far."""
        return len(self.requests)

    @property
    def open_connections(self) -> int:
        """Connections that neither side has closed."""
        with self._lock:
            return len(self._open)

    @property
    def url(self) -> str:
        """Where a client reaches the server, without a trailing slash."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'https' if self._tls else 'http'}://{host}:{self.port}"

    def wait_for_requests(self, count: int, limit: float = 5.0) -> bool:
        """Wait until ``count`` requests have been read."""
        return wait_until(lambda: self.request_count >= count, limit)

    def wait_for_connections(self, count: int, limit: float = 5.0) -> bool:
        """Wait until at most ``count`` connections are open."""
        return wait_until(lambda: self.open_connections <= count, limit)

    def close(self) -> None:
        """Stop listening, break what is open, wait for the threads; raises a handler's failure."""
        self.stopping.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for sock in self._open:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
        self._acceptor.join(5)
        for thread in self._threads:
            thread.join(5)
        if self.errors:
            raise self.errors[0]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
            return
        with contextlib.suppress(Exception):
            self.close()

    def _accept(self) -> None:
        while not self.stopping.is_set():
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                number = self.connection_count
                self.connection_count += 1
                self._open.add(sock)
            thread = threading.Thread(target=self._connection, args=(sock, number), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _connection(self, sock: socket.socket, number: int) -> None:
        plain = sock
        try:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls:
                sock = self._tls.wrap_socket(sock, server_side=True)
                with self._lock:
                    self._open.discard(plain)
                    self._open.add(sock)
            self._serve(sock, number)
        except OSError:
            pass
        except BaseException as error:  # noqa: BLE001 - a handler's failure belongs to the test, not to a thread
            self.errors.append(error)
        finally:
            with self._lock:
                self._open -= {sock, plain}
            sock.close()
            plain.close()

    def _serve(self, sock: socket.socket, number: int) -> None:
        buffer = b""
        while not self.stopping.is_set():
            request, buffer = self._read(sock, buffer, number)
            if request is None:
                return
            with self._lock:
                self.requests.append(request)
                count = len(self.requests) - 1
            call = Call(self, sock, request, count)
            self.handler(call)
            if not call.open:
                return

    def _read(self, sock: socket.socket, buffer: bytes, number: int) -> tuple[Request | None, bytes]:
        while b"\r\n\r\n" not in buffer:
            data = sock.recv(65536)
            if not data:
                return None, b""
            buffer += data
            if not buffer[:1].isalpha():
                self.junk.append(buffer[:64])
                return None, b""
        head, _, rest = buffer.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ", 2)
        pairs = (line.partition(":") for line in lines)
        headers = {name.lower(): value.strip() for name, _, value in pairs}
        length = int(headers.get("content-length", "0"))
        blocks = [rest]
        missing = length - len(rest)
        while missing > 0:
            data = sock.recv(min(missing, 1 << 20))
            if not data:
                return None, b""
            blocks.append(data)
            missing -= len(data)
        whole = b"".join(blocks)
        return Request(method, target, headers, head, whole[:length], number), whole[length:]


def encoded(body: str | dict[str, Any] | list[Any]) -> bytes:
    """A body as bytes: text as UTF-8, anything else as JSON."""
    return (body if isinstance(body, str) else json.dumps(body)).encode()


def wait_until(claim: Callable[[], bool], limit: float = 5.0) -> bool:
    """Wait until ``claim`` holds; whether it did within ``limit`` seconds."""
    ends = time.monotonic() + limit
    while not claim():
        if time.monotonic() > ends:
            return False
        time.sleep(0.005)
    return True


@functools.cache
def certificate_authority() -> trustme.CA:
    """The one authority of a test run."""
    return trustme.CA()


def tls_context(*names: str, authority: trustme.CA | None = None, not_after: Any = None) -> ssl.SSLContext:
    """A server's TLS context with a certificate for ``names`` (default: loopback)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issuer = authority or certificate_authority()
    names = names or ("127.0.0.1", "localhost")
    certificate = issuer.issue_cert(*names, not_after=not_after) if not_after else issuer.issue_cert(*names)
    certificate.configure_cert(context)
    return context
