"""One HTTP exchange at a time, async, on aiohttp: what the SDK's pipeline calls to send.

The twin of ``http_sync``, for one event loop. The session is closed when its loop shuts down its
generators (as ``asyncio.run`` does before it ends), when the owner is dropped, or by ``close``; so nobody
meets an "Unclosed client session".
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import ssl
import sys
import weakref
from collections.abc import AsyncGenerator
from typing import Any

import aiohttp
from azure.core.pipeline.transport import AsyncHttpTransport
from azure.core.rest import HttpRequest
from yarl import URL

from azure_inference_core._transport.network import Network, cut_off, tls_fault, without_frames
from azure_inference_core.errors import InferenceError
from azure_inference_core.timeouts import Deadline

if sys.version_info >= (3, 11):
    from asyncio import timeout as time_limit
else:
    from async_timeout import timeout as time_limit

_DRAIN_SECONDS = 0.1
_LOOK_AFTER = 1.0  # seconds of silence
_AUTOMATIC = ("User-Agent", "Accept-Encoding")

_open_transports: weakref.WeakSet[AsyncTransport] = weakref.WeakSet()


class AsyncReply:
    """An answer whose body has not been read yet.

    Args:
        response: aiohttp's.
        deadline: Of the call.
    """

    def __init__(self, response: aiohttp.ClientResponse, deadline: Deadline) -> None:
        self._response = response
        self._deadline = deadline
        self.status: int = response.status
        self.headers = {name.lower(): value for name, value in response.headers.items()}

    async def read(self) -> bytes:
        """The next bytes as soon as there are any; empty at the end.

        Raises:
            InferenceError: The body broke off, or time ran out.
        """
        left = self._deadline.within(self._deadline.timeouts.idle)
        while True:
            try:
                async with time_limit(min(left, _LOOK_AFTER)):
                    return await self._response.content.readany()
            except (asyncio.TimeoutError, TimeoutError) as error:
                left -= _LOOK_AFTER
                if self._is_cut():
                    raise cut_off(error) from without_frames(error)
                if left <= 0:
                    raise self._deadline.exceeded("idle") from without_frames(error)
            except (aiohttp.ClientError, OSError) as error:
                raise cut_off(error) from without_frames(error)

    def _is_cut(self) -> bool:
        """Whether the connection has gone: aiohttp does not wake a reader when a later chunk is broken."""
        connection = self._response.connection
        return connection is None or connection.transport is None or connection.transport.is_closing()

    async def drain(self) -> None:
        """Read the little that follows the end of a stream, so that the connection can be used again."""
        with contextlib.suppress(aiohttp.ClientError, OSError, asyncio.TimeoutError):
            async with time_limit(_DRAIN_SECONDS):
                if not await self._response.content.readany():
                    return
        self.close()

    def close(self) -> None:
        """Close the connection, unless the body was read to its end and it is back in the pool."""
        self._response.close()


class AsyncTransport(AsyncHttpTransport[HttpRequest, Any]):
    """Sends requests to one host from one event loop.

    Args:
        network: The way there.
    """

    def __init__(self, network: Network) -> None:
        self._network = network
        self._session: aiohttp.ClientSession | None = None
        self._closer: AsyncGenerator[None, None] | None = None
        self.loop = asyncio.get_running_loop()
        _open_transports.add(self)

    async def open(self) -> None:
        """Open the session."""
        tls = self._network.ssl_context() if self._network.scheme == "https" else False
        connector = aiohttp.TCPConnector(limit=0, ssl=tls)
        self._session = aiohttp.ClientSession(
            connector=connector,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=_AUTOMATIC,
            timeout=aiohttp.ClientTimeout(total=None),
        )
        # The loop closes its asynchronous generators before it ends, and one that is dropped, too.
        self._closer = _close_at_end(self._session)
        await self._closer.__anext__()

    async def close(self) -> None:
        """Close all connections; the next request opens new ones."""
        closer, self._closer, self._session = self._closer, None, None
        if closer is not None:
            await closer.aclose()

    async def __aenter__(self) -> AsyncTransport:
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
        if self._session is None or self._session.closed:
            await self.open()
        assert self._session is not None  # noqa: S101 - open() set it
        times = deadline.timeouts
        connect = aiohttp.ClientTimeout(total=None, sock_connect=deadline.within(times.connect))
        proxy = self._network.proxy()
        try:
            async with time_limit(deadline.within(times.first_byte)):
                response = await self._session.request(
                    request.method,
                    URL(request.url, encoded=True),
                    data=request.content,
                    headers=request.headers,
                    allow_redirects=False,
                    timeout=connect,
                    proxy=proxy,
                )
        except (aiohttp.ClientError, asyncio.TimeoutError, OSError, ValueError) as error:
            raise self._fault(error, deadline) from without_frames(error)
        return AsyncReply(response, deadline)

    def _fault(self, error: Exception, deadline: Deadline) -> InferenceError:
        network = self._network
        if isinstance(error, aiohttp.ClientConnectorDNSError):
            return network.failed("the host's name cannot be resolved", error)
        if isinstance(error, (aiohttp.ClientConnectorCertificateError, aiohttp.ClientSSLError, ssl.SSLError)):
            return network.failed(tls_fault(error), error, retryable=False)
        if isinstance(error, (aiohttp.ClientProxyConnectionError, aiohttp.ClientHttpProxyError)):
            return network.proxy_failed(getattr(error, "status", None), error)
        if isinstance(error, aiohttp.ClientConnectorError):
            return network.unreachable(error.os_error)
        if isinstance(error, (asyncio.TimeoutError, TimeoutError)):
            connecting = isinstance(error, aiohttp.ConnectionTimeoutError)
            return deadline.exceeded("connect" if connecting else "first_byte")
        if isinstance(error, aiohttp.ClientResponseError):
            return network.failed("the answer is not HTTP", error, retryable=False)
        if isinstance(error, (aiohttp.ClientConnectionError, ConnectionError)):
            return network.failed("the connection was closed before an answer", error)
        return network.failed("the connection failed", error, retryable=False)


async def _close_at_end(session: aiohttp.ClientSession) -> AsyncGenerator[None, None]:
    try:
        yield
    finally:
        await session.close()


@atexit.register
def _close_what_is_left() -> None:
    """Close the sessions of loops that were dropped instead of shut down."""
    for transport in list(_open_transports):
        if not (transport.loop.is_running() or transport.loop.is_closed()):
            transport.loop.run_until_complete(transport.close())
