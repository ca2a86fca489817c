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
from contextvars import ContextVar
from typing import Any
from urllib.parse import unquote

import urllib3
from azure.core.pipeline.transport import HttpTransport
from azure.core.rest import HttpRequest
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import (
    ClosedPoolError,
    HTTPError,
    NameResolutionError,
    NewConnectionError,
    ProtocolError,
    ProxyError,
    ReadTimeoutError,
    SSLError,
)
from urllib3.exceptions import TimeoutError as PoolTimeoutError

from azure_inference_core._transport.chunked import ChunkedResponse
from azure_inference_core._transport.network import Network, cut_off, tls_fault, without_frames
from azure_inference_core.errors import ConfigurationError, InferenceError
from azure_inference_core.timeouts import Deadline

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

_deadline: ContextVar[Deadline] = ContextVar("deadline")


class _Response(ChunkedResponse):
    """Sets the socket's time limit before each read of the body."""

    def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        self._socket = sock
        self._deadline = _deadline.get()

    def before_read(self) -> None:
        """Set the limit."""
        self._socket.settimeout(self._deadline.within(self._deadline.timeouts.idle))


class _Timed:
    """What both kinds of connection add to urllib3's: time limits for sending and for each read."""

    sock: Any
    response_class: type[http.client.HTTPResponse] = _Response

    def send(self, data: Any) -> None:
        """Send a piece of the request; urllib3 allows it no longer than connecting takes."""
        if self.sock is None:
            self.connect()  # type: ignore[attr-defined]  # of the class beside this one
        deadline = _deadline.get()
        self.sock.settimeout(deadline.within(deadline.timeouts.first_byte))
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

    def read(self) -> bytes:
        """The next bytes as soon as there are any; empty at the end.

        Raises:
            InferenceError: The body broke off, or time ran out.
        """
        try:
            return self._response.read1(_BLOCK, decode_content=False) or b""
        except ReadTimeoutError as error:
            raise self._deadline.exceeded("idle") from without_frames(error)
        except (HTTPError, OSError) as error:
            raise cut_off(error) from without_frames(error)

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


class SyncTransport(HttpTransport[HttpRequest, Any]):
    """Sends requests to one host.

    Args:
        network: The way there.
        max_connections: Connections kept open.
    """

    def __init__(self, network: Network, max_connections: int) -> None:
        self._network = network
        self._max_connections = max_connections
        self._pool: urllib3.HTTPConnectionPool | None = None
        self._pid = 0
        self._addresses = 1
        self._lock = threading.Lock()

    def open(self) -> None:
        """Nothing to do: the pool is made at the first request."""

    def close(self) -> None:
        """Close all connections; the next request opens new ones."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None and self._pid == os.getpid():
            pool.close()

    def __enter__(self) -> SyncTransport:
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
        deadline: Deadline = options["deadline"]
        times = deadline.timeouts
        path = request.url.split("/", 3)[3]
        pool = self._get_pool()
        timeout = urllib3.Timeout(
            # urllib3 gives each address of a host the whole time.
            connect=deadline.within(times.connect) / self._addresses,
            read=deadline.within(times.first_byte),
        )
        _deadline.set(deadline)
        try:
            response = pool.urlopen(
                request.method,
                f"/{path}",
                body=request.content,
                headers=request.headers,
                timeout=timeout,
                retries=False,
                redirect=False,
                preload_content=False,
                decode_content=False,
                assert_same_host=False,
            )
        except (HTTPError, OSError, ValueError) as error:
            raise self._fault(error, deadline) from without_frames(error)
        return SyncReply(response, deadline)

    def _get_pool(self) -> urllib3.HTTPConnectionPool:
        if self._pool is None or self._pid != os.getpid():
            with self._lock:
                if self._pool is None or self._pid != os.getpid():
                    # After a fork the parent's connections stay the parent's.
                    self._addresses = self._network.count_addresses()
                    self._pool, self._pid = self._make_pool(), os.getpid()
        return self._pool

    def _make_pool(self) -> urllib3.HTTPConnectionPool:
        network = self._network
        if network.scheme == "http":
            return _Pool(network.host, network.port, maxsize=self._max_connections)
        tls: dict[str, Any] = {"maxsize": self._max_connections, "ssl_context": network.ssl_context()}
        if proxy := network.proxy():
            login = urllib3.util.parse_url(proxy).auth
            manager = urllib3.ProxyManager(
                proxy,
                proxy_headers=urllib3.make_headers(proxy_basic_auth=unquote(login)) if login else None,
                proxy_ssl_context=network.ssl_context(),
                **tls,
            )
            manager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}
            return manager.connection_from_host(network.host, network.port, "https")
        return _TlsPool(network.host, network.port, **tls)

    def _fault(self, error: Exception, deadline: Deadline) -> InferenceError:
        network = self._network
        if isinstance(error, NameResolutionError):
            return network.failed("the host's name cannot be resolved", error)
        if isinstance(error, NewConnectionError):
            return network.unreachable(error.__cause__ or error)
        if isinstance(error, PoolTimeoutError):
            return deadline.exceeded("first_byte" if isinstance(error, ReadTimeoutError) else "connect")
        if isinstance(error, ProxyError):
            told = _TUNNEL.search(str(error.original_error))
            return network.proxy_failed(int(told[1]) if told else None, error)
        if isinstance(error, (SSLError, ssl.SSLError)):
            return network.failed(tls_fault(error), error, retryable=False)
        if isinstance(error, ClosedPoolError):
            return network.failed("the client was closed by another thread", error)
        if isinstance(error, ProtocolError):
            cause = error.args[1] if len(error.args) > 1 else error
            if isinstance(cause, TimeoutError):  # while sending
                return deadline.exceeded("first_byte")
            if isinstance(cause, OSError):  # reset, or closed without a byte
                return network.failed("the connection was closed before an answer", cause)
            return network.failed("the answer is not HTTP", cause, retryable=False)
        return network.failed("the connection failed", error, retryable=False)
