"""The only door to the SDK: opens its clients, sends by their public ``send_request``, closes them.

``azure-ai-inference`` 1.0.0b9 is the last release of the SDK. Everything it decides by itself (parsing,
retries, redirects, the environment's proxies) is decided by this package instead; to move to another
client, write this file anew.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from azure.core.pipeline import PipelineRequest
from azure.core.pipeline.policies import AsyncHTTPPolicy, HTTPPolicy
from azure.core.rest import HttpRequest

from azure_inference_core._credentials import Auth
from azure_inference_core._transport.network import Deadline, Network
from azure_inference_core.connection import Connection

if TYPE_CHECKING:
    from azure.ai.inference import ChatCompletionsClient
    from azure.ai.inference.aio import ChatCompletionsClient as AsyncChatCompletionsClient

    from azure_inference_core._transport.http_async import AsyncReply
    from azure_inference_core._transport.http_sync import SyncReply

# The HTTP libraries are imported with the first request of their kind: nobody waits for the one not used.


class _KeyPolicy(HTTPPolicy[HttpRequest, Any]):
    """Puts the credential into each request, as it is at that moment."""

    def __init__(self, auth: Auth) -> None:
        super().__init__()
        self._auth = auth

    def send(self, request: PipelineRequest[HttpRequest]) -> Any:
        deadline: Deadline = request.context.options["deadline"]
        time_left = deadline.within(deadline.timeouts.first_byte)
        request.http_request.headers.update(self._auth.headers(time_left))
        deadline.sent_at = time.monotonic()
        return self.next.send(request)


class _AsyncKeyPolicy(AsyncHTTPPolicy[HttpRequest, Any]):
    """As :class:`_KeyPolicy`, without holding up the event loop."""

    def __init__(self, auth: Auth) -> None:
        super().__init__()
        self._auth = auth

    async def send(self, request: PipelineRequest[HttpRequest]) -> Any:
        deadline: Deadline = request.context.options["deadline"]
        time_left = deadline.within(deadline.timeouts.first_byte)
        request.http_request.headers.update(await self._auth.aheaders(time_left))
        deadline.sent_at = time.monotonic()
        return await self.next.send(request)


class _Request(HttpRequest):
    """A request made for one attempt: the SDK need not copy it before it completes the URL."""

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> _Request:
        return self


class Transport:
    """The SDK's clients for one connection: one for threads, one for each event loop.

    Opened at the first request. A copy or a pickle of it is closed: it opens its own.

    Args:
        connection: Where to.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._network: Network | None = None
        self._sync: ChatCompletionsClient | None = None
        self._async: dict[asyncio.AbstractEventLoop, AsyncChatCompletionsClient] = {}
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[Any, ...]:
        return Transport, (self._connection,)

    def __deepcopy__(self, memo: dict[int, Any]) -> Transport:
        return Transport(self._connection)

    def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, deadline: Deadline
    ) -> SyncReply:
        """Send one request; the answer's body is still to be read.

        Raises:
            InferenceError: There was no answer.
        """
        request = _Request(method, url, headers=dict(headers), content=body)
        # The SDK hands on what the wire gave it.
        return cast("SyncReply", self._sync_client().send_request(request, stream=True, deadline=deadline))

    async def asend(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, deadline: Deadline
    ) -> AsyncReply:
        """Send one request; the answer's body is still to be read.

        Raises:
            InferenceError: There was no answer.
        """
        request = _Request(method, url, headers=dict(headers), content=body)
        if not self._async:
            await self._prepare_async()
        reply = await self._async_client().send_request(request, stream=True, deadline=deadline)
        return cast("AsyncReply", reply)

    def close(self) -> None:
        """Close the connections of threads, and those of event loops that have ended."""
        client, self._sync = self._sync, None
        if client is not None:
            client.close()
        with self._lock:
            self._forget_closed_loops()

    async def aclose(self) -> None:
        """Close the connections of the running event loop, and those of threads."""
        self.close()
        client = self._async.pop(asyncio.get_running_loop(), None)
        if client is not None:
            await client.close()

    def _sync_client(self) -> ChatCompletionsClient:
        if self._sync is None:
            from azure.ai.inference import ChatCompletionsClient  # noqa: PLC0415

            from azure_inference_core._transport.http_sync import SyncWire  # noqa: PLC0415

            with self._lock:
                if self._sync is None:
                    wire = SyncWire(self._get_network(), self._connection.max_connections)
                    self._sync = ChatCompletionsClient(**self._client_options(_KeyPolicy, wire))
        return self._sync

    async def _prepare_async(self) -> None:
        """Import what async requests need and read the certificates: work on files that would stall the loop."""

        def prepare() -> None:
            import_module("azure.ai.inference.aio")
            import_module("azure_inference_core._transport.http_async")
            network = self._get_network()
            if network.scheme == "https":
                network.ssl_context()

        # Not in the loop's own threads: all of them may be waiting for this call.
        thread = ThreadPoolExecutor(1, "azure-inference-imports")
        try:
            await asyncio.get_running_loop().run_in_executor(thread, prepare)
        finally:
            thread.shutdown(wait=False)

    def _async_client(self) -> AsyncChatCompletionsClient:
        loop = asyncio.get_running_loop()
        client = self._async.get(loop)
        if client is None:
            from azure.ai.inference.aio import ChatCompletionsClient  # noqa: PLC0415

            from azure_inference_core._transport.http_async import AsyncWire  # noqa: PLC0415

            with self._lock:
                self._forget_closed_loops()
                wire = AsyncWire(self._get_network())
                client = ChatCompletionsClient(**self._client_options(_AsyncKeyPolicy, wire))
                self._async[loop] = client
        return client

    def _client_options(self, policy_class: type[Any], transport: Any) -> dict[str, Any]:
        connection = self._connection
        policy = policy_class(connection.auth)
        return {
            "endpoint": connection.endpoint,
            "credential": connection.auth,
            "authentication_policy": policy,
            "policies": [policy],
            "transport": transport,
        }

    def _get_network(self) -> Network:
        if self._network is None:
            self._network = Network(self._connection)
        return self._network

    def _forget_closed_loops(self) -> None:
        for loop in [loop for loop in self._async if loop.is_closed()]:
            del self._async[loop]
