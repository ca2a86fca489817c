"""Chat models: ``/chat/completions`` as a LlamaIndex LLM with tools, structured output and images."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from llama_index.core.base.llms.generic_utils import prompt_to_messages
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
from llama_index.core.chat_engine.types import AgentChatResponse
from llama_index.core.llms.callbacks import llm_chat_callback, llm_completion_callback
from llama_index.core.llms.llm import ToolSelection
from llama_index.core.tools.calling import acall_tool_with_selection, call_tool_with_selection
from llama_index.core.tools.types import ToolOutput
from pydantic import field_validator

from azure_inference_core import ChatClient
from azure_inference_core._request.parameters import THOUGHTS, plain_format
from llamaindex_azure_inference._answers import ChatAccumulator, chat_response, completion_of_chat
from llamaindex_azure_inference._messages import to_wire
from llamaindex_azure_inference._structured import StructuredWriter
from llamaindex_azure_inference._tools import (
    OneCall,
    answered,
    definitions,
    not_there,
    read_choice,
    reading,
    selections,
    unforced,
    with_user_message,
)
from llamaindex_azure_inference._writer import Writer, aresponses, as_in, responses

if TYPE_CHECKING:
    from llama_index.core.tools.types import BaseTool

__all__ = ["AzureInference"]


class AzureInference(StructuredWriter):
    """A chat model behind an Azure AI inference endpoint, or any endpoint that speaks OpenAI's v1 API.

    ```python
    llm = AzureInference(endpoint="https://<name>.<region>.models.ai.azure.com", credential="<key>")
    print(llm.complete("Say hello.", max_tokens=50).text)
    ```

    Parameters that are not fields are parameters of the model: ``AzureInference(..., top_k=40)`` sends ``top_k`` with
    every call, ``llm.chat(messages, top_k=40)`` with one. A call's value wins over the constructor's; ``None`` is never
    sent and ``0`` always is.

    Args:
        endpoint: The endpoint's URL; its form decides the dialect. From ``AZURE_INFERENCE_ENDPOINT`` if not given.
        credential: A key (``str``, ``SecretStr``, ``AzureKeyCredential``), token credential or callable that gives a token. From
            ``AZURE_INFERENCE_CREDENTIAL`` if not given; then, at hosts of Azure, ``DefaultAzureCredential``.
        **settings: The fields below, ``model_name`` for ``model``, ``model_kwargs`` for ``model_extras``, the retired
            integration's ``client_kwargs``, and parameters of the model.

    Attributes:
        response_format: ``"text"``, ``"json_object"``, an OpenAI ``response_format`` dict, or the SDK's
            ``JsonSchemaFormat``.
        is_function_calling_model: Whether the model calls tools; the model family's answer if ``None``.
        send_parallel_tool_calls: Tell the model too whether it may call several tools at once
            (``parallel_tool_calls``, an extra that many models refuse). Answers are cut to one call either way where
            only one is allowed.
        split_think: Whether ``<think>`` in the text is the model's thinking; the model family's answer if ``None``.
        send_reasoning: Whether the thinking of earlier answers goes back to the model; the model family's answer if
            ``None``.

    Raises:
        ConfigurationError: What was given cannot be used. No network is touched here.
    """

    response_format: Any = None
    is_function_calling_model: bool | None = None
    send_parallel_tool_calls: bool = False
    split_think: bool | None = None
    send_reasoning: bool | None = None

    _client_class: ClassVar[type[Any]] = ChatClient
    _parameters: ClassVar[tuple[str, ...]] = (*Writer._parameters, "response_format", *THOUGHTS)  # noqa: SLF001

    @field_validator("response_format")
    @classmethod
    def _serialisable(cls, value: Any) -> Any:
        return plain_format(value)

    @as_in(Writer.__init__)  # type checkers would make one of the fields
    def __init__(self, *given: Any, **settings: Any) -> None:
        super().__init__(*given, **settings)

    @classmethod
    def class_name(cls) -> str:
        """The name under which LlamaIndex serialises this class."""
        return "AzureInference"

    @property
    def metadata(self) -> LLMMetadata:
        """What LlamaIndex plans with; computed from the fields and a table of families, never from the network.

        ```python
        print(llm.metadata.context_window, llm.metadata.is_function_calling_model)
        ```
        """
        return self._metadata(chat=True, calls_tools=self.is_function_calling_model)

    # -- chat --

    @llm_chat_callback()
    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """Answer a conversation.

        ```python
        from llama_index.core.llms import ChatMessage

        response = llm.chat([ChatMessage("Why is the sky blue?")], temperature=0)
        print(response.message.content, response.additional_kwargs["total_tokens"])

        response = await llm.achat([ChatMessage("Why is the sky blue?")])
        ```

        Args:
            messages: The conversation.
            **kwargs: Parameters of this call: common ones by name, ``model_extras``, ``extra_parameters``,
                ``timeout``, ``max_retries``, ``headers``; anything else goes to the model.

        Returns:
            The answer; ``additional_kwargs`` holds the token counts and the finish reason, ``raw`` the body.

        Raises:
            ConfigurationError: A message or parameter cannot be sent.
            InferenceError: The request failed; the class says how.
        """
        return self._chat(messages, **kwargs)

    @llm_chat_callback()
    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        """Like :meth:`chat`, piece by piece; the last response has the finish reason and the token counts.

        ```python
        from llama_index.core.llms import ChatMessage

        for response in llm.stream_chat([ChatMessage("Why is the sky blue?")]):
            print(response.delta, end="")

        async for response in await llm.astream_chat([ChatMessage("Why is the sky blue?")]):
            print(response.delta, end="")
        ```

        Raises:
            IncompleteResponseError: The stream ended early (raised while iterating); ``partial`` has the text.
        """
        return self._stream_chat(messages, **kwargs)

    @llm_chat_callback()
    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """Like :meth:`chat`."""
        return await self._achat(messages, **kwargs)

    @llm_chat_callback()
    async def astream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseAsyncGen:
        """Like :meth:`stream_chat`; awaiting gives the generator."""
        return self._astream_chat(messages, **kwargs)

    # -- completion, by a conversation of one message; undecorated below, so that one call is one event --

    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:  # noqa: ARG002
        """Answer a prompt; arguments and errors as in :meth:`chat`.

        ```python
        print(llm.complete("Why is the sky blue?").text)
        print((await llm.acomplete("Why is the sky blue?")).text)
        ```
        """
        return completion_of_chat(self._chat(prompt_to_messages(prompt), **kwargs))

    @llm_completion_callback()
    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponseGen:  # noqa: ARG002
        """Answer a prompt piece by piece, as in :meth:`stream_chat`.

        ```python
        for response in llm.stream_complete("Why is the sky blue?"):
            print(response.delta, end="")

        async for response in await llm.astream_complete("Why is the sky blue?"):
            print(response.delta, end="")
        ```
        """
        answers = self._stream_chat(prompt_to_messages(prompt), **kwargs)
        return (completion_of_chat(answer) for answer in answers)

    @llm_completion_callback()
    async def acomplete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:  # noqa: ARG002
        """Like :meth:`complete`."""
        return completion_of_chat(await self._achat(prompt_to_messages(prompt), **kwargs))

    @llm_completion_callback()
    async def astream_complete(
        self,
        prompt: str,
        formatted: bool = False,  # noqa: ARG002
        **kwargs: Any,
    ) -> CompletionResponseAsyncGen:
        """Like :meth:`stream_complete`; awaiting gives the generator."""
        answers = self._astream_chat(prompt_to_messages(prompt), **kwargs)
        return (completion_of_chat(answer) async for answer in answers)

    # -- tools --

    def _prepare_chat_with_tools(
        self,
        tools: Sequence[BaseTool],
        user_msg: str | ChatMessage | None = None,
        chat_history: list[ChatMessage] | None = None,
        verbose: bool = False,  # noqa: ARG002
        allow_parallel_tool_calls: bool = False,
        tool_required: bool = False,
        tool_choice: Any = None,
        **kwargs: Any,
    ) -> dict[str, Any]:
        prepared = {"messages": with_user_message(chat_history, user_msg), **kwargs}
        if written := definitions(tools):
            choice = read_choice(tool_choice, required=tool_required)
            if not self._can_be_forced():
                written, choice = unforced(written, choice)
            prepared.update(
                tools=written if allow_parallel_tool_calls else OneCall(written), tool_choice=choice
            )
            if self.send_parallel_tool_calls:
                prepared.setdefault("parallel_tool_calls", allow_parallel_tool_calls)
        return prepared

    def get_tool_calls_from_response(
        self,
        response: ChatResponse,
        error_on_no_tool_call: bool = True,
        **kwargs: Any,  # noqa: ARG002
    ) -> list[ToolSelection]:
        """The tool calls of an answer, whole or still streaming.

        A call of a finished answer whose arguments cannot be read comes under a name that no tool has and that says what
        was wrong, so that agents run nothing for it and tell the model.

        ```python
        from llama_index.core.tools import FunctionTool


        def weather(city: str) -> str:
            return f"Fine in {city}"


        tool = FunctionTool.from_defaults(weather)
        response = llm.chat_with_tools([tool], "How is it in Oslo?", tool_required=True)
        for call in llm.get_tool_calls_from_response(response):
            print(call.tool_name, call.tool_kwargs)
        ```

        Raises:
            ValueError: There is none, and ``error_on_no_tool_call`` is set; or the answer was cut off in one.
        """
        return selections(response, error_on_no_tool_call=error_on_no_tool_call)

    def predict_and_call(
        self,
        tools: Sequence[BaseTool],
        user_msg: str | ChatMessage | None = None,
        chat_history: list[ChatMessage] | None = None,
        verbose: bool = False,
        allow_parallel_tool_calls: bool = False,
        error_on_no_tool_call: bool = True,
        error_on_tool_error: bool = False,
        **kwargs: Any,
    ) -> AgentChatResponse:
        """Let the model call tools, and run them.

        ```python
        from llama_index.core.tools import FunctionTool


        def weather(city: str) -> str:
            return f"Fine in {city}"


        tool = FunctionTool.from_defaults(weather)
        print(llm.predict_and_call([tool], "How is it in Oslo?", tool_required=True).response)
        print((await llm.apredict_and_call([tool], "How is it in Oslo?", tool_required=True)).response)
        ```

        Args:
            tools: The tools.
            user_msg: The question; after ``chat_history``, if that is given.
            chat_history: The conversation so far.
            verbose: Whether to print calls and results.
            allow_parallel_tool_calls: Whether several calls of one answer are run.
            error_on_no_tool_call: Whether an answer without a call raises; else it is returned.
            error_on_tool_error: Whether a tool's error raises; else it is among the ``sources``, as it is for a call of
                a tool that is not there or with arguments that cannot be read, for which nothing is run.
            **kwargs: ``tool_choice``, ``tool_required``, and parameters of the call.

        Raises:
            ValueError: There is no call, or a tool failed, as said above; or the answer was cut off in a call.
            InferenceError: The request failed.
        """
        if not self.metadata.is_function_calling_model:
            return super().predict_and_call(tools, user_msg, chat_history, verbose, **kwargs)
        response = self.chat_with_tools(
            tools, user_msg, chat_history, verbose, allow_parallel_tool_calls, **kwargs
        )
        calls = self.get_tool_calls_from_response(response, error_on_no_tool_call)
        there = {tool.metadata.name for tool in tools}
        outputs = [
            call_tool_with_selection(call, tools, verbose) if call.tool_name in there else not_there(call)
            for call in calls
        ]
        return answered(response, outputs, error_on_tool_error=error_on_tool_error)

    async def apredict_and_call(
        self,
        tools: Sequence[BaseTool],
        user_msg: str | ChatMessage | None = None,
        chat_history: list[ChatMessage] | None = None,
        verbose: bool = False,
        allow_parallel_tool_calls: bool = False,
        error_on_no_tool_call: bool = True,
        error_on_tool_error: bool = False,
        **kwargs: Any,
    ) -> AgentChatResponse:
        """Like :meth:`predict_and_call`; calls of one answer are run at the same time."""
        if not self.metadata.is_function_calling_model:
            return await super().apredict_and_call(tools, user_msg, chat_history, verbose, **kwargs)
        response = await self.achat_with_tools(
            tools, user_msg, chat_history, verbose, allow_parallel_tool_calls, **kwargs
        )
        calls = self.get_tool_calls_from_response(response, error_on_no_tool_call)
        there = {tool.metadata.name for tool in tools}

        async def run(call: ToolSelection) -> ToolOutput:
            """Run one call."""
            if call.tool_name not in there:
                return not_there(call)
            return await acall_tool_with_selection(call, tools, verbose)

        outputs = await asyncio.gather(*map(run, calls))
        return answered(response, outputs, error_on_tool_error=error_on_tool_error)

    # -- without observers --

    def _chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        result = self._client.complete(self._sent(messages), self._params(kwargs))
        return chat_response(result, **reading(kwargs))

    async def _achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        result = await self._client.acomplete(self._sent(messages), self._params(kwargs))
        return chat_response(result, **reading(kwargs))

    def _stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        deltas = self._client.stream(self._sent(messages), self._params(kwargs))
        return responses(deltas, ChatAccumulator(**reading(kwargs)))

    def _astream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseAsyncGen:
        deltas = self._client.astream(self._sent(messages), self._params(kwargs))
        return aresponses(deltas, ChatAccumulator(**reading(kwargs)))

    def _sent(self, messages: Sequence[ChatMessage]) -> list[dict[str, Any]]:
        return to_wire(messages, takes_files=self._client.connection.takes_files)

    @property
    def _client(self) -> ChatClient:
        client: ChatClient = self._current()
        return client
