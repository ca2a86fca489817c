"""The only door to the SDK: opens its clients, sends by their public ``send_request``, closes them.

``azure-ai-inference`` 1.0.0b9 is the last release of the SDK. Everything it decides by itself (parsing,
retries, redirects, the environment's proxies) is decided by this package instead; to move to another
client, write this file anew.
"""

from __future__ import annotations

import asyncio
import copy
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote

from azure.core.pipeline import PipelineRequest
from azure.core.pipeline.policies import (
    AsyncHTTPPolicy,
    DistributedTracingPolicy,
    HTTPPolicy,
    SansIOHTTPPolicy,
)
from azure.core.rest import HttpRequest
from azure.core.settings import settings

from azure_inference_core._credentials.auth import Auth
from azure_inference_core._transport.loops import off_loop
from azure_inference_core._transport.network import Network
from azure_inference_core.connection import Connection
from azure_inference_core.errors import ConfigurationError
from azure_inference_core.timeouts import Deadline

if TYPE_CHECKING:
    from azure_inference_core._transport.http_async import AsyncReply
    from azure_inference_core._transport.http_sync import SyncReply

_LEGAL = ":/?#[]@!$&'()*+,;=%"  # in a URL, beside letters, digits and -._~; RFC 3986, 2


class _Client(Protocol):
    """The SDK's client as it is used here: it hands on what the transport under it gave."""

    def send_request(self, request: HttpRequest, *, stream: bool, deadline: Deadline) -> SyncReply: ...
    def close(self) -> None: ...


class _AsyncClient(Protocol):
    """As :class:`_Client`, async."""

    async def send_request(self, request: HttpRequest, *, stream: bool, deadline: Deadline) -> AsyncReply: ...
    async def close(self) -> None: ...


# The SDK and the HTTP libraries are imported with the first request of their kind: nobody waits for the one not used.


def is_traced() -> bool:
    """Whether azure-core's tracing setting is on, which nobody asks while OpenTelemetry is not even imported."""
    return "opentelemetry.trace" in sys.modules and settings.tracing_enabled()


class _KeyPolicy(HTTPPolicy[HttpRequest, Any]):
    """Puts the credential into each request, as it is at that moment, and a span round each where that is wanted."""

    def __init__(self, auth: Auth) -> None:
        super().__init__()
        self._auth = auth
        self._tracing: DistributedTracingPolicy[HttpRequest, Any] = DistributedTracingPolicy()

    def send(self, request: PipelineRequest[HttpRequest]) -> Any:
        deadline: Deadline = request.context.options["deadline"]
        time_left = deadline.within(deadline.timeouts.first_byte)
        request.http_request.headers.update(self._auth.headers(time_left))
        deadline.sent_at = time.monotonic()
        if not is_traced():
            return self.next.send(request)
        self._tracing.on_request(request)
        try:
            response = self.next.send(request)
        except Exception:
            self._tracing.on_exception(request)
            raise
        self._tracing.on_response(request, response)
        return response


class _AsyncKeyPolicy(AsyncHTTPPolicy[HttpRequest, Any]):
    """As :class:`_KeyPolicy`, without holding up the event loop."""

    def __init__(self, auth: Auth) -> None:
        super().__init__()
        self._auth = auth
        self._tracing: DistributedTracingPolicy[HttpRequest, Any] = DistributedTracingPolicy()

    async def send(self, request: PipelineRequest[HttpRequest]) -> Any:
        deadline: Deadline = request.context.options["deadline"]
        time_left = deadline.within(deadline.timeouts.first_byte)
        request.http_request.headers.update(await self._auth.aheaders(time_left))
        deadline.sent_at = time.monotonic()
        if not is_traced():
            return await self.next.send(request)
        self._tracing.on_request(request)
        try:
            response = await self.next.send(request)
        except Exception:
            self._tracing.on_exception(request)
            raise
        self._tracing.on_response(request, response)
        return response


