"""What every client shares: its life, its attempts, and the reading of answers.

Sync and async differ here only in the few lines that send, read and wait.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Mapping
from contextlib import suppress
from importlib.metadata import version
from platform import python_version
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self, TypeVar

from azure_inference_core._client.call import Answer, Call
from azure_inference_core._client.component import Closing
from azure_inference_core._client.habits.learning import Habits
from azure_inference_core._client.habits.rules import RULES
from azure_inference_core._client.retry import RetryBudget
from azure_inference_core._client.streams import Begun, DeltaT, ReaderClass, abegun_stream, begun_stream
from azure_inference_core._client.tracing import span_of
from azure_inference_core._request.parameters import Draft, EncodedRequest, Parameters, encode_request
from azure_inference_core._response.body import Body
from azure_inference_core._response.whole import parse_info
from azure_inference_core._transport.sdk import SdkClients
from azure_inference_core.connection import Connection
from azure_inference_core.errors import ConfigurationError, IncompleteResponseError, InferenceError
from azure_inference_core.values import ChatResult, CompletionResult, ModelInfo

if TYPE_CHECKING:
    from azure_inference_core._transport.http_async import AsyncReply
    from azure_inference_core._transport.http_sync import SyncReply

_NOTHING: Mapping[str, Any] = MappingProxyType({})
REFUSAL_BYTES = 64 * 1024
_PACKAGE = "azure-inference-integrations"
_USER_AGENT = f"{_PACKAGE}/{version(_PACKAGE)} Python/{python_version()}"

ReceivedT = TypeVar("ReceivedT")
ParsedT = TypeVar("ParsedT", ChatResult, CompletionResult)


class Client(Closing):
    """A client of one endpoint; nothing touches the network before the first call.

    Safe to share by threads, event loops and forked processes, and usable again after it was closed. A
    deep copy keeps the credential; a pickle does not, and takes the key from the environment instead.

    Args:
        connection: Where to, as whom, within which limits.
    """

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._budget = RetryBudget()
        self._habits = Habits(RULES)
        self._headers = {
            "accept": "application/json",
            "accept-encoding": "identity",
            "content-type": "application/json",
            "user-agent": f"{connection.user_agent} {_USER_AGENT}".strip(),
            **connection.default_headers,
        }
        self._sdk = SdkClients(connection)
        self._info: ModelInfo | None = None

    def info(self) -> ModelInfo:
        """Ask ``/info`` which model answers here; asked once, then remembered.

        ```python
        print(client.info().model_name)
        print((await client.ainfo()).model_name)
        ```

        Raises:
            ConfigurationError: This kind of endpoint has no ``/info``.
            InferenceError: It did not answer.
        """
        if self._info is None:
            self._info = self._exchange(self._info_call()).read(parse_info)
        return self._info

    async def ainfo(self) -> ModelInfo:
        """As :meth:`info`, async."""
        if self._info is None:
            self._info = (await self._aexchange(self._info_call())).read(parse_info)
        return self._info

    def close(self) -> None:
        """Close the connections; a later call opens new ones. A ``with`` block does it at its end.

        ```python
        client.close()
        ```
        """
        self._sdk.close()
        self.connection.close()

    async def aclose(self) -> None:
        """Close the connections of this event loop, and those of sync calls; so does ``async with``.

        ```python
        await client.aclose()
        ```
        """
        await self._sdk.aclose()
        self.connection.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.connection!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.connection,)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        rebuild, arguments = self.__reduce__()[:2]
        copied: Self = rebuild(*arguments)
        return copied

    def _whole(self, call: Call, route: str, parse: Callable[[dict[str, Any]], ParsedT]) -> ParsedT:
        """Ask for the whole answer."""
        with span_of(self.connection, route, call.body) as span:
            answer = self._exchange(call)
            span.answered(answer.body)
            return self._parsed(answer, parse)

    async def _awhole(self, call: Call, route: str, parse: Callable[[dict[str, Any]], ParsedT]) -> ParsedT:
        with span_of(self.connection, route, call.body) as span:
            answer = await self._aexchange(call)
            span.answered(answer.body)
            return self._parsed(answer, parse)

    @staticmethod
    def _parsed(answer: Answer, parse: Callable[[dict[str, Any]], ParsedT]) -> ParsedT:
        result = answer.read(parse)
        # Frozen for everybody else; a copy would take longer than all other reading of the answer.
        object.__setattr__(result, "request_id", answer.request_id)
        object.__setattr__(result, "attempts", answer.attempts)
        return result

    def _info_call(self) -> Call:
        dialect = self.connection.dialect
        if not dialect.has_info:
            raise ConfigurationError(f"an endpoint of the {dialect.name} kind has no /info route")
        draft = Draft("", None, {}, api_version=self.connection.api_version)
        return self._make_call("GET", "/info", lambda: draft, lambda _: EncodedRequest(b"", {}, None), {})

    def _post(
        self,
        route: str,
        own: tuple[str, Any],
        params: Parameters,
        known: frozenset[str],
        *,
        added: Mapping[str, Any] = _NOTHING,
        stream: bool = False,
    ) -> Call:
        """A call of a route with its own field and content; ``added`` is what the user did not ask for."""
        connection = self.connection
        if connection.model is not None and "model" not in params:
            params = Parameters({**params, "model": connection.model})

        def draft() -> Draft:
            return Draft(
                *own,
                {**added, **params},
                added.keys() - params.keys(),
                connection.family(params.get("model"), embeddings=own[0] == "input"),
                stream=stream,
                counts_unasked=connection.dialect.stream_usage == "always",
                extras_header=connection.dialect.has_extras_header,
                api_version=connection.api_version,
                is_version_chosen=connection.is_version_chosen,
            )

        def encode(draft: Draft) -> EncodedRequest:
            return encode_request(draft, known, max_bytes=connection.max_request_bytes)

        return self._make_call("POST", route, draft, encode, params)

    def _make_call(
        self,
        method: str,
        route: str,
        draft: Callable[[], Draft],
        encode: Callable[[Draft], EncodedRequest],
        params: Mapping[str, Any],
    ) -> Call:
        return Call(
            self.connection, self._budget, self._habits, method, route, draft, encode, self._headers, params
        )

    def _exchange(self, call: Call) -> Answer:
        limit = self.connection.max_response_bytes
        return self._attempt(call, lambda reply: call.answer(reply.headers, _read(reply, limit)))

    async def _aexchange(self, call: Call) -> Answer:
        limit = self.connection.max_response_bytes

        async def receive(reply: AsyncReply) -> Answer:
            return call.answer(reply.headers, await _aread(reply, limit))

        return await self._aattempt(call, receive)

    def _attempt(self, call: Call, receive: Callable[[SyncReply], ReceivedT]) -> ReceivedT:
        while True:
            call.begin()
            try:
                reply = self._sdk.send(call.method, call.url, call.headers, call.body, call.deadline)
                try:
                    if not 200 <= reply.status < 300:
                        raise call.refused(reply.status, reply.headers, _read_refusal(reply))
                    received = receive(reply)
                except BaseException:
                    reply.close()
                    raise
            except InferenceError as error:
                wait = call.failed(error)
            else:
                call.succeeded(reply.status, reply.headers)
                return received
            time.sleep(wait)

    async def _aattempt(self, call: Call, receive: Callable[[AsyncReply], Awaitable[ReceivedT]]) -> ReceivedT:
        while True:
            call.begin()
            try:
                reply = await self._sdk.asend(call.method, call.url, call.headers, call.body, call.deadline)
                try:
                    if not 200 <= reply.status < 300:
                        raise call.refused(reply.status, reply.headers, await _aread_refusal(reply))
                    received = await receive(reply)
                except BaseException:
                    reply.close()
                    raise
            except InferenceError as error:
                error.__context__ = None  # see _astream
                wait = call.failed(error)
            else:
                call.succeeded(reply.status, reply.headers)
                return received
            await asyncio.sleep(wait)

    def _stream(self, call: Call, reader_class: ReaderClass[DeltaT]) -> Generator[DeltaT, None, None]:
        def begin(reply: SyncReply) -> Begun[SyncReply, DeltaT]:
            reader = reader_class(reply.headers, self.connection.max_event_bytes)
            return begun_stream(reply, reader, call.explained, self.connection.max_response_bytes)

        begun = self._attempt(call, begin)
        reply, reader, inflater = begun.reply, begun.reader, begun.inflater
        try:
            yield from begun.deltas
            while not (begun.is_over or reader.done):
                try:
                    block = reply.read()
                except IncompleteResponseError:
                    break  # the reader knows whether the answer was complete
                if not block:
                    break
                yield from reader.feed(inflater.feed(block))
            if not begun.is_over:
                if reader.done:
                    reply.drain()
                yield from reader.end()
        except InferenceError as error:
            block = b""  # a traceback can show variables
            error.partial = reader.text
            raise call.explained(error, reply.headers) from error.__cause__
        finally:
            reply.close()

    async def _astream(self, call: Call, reader_class: ReaderClass[DeltaT]) -> AsyncGenerator[DeltaT, None]:
        async def begin(reply: AsyncReply) -> Begun[AsyncReply, DeltaT]:
            reader = reader_class(reply.headers, self.connection.max_event_bytes)
            return await abegun_stream(reply, reader, call.explained, self.connection.max_response_bytes)

        begun = await self._aattempt(call, begin)
        reply, reader, inflater = begun.reply, begun.reader, begun.inflater
        try:
            for delta in begun.deltas:
                yield delta
            while not (begun.is_over or reader.done):
                try:
                    block = await reply.read()
                except IncompleteResponseError:
                    break  # the reader knows whether the answer was complete
                if not block:
                    break
                for delta in reader.feed(inflater.feed(block)):
                    yield delta
            if not begun.is_over:
                if reader.done:
                    await reply.drain()
                for delta in reader.end():
                    yield delta
        except InferenceError as error:
            # Tasks written in Python (nest_asyncio's) go on inside the handling of what woke them, the library's error.
            error.__context__ = None
            block = b""  # a traceback can show variables
            error.partial = reader.text
            raise call.explained(error, reply.headers) from error.__cause__
        finally:
            reply.close()


def _read(reply: SyncReply, limit: int) -> bytes:
    body = Body(reply.headers, limit)
    while block := reply.read():
        body.add(block)
    return body.whole()


async def _aread(reply: AsyncReply, limit: int) -> bytes:
    body = Body(reply.headers, limit)
    while block := await reply.read():
        body.add(block)
    return body.whole()


def _read_refusal(reply: SyncReply) -> bytes:
    """The body of a refusal, as much as there is: a broken one must not hide the status."""
    body = Body({}, REFUSAL_BYTES)
    with suppress(InferenceError):
        body = Body(reply.headers, REFUSAL_BYTES)
        while block := reply.read():
            body.add(block)
    return body.whole()


async def _aread_refusal(reply: AsyncReply) -> bytes:
    """As :func:`_read_refusal`, async."""
    body = Body({}, REFUSAL_BYTES)
    with suppress(InferenceError):
        body = Body(reply.headers, REFUSAL_BYTES)
        while block := await reply.read():
            body.add(block)
    return body.whole()
