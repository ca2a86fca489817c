"""``AzureInferenceLLM``: LangChain's text completion over ``/completions``."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import closing
from typing import Any, ClassVar, Self

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import LangSmithParams, LanguageModelInput
from langchain_core.language_models.llms import BaseLLM
from langchain_core.outputs import Generation, GenerationChunk, LLMResult
from langchain_core.runnables import RunnableSerializable
from langchain_core.runnables.utils import AnyConfigurableField
from pydantic import Field, model_validator

from azure_inference_core import CompletionDelta, CompletionResult, CompletionsClient, Parameters
from azure_inference_core._client.threads import in_threads
from langchain_azure_inference._answers import without_none
from langchain_azure_inference._endpoint import PACKAGE, __version__
from langchain_azure_inference._tracing import combined_usage
from langchain_azure_inference._writer import Writer
from langchain_azure_inference.errors import translated

__all__ = ["AzureInferenceLLM"]


class AzureInferenceLLM(Writer, BaseLLM):
    """A text-completion model behind an Azure AI inference endpoint.

    ```python
    llm = AzureInferenceLLM(endpoint="https://...", credential="...", max_tokens=20)
    print(llm.invoke("Once upon a time"))

    for text in llm.stream("Once upon a time"):
        print(text, end="")

    print(llm.batch(["Roses are", "Violets are"]))
    print(await llm.ainvoke("Once upon a time"))
    ```

    Parameters, environment and extras are those of ``ChatAzureInference``. ``batch`` and ``generate`` with
    several prompts send one request a prompt, up to ``max_concurrency`` at once.

    Attributes:
        max_concurrency: Requests in flight at once for the prompts of one call.

    Raises:
        ConfigurationError: A value cannot be used; nothing was sent.
    """

    max_concurrency: int = Field(default=8, ge=1)

    _client_class: ClassVar[type[Any]] = CompletionsClient

    def __init__(self, **given: Any) -> None:  # for type checkers: any keyword that is no field is an extra
        super().__init__(**given)

    @model_validator(mode="after")
    def _add_azure_inference_version(self) -> Self:
        self._add_version(PACKAGE, __version__)
        return self

    @property
    def _client(self) -> CompletionsClient:
        client: CompletionsClient = self._current()
        return client

    def _generate(
        self,
        prompts: list[str],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> LLMResult:
        with translated:
            params = self._params(stop, kwargs)
        if self.streaming and len(prompts) == 1:
            return _gathered(list(self._stream(prompts[0], stop, run_manager, **kwargs)))
        with translated:
            if len(prompts) == 1:
                return self._to_result([self._client.complete(prompts[0], params)], params)
            return self._to_result(self._in_threads(prompts, params), params)

    def _in_threads(self, prompts: list[str], params: Parameters) -> list[CompletionResult]:
        complete = self._client.complete
        results: dict[int, CompletionResult] = {}

        def answer(place: int) -> None:
            results[place] = complete(prompts[place], params)

        with closing(in_threads(answer, range(len(prompts)), self.max_concurrency)) as answered:
            return [results[place] for place in sorted(answered)]

    async def _agenerate(
        self,
        prompts: list[str],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> LLMResult:
        with translated:
            params, client = self._params(stop, kwargs), self._client
        if self.streaming and len(prompts) == 1:
            return _gathered(
                [chunk async for chunk in self._astream(prompts[0], stop, run_manager, **kwargs)]
            )
        gate = asyncio.Semaphore(self.max_concurrency)

        async def complete(prompt: str) -> CompletionResult:
            async with gate:
                return await client.acomplete(prompt, params)

        tasks = [asyncio.ensure_future(complete(prompt)) for prompt in prompts]
        try:
            with translated:
                results = await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return self._to_result(results, params)

    def _stream(
        self,
        prompt: str,
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[GenerationChunk]:
        with translated:
            params = self._stream_params(stop, kwargs)
            mapper = _TextMapper(self._asked(params), usage=params.get("stream_usage") is not False)
            with self._client.stream(prompt, params) as deltas:
                for delta in deltas:
                    if (chunk := mapper.chunk(delta)) is not None:
                        if run_manager:
                            run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                        yield chunk
            yield mapper.end()

    async def _astream(
        self,
        prompt: str,
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[GenerationChunk]:
        with translated:
            params = self._stream_params(stop, kwargs)
            mapper = _TextMapper(self._asked(params), usage=params.get("stream_usage") is not False)
            async with self._client.astream(prompt, params) as deltas:
                async for delta in deltas:
                    if (chunk := mapper.chunk(delta)) is not None:
                        if run_manager:
                            await run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                        yield chunk
            yield mapper.end()

    def _to_result(self, results: Sequence[CompletionResult], params: Parameters) -> LLMResult:
        asked = self._asked(params)
        outputs = [without_none(token_usage=one.usage, model_name=one.model or asked) for one in results]
        return LLMResult(
            generations=[_generations(result) for result in results], llm_output=combined_usage(outputs)
        )

    def configurable_fields(
        self, **kwargs: AnyConfigurableField
    ) -> RunnableSerializable[LanguageModelInput, str]:
        """As the chat model's: ``llm.configurable_fields(model_name=ConfigurableField(id="model"))``.

        Raises:
            ValueError: There is no such field.
        """
        return super().configurable_fields(**self._configured(kwargs))

    @property
    def _llm_type(self) -> str:
        return "azure-inference-completion"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return self._described()

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        return self._traced("llm", stop, kwargs)

    @classmethod
    def is_lc_serializable(cls) -> bool:
        """Models can be dumped, and loaded again with ``valid_namespaces=["langchain_azure_inference"]``."""
        return True


class _TextMapper:
    """Maps the deltas of one stream; finish reason, model and token counts are on the last chunk."""

    def __init__(self, model: str | None, *, usage: bool) -> None:
        self._with_usage = usage
        self._ending = without_none(model_name=model)

    def chunk(self, delta: CompletionDelta) -> GenerationChunk | None:
        ending = without_none(
            model_name=delta.model,
            finish_reason=delta.finish_reason,
            id=delta.id,
            request_id=delta.request_id,
        )
        self._ending.update(ending)
        if delta.usage is not None and self._with_usage:
            self._ending["token_usage"] = delta.usage
        if not delta.text and not delta.logprobs:
            return None
        info = {"logprobs": delta.logprobs} if delta.logprobs else None
        return GenerationChunk(text=delta.text, generation_info=info)

    def end(self) -> GenerationChunk:
        return GenerationChunk(text="", generation_info=self._ending)


def _generations(result: CompletionResult) -> list[Generation]:
    return [
        Generation(
            text=choice.text,
            generation_info=without_none(
                finish_reason=choice.finish_reason,
                logprobs=choice.logprobs,
                content_filter_results=choice.content_filter_results,
                id=result.id,
                request_id=result.request_id,
            ),
        )
        for choice in result.choices
    ]


def _gathered(chunks: list[GenerationChunk]) -> LLMResult:
    whole = chunks[0]
    for chunk in chunks[1:]:
        whole += chunk
    info = dict(whole.generation_info or {})
    output = without_none(token_usage=info.pop("token_usage", None), model_name=info.get("model_name"))
    return LLMResult(generations=[[Generation(text=whole.text, generation_info=info)]], llm_output=output)
