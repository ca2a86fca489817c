"""Answers of the core, whole and streamed, as LlamaIndex responses. Pure."""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from llama_index.core.base.llms.types import (
    AudioBlock,
    ChatMessage,
    ChatResponse,
    CitationBlock,
    CompletionResponse,
    ContentBlock,
    LogProb,
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
    Citation,
    citations_of,
    join,
    optional,
    prompt_filters_of,
)
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
            _shown(choice.additions, choice.content),
            finished=True,
            told=told,
        ),
        raw=result.raw,
        logprobs=_logprobs(choice.logprobs),
        additional_kwargs=_details(
            result.usage,
            finish_reason=choice.finish_reason,
            model=result.model,
            request_id=result.request_id,
            refusal=choice.refusal,
            content_filter_results=choice.content_filter_results,
            prompt_filter_results=result.prompt_filter_results,
            **_told(choice.additions),
        ),
    )


def completion_response(result: CompletionResult) -> CompletionResponse:
    """An answer of ``/completions``."""
    choice = result.choices[0]
    return CompletionResponse(
        text=choice.text,
        raw=result.raw,
        logprobs=_logprobs(choice.logprobs),
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
            response.logprobs = _logprobs(delta.logprobs)
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
            self._known.update(_told(self._additions))
            if "finish_reason" in self._known:
                self._blocks = _shown(self._additions, self._content)

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
                self._blocks = _shown(self._additions, self._content)
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
            logprobs=_logprobs(delta.logprobs),
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


def _shown(additions: Mapping[str, Any] | None, content: str) -> list[ContentBlock]:
    """The blocks of what a service adds: a sound, and a block a citation."""
    if not additions:
        return []
    blocks: list[ContentBlock] = [_citation(citation, content) for citation in citations_of(additions)]
    try:
        sound = b64decode(additions.get("audio", {}).get("data") or b"", validate=True)
    except (Base64Error, TypeError, ValueError):
        sound = b""  # it stays in ``raw``
    return [AudioBlock(audio=sound), *blocks] if sound else blocks


def _citation(citation: Citation, content: str) -> CitationBlock:
    """A citation; where the service quotes no source, the words of the answer that rest on it."""
    places = {"start_index": citation.start, "end_index": citation.end}
    text = citation.text
    if text is None and citation.start is not None and citation.end is not None:
        text = content[citation.start : citation.end]
    return CitationBlock(
        cited_content=TextBlock(text=text or ""),
        source=citation.source,
        title=citation.title or "",
        additional_location_info={name: place for name, place in places.items() if place is not None},
    )


def _told(additions: Mapping[str, Any] | None) -> dict[str, Any]:
    """What a service adds, as it sent it, without the sound itself, which is a block."""
    told = dict(additions or {})
    if "audio" in told:
        told["audio"] = {name: value for name, value in told["audio"].items() if name != "data"}
    return told


def _arguments(text: str) -> dict[str, Any] | str:
    try:
        return read_arguments(text)
    except ValueError:
        return text


def _details(usage: Mapping[str, Any] | None, **found: Any) -> dict[str, Any]:
    """``additional_kwargs`` of a response: token counts where LlamaIndex's observers look, and what is known."""
    counts = {name: usage.get(name) for name in _COUNTS} if usage else {}
    return {name: value for name, value in (counts | found).items() if value is not None}


def _logprobs(logprobs: Mapping[str, Any] | None) -> list[list[LogProb]] | None:
    """Log probabilities: for each token the alternatives, or the token itself where none were asked for.

    Reads the chat route's form (``content``: a list of tokens) and the completions route's (parallel lists). What
    LlamaIndex has no place for is left out.
    """
    if not logprobs:
        return None
    if tokens := logprobs.get("content"):
        known = [(token, _log_probs([token])) for token in tokens]
        return [_log_probs(optional(token, "top_logprobs", list)) or own for token, own in known if own]
    pairs: list[Iterable[tuple[Any, Any]]]
    if any(tops := logprobs.get("top_logprobs") or ()):
        pairs = [top.items() if isinstance(top, dict) else () for top in tops]
    else:
        single = zip(logprobs.get("tokens") or (), logprobs.get("token_logprobs") or (), strict=False)
        pairs = [[(token, 0.0 if logprob is None else logprob)] for token, logprob in single]
    return [_log_probs([{"token": t, "logprob": p} for t, p in several]) for several in pairs] or None


def _log_probs(tokens: Sequence[Any] | None) -> list[LogProb]:
    return [
        LogProb(
            token=token["token"],
            logprob=token["logprob"],
            bytes=[byte for byte in optional(token, "bytes", list) or () if type(byte) is int],
        )
        for token in tokens or ()
        if isinstance(token, dict)
        and type(token.get("token")) is str
        and type(token.get("logprob")) in (int, float)
    ]
