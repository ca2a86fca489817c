"""One HTTP exchange at a time, async, on aiohttp: what the SDK's pipeline calls to send.

The twin of ``http_sync``, for one event loop. The session is closed with its loop, when the owner is dropped, or by
``close``; so nobody meets an "Unclosed client session".
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import ssl
import weakref
from inspect import signature
from typing import Any, Self

import aiohttp
from azure.core.pipeline.transport import AsyncHttpTransport
from azure.core.rest import HttpRequest
from yarl import URL

from azure_inference_core._transport.causes import plain, tls_fault
from azure_inference_core._transport.loops import close_soon, leave, settle
from azure_inference_core._transport.network import (
    KEEP_ALIVE,
    LONGEST_IDLE,
    Network,
    cut_off,
    why_unreachable,
)
from azure_inference_core._transport.patience import Patience
from azure_inference_core.errors import InferenceError
from azure_inference_core.timeouts import Deadline

_DRAIN_SECONDS = 0.1
LONGEST_LINE = 65536  # of a head, as in http.client
_AUTOMATIC = ("User-Agent", "Accept-Encoding")


class AsyncReply:
    """An answer whose body has not been read yet.

    Args:
        response: aiohttp's.
        deadline: Of the call.
        patience: Of the exchange.
    """

    def __init__(self, response: aiohttp.ClientResponse, deadline: Deadline, patience: Patience) -> None:
        self._response = response
        self._deadline = deadline
        self._patience = patience
        self.status: int = response.status
        self.headers = {name.lower(): value for name, value in response.headers.items()}

    @property
    def status_code(self) -> int:
        """The status, by the name that azure-core's policies know."""
        return self.status

    async def read(self) -> bytes:
        """The next bytes as soon as there are any; empty at the end.

        Raises:
            InferenceError: The body broke off, or time ran out.
        """
        self._deadline.within(self._deadline.timeouts.idle)
        content = self._response.content
        try:
            if block := content.read_nowait():
                return block
            with self._patience.begin("idle", self._is_cut):
                block = await content.readany()
        except TimeoutError as error:
            if self._is_cut():
                fault: InferenceError = cut_off(error)
            else:
                fault = self._deadline.exceeded("idle")
                fault.__cause__ = plain(error)
        except (aiohttp.ClientError, OSError) as error:
            fault = cut_off(error)
        else:
            if not block:
                self._patience.stop()
            return block
        try:  # outside of the handling of the library's error, which nothing may lead back to
            raise fault
        finally:
            del fault

    def _is_cut(self) -> bool:
        """Whether the connection has gone: aiohttp does not wake a reader when a later chunk is broken."""
        if self._response.content.is_eof():
            return False  # all of it has arrived, and with that the connection went back to the pool
        connection = self._response.connection
        return connection is None or connection.transport is None or connection.transport.is_closing()

    async def drain(self) -> None:
        """Read the little that follows the end of a stream, so that the connection can be used again."""
        self._deadline.shorten(_DRAIN_SECONDS)
        with contextlib.suppress(InferenceError):
            if not await self.read():
                return
        self.close()

    def close(self) -> None:
        """Close the connection, unless the body was read to its end and it is back in the pool."""
        self._patience.stop()
        connection = self._response.connection
        if connection is not None and connection.transport is not None:
            connection.transport.abort()  # over TLS aiohttp would wait, unseen, for the other side's goodbye
        self._response.close()


class _Session:
    """aiohttp's session, with the answers that are still to be read.

    Args:
        session: aiohttp's.
    """

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self.session = session
        self.replies: weakref.WeakSet[AsyncReply] = weakref.WeakSet()

    async def close(self) -> None:
        """Close all connections, also those of streams that nobody reads any more."""
        await self.session.close()
        for reply in list(self.replies):
            reply.close()


