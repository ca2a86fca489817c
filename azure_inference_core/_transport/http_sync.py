"""One HTTP exchange at a time, sync, on urllib3: what the SDK's pipeline calls to send.

azure-core documents ``HttpTransport`` as the place for this. The stock transport reads the environment for
every request, keeps ten connections, holds streamed text back in blocks and cannot bound a silence; this
one gives every byte as it comes, within a deadline.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import socket
import ssl
import threading
import time
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextvars import ContextVar
from typing import Any, Self

import urllib3
from azure.core.pipeline.transport import HttpTransport
from azure.core.rest import HttpRequest
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import (
    ClosedPoolError,
    ConnectTimeoutError,
    EmptyPoolError,
    HTTPError,
    NewConnectionError,
    ProtocolError,
    ProxyError,
    ReadTimeoutError,
    SSLError,
)
from urllib3.exceptions import TimeoutError as PoolTimeoutError

from azure_inference_core._transport.causes import plain, tls_fault
from azure_inference_core._transport.chunked import ChunkedResponse
from azure_inference_core._transport.network import (
    KEEP_ALIVE,
    LONGEST_IDLE,
    Network,
    cut_off,
    why_unreachable,
)
from azure_inference_core.errors import ConfigurationError, InferenceError
from azure_inference_core.timeouts import QUEUE, Deadline

if not issubclass(HTTPConnection, http.client.HTTPConnection):
    raise ConfigurationError(
        "urllib3-future, which comes with niquests, stands in the place of urllib3 in this environment, and "
        "synchronous calls need urllib3 itself: install them beside each other with pip uninstall -y urllib3 "
        "urllib3-future, then URLLIB3_NO_OVERRIDE=1 pip install --no-binary urllib3-future niquests urllib3. "
        "Asynchronous calls work as they are"
    )

_TUNNEL = re.compile(r"Tunnel connection failed: (\d{3})")
_BLOCK = 65536
_DRAIN_SECONDS = 0.1

_LONGEST_IN_QUEUE = 1.0


class _Way:
    """What the request being sent has; urllib3 makes the objects below by itself.

    Attributes:
        silence: The limit that runs.
        active_at: When its connection was last read, on the monotonic clock.
    """

    def __init__(self, deadline: Deadline, network: Network) -> None:
        self.deadline, self.network = deadline, network
        self.silence = "first_byte"
        self.active_at = 0.0


_way: ContextVar[_Way] = ContextVar("way")


class _Response(ChunkedResponse):
    """Sets the socket's time limit before each read."""

    def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        self._socket = sock
        self._way = _way.get()
        self._deadline = self._way.deadline
        self._head_ends = time.monotonic() + self._deadline.timeouts.first_byte

    def before_read(self) -> None:
        """Set the limit: for the head what is left of its time, for the rest that of a silence."""
        if self.headers is not None:
            limit = self._deadline.timeouts.idle
        elif (limit := self._head_ends - time.monotonic()) <= 0:
            raise TimeoutError
        self._way.active_at = time.monotonic()
        self._socket.settimeout(self._deadline.within(limit))


class _Timed:
    """What both kinds of connection add to urllib3's: time limits for connecting, sending and each read."""

    host: Any
    port: Any
    sock: Any
    timeout: Any
    response_class: type[http.client.HTTPResponse] = _Response
    _way: _Way

    @property
    def is_connected(self) -> bool:
        """Whether it can be used again: urllib3 asks before it does."""
        is_open: bool = super().is_connected  # type: ignore[misc]  # of the class beside this one
        return is_open and time.monotonic() - self._way.active_at < LONGEST_IDLE

    def connect(self) -> None:
        """Connect within the time of one address: urllib3 gives each address all of it, and the name no limit."""
        self._way = way = _way.get()
        way.silence = "connect"
        limit = way.deadline.within(way.deadline.timeouts.connect)
        ends = time.monotonic() + limit
        try:
            addresses = way.network.count_addresses(self.host, self.port, limit)
        except (TimeoutError, FutureTimeoutError):
            raise ConnectTimeoutError("the name was not resolved in time") from None
        self.timeout = max(ends - time.monotonic(), 0.001) / addresses
        super().connect()  # type: ignore[misc]  # of the class beside this one
        way.silence = "first_byte"

    def send(self, data: Any) -> None:
        """Send a piece of the request; urllib3 allows it no longer than connecting takes."""
        if self.sock is None:
            self.connect()
        self._way = way = _way.get()
        if way.silence == "first_byte":  # else it is for the proxy
            self.sock.settimeout(way.deadline.within(way.deadline.timeouts.first_byte))
        super().send(data)  # type: ignore[misc]  # as above


class _Connection(_Timed, HTTPConnection):
    pass


class _TlsConnection(_Timed, HTTPSConnection):
    pass


