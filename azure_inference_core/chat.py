"""Chat completions: ``/chat/completions``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from azure_inference_core._client.call import Call
from azure_inference_core._client.client import Client
from azure_inference_core._client.streams import AsyncStream, Stream
from azure_inference_core._client.tracing import span_of
from azure_inference_core._request.history import legal_history
from azure_inference_core._request.keywords import merged
from azure_inference_core._request.parameters import CHAT_PARAMETERS, Parameters
from azure_inference_core._request.tools import legal_tools
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
    settings (``extra_parameters``, ``timeout`` in seconds, ``max_retries``, ``stream_usage``, ``split_think``,
    ``send_reasoning``, ``headers``) and any other name as an extra. ``None`` means "not given". What
    :func:`merge_params` gave may stand in their place. Tool names and call ids are made those that the API and the
    model take, and named by the caller's own in the answer; whatever model wrote a conversation, it is made legal.
    An answer's ``reasoning_content`` in it goes to the models that want it back, or by ``send_reasoning``. All raise :class:`ConfigurationError`
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

    def complete(
        self, messages: Sequence[Mapping[str, Any]], params: Parameters | None = None, /, **keywords: Any
    ) -> ChatResult:
        """Ask for the whole answer."""
        call, reading = self._chat_call(messages, merged(params, keywords))
        return self._whole(call, _ROUTE, partial(parse_chat, **reading))

    async def acomplete(
        self, messages: Sequence[Mapping[str, Any]], params: Parameters | None = None, /, **keywords: Any
    ) -> ChatResult:
        """As :meth:`complete`, async."""
        call, reading = self._chat_call(messages, merged(params, keywords))
        return await self._awhole(call, _ROUTE, partial(parse_chat, **reading))

    def stream(
        self, messages: Sequence[Mapping[str, Any]], params: Parameters | None = None, /, **keywords: Any
    ) -> ChatStream:
        """Ask for the answer piece by piece; sent when the first piece is asked for."""
        call, reading = self._chat_call(messages, merged(params, keywords), stream=True)
        deltas = self._stream(call, partial(ChatReader, **reading))
        return ChatStream(span_of(self.connection, _ROUTE, call.body).over(deltas))

    def astream(
        self, messages: Sequence[Mapping[str, Any]], params: Parameters | None = None, /, **keywords: Any
    ) -> AsyncChatStream:
        """As :meth:`stream`, async; not a coroutine."""
        call, reading = self._chat_call(messages, merged(params, keywords), stream=True)
        deltas = self._astream(call, partial(ChatReader, **reading))
        return AsyncChatStream(span_of(self.connection, _ROUTE, call.body).aover(deltas))

    def _chat_call(
        self, messages: Sequence[Mapping[str, Any]], params: Parameters, *, stream: bool = False
    ) -> tuple[Call, dict[str, Any]]:
        """The call, and how its answer is to be read."""
        if isinstance(messages, (str, bytes, Mapping)) or not messages:
            raise ConfigurationError("messages must be a list with at least one message")
        for position, message in enumerate(messages):
            if not isinstance(message, Mapping) or not isinstance(message.get("role"), str):
                raise ConfigurationError(f"messages[{position}] must be a dict with a role")
        family = self.connection.family(params.get("model"))
        names: dict[str, str] = {}
        if "tools" in params or "tool_choice" in params:
            tools, choice, names = legal_tools(params.get("tools", ()), params.get("tool_choice"))
            params = Parameters({**params, "tools": tools, "tool_choice": choice})
        think = params.get("split_think")
        if think is None:
            think = family.reasoning in ("tags", "field-or-tags")
        reading = {"names": names, "think": bool(think)}
        own = ("messages", legal_history(messages, family))
        return self._post(_ROUTE, own, params, CHAT_PARAMETERS, stream=stream), reading
