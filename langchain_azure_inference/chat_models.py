"""``ChatAzureInference``: LangChain's chat model over ``/chat/completions``."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any, ClassVar

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import LangSmithParams, LanguageModelInput, ModelProfile
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from pydantic import model_validator
from typing_extensions import Self

from azure_inference_core import ChatClient, Parameters
from langchain_azure_inference._answers import ChunkMapper, to_generations
from langchain_azure_inference._endpoint import PACKAGE, __version__
from langchain_azure_inference._messages import to_api
from langchain_azure_inference._profiles import profile_of
from langchain_azure_inference._structured import Method, binding_of, parsed_by, parser_of
from langchain_azure_inference._tools import (
    Schema,
    ToolLike,
    names_of,
    schema_format,
    to_tool_choice,
    to_tools,
)
from langchain_azure_inference._tracing import combined_usage
from langchain_azure_inference._writer import Writer
from langchain_azure_inference.errors import translated

__all__ = ["ChatAzureInference"]


class ChatAzureInference(Writer, BaseChatModel):
    """A chat model behind an Azure AI inference endpoint.

    ```python
    model = ChatAzureInference(endpoint="https://...", credential="...", temperature=0, max_tokens=64)
    print(model.invoke("Why is the sky blue?").text)

    for chunk in model.stream("Why is the sky blue?"):
        print(chunk.text, end="")

    answer = await model.ainvoke("Why is the sky blue?", max_tokens=32)
    print(answer.usage_metadata)
    ```

    Endpoint, credential and model may come from ``AZURE_INFERENCE_ENDPOINT``,
    ``AZURE_INFERENCE_CREDENTIAL`` and ``AZURE_INFERENCE_MODEL``. Any keyword that is no field, here, in a
    call or in ``bind``, goes to the model as an extra parameter; a call's values win over the constructor's.

    Attributes:
        response_format: ``"text"``, ``"json_object"``, a dict as OpenAI's, the SDK's ``JsonSchemaFormat``, a
            pydantic class or a ``TypedDict``.
        split_think: Whether ``<think>...</think>`` in the answer's text is reasoning; ``None`` goes by the
            model's family.

    Raises:
        ConfigurationError: A value cannot be used; nothing was sent.
    """

    response_format: Any = None
    split_think: bool | None = None

    _client_class: ClassVar[type[Any]] = ChatClient

    @model_validator(mode="after")
    def _add_azure_inference_version(self) -> Self:
        self._add_version(PACKAGE, __version__)
        return self

    @property
    def _client(self) -> ChatClient:
        client: ChatClient = self._current()
        return client

    def _params(self, stop: list[str] | None, call: dict[str, Any]) -> Parameters:
        if call.get("tools"):
            call["tools"] = to_tools(call["tools"])
        if "tool_choice" in call:
            call["tool_choice"] = to_tool_choice(call["tool_choice"], names_of(call.get("tools") or ()))
        params = super()._params(stop, call)
        if isinstance(params.get("response_format"), type):
            params["response_format"] = schema_format(params["response_format"])
        return params

    def _mapper(self, params: Parameters) -> ChunkMapper:
        return ChunkMapper(model=self._asked(params), usage=params.get("stream_usage") is not False)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002 - LangChain's signature
        **kwargs: Any,
    ) -> ChatResult:
        with translated:
            params = self._params(stop, kwargs)
            result = self._client.complete(to_api(messages), params)
        return to_generations(result, model=self._asked(params))

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,  # noqa: ARG002 - LangChain's signature
        **kwargs: Any,
    ) -> ChatResult:
        with translated:
            params = self._params(stop, kwargs)
            result = await self._client.acomplete(to_api(messages), params)
        return to_generations(result, model=self._asked(params))

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        with translated:
            params = self._stream_params(stop, kwargs)
            mapper = self._mapper(params)
            with self._client.stream(to_api(messages), params) as deltas:
                for delta in deltas:
                    if (chunk := mapper.chunk(delta)) is not None:
                        if run_manager:
                            run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                        yield chunk
            yield mapper.end()

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        with translated:
            params = self._stream_params(stop, kwargs)
            mapper = self._mapper(params)
            async with self._client.astream(to_api(messages), params) as deltas:
                async for delta in deltas:
                    if (chunk := mapper.chunk(delta)) is not None:
                        if run_manager:
                            await run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                        yield chunk
            yield mapper.end()

    def _streaming_disabled(self, **kwargs: Any) -> bool:
        # LangChain asks before it streams on its own account, as under astream_events.
        several = (kwargs.get("n") or self.model_extras.get("n") or 1) != 1
        return several or super()._streaming_disabled(**kwargs)

    def bind_tools(
        self,
        tools: Sequence[ToolLike],
        *,
        tool_choice: str | bool | dict[str, Any] | None = None,
        strict: bool | None = None,
        parallel_tool_calls: bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Bind tools, so that the model may call them.

        ```python
        def weather(city: str) -> str:
            '''The weather in a city.'''
            return f"Fine in {city}"


        answer = model.bind_tools([weather], tool_choice="weather").invoke("How is it in Oslo?")
        print(answer.tool_calls)
        ```

        Args:
            tools: Functions, classes, LangChain tools, or dicts of any provider's form.
            tool_choice: ``"auto"``, ``"none"``, ``"any"`` (or ``"required"``, ``True``: some tool), a tool's
                name, or the API's dict.
            strict: Whether the service must keep to the schemas, where it can.
            parallel_tool_calls: Whether the model may make several calls at once; an extra parameter.
            **kwargs: More parameters to bind.

        Raises:
            ConfigurationError: A tool or choice that the API does not have.
        """
        bound = {"tools": to_tools(tools, strict=strict), **kwargs}
        if (choice := to_tool_choice(tool_choice, names_of(bound["tools"]))) is not None:
            bound["tool_choice"] = choice
        if parallel_tool_calls is not None:
            bound["parallel_tool_calls"] = parallel_tool_calls
        return self.bind(**bound)

    def with_structured_output(
        self,
        schema: Schema | None = None,
        *,
        method: Method = "function_calling",
        include_raw: bool = False,
        strict: bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, Any]:
        """A runnable that answers in the form of a schema.

        ```python
        from pydantic import BaseModel


        class Review(BaseModel):
            positive: bool


        reader = model.with_structured_output(Review, method="json_schema")
        print(reader.invoke("Is this review positive? A delight."))
        ```

        Args:
            schema: A pydantic class (objects come out), or a ``TypedDict``, JSON schema or function dict
                (dicts come out). ``json_mode`` does without.
            method: ``"function_calling"`` where the model has tools, ``"json_schema"`` where the service
                enforces schemas, ``"json_mode"`` where it only promises JSON (say in the prompt which).
            include_raw: Whether a dict of ``raw``, ``parsed`` and ``parsing_error`` comes out instead.
            strict: Whether the service must keep to the schema, where it can.
            **kwargs: More parameters to bind.

        Raises:
            ConfigurationError: Unknown method, no schema, or ``strict`` with ``json_mode``.
        """
        bound = binding_of(schema, method, strict)
        return parsed_by(
            self.bind(**{**bound, **kwargs}), parser_of(schema, method, bound), include_raw=include_raw
        )

    @property
    def _llm_type(self) -> str:
        return "azure-inference-chat"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return self._described()

    def _get_llm_string(self, stop: list[str] | None = None, **kwargs: Any) -> str:
        mark = self._headers_mark() if self.default_headers else ""
        return super()._get_llm_string(stop=stop, **kwargs) + mark

    def _get_invocation_params(self, stop: list[str] | None = None, **kwargs: Any) -> dict[str, Any]:
        # Headers of a call can hold keys, and these parameters go to every tracer.
        kwargs.pop("headers", None)
        return {**self._described(), "_type": self._llm_type, "stop": stop or self.stop, **kwargs}

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        return self._traced("chat", stop, kwargs)

    def _resolve_model_profile(self) -> ModelProfile | None:
        return profile_of(self._client.connection.family())

    def _combine_llm_outputs(self, llm_outputs: list[dict[str, Any] | None]) -> dict[str, Any]:
        return combined_usage(llm_outputs)

    @classmethod
    def is_lc_serializable(cls) -> bool:
        """Models can be dumped, and loaded again with ``valid_namespaces=["langchain_azure_inference"]``."""
        return True
