"""Answers of the core, whole and streamed, as LlamaIndex responses. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    ContentBlock,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
)

from azure_inference_core import (
    ChatDelta,
    ChatResult,
    CompletionDelta,
    CompletionResult,
    ToolCall,
    ToolCallDelta,
)
from azure_inference_core._request.tools import may_be_empty, new_call_id, read_arguments
from azure_inference_core._response.optional import (
    PROMPT_FILTERS,
    join,
    prompt_filters_of,
)
from llamaindex_azure_inference._blocks import logprobs_of, shown_blocks, told_of
from llamaindex_azure_inference._messages import api_call

_COUNTS = ("prompt_tokens", "completion_tokens", "total_tokens")


def chat_response(result: ChatResult, *, single: bool, forced: frozenset[str] = frozenset()) -> ChatResponse:
    """An answer of ``/chat/completions``; further choices, if any were asked for, are in ``raw``.

    Args:
        result: The answer.
        single: Whether it is to be cut to its first tool call.
        forced: Tools of which a call without arguments is none; such a one's stay text.
    """
    choice = result.choices[0]
    wanted = choice.tool_calls[:1] if single else choice.tool_calls
    calls = [ToolCall(call.id or new_call_id(), call.name, call.arguments) for call in wanted]
    told = (forced, choice.finish_reason)
    return ChatResponse(
        message=_message(
            choice.content,
            choice.reasoning,
            calls,
            shown_blocks(choice.additions, choice.content),
            finished=True,
            told=told,
        ),
        raw=result.raw,
        logprobs=logprobs_of(choice.logprobs),
        additional_kwargs=_details(
            result.usage,
            finish_reason=choice.finish_reason,
            model=result.model,
            request_id=result.request_id,
            refusal=choice.refusal,
            content_filter_results=choice.content_filter_results,
            prompt_filter_results=result.prompt_filter_results,
            **told_of(choice.additions),
        ),
    )


def completion_response(result: CompletionResult) -> CompletionResponse:
    """An answer of ``/completions``."""
    choice = result.choices[0]
    return CompletionResponse(
        text=choice.text,
        raw=result.raw,
        logprobs=logprobs_of(choice.logprobs),
        additional_kwargs=_details(
            result.usage,
            finish_reason=choice.finish_reason,
            model=result.model,
            request_id=result.request_id,
            content_filter_results=choice.content_filter_results,
        ),
    )


def completion_of_chat(response: ChatResponse) -> CompletionResponse:
    """A chat's answer as a completion; nothing is lost but tool calls' blocks, which stay in ``raw``."""
    return CompletionResponse(
        text=response.message.content or "",
        additional_kwargs=response.additional_kwargs,
        raw=response.raw,
        logprobs=response.logprobs,
        delta=response.delta,
    )


def completion_as_chat(response: CompletionResponse) -> ChatResponse:
    """A completion as a chat's answer."""
    return ChatResponse(
        message=ChatMessage(role=MessageRole.ASSISTANT, blocks=[TextBlock(text=response.text)]),
        additional_kwargs=response.additional_kwargs,
        raw=response.raw,
        logprobs=response.logprobs,
        delta=response.delta,
    )


