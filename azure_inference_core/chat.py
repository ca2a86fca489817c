"""Chat completions: ``/chat/completions``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from azure_inference_core._client.call import Call
from azure_inference_core._client.client import Client
from azure_inference_core._client.streams import AsyncStream, Stream
from azure_inference_core._request.parameters import CHAT_PARAMETERS
from azure_inference_core._response.streamed import ChatReader
from azure_inference_core._response.whole import parse_chat
from azure_inference_core.errors import ConfigurationError
from azure_inference_core.values import ChatDelta, ChatResult

__all__ = ["AsyncChatStream", "ChatClient", "ChatStream"]

_ROUTE = "/chat/completions"


class ChatStream(Stream[ChatDelta]):
    """What ``ChatClient.stream`` gives: deltas to iterate over as they arrive.

    The request is sent at the first. Closing the stream, or leaving its ``with`` block, ends the answer early.

    ```python
    with client.stream(messages, max_tokens=50) as deltas:
        first = next(deltas)
        rest = "".join(delta.content for delta in deltas)
    ```
    """


class AsyncChatStream(AsyncStream[ChatDelta]):
    """As :class:`ChatStream`, for ``async with`` and ``async for``.

    ```python
    async with client.astream(messages, max_tokens=50) as deltas:
        text = "".join([delta.content async for delta in deltas])
    ```
    """


class ChatClient(Client):
    """Asks a model to continue a conversation.

    Every method takes messages as the API's own dicts and, as keywords, the common parameters
    (``temperature``, ``top_p``, ``max_tokens`` in tokens, ``stop``, ``seed``, ``frequency_penalty``,
    ``presence_penalty``, ``response_format``, ``tools``, ``tool_choice``, ``model``), the call's own
    settings (``extra_parameters``, ``timeout`` in seconds, ``max_retries``, ``stream_usage``, ``headers``)
    and any other name as an extra. ``None`` means "not given". All raise :class:`ConfigurationError`
    before anything is sent, and :class:`InferenceError` for everything that happens after.

    ```python
    result = client.complete(messages, temperature=0, max_tokens=50)
    print(result.choices[0].content)

    result = await client.acomplete(messages, max_tokens=50, timeout=30)

    with client.stream(messages, max_tokens=50) as deltas:
        for delta in deltas:
            print(delta.content, end="")

    async with client.astream(messages, max_tokens=50) as deltas:
        async for delta in deltas:
            print(delta.content, end="")
    ```
    """

    def complete(self, messages: Sequence[Mapping[str, Any]], **params: Any) -> ChatResult:
        """Ask for the whole answer."""
        answer = self._exchange(self._chat_call(messages, params))
        return self._parsed(answer, parse_chat)

    async def acomplete(self, messages: Sequence[Mapping[str, Any]], **params: Any) -> ChatResult:
        """As :meth:`complete`, async."""
        answer = await self._aexchange(self._chat_call(messages, params))
        return self._parsed(answer, parse_chat)

    def stream(self, messages: Sequence[Mapping[str, Any]], **params: Any) -> ChatStream:
        """Ask for the answer piece by piece; sent when the first piece is asked for."""
        return ChatStream(self._stream(self._chat_call(messages, params, stream=True), ChatReader))

    def astream(self, messages: Sequence[Mapping[str, Any]], **params: Any) -> AsyncChatStream:
        """As :meth:`stream`, async; not a coroutine."""
        return AsyncChatStream(self._astream(self._chat_call(messages, params, stream=True), ChatReader))

    def _chat_call(
        self, messages: Sequence[Mapping[str, Any]], params: Mapping[str, Any], *, stream: bool = False
    ) -> Call:
        if isinstance(messages, (str, bytes, Mapping)) or not messages:
            raise ConfigurationError("messages must be a list with at least one message")
        for position, message in enumerate(messages):
            if not isinstance(message, Mapping) or not isinstance(message.get("role"), str):
                raise ConfigurationError(f"messages[{position}] must be a dict with a role")
        return self._post(_ROUTE, {"messages": list(messages)}, params, CHAT_PARAMETERS, stream=stream)