class _Pool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class SyncReply:
    """An answer whose body has not been read yet.

    Args:
        response: urllib3's.
        deadline: Of the call.
    """

    def __init__(self, response: Any, deadline: Deadline) -> None:
        self._response = response
        self._deadline = deadline
        self.status: int = response.status
        self.headers = {name.lower(): value for name, value in response.headers.items()}

    @property
    def status_code(self) -> int:
        """The status, by the name that azure-core's policies know."""
        return self.status

    def read(self) -> bytes:
        """The next bytes as soon as there are any; empty at the end.

        Raises:
            InferenceError: The body broke off, or time ran out.
        """
        try:
            return self._response.read1(_BLOCK, decode_content=False) or b""
        except ReadTimeoutError as error:
            fault: InferenceError = self._deadline.exceeded("idle")
            fault.__cause__ = plain(error)
        except (HTTPError, OSError) as error:
            fault = cut_off(error)
        try:  # outside of the handling of the library's error, which nothing may lead back to
            raise fault
        finally:
            del fault

    def drain(self) -> None:
        """Read the little that follows the end of a stream, so that the connection can be used again."""
        self._deadline.shorten(_DRAIN_SECONDS)
        with contextlib.suppress(HTTPError, OSError):
            if not self._response.read1(_BLOCK, decode_content=False):
                return
        self.close()

    def close(self) -> None:
        """Close the connection, unless the body was read to its end and it is back in the pool."""
        self._response.close()
        self._response.release_conn()


class SyncTransport(HttpTransport[HttpRequest, Any]):
    """Sends requests to one host.

    Args:
        network: The way there.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self._pool: urllib3.HTTPConnectionPool | None = None
        self._pid = 0
        self._lock = threading.Lock()

    def open(self) -> None:
        """Nothing to do: the pool is made at the first request."""

    def close(self) -> None:
        """Close all connections; the next request opens new ones."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None and self._pid == os.getpid():
            pool.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(self, request: HttpRequest, **options: Any) -> SyncReply:
        """Send one request and wait for the head of its answer.

        Args:
            request: What to send.
            **options: ``deadline``, the call's :class:`Deadline`.

        Raises:
            InferenceError: There was no answer.
        """
        way = _Way(options["deadline"], self._network)
        _way.set(way)
        fault: InferenceError | None = None
        while fault is None:
            try:
                return SyncReply(self._urlopen(request, way.deadline), way.deadline)
            except EmptyPoolError as error:
                if way.deadline.left() <= 0:
                    fault = way.deadline.exceeded(QUEUE)
                    fault.__cause__ = plain(error)
            except (HTTPError, OSError, ValueError) as error:
                fault = error if isinstance(error, InferenceError) else self._fault(error, way)
        try:  # as above
            raise fault
        finally:
            del fault

    def _urlopen(self, request: HttpRequest, deadline: Deadline) -> Any:
        times = deadline.timeouts
        # A pool that is closed tells nobody who waits for one of its connections.
        patience: Any = min(deadline.left(), _LONGEST_IN_QUEUE)
        return self._get_pool().urlopen(
            request.method,
            "/" + request.url.split("/", 3)[3],
            body=request.content,
            headers=request.headers,
            timeout=urllib3.Timeout(
                connect=deadline.within(times.connect), read=deadline.within(times.first_byte)
            ),
            pool_timeout=patience,
            retries=False,
            redirect=False,
            preload_content=False,
            decode_content=False,
            assert_same_host=False,
        )

    def _get_pool(self) -> urllib3.HTTPConnectionPool:
        if self._pool is None or self._pid != os.getpid():
            with self._lock:
                if self._pool is None or self._pid != os.getpid():
                    # After a fork the parent's connections stay the parent's.
                    self._pool, self._pid = self._make_pool(), os.getpid()
        return self._pool

    def _make_pool(self) -> urllib3.HTTPConnectionPool:
        network = self._network
        limits: dict[str, Any] = {"maxsize": network.max_connections, "block": True}
        limits["socket_options"] = [*HTTPConnection.default_socket_options, *KEEP_ALIVE]
        if network.scheme == "http":
            return _Pool(network.host, network.port, **limits)
        tls = {**limits, "ssl_context": network.ssl_context()}
        if proxy := network.proxy():
            manager = urllib3.ProxyManager(
                proxy.url, proxy_headers=proxy.headers, proxy_ssl_context=network.ssl_context(), **tls
            )
            manager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}
            return manager.connection_from_host(network.host, network.port, "https")
        return _TlsPool(network.host, network.port, **tls)

    def _fault(self, error: Exception, way: _Way) -> InferenceError:
        network = self._network
        cause: Any = error.args[1] if isinstance(error, ProtocolError) and len(error.args) > 1 else error
        if isinstance(error, ProxyError):
            cause = error.original_error
            if told := _TUNNEL.search(str(cause)):
                return network.refused_by_proxy(int(told[1]), error)
        if isinstance(cause, NewConnectionError):  # also a ConnectTimeoutError, by its class
            below = cause.__cause__ or cause
            return network.unreachable(below, why_unreachable(below, isinstance(error, ProxyError)))
        if isinstance(cause, (PoolTimeoutError, TimeoutError)):
            return network.late(way.deadline, way.silence, error)
        if isinstance(cause, (SSLError, ssl.SSLError)):  # a proxy's, too
            return network.failed(tls_fault(error), cause, retryable=False)
        if isinstance(error, ProxyError):
            return network.unreachable(cause, why_unreachable(cause, True))
        if isinstance(error, ClosedPoolError):
            return network.failed("the client was closed by another thread", error)
        if isinstance(error, OSError):
            return network.unreachable(error)
        if isinstance(cause, OSError):  # reset, or closed without a byte
            return network.failed("the connection was closed before an answer", cause)
        if isinstance(error, ProtocolError):
            return network.failed("the answer is not HTTP", cause, retryable=False)
        return network.failed("the connection failed", error, retryable=False)