class AsyncTransport(AsyncHttpTransport[HttpRequest, Any]):
    """Sends requests to one host from one event loop.

    Args:
        network: The way there.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self._opened: _Session | None = None
        self._loop = asyncio.get_running_loop()

    async def open(self) -> None:
        """Open the session."""
        tls = self._network.ssl_context() if self._network.scheme == "https" else False
        connector = aiohttp.TCPConnector(
            limit=self._network.max_connections,
            ssl=tls,
            keepalive_timeout=LONGEST_IDLE,
            **_KEPT_ALIVE,
        )
        session = aiohttp.ClientSession(
            connector=connector,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=_AUTOMATIC,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
            max_line_size=LONGEST_LINE,
            max_field_size=LONGEST_LINE,
            trace_configs=[_followed()],
        )
        opened = self._opened = _Session(session)
        settle(opened, self._loop)
        weakref.finalize(self, close_soon, opened, self._loop, os.getpid()).atexit = False

    async def close(self) -> None:
        """Close all connections; the next request opens new ones."""
        opened, self._opened = self._opened, None
        if opened is not None:
            leave(opened, self._loop)
            await opened.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def send(self, request: HttpRequest, **options: Any) -> AsyncReply:
        """Send one request and wait for the head of its answer.

        Args:
            request: What to send.
            **options: ``deadline``, the call's :class:`Deadline`.

        Raises:
            InferenceError: There was no answer.
        """
        deadline: Deadline = options["deadline"]
        patience = Patience(deadline)
        deadline.within(deadline.timeouts.first_byte)
        if self._opened is None or self._opened.session.closed:
            await self.open()
        assert self._opened is not None  # noqa: S101 - open() set it
        session, replies = self._opened.session, self._opened.replies
        try:
            reply = AsyncReply(await self._request(session, request, patience), deadline, patience)
        except asyncio.CancelledError:
            patience.stop()
            if not session.closed or _is_cancelled():
                raise
            fault: InferenceError = self._network.failed(
                "the client was closed by another task", ConnectionError()
            )
        except (TimeoutError, aiohttp.ClientError, OSError, ValueError) as error:
            patience.stop()
            fault = error if isinstance(error, InferenceError) else self._fault(error, deadline, patience)
        else:
            replies.add(reply)
            return reply
        try:  # as above
            raise fault
        finally:
            del fault

    async def _request(
        self, session: aiohttp.ClientSession, request: HttpRequest, patience: Patience
    ) -> aiohttp.ClientResponse:
        proxy = self._network.proxy()
        with patience:
            return await session.request(
                request.method,
                URL(request.url, encoded=True),
                data=request.content,
                headers=request.headers,
                allow_redirects=False,
                proxy=proxy.url if proxy else None,
                proxy_headers=proxy.headers if proxy else None,
                trace_request_ctx=patience,
            )

    def _fault(self, error: Exception, deadline: Deadline, patience: Patience) -> InferenceError:
        network = self._network
        if patience.is_over:
            return network.late(deadline, patience.silence, error)
        if isinstance(error, (aiohttp.ClientConnectorCertificateError, aiohttp.ClientSSLError, ssl.SSLError)):
            return network.failed(tls_fault(error), error, retryable=False)
        if isinstance(error, aiohttp.ClientHttpProxyError):
            return network.refused_by_proxy(error.status, error)
        if isinstance(error, aiohttp.ClientConnectorError):
            is_proxy = isinstance(error, aiohttp.ClientProxyConnectionError)
            return network.unreachable(error.os_error, why_unreachable(error.os_error, is_proxy))
        if isinstance(error, aiohttp.ClientResponseError):
            return network.failed("the answer is not HTTP", error, retryable=False)
        if isinstance(error, (aiohttp.ClientConnectionError, ConnectionError)):
            return network.failed("the connection was closed before an answer", error)
        if isinstance(error, OSError):
            return network.unreachable(error)
        return network.failed("the connection failed", error, retryable=False)


def _socket(address: Any) -> socket.socket:
    family, kind, protocol, *_ = address
    made = socket.socket(family, kind, protocol)
    for option in KEEP_ALIVE:
        made.setsockopt(*option)
    return made


_TAKES_SOCKETS = "socket_factory" in signature(aiohttp.TCPConnector).parameters  # aiohttp 3.12
_KEPT_ALIVE: dict[str, Any] = {"socket_factory": _socket} if _TAKES_SOCKETS else {}


def _is_cancelled() -> bool:
    """Whether somebody cancelled the call: a session that is closed cancels what waits for its connections, too."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _followed() -> aiohttp.TraceConfig:
    """Tells an exchange's patience what it waits for."""

    async def connecting(_: aiohttp.ClientSession, context: Any, __: object) -> None:
        context.trace_request_ctx.begin("connect")

    async def connected(_: aiohttp.ClientSession, context: Any, __: object) -> None:
        context.trace_request_ctx.begin("first_byte")

    config = aiohttp.TraceConfig()
    config.on_connection_create_start.append(connecting)
    config.on_connection_create_end.append(connected)
    config.on_connection_reuseconn.append(connected)
    return config
