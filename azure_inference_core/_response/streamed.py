"""Events of a stream to deltas. Pure: what is text, what is an error, and whether the end was the end.

Usage comes in three styles (with the last choice, in a chunk of its own, or cumulative in every chunk); it
is given out once, on the last delta. An end counts only after ``[DONE]`` or when every choice has a finish
reason; anything else raises.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, Generic, TypeAlias, TypeVar

import orjson

from azure_inference_core._refusal.judging import stream_error
from azure_inference_core._refusal.reading import failure_in
from azure_inference_core._response.calls import CallNumbers
from azure_inference_core._response.optional import logprobs_of, optional, usage_of
from azure_inference_core._response.sse import BOM, Event, SseDecoder
from azure_inference_core._response.thinking import ThinkSplitter
from azure_inference_core._response.whole import (
    arguments_text,
    parse_chat,
    parse_completion,
    parse_json,
    reasoning_of,
    text_and_thought,
)
from azure_inference_core.errors import IncompleteResponseError, MalformedResponseError
from azure_inference_core.values import ChatDelta, CompletionDelta, ToolCallDelta

DeltaT = TypeVar("DeltaT")

_Json: TypeAlias = dict[str, Any]
_BLANK = b" \t\r\n" + BOM


class StreamReader(ABC, Generic[DeltaT]):
    """Turns the blocks of a streamed answer into deltas; one kind of route a subclass.

    Args:
        headers: The answer's headers, lower-case names.
        max_event_bytes: Largest event.
    """

    def __init__(self, headers: Mapping[str, str], max_event_bytes: int) -> None:
        self._headers = headers
        self._sse = SseDecoder(max_event_bytes)
        self._plain: list[bytes] = []
        self._text: list[str] = []
        self._open: set[int] = set()
        self._finished: set[int] = set()
        self._last: _Json = {}
        self._usage: _Json | None = None
        self._begun = False
        self.done = False

    @property
    def text(self) -> str:
        """The text of the first choice so far."""
        return "".join(self._text)

    def feed(self, block: bytes) -> Iterator[DeltaT]:
        """Take a block, give its deltas; ``done`` is true once ``[DONE]`` was among it.

        Raises:
            InferenceError: An error event, a broken event, or one over the limit; after the deltas
                before it.
        """
        if not self._begun and (start := block.lstrip(_BLANK)[:1]):
            self._begun = True
            if start in b"{<[":
                # Some servers answer a streaming request with one JSON body, portals with a page.
                self._plain.append(b"")
        if self._plain:
            self._plain.append(block)
            return iter(())
        return self._read(self._sse.feed(block))

    def end(self) -> Iterator[DeltaT]:
        """The bytes have ended; give what is left.

        Raises:
            IncompleteResponseError: The service never said that the answer was complete.
            MalformedResponseError: There was no stream at all.
        """
        if self._plain:
            yield from self._read_plain(b"".join(self._plain))
        elif not self.done:
            try:
                yield from self._read(self._sse.flush())
            except MalformedResponseError:
                raise self.incomplete("in the middle of an event") from None
        if not self._last:
            raise MalformedResponseError("the answer is an empty stream")
        if not self.done and (not self._finished or self._open - self._finished):
            raise self.incomplete("before the service said it was complete")
        yield from self._held()
        if self._usage is not None:
            last = {**self._last, "choices": [], "usage": self._usage}
            yield self._delta(last, {}, 0, None, usage_of(last))

    def incomplete(self, how: str) -> IncompleteResponseError:
        """The error of a stream that ended early."""
        return IncompleteResponseError(
            f"the stream ended {how}, after {len(self.text)} characters of text (see .partial)",
            is_retryable=False,
        )

    def _read(self, events: list[Event]) -> Iterator[DeltaT]:
        for name, data in events:
            try:
                chunk = orjson.loads(data)
            except orjson.JSONDecodeError as error:
                if name == b"error":
                    raise stream_error(data.decode("utf-8", "replace"), self._headers) from None
                if data.strip() == b"[DONE]":
                    self.done = True
                    return
                raise MalformedResponseError(
                    f"an event of the stream is not JSON ({str(error)[:80]})"
                ) from None
            if name == b"error":
                raise stream_error(chunk, self._headers)
            if type(chunk) is not dict:
                raise MalformedResponseError("an event of the stream is not an object")
            yield from self._deltas(chunk)

    def _deltas(self, chunk: _Json) -> list[DeltaT]:
        choices = chunk.get("choices")
        if not choices or "error" in chunk or "message" in chunk:
            self._check(chunk)
        self._last = chunk
        usage = chunk.get("usage")
        if usage and type(usage) is dict:
            self._usage = usage
        if type(choices) is not list:
            if choices is not None:
                raise MalformedResponseError("the choices of the stream are not a list")
            choices = []
        deltas = []
        for choice in choices:
            if type(choice) is not dict:
                raise MalformedResponseError("a choice of the stream is not an object")
            if "error" in choice:
                self._check(chunk)
            index = choice.get("index")
            if type(index) is not int or index < 0:
                index = 0
            if index not in self._open:
                self._open.add(index)
            reason = choice.get("finish_reason")
            if reason and type(reason) is str:
                self._finished.add(index)
            else:
                reason = None
            deltas.append(self._delta(chunk, choice, index, reason))
        if not choices and ("prompt_filter_results" in chunk or "prompt_annotations" in chunk):
            deltas.append(self._delta(chunk, {}, 0, None))
        return deltas

    def _check(self, chunk: _Json) -> None:
        if (failure := failure_in(chunk)) is not None:
            raise stream_error(failure, self._headers)

    def _read_plain(self, body: bytes) -> Iterator[DeltaT]:
        answer = parse_json(body, self._headers)
        yield from self._whole(answer)
        self.done = True
        self._last = answer
        self._usage = optional(answer, "usage", dict)

    @abstractmethod
    def _delta(
        self, chunk: _Json, choice: _Json, index: int, reason: str | None, usage: _Json | None = None
    ) -> DeltaT:
        """The delta of one choice of a chunk, with the checked index and finish reason."""

    def _held(self) -> list[DeltaT]:
        """The deltas of what was held back until the end."""
        return []

    @abstractmethod
    def _whole(self, answer: _Json) -> list[DeltaT]:
        """The deltas of an answer that came whole."""


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
        self._calls: dict[int, CallNumbers] = {}
        self._splitters: defaultdict[int, ThinkSplitter] | None = (
            defaultdict(ThinkSplitter) if think else None
        )

    def _delta(
        self, chunk: _Json, choice: _Json, index: int, reason: str | None, usage: _Json | None = None
    ) -> ChatDelta:
        delta = choice.get("delta")
        if type(delta) is not dict:
            if delta is not None:
                raise MalformedResponseError("a delta of the stream is not an object")
            delta = {}
        content = delta.get("content")
        role = reasoning = refusal = None
        calls: tuple[ToolCallDelta, ...] = ()
        if len(delta) > 1 or type(content) is not str:  # most pieces of a stream are text alone
            text, thought = text_and_thought(content)
            content, reasoning = text, reasoning_of(delta) or thought
            role, refusal = delta.get("role"), optional(delta, "refusal", str)
            role = role if type(role) is str else None
            if pieces := delta.get("tool_calls"):
                calls = self._tool_calls(pieces, index)
        if self._splitters is not None:
            splitter = self._splitters[index]
            content, thought = splitter.feed(content)
            if reason is not None:
                rest = splitter.end()
                content, thought = content + rest[0], thought + rest[1]
            reasoning = f"{reasoning or ''}{thought}" or None
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
        )

    def _held(self) -> list[ChatDelta]:
        if any(numbers.nameless for numbers in self._calls.values()):
            raise MalformedResponseError("a tool call of the stream names no function")
        deltas = [self._delta(self._last, {}, index, "held") for index in self._splitters or ()]
        for delta in deltas:
            delta.finish_reason = None
        return [delta for delta in deltas if delta.content or delta.reasoning]

    def _tool_calls(self, calls: Any, choice: int) -> tuple[ToolCallDelta, ...]:
        numbers = self._calls.setdefault(choice, CallNumbers())
        deltas = []
        for call in calls if isinstance(calls, list) else [calls]:
            if call is None:
                continue
            function = call.get("function") if isinstance(call, dict) else call
            if function is None:
                function = {}
            if not isinstance(function, dict):
                raise MalformedResponseError("a tool call of the stream is not an object")
            call_id = optional(call, "id", str) or None
            name = optional(function, "name", str) or None
            number = numbers.of(call.get("index"), call_id, name)
            name = self._names.get(name, name) if name else None
            deltas.append(ToolCallDelta(number, call_id, name, arguments_text(function.get("arguments"))))
        return tuple(deltas)

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
            text = ""
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
        )

    def _whole(self, answer: _Json) -> list[CompletionDelta]:
        result = parse_completion(answer)
        return [
            CompletionDelta(
                c.index, result.id, result.model, c.text, c.finish_reason, c.logprobs, None, answer
            )
            for c in result.choices
        ]
