"""Chat models: ``/chat/completions`` as a LlamaIndex LLM with tools, structured output and images."""

from __future__ import annotations

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
from llama_index.core.llms.callbacks import llm_chat_callback, llm_completion_callback
from llama_index.core.llms.llm import ToolSelection
from pydantic import Field, field_validator

from azure_inference_core import ChatClient, Connection
from llamaindex_azure_inference._generation import GenerationComponent
from llamaindex_azure_inference._messages import to_wire
from llamaindex_azure_inference._responses import chat_response, completion_of_chat
from llamaindex_azure_inference._stream import ChatAccumulator
from llamaindex_azure_inference._structured import StructuredOutputLLM
from llamaindex_azure_inference._tools import (
    ToolSpecs,
    resolve_tool_choice,
    tool_selections,
    with_user_message,
)

if TYPE_CHECKING:
    from llama_index.core.tools.types import BaseTool

__all__ = ["AzureInference"]

_NO_TOOLS = ToolSpecs(())


class AzureInference(GenerationComponent, StructuredOutputLLM):
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
        credential: A key (``str``, ``SecretStr``, ``AzureKeyCredential``) or a sync or async token credential. From
            ``AZURE_INFERENCE_CREDENTIAL`` if not given, then ``DefaultAzureCredential``.
        **settings: The fields below, ``model_name`` for ``model``, ``model_kwargs`` for ``model_extras``, the retired
            integration's ``client_kwargs``, and parameters of the model.

    Raises:
        ConfigurationError: What was given cannot be used. No network is touched here.
    """

    response_format: Any = Field(
        default=None,
        description='"text", "json_object", an OpenAI response_format dict, or the SDK\'s JsonSchemaFormat.',
    )
    is_function_calling_model: bool | None = Field(
        default=None, description="Whether the model calls tools; the model family's answer if None."
    )
    send_parallel_tool_calls: bool = Field(
        default=False,
        description="Tell the model too whether it may call several tools at once (parallel_tool_calls, an extra "
        "parameter that many models refuse). Answers are cut to one call either way where only one is allowed.",
    )
    _parameters: ClassVar[tuple[str, ...]] = (*GenerationComponent._parameters, "response_format")  # noqa: SLF001

    @field_validator("response_format")
    @classmethod
    def _plain_format(cls, value: Any) -> Any:
        """An SDK object as the API's dict, which survives ``to_dict``."""
        if not (hasattr(value, "name") and hasattr(value, "schema")):
            return value
        told = {name: getattr(value, name, None) for name in ("name", "schema", "description", "strict")}
        return {"type": "json_schema", "json_schema": {k: v for k, v in told.items() if v is not None}}

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
        told = self.is_function_calling_model
        return self._metadata(chat=True, calls_tools=self._family().calls_tools if told is None else told)

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
    def stream_complete(
        self,
        prompt: str,
        formatted: bool = False,  # noqa: ARG002
        **kwargs: Any,
    ) -> CompletionResponseGen:
        """Answer a prompt piece by piece, as in :meth:`stream_chat`.

        ```python
        for response in llm.stream_complete("Why is the sky blue?"):
            print(response.delta, end="")

        async for response in await llm.astream_complete("Why is the sky blue?"):
            print(response.delta, end="")
        ```
        """
        responses = self._stream_chat(prompt_to_messages(prompt), **kwargs)
        return (completion_of_chat(response) for response in responses)

    @llm_completion_callback()
    async def acomplete(
        self,
        prompt: str,
        formatted: bool = False,  # noqa: ARG002
        **kwargs: Any,
    ) -> CompletionResponse:
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
        responses = self._astream_chat(prompt_to_messages(prompt), **kwargs)
        return (completion_of_chat(response) async for response in responses)

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
        specs, choice = resolve_tool_choice(
            tool_choice,
            ToolSpecs(tools, single=not allow_parallel_tool_calls),
            required=tool_required,
            can_force=self.supports_forced_tool_choice,
        )
        prepared = {"messages": with_user_message(chat_history, user_msg), **kwargs}
        if specs:
            prepared.update(tools=specs, tool_choice=choice)
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
            ValueError: There is none, and ``error_on_no_tool_call`` is set.
        """
        return tool_selections(response, error_on_no_tool_call=error_on_no_tool_call)

    # -- the two loops that send and wait --

    def _chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        result = self._any_client().complete(to_wire(messages), **self._params(kwargs))
        return chat_response(result, _specs(kwargs))

    async def _achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        result = await self._any_client().acomplete(to_wire(messages), **self._params(kwargs))
        return chat_response(result, _specs(kwargs))

    def _stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        deltas = self._any_client().stream(to_wire(messages), **self._params(kwargs))
        answer = ChatAccumulator(_specs(kwargs))

        def responses() -> ChatResponseGen:
            with deltas:
                for delta in deltas:
                    yield answer.push(delta)

        return responses()

    def _astream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseAsyncGen:
        deltas = self._any_client().astream(to_wire(messages), **self._params(kwargs))
        answer = ChatAccumulator(_specs(kwargs))

        async def responses() -> ChatResponseAsyncGen:
            async with deltas:
                async for delta in deltas:
                    yield answer.push(delta)

        return responses()

    def _make_client(self, connection: Connection) -> ChatClient:
        return ChatClient(connection)

    def _any_client(self) -> ChatClient:
        return self._client_as(ChatClient)


def _specs(kwargs: dict[str, Any]) -> ToolSpecs:
    """The tools of a call, if they came through ``chat_with_tools``: they say how to read its answer."""
    tools = kwargs.get("tools")
    return tools if isinstance(tools, ToolSpecs) else _NO_TOOLS
