"""Streams of either route to deltas. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, TypeAlias

from azure_inference_core._response.calls import CallPieces, calls_of
from azure_inference_core._response.events import StreamReader
from azure_inference_core._response.optional import (
    ADDED,
    Additions,
    added_to,
    logprobs_of,
    optional,
    spoken,
)
from azure_inference_core._response.parts import ThinkSplitter, read_content, reasoning_of
from azure_inference_core._response.whole import message_in, parse_chat, parse_completion
from azure_inference_core.errors import MalformedResponseError
from azure_inference_core.values import ChatDelta, CompletionDelta, ToolCallDelta

_Json: TypeAlias = dict[str, Any]
_USUAL = frozenset(("role", "content", "reasoning_content", "refusal", "tool_calls"))
"""What a piece has that says no more than most do."""

_TOLD_AT_THE_END = ADDED - {"audio"}


class ChatReader(StreamReader[ChatDelta]):
    """Reads a stream of ``/chat/completions``.

    Args:
        headers: The answer's headers, lower-case names.
        max_event_bytes: Largest event.
        names: The caller's names of tools by those that were sent, where they differ.
        think: Whether ``<think>...</think>`` in the text is reasoning.
    """

    def __init__(
        self, headers: Mapping[str, str], max_event_bytes: int, names: Mapping[str, str], *, think: bool
    ) -> None:
        super().__init__(headers, max_event_bytes)
        self._names = names
        self._calls: defaultdict[int, CallPieces] = defaultdict(CallPieces)
        self._additions: defaultdict[int, Additions] = defaultdict(Additions)
        self._splitters: defaultdict[int, ThinkSplitter] | None = (
            defaultdict(ThinkSplitter) if think else None
        )

    def _delta(
        self, chunk: _Json, choice: _Json, index: int, reason: str | None, usage: _Json | None = None
    ) -> ChatDelta:
        delta = choice.get("delta")
        if not delta or type(delta) is not dict:
            delta = self._message_in(choice)
        content = delta.get("content")
        role = reasoning = refusal = additions = None
        calls: tuple[ToolCallDelta, ...] = ()
        if len(delta) > 1 or type(content) is not str:  # most pieces of a stream are text alone
            role, reasoning = delta.get("role"), delta.get("reasoning_content") or None
            role = role if type(role) is str else None
            if content is None:
                content = ""
            usual = _USUAL.issuperset(delta) and type(content) is str and not delta.get("refusal")
            if usual and (reasoning is None or type(reasoning) is str):
                if delta.get("tool_calls"):
                    calls = self._tool_calls(delta, index)
            else:
                content, reasoning, refusal, additions, calls = self._more(delta, content, index)
        if self._splitters is not None:
            content, reasoning = self._split(self._splitters[index], content, reasoning, reason)
        if content and index == 0:
            self._text.append(content)
        chunk_id, model, mark = chunk.get("id"), chunk.get("model"), chunk.get("system_fingerprint")
        logprobs, filters = choice.get("logprobs"), choice.get("content_filter_results")
        return ChatDelta(
            index,
            chunk_id if chunk_id and type(chunk_id) is str else None,
            model if model and type(model) is str else None,
            role,
            content,
            reasoning,
            refusal,
            calls,
            reason,
            logprobs_of(choice) if logprobs else None,
            filters if type(filters) is dict else None,
            usage,
            mark if type(mark) is str else None,
            chunk,
            self._request_id,
            additions,
        )

    def _message_in(self, choice: _Json) -> _Json:
        """What a choice without a delta says; of a whole message told once more at the end, what is added to it."""
        message = message_in(choice, "a choice of the stream")
        is_again = choice.get("message") and (self._text or self._calls)
        return {name: message[name] for name in _TOLD_AT_THE_END & message.keys()} if is_again else message

    @staticmethod
    def _split(
        splitter: ThinkSplitter, content: str, reasoning: str | None, reason: str | None
    ) -> tuple[str, str | None]:
        """Text and reasoning, with what is between tags; at the end of a choice all of it."""
        content, thought = splitter.feed(content)
        if reason is not None:
            rest = splitter.end()
            content, thought = content + rest[0], thought + rest[1]
        return content, f"{reasoning or ''}{thought}" or None

    def _more(
        self, delta: _Json, content: Any, index: int
    ) -> tuple[str, str | None, str | None, _Json | None, tuple[ToolCallDelta, ...]]:
        """What a piece that is not only text says: text, reasoning, refusal, additions and calls."""
        said = read_content(content)
        text, reasoning, additions = said.text, reasoning_of(delta) or said.thought, None
        calls = self._tool_calls(delta, index)
        if said.others or not ADDED.isdisjoint(delta):
            additions = self._additions[index].add(added_to(delta, said.others))
            text = text or spoken(delta.get("audio"))
        return text, reasoning, optional(delta, "refusal", str) or said.refusal, additions, calls

    def _held(self) -> list[ChatDelta]:
        if any(pieces.is_nameless for pieces in self._calls.values()):
            raise MalformedResponseError("a tool call of the stream names no function")
        held = {*(self._splitters or ()), *self._calls, *self._additions}
        deltas = [self._delta(self._last, {}, index, "held") for index in sorted(held)]
        for delta in deltas:
            delta.finish_reason = None
            delta.tool_calls = tuple(self._calls[delta.index].end())
            delta.additions = self._additions[delta.index].end()
        return [d for d in deltas if d.content or d.reasoning or d.tool_calls or d.additions]

    def _tool_calls(self, delta: _Json, choice: int) -> tuple[ToolCallDelta, ...]:
        sent = calls_of(delta)
        deltas = self._calls[choice].add_all(sent) if sent else ()
        for piece in deltas if self._names else ():
            piece.name = self._names.get(piece.name or "", piece.name)
        return deltas

    def _whole(self, answer: _Json) -> list[ChatDelta]:
        result = parse_chat(answer, names=self._names, think=self._splitters is not None)
        return [
            ChatDelta(
                choice.index,
                result.id,
                result.model,
                choice.role,
                choice.content,
                choice.reasoning,
                choice.refusal,
                tuple(ToolCallDelta(i, c.id, c.name, c.arguments) for i, c in enumerate(choice.tool_calls)),
                choice.finish_reason,
                choice.logprobs,
                choice.content_filter_results,
                None,
                result.system_fingerprint,
                answer,
                self._request_id,
                choice.additions,
            )
            for choice in result.choices
        ]


class CompletionReader(StreamReader[CompletionDelta]):
    """Reads a stream of ``/completions``."""

    def _delta(
        self, chunk: _Json, choice: _Json, index: int, reason: str | None, usage: _Json | None = None
    ) -> CompletionDelta:
        text = choice.get("text")
        if type(text) is not str:
            if text is not None:
                raise MalformedResponseError("a choice of the stream has no text")
            said = {} if self._text else message_in(choice, "a choice of the stream")
            text = read_content(said.get("content")).text
        if text and index == 0:
            self._text.append(text)
        chunk_id, model = chunk.get("id"), chunk.get("model")
        return CompletionDelta(
            index,
            chunk_id if chunk_id and type(chunk_id) is str else None,
            model if model and type(model) is str else None,
            text,
            reason,
            logprobs_of(choice) if choice.get("logprobs") else None,
            usage,
            chunk,
            self._request_id,
        )

    def _whole(self, answer: _Json) -> list[CompletionDelta]:
        result = parse_completion(answer)
        return [
            CompletionDelta(
                c.index,
                result.id,
                result.model,
                c.text,
                c.finish_reason,
                c.logprobs,
                None,
                answer,
                self._request_id,
            )
            for c in result.choices
        ]
