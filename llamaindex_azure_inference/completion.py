"""Completion models: ``/completions`` as a LlamaIndex LLM."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    ChatResponseGen,
    CompletionResponse,
    CompletionResponseAsyncGen,
    CompletionResponseGen,
    LLMMetadata,
)
from llama_index.core.llms.callbacks import llm_chat_callback, llm_completion_callback

from azure_inference_core import CompletionsClient
from llamaindex_azure_inference._answers import CompletionAccumulator, completion_as_chat, completion_response
from llamaindex_azure_inference._messages import require_text
from llamaindex_azure_inference._structured import Predictor
from llamaindex_azure_inference._writer import Writer, aresponses, as_in, responses

__all__ = ["AzureInferenceCompletion"]


class AzureInferenceCompletion(Predictor):
    """A model behind ``/completions``: text in, text out.

    Parameters, extras and errors are those of :class:`~llamaindex_azure_inference.AzureInference`. A conversation is
    written as one prompt by ``messages_to_prompt``; what is not text in it is refused. A prompt that LlamaIndex has not
    formatted goes through ``completion_to_prompt``.

    ```python
    llm = AzureInferenceCompletion(endpoint="https://<name>.<region>.models.ai.azure.com", credential="<key>")
    print(llm.complete("Once upon a time", max_tokens=20).text)
    ```

    Args:
        endpoint: The endpoint's URL; from ``AZURE_INFERENCE_ENDPOINT`` if not given.
        credential: As in :class:`~llamaindex_azure_inference.AzureInference`.
        **settings: The fields below and parameters of the model.

    Raises:
        ConfigurationError: What was given cannot be used. No network is touched here.
    """

    _client_class: ClassVar[type[Any]] = CompletionsClient

    @as_in(Writer.__init__)  # type checkers would make one of the fields
    def __init__(self, *given: Any, **settings: Any) -> None:
        super().__init__(*given, **settings)

    @classmethod
    def class_name(cls) -> str:
        """The name under which LlamaIndex serialises this class."""
        return "AzureInferenceCompletion"

    @property
    def metadata(self) -> LLMMetadata:
        """What LlamaIndex plans with; computed from the fields and a table of families, never from the network.

        ```python
        writer = AzureInferenceCompletion(endpoint="https://...", credential="...", context_window=4096)
        print(writer.metadata.context_window)
        ```
        """
        return self._metadata(chat=False, calls_tools=False)

    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """Continue a prompt.

        ```python
        writer = AzureInferenceCompletion(endpoint="https://...", credential="...", max_tokens=20)
        print(writer.complete("Once upon a time").text)
        print((await writer.acomplete("Once upon a time")).text)
        ```

        Args:
            prompt: The prompt.
            formatted: Whether ``completion_to_prompt`` has been applied to it.
            **kwargs: Parameters of this call, as in ``AzureInference.chat``.

        Raises:
            ConfigurationError: A parameter cannot be sent.
            InferenceError: The request failed; the class says how.
        """
        return self._complete(self._formatted(prompt, formatted), **kwargs)

    @llm_completion_callback()
    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponseGen:
        """Like :meth:`complete`, piece by piece; the last response has finish reason and token counts.

        ```python
        writer = AzureInferenceCompletion(endpoint="https://...", credential="...", max_tokens=20)
        for response in writer.stream_complete("Once upon a time"):
            print(response.delta, end="")

        async for response in await writer.astream_complete("Once upon a time"):
            print(response.delta, end="")
        ```
        """
        return self._stream_complete(self._formatted(prompt, formatted), **kwargs)

    @llm_completion_callback()
    async def acomplete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """Like :meth:`complete`."""
        return await self._acomplete(self._formatted(prompt, formatted), **kwargs)

    @llm_completion_callback()
    async def astream_complete(
        self, prompt: str, formatted: bool = False, **kwargs: Any
    ) -> CompletionResponseAsyncGen:
        """Like :meth:`stream_complete`; awaiting gives the generator."""
        return self._astream_complete(self._formatted(prompt, formatted), **kwargs)

    @llm_chat_callback()
    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """Answer a conversation, written as one prompt.

        ```python
        from llama_index.core.llms import ChatMessage

        writer = AzureInferenceCompletion(endpoint="https://...", credential="...", max_tokens=20)
        print(writer.chat([ChatMessage("Say hello.")]).message.content)
        print((await writer.achat([ChatMessage("Say hello.")])).message.content)
        ```

        Raises:
            ConfigurationError: A message holds something other than text.
            InferenceError: The request failed; the class says how.
        """
        return completion_as_chat(self._complete(self._prompt(messages), **kwargs))

    @llm_chat_callback()
    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        """Like :meth:`chat`, piece by piece.

        ```python
        from llama_index.core.llms import ChatMessage

        writer = AzureInferenceCompletion(endpoint="https://...", credential="...", max_tokens=20)
        for response in writer.stream_chat([ChatMessage("Say hello.")]):
            print(response.delta, end="")

        async for response in await writer.astream_chat([ChatMessage("Say hello.")]):
            print(response.delta, end="")
        ```
        """
        answers = self._stream_complete(self._prompt(messages), **kwargs)
        return (completion_as_chat(answer) for answer in answers)

    @llm_chat_callback()
    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """Like :meth:`chat`."""
        return completion_as_chat(await self._acomplete(self._prompt(messages), **kwargs))

    @llm_chat_callback()
    async def astream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseAsyncGen:
        """Like :meth:`stream_chat`; awaiting gives the generator."""
        answers = self._astream_complete(self._prompt(messages), **kwargs)
        return (completion_as_chat(answer) async for answer in answers)

    def _formatted(self, prompt: str, formatted: bool) -> str:
        if formatted or self.completion_to_prompt is None:
            return prompt
        return self.completion_to_prompt(prompt)

    def _prompt(self, messages: Sequence[ChatMessage]) -> str:
        require_text(messages)
        if self.messages_to_prompt is None:
            raise TypeError("messages_to_prompt is None, so a conversation cannot be written as a prompt")
        return self.messages_to_prompt(messages)

    # -- without observers --

    def _complete(self, prompt: str, **kwargs: Any) -> CompletionResponse:
        return completion_response(self._client.complete(prompt, self._params(kwargs)))

    async def _acomplete(self, prompt: str, **kwargs: Any) -> CompletionResponse:
        return completion_response(await self._client.acomplete(prompt, self._params(kwargs)))

    def _stream_complete(self, prompt: str, **kwargs: Any) -> CompletionResponseGen:
        deltas = self._client.stream(prompt, self._params(kwargs))
        return responses(deltas, CompletionAccumulator())

    def _astream_complete(self, prompt: str, **kwargs: Any) -> CompletionResponseAsyncGen:
        deltas = self._client.astream(prompt, self._params(kwargs))
        return aresponses(deltas, CompletionAccumulator())

    @property
    def _client(self) -> CompletionsClient:
        client: CompletionsClient = self._current()
        return client