def _own_policies(given: Sequence[Any], beside: Any) -> list[Any]:
    """The user's policies for one pipeline: copies, since a policy knows the one that follows it."""
    own = AsyncHTTPPolicy if isinstance(beside, AsyncHTTPPolicy) else HTTPPolicy
    found = [copy.copy(policy) for policy in given if isinstance(policy, (SansIOHTTPPolicy, own))]
    others = [policy for policy in given if not isinstance(policy, (SansIOHTTPPolicy, own))]
    if others and not any(isinstance(policy, own) for policy in given):
        kind, name = ("async", "AsyncHTTPPolicy") if own is AsyncHTTPPolicy else ("sync", "HTTPPolicy")
        raise ConfigurationError(
            f"policies: {type(others[0]).__name__} does not work in {kind} calls; give it as a SansIOHTTPPolicy, or "
            f"put an {name} of the same beside it"
        )
    return found


class _Request(HttpRequest):
    """A request made for one attempt: the SDK need not copy it before it completes the URL."""

    def __init__(self, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> None:
        address = url if url.isascii() else quote(url, safe=_LEGAL)
        super().__init__(method, address, headers=dict(headers), content=body)

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> _Request:
        return self


class SdkClients:
    """The SDK's clients for one connection: one for threads, one for each event loop.

    Opened at the first request. A copy or a pickle of it is closed: it opens its own.

    Args:
        connection: Where to.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._network: Network | None = None
        self._sync: _Client | None = None
        self._async: dict[asyncio.AbstractEventLoop, _AsyncClient] = {}
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[Any, ...]:
        return SdkClients, (self._connection,)

    def __deepcopy__(self, memo: dict[int, Any]) -> SdkClients:
        return SdkClients(self._connection)

    def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, deadline: Deadline
    ) -> SyncReply:
        """Send one request; the answer's body is still to be read.

        Raises:
            InferenceError: There was no answer.
        """
        request = _Request(method, url, headers, body)
        return self._sync_client().send_request(request, stream=True, deadline=deadline)

    async def asend(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None, deadline: Deadline
    ) -> AsyncReply:
        """Send one request; the answer's body is still to be read.

        Raises:
            InferenceError: There was no answer.
        """
        request = _Request(method, url, headers, body)
        if not self._async:
            await self._prepare_async()
        return await self._async_client().send_request(request, stream=True, deadline=deadline)

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

    def _sync_client(self) -> _Client:
        if self._sync is None:
            try:
                sdk: Any = import_module("azure.ai.inference")
                from azure_inference_core._transport.http_sync import SyncTransport  # noqa: PLC0415
            except OSError as error:
                raise self._get_network().unreachable(error)  # noqa: B904 - it has its cause

            with self._lock:
                if self._sync is None:
                    transport = SyncTransport(self._get_network())
                    self._sync = sdk.ChatCompletionsClient(**self._client_options(_KeyPolicy, transport))
        return self._sync

    async def _prepare_async(self) -> None:
        """Import what async requests need and read the certificates: work on files that would stall the loop."""

        def prepare() -> None:
            import_module("azure.ai.inference.aio")
            import_module("azure_inference_core._transport.http_async")
            network = self._get_network()
            if network.scheme == "https":
                network.ssl_context()

        try:
            await off_loop(prepare)
        except OSError as error:
            raise self._get_network().unreachable(error)  # noqa: B904 - it has its cause

    def _async_client(self) -> _AsyncClient:
        loop = asyncio.get_running_loop()
        client = self._async.get(loop)
        if client is None:
            sdk: Any = import_module("azure.ai.inference.aio")
            from azure_inference_core._transport.http_async import AsyncTransport  # noqa: PLC0415

            with self._lock:
                self._forget_closed_loops()
                transport = AsyncTransport(self._get_network())
                client = sdk.ChatCompletionsClient(**self._client_options(_AsyncKeyPolicy, transport))
                self._async[loop] = client
        return client

    def _client_options(self, policy_class: type[Any], transport: Any) -> dict[str, Any]:
        connection = self._connection
        policy = policy_class(connection.auth)
        return {
            "endpoint": connection.endpoint,
            "credential": connection.auth,
            "authentication_policy": policy,
            "user_agent_policy": policy,  # not used; the SDK's own would ask the system what it is, in a new process
            "policies": [policy, *_own_policies(connection.policies, policy)],
            "transport": transport,
        }

    def _get_network(self) -> Network:
        if self._network is None:
            self._network = Network(self._connection)
        return self._network

    def _forget_closed_loops(self) -> None:
        for loop in [loop for loop in self._async if loop.is_closed()]:
            del self._async[loop]
