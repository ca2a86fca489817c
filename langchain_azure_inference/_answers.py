"""Answers of the core to LangChain's chat messages and generations, whole and streamed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from langchain_core.messages import AIMessage, AIMessageChunk, InvalidToolCall, ToolCallChunk
from langchain_core.messages import ToolCall as MessageToolCall
from langchain_core.messages.ai import UsageMetadata
from langchain_core.messages.tool import invalid_tool_call, tool_call, tool_call_chunk
from langchain_core.outputs import ChatGeneration, ChatGenerationChunk
from langchain_core.outputs import ChatResult as Generations

from azure_inference_core import ChatChoice, ChatDelta, ChatResult, ToolCall, ToolCallDelta
from azure_inference_core._request.tools import may_be_empty, new_call_id, read_arguments
from azure_inference_core._response.optional import join, optional, prompt_filters_of
from langchain_azure_inference._blocks import PROVIDER
from langchain_azure_inference._tools import CallText


def without_none(**fields: Any) -> dict[str, Any]:
    """The fields that are not ``None``."""
    return {name: value for name, value in fields.items() if value is not None}


def to_usage(usage: Mapping[str, Any] | None) -> UsageMetadata | None:
    """The API's token counts as LangChain's, details included."""
    if not usage:
        return None
    prompt, completion = usage.get("prompt_tokens") or 0, usage.get("completion_tokens") or 0
    counts: dict[str, Any] = {
        "input_tokens": prompt,
        "output_tokens": completion,
        "total_tokens": usage.get("total_tokens") or prompt + completion,
    }
    if details := usage.get("prompt_tokens_details"):
        counts["input_token_details"] = without_none(
            audio=details.get("audio_tokens"),
            cache_read=details.get("cached_tokens"),
            cache_creation=details.get("cache_creation_tokens"),
        )
    if details := usage.get("completion_tokens_details"):
        counts["output_token_details"] = without_none(
            audio=details.get("audio_tokens"), reasoning=details.get("reasoning_tokens")
        )
    return cast("UsageMetadata", counts)


def to_generations(
    result: ChatResult, *, model: str | None, forced: frozenset[str] = frozenset()
) -> Generations:
    """Map a whole answer.

    Args:
        result: The core's answer.
        model: The model asked for, where the answer names none.
        forced: Tools of which a call without arguments is none.

    Returns:
        One generation a choice. The token counts are the request's: they are on the first message only,
        so that sums over messages come out right, and in ``llm_output``. The message's own id is left to
        LangChain: a caching gateway repeats the service's (kept in ``response_metadata["id"]``), and
        LangGraph would take the second message for a correction of the first.
    """
    name = result.model or model
    shared = without_none(
        model_provider=PROVIDER,
        model_name=name,
        id=result.id or None,
        created=result.created,
        system_fingerprint=result.system_fingerprint,
        prompt_filter_results=result.prompt_filter_results,
        request_id=result.request_id,
    )
    generations = [_generation(choice, shared, forced) for choice in result.choices]
    if isinstance(first := generations[0].message, AIMessage):
        first.usage_metadata = to_usage(result.usage)
    output = without_none(token_usage=result.usage, model_name=name)
    return Generations(generations=generations, llm_output=output)


def _generation(choice: ChatChoice, shared: Mapping[str, Any], forced: frozenset[str]) -> ChatGeneration:
    calls: list[MessageToolCall] = []
    broken: list[InvalidToolCall] = []
    for call in choice.tool_calls:
        empty = may_be_empty(call.name, forced, choice.finish_reason)
        _sort_call(call, calls, broken, empty=empty)
    info = without_none(
        finish_reason=choice.finish_reason,
        logprobs=choice.logprobs,
        content_filter_results=choice.content_filter_results,
    )
    message = AIMessage(
        content=choice.content,
        additional_kwargs=without_none(
            reasoning_content=choice.reasoning, refusal=choice.refusal, **(choice.additions or {})
        ),
        tool_calls=calls,
        invalid_tool_calls=broken,
        response_metadata=dict(shared),
    )
    return ChatGeneration(message=message, generation_info=info)


def _sort_call(
    call: ToolCall, calls: list[MessageToolCall], broken: list[InvalidToolCall], *, empty: bool
) -> None:
    call_id = call.id or new_call_id()
    try:
        arguments = read_arguments(call.arguments, may_be_empty=empty)
    except ValueError as error:
        broken.append(invalid_tool_call(name=call.name, args=call.arguments, id=call_id, error=str(error)))
    else:
        calls.append(tool_call(name=call.name, args=arguments, id=call_id))


class ChunkMapper:
    """Maps the deltas of one stream; what may be said once is said once, most of it on the last chunk.

    Args:
        model: The model asked for, where the stream names none.
        usage: Whether the last chunk carries the token counts.
        forced: Tools of which a call without arguments is none.
    """

    def __init__(self, *, model: str | None, usage: bool, forced: frozenset[str] = frozenset()) -> None:
        self._model = model
        self._forced = forced
        self._named = False
        self._with_usage = usage
        self._usage: Mapping[str, Any] | None = None
        self._ending: dict[str, Any] = {}
        self._filters: dict[str, Any] = {}
        self._request_id: str | None = None
        self._prompt_filters: list[Any] | None = None
        self._cited: dict[str, Any] = {}
        self._started_calls: dict[int, CallText] = {}
        self._names: dict[int, str] = {}

    def chunk(self, delta: ChatDelta) -> ChatGenerationChunk | None:
        """The chunk of one delta; ``None`` for one that only says what the last chunk will."""
        if delta.usage is not None:
            self._usage = delta.usage
        if delta.finish_reason is not None:
            self._ending["finish_reason"] = delta.finish_reason
            self._request_id = delta.request_id
        if delta.content_filter_results:
            self._filters.update(delta.content_filter_results)
        content, reasoning = delta.content, delta.reasoning
        plain = not (reasoning or delta.tool_calls or delta.refusal or delta.logprobs or delta.additions)
        if plain and (self._named or not delta.model) and not self._cited:
            if content:
                return ChatGenerationChunk(message=AIMessageChunk(content=content))
            self._prompt_filters = prompt_filters_of(delta.raw) or self._prompt_filters
            return None
        message = AIMessageChunk(
            content=content,
            additional_kwargs={
                **({"reasoning_content": reasoning} if reasoning else {}),
                **({"refusal": delta.refusal} if delta.refusal else {}),
                **(self._additions(delta) if delta.additions or self._cited else {}),
            },
            response_metadata=self._introduction(delta),
            tool_call_chunks=self._calls(delta.tool_calls),
        )
        info = {"logprobs": delta.logprobs} if delta.logprobs else None
        return ChatGenerationChunk(message=message, generation_info=info)

    def end(self) -> ChatGenerationChunk:
        """The last chunk: finish reason, token counts and filter results."""
        if self._filters:
            self._ending["content_filter_results"] = self._filters
        metadata: dict[str, Any] = {"model_provider": PROVIDER}
        if not self._named:
            metadata.update(without_none(model_name=self._model, request_id=self._request_id))
        metadata.update(without_none(prompt_filter_results=self._prompt_filters))
        message = AIMessageChunk(
            content="",
            additional_kwargs=self._cited,
            tool_call_chunks=self._ends_of_calls(),
            response_metadata=metadata,
            usage_metadata=to_usage(self._usage) if self._with_usage else None,
            chunk_position="last",
        )
        return ChatGenerationChunk(message=message, generation_info=self._ending)

    def _introduction(self, delta: ChatDelta) -> dict[str, Any]:
        """Who answers; on the first chunk that knows it."""
        if self._named or not delta.model:
            return {"model_provider": PROVIDER}
        self._named = True
        prompt_filters, self._prompt_filters = self._prompt_filters, None
        return without_none(
            model_provider=PROVIDER,
            model_name=delta.model,
            id=delta.id,
            created=optional(delta.raw, "created", int),
            system_fingerprint=delta.system_fingerprint,
            prompt_filter_results=prompt_filters_of(delta.raw) or prompt_filters,
            request_id=delta.request_id,
        )

    def _additions(self, delta: ChatDelta) -> dict[str, Any]:
        """What is added to this chunk; citations wait for the text on which they stand as a block's annotations."""
        additions = dict(delta.additions or {})
        sound = {"audio": additions.pop("audio")} if "audio" in additions else {}
        join(self._cited, additions)
        if not delta.content:
            return sound
        cited, self._cited = self._cited, {}
        return {**cited, **sound}

    def _calls(self, calls: tuple[ToolCallDelta, ...]) -> list[ToolCallChunk]:
        chunks = []
        for call in calls:
            # Merging joins strings, so an id that comes after one was made up is not passed on.
            call_id = None
            if call.index not in self._started_calls:
                self._started_calls[call.index] = CallText()
                call_id = call.id or new_call_id()
            if call.name:
                self._names[call.index] = call.name
            arguments = self._started_calls[call.index].feed(call.arguments)
            chunks.append(tool_call_chunk(name=call.name, args=arguments, id=call_id, index=call.index))
        return chunks

    def _ends_of_calls(self) -> list[ToolCallChunk]:
        reason = self._ending.get("finish_reason")
        ends = [
            (index, text.end(may_be_empty=may_be_empty(self._names.get(index), self._forced, reason)))
            for index, text in self._started_calls.items()
        ]
        return [tool_call_chunk(name=None, args=end, id=None, index=index) for index, end in ends if end]
