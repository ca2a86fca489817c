"""Text completions: ``/completions``."""

from __future__ import annotations

from typing import Any

from azure_inference_core._client.call import Call
from azure_inference_core._client.client import Client
from azure_inference_core._client.streams import AsyncStream, Stream
from azure_inference_core._client.tracing import span_of
from azure_inference_core._request.keywords import merged
from azure_inference_core._request.parameters import COMPLETION_PARAMETERS, Parameters
from azure_inference_core._response.streamed import CompletionReader
from azure_inference_core._response.whole import parse_completion
from azure_inference_core.errors import ConfigurationError
from azure_inference_core.values import CompletionDelta, CompletionResult

__all__ = ["AsyncCompletionStream", "CompletionStream", "CompletionsClient"]

_ROUTE = "/completions"


class CompletionStream(Stream[CompletionDelta]):
    """What ``CompletionsClient.stream`` gives: deltas to iterate over, as :class:`ChatStream`.

    ```python
    writer = CompletionsClient(connection)
    with writer.stream("Once upon a time", max_tokens=20) as deltas:
        text = "".join(delta.text for delta in deltas)
    ```
    """


class AsyncCompletionStream(AsyncStream[CompletionDelta]):
    """As :class:`CompletionStream`, for ``async with`` and ``async for``.

    ```python
    writer = CompletionsClient(connection)
    async with writer.astream("Once upon a time", max_tokens=20) as deltas:
        text = "".join([delta.text async for delta in deltas])
    ```
    """


class CompletionsClient(Client):
    """Asks a model to continue a text.

    Keywords and errors as in :class:`~azure_inference_core.ChatClient`, without tools and response format.

    ```python
    writer = CompletionsClient(connection)
    result = writer.complete("Once upon a time", max_tokens=20)
    print(result.choices[0].text)

    result = await writer.acomplete("Once upon a time", max_tokens=20)

    with writer.stream("Once upon a time", max_tokens=20) as deltas:
        for delta in deltas:
            print(delta.text, end="")

    async with writer.astream("Once upon a time", max_tokens=20) as deltas:
        async for delta in deltas:
            print(delta.text, end="")
    ```
    """

    def complete(self, prompt: str, params: Parameters | None = None, /, **keywords: Any) -> CompletionResult:
        """Ask for the whole answer."""
        return self._whole(self._completion_call(prompt, merged(params, keywords)), _ROUTE, parse_completion)

    async def acomplete(
        self, prompt: str, params: Parameters | None = None, /, **keywords: Any
    ) -> CompletionResult:
        """As :meth:`complete`, async."""
        call = self._completion_call(prompt, merged(params, keywords))
        return await self._awhole(call, _ROUTE, parse_completion)

    def stream(self, prompt: str, params: Parameters | None = None, /, **keywords: Any) -> CompletionStream:
        """Ask for the answer piece by piece; sent when the first piece is asked for."""
        call = self._completion_call(prompt, merged(params, keywords), stream=True)
        deltas = self._stream(call, CompletionReader)
        return CompletionStream(span_of(self.connection, _ROUTE, call.body).over(deltas))

    def astream(
        self, prompt: str, params: Parameters | None = None, /, **keywords: Any
    ) -> AsyncCompletionStream:
        """As :meth:`stream`, async; not a coroutine."""
        call = self._completion_call(prompt, merged(params, keywords), stream=True)
        deltas = self._astream(call, CompletionReader)
        return AsyncCompletionStream(span_of(self.connection, _ROUTE, call.body).aover(deltas))

    def _completion_call(self, prompt: str, params: Parameters, *, stream: bool = False) -> Call:
        if not isinstance(prompt, str):
            raise ConfigurationError(f"prompt must be a string, not a value of type {type(prompt).__name__}")
        return self._post(_ROUTE, ("prompt", prompt), params, COMPLETION_PARAMETERS, stream=stream)