class ChatAccumulator:
    """One streamed chat answer.

    Every delta gives a response: role-only, reasoning, tool-call, filter and usage chunks as well as text. The last
    one holds everything known about the answer, usage included (LlamaIndex's token counter reads only that one).

    Args:
        single: Whether the answer is to be cut to its first tool call.
        forced: As in :func:`chat_response`.
    """

    def __init__(self, *, single: bool, forced: frozenset[str] = frozenset()) -> None:
        self._single = single
        self._forced = forced
        self._content = ""
        self._reasoning = ""
        self._calls: dict[int, ToolCall] = {}
        self._additions: dict[str, Any] = {}
        self._blocks: Sequence[ContentBlock] = ()
        self._known: dict[str, Any] = {}
        self._raw: Any = None

    def push(self, delta: ChatDelta) -> ChatResponse:
        """Take a delta and give the answer as far as it is known.

        LlamaIndex has one message a response: a delta of a second choice only passes its ``raw``.
        """
        if delta.index:
            return ChatResponse(message=self._message(), delta="", raw=delta.raw)
        self._content += delta.content
        self._raw = delta.raw
        if delta.reasoning or delta.tool_calls or delta.refusal or delta.additions:
            self._add(delta)
        extra = self._note(delta)
        if delta.reasoning:
            extra["thinking_delta"] = delta.reasoning
        response = ChatResponse(
            message=self._message(), delta=delta.content, raw=delta.raw, additional_kwargs=extra
        )
        if delta.logprobs:
            response.logprobs = logprobs_of(delta.logprobs)
        return response

    def end(self) -> Iterator[ChatResponse]:
        """Where calls were made and the service named no reason for the end: that the end was reached all the same."""
        if self._calls and "finish_reason" not in self._known:
            self._known["finish_reason"] = None
            extra = dict(self._known)
            yield ChatResponse(message=self._message(), delta="", raw=self._raw, additional_kwargs=extra)

    def _message(self) -> ChatMessage:
        calls = list(self._calls.values()) if self._calls else ()
        finished = "finish_reason" in self._known
        told = (self._forced, self._known.get("finish_reason"))
        return _message(self._content, self._reasoning, calls, self._blocks, finished=finished, told=told)

    def _add(self, delta: ChatDelta) -> None:
        """Keep what a delta has beside text, which most have not."""
        self._reasoning += delta.reasoning or ""
        for call in delta.tool_calls:
            self._add_call(call)
        if delta.refusal:
            self._known["refusal"] = self._known.get("refusal", "") + delta.refusal
        if delta.additions:
            join(self._additions, delta.additions)
            self._known.update(told_of(self._additions))
            if "finish_reason" in self._known:
                self._blocks = shown_blocks(self._additions, self._content)

    def _add_call(self, delta: ToolCallDelta) -> None:
        known = self._calls.get(delta.index)
        if known is not None:
            self._calls[delta.index] = ToolCall(
                delta.id or known.id, delta.name or known.name, known.arguments + delta.arguments
            )
        elif not (self._single and self._calls):
            self._calls[delta.index] = ToolCall(delta.id or new_call_id(), delta.name or "", delta.arguments)

    def _note(self, delta: ChatDelta) -> dict[str, Any]:
        """Keep what the delta says about the answer, and give what is known so far."""
        prompt_filter = None if PROMPT_FILTERS.isdisjoint(delta.raw) else prompt_filters_of(delta.raw)
        # Most deltas say nothing but text.
        if (
            delta.finish_reason
            or delta.usage
            or delta.content_filter_results
            or prompt_filter
            or (delta.model and "model" not in self._known)
        ):
            found = _details(
                delta.usage,
                finish_reason=delta.finish_reason,
                model=delta.model,
                request_id=delta.request_id,
                content_filter_results=delta.content_filter_results,
                prompt_filter_results=prompt_filter,
            )
            self._known.update(found)
            if delta.finish_reason or delta.usage:
                self._blocks = shown_blocks(self._additions, self._content)
        return dict(self._known)


class CompletionAccumulator:
    """One streamed answer of ``/completions``."""

    def __init__(self) -> None:
        self._text = ""
        self._known: dict[str, Any] = {}

    def push(self, delta: CompletionDelta) -> CompletionResponse:
        """Take a delta and give the answer as far as it is known."""
        if delta.index:
            return CompletionResponse(text=self._text, delta="", raw=delta.raw)
        self._text += delta.text
        found = _details(
            delta.usage, finish_reason=delta.finish_reason, model=delta.model, request_id=delta.request_id
        )
        self._known.update(found)
        return CompletionResponse(
            text=self._text,
            delta=delta.text,
            raw=delta.raw,
            logprobs=logprobs_of(delta.logprobs),
            additional_kwargs=dict(self._known),
        )

    def end(self) -> tuple[CompletionResponse, ...]:
        """Nothing."""
        return ()


def _message(
    content: str,
    reasoning: str | None,
    calls: Sequence[ToolCall],
    shown: Sequence[ContentBlock],
    *,
    finished: bool,
    told: tuple[frozenset[str], str | None],
) -> ChatMessage:
    """The message of an answer, or of what has arrived of it, which survives JSON: thinking, text, citations, calls.

    Each call stands both in a ``ToolCallBlock`` and, in the API's form, under ``additional_kwargs["tool_calls"]``,
    where LlamaIndex's streaming programs look for it. The arguments in a block are text while a stream is still
    bringing them, and where they cannot be read.
    """
    if not calls and not reasoning and not shown:
        # Not validated: there is one for every chunk of a stream.
        blocks: list[ContentBlock] = [TextBlock(text=content)]
        return ChatMessage.model_construct(role=MessageRole.ASSISTANT, blocks=blocks, additional_kwargs={})
    blocks = [ThinkingBlock(content=reasoning)] if reasoning else []
    if content or not calls:
        blocks.append(TextBlock(text=content))
    blocks += shown
    for call in calls:
        kept = not finished or not (call.arguments.strip() or may_be_empty(call.name, *told))
        arguments = call.arguments if kept else _arguments(call.arguments)
        blocks.append(ToolCallBlock(tool_call_id=call.id, tool_name=call.name, tool_kwargs=arguments))
    extra = {"tool_calls": [api_call(call.id, call.name, call.arguments) for call in calls]} if calls else {}
    return ChatMessage(role=MessageRole.ASSISTANT, blocks=blocks, additional_kwargs=extra)


def _arguments(text: str) -> dict[str, Any] | str:
    try:
        return read_arguments(text)
    except ValueError:
        return text


def _details(usage: Mapping[str, Any] | None, **found: Any) -> dict[str, Any]:
    """``additional_kwargs`` of a response: token counts where LlamaIndex's observers look, and what is known."""
    counts = {name: usage.get(name) for name in _COUNTS} if usage else {}
    return {name: value for name, value in (counts | found).items() if value is not None}
