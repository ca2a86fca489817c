"""Events of a stream to deltas. Pure: what is text, what is an error, and whether the end was the end.

Usage comes in three styles (with the last choice, in a chunk of its own, or cumulative in every chunk); it
is given out once, on the last delta. An end counts only after ``[DONE]`` or when every choice has a finish
reason; anything else raises.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, Generic, TypeVar

import orjson

from azure_inference_core._refusal.judging import stream_error
from azure_inference_core._response.sse import Event, SseDecoder
from azure_inference_core._response.thinking import ThinkSplitter
from azure_inference_core._response.whole import (
    arguments_text,
    optional,
    parse_chat,
    parse_completion,
    parse_json,
    reasoning_of,
    text_and_thought,
)
from azure_inference_core.errors import IncompleteResponseError, MalformedResponseError
from azure_inference_core.values import ChatDelta, CompletionDelta, ToolCallDelta

DeltaT = TypeVar("DeltaT")


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
        self._last: dict[str, Any] = {}
        self._usage: dict[str, Any] | None = None
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
        if not self._begun and (start := block.lstrip()[:1]):
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
            yield self._delta({**self._last, "choices": [], "usage": self._usage}, {}, 0, self._usage)

    def incomplete(self, how: str) -> IncompleteResponseError:
        """The error of a stream that ended early."""
        return IncompleteResponseError(
            f"the stream ended {how}, after {len(self.text)} characters of text (see .partial)",
            is_retryable=False,
        )

    def _read(self, events: list[Event]) -> Iterator[DeltaT]:
        for name, data in events:
            if data == b"[DONE]":
                self.done = True
            if self.done:
                return
            try:
                chunk = orjson.loads(data)
            except orjson.JSONDecodeError as error:
                if name == b"error":
                    raise stream_error(data.decode("utf-8", "replace"), self._headers) from None
                raise MalformedResponseError(
                    f"an event of the stream is not JSON ({str(error)[:80]})"
                ) from None
            if not isinstance(chunk, dict):
                raise MalformedResponseError("an event of the stream is not an object")
            if name == b"error" or (chunk.get("error") and not chunk.get("choices")):
                raise stream_error(chunk, self._headers)
            yield from self._deltas(chunk)

    def _deltas(self, chunk: dict[str, Any]) -> list[DeltaT]:
        self._last = chunk
        if usage := chunk.get("usage"):
            self._usage = usage if isinstance(usage, dict) else None
        choices = chunk.get("choices") or []
        if not isinstance(choices, list):
            raise MalformedResponseError("the choices of the stream are not a list")
        deltas = []
        for choice in choices:
            if not isinstance(choice, dict):
                raise MalformedResponseError("a choice of the stream is not an object")
            index = choice.get("index")
            index = index if isinstance(index, int) else 0
            self._open.add(index)
            if choice.get("finish_reason"):
                self._finished.add(index)
            deltas.append(self._delta(chunk, choice, index))
        if not choices and ("prompt_filter_results" in chunk or "prompt_annotations" in chunk):
            deltas.append(self._delta(chunk, {}, 0))
        return deltas

    def _read_plain(self, body: bytes) -> Iterator[DeltaT]:
        answer = parse_json(body, self._headers)
        yield from self._whole(answer)
        self.done = True
        self._last = answer
        self._usage = optional(answer, "usage", dict)

    @abstractmethod
    def _delta(
        self, chunk: dict[str, Any], choice: dict[str, Any], index: int, usage: dict[str, Any] | None = None
    ) -> DeltaT:
        """The delta of one choice of a chunk."""

    def _held(self) -> list[DeltaT]:
        """The deltas of what was held back until the end."""
        return []

    @abstractmethod
    def _whole(self, answer: dict[str, Any]) -> list[DeltaT]:
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
        self._calls: dict[int, _CallNumbers] = {}
        self._splitters: defaultdict[int, ThinkSplitter] | None = (
            defaultdict(ThinkSplitter) if think else None
        )

    def _delta(
        self, chunk: dict[str, Any], choice: dict[str, Any], index: int, usage: dict[str, Any] | None = None
    ) -> ChatDelta:
        delta = choice.get("delta") or {}
        if not isinstance(delta, dict):
            raise MalformedResponseError("a delta of the stream is not an object")
        content = delta.get("content")
        reasoning = refusal = None
        calls: tuple[ToolCallDelta, ...] = ()
        if len(delta) > 1 or not isinstance(content, str):  # most pieces of a stream are text alone
            text, thought = text_and_thought(content)
            content, reasoning = text, reasoning_of(delta) or thought
            refusal = optional(delta, "refusal", str)
            if pieces := delta.get("tool_calls"):
                calls = self._tool_calls(pieces, index)
        if self._splitters is not None:
            splitter = self._splitters[index]
            content, thought = splitter.feed(content)
            if choice.get("finish_reason"):
                rest = splitter.end()
                content, thought = content + rest[0], thought + rest[1]
            reasoning = f"{reasoning or ''}{thought}" or None
        if content and index == 0:
            self._text.append(content)
        return ChatDelta(
            index,
            chunk.get("id") or None,
            chunk.get("model") or None,
            delta.get("role"),
            content,
            reasoning,
            refusal,
            calls,
            choice.get("finish_reason"),
            choice.get("logprobs"),
            choice.get("content_filter_results"),
            usage,
            chunk.get("system_fingerprint"),
            chunk,
        )

    def _held(self) -> list[ChatDelta]:
        choices = [(index, {"finish_reason": "held"}) for index in self._splitters or ()]
        deltas = [self._delta(self._last, choice, index) for index, choice in choices]
        for delta in deltas:
            delta.finish_reason = None
        return [delta for delta in deltas if delta.content or delta.reasoning]

    def _tool_calls(self, calls: Any, choice: int) -> tuple[ToolCallDelta, ...]:
        numbers = self._calls.setdefault(choice, _CallNumbers())
        deltas = []
        for call in calls if isinstance(calls, list) else [calls]:
            if not isinstance(call, dict):
                raise MalformedResponseError("a tool call of the stream is not an object")
            function = optional(call, "function", dict) or {}
            call_id = optional(call, "id", str) or None
            name = optional(function, "name", str) or None
            number = numbers.of(call.get("index"), call_id, name)
            name = self._names.get(name, name) if name else None
            deltas.append(ToolCallDelta(number, call_id, name, arguments_text(function.get("arguments"))))
        return tuple(deltas)

    def _whole(self, answer: dict[str, Any]) -> list[ChatDelta]:
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
        self, chunk: dict[str, Any], choice: dict[str, Any], index: int, usage: dict[str, Any] | None = None
    ) -> CompletionDelta:
        text = choice.get("text") or ""
        if not isinstance(text, str):
            raise MalformedResponseError("a choice of the stream has no text")
        if text and index == 0:
            self._text.append(text)
        return CompletionDelta(
            index,
            chunk.get("id") or None,
            chunk.get("model") or None,
            text,
            choice.get("finish_reason"),
            choice.get("logprobs"),
            usage,
            chunk,
        )

    def _whole(self, answer: dict[str, Any]) -> list[CompletionDelta]:
        result = parse_completion(answer)
        return [
            CompletionDelta(
                c.index, result.id, result.model, c.text, c.finish_reason, c.logprobs, None, answer
            )
            for c in result.choices
        ]


class _CallNumbers:
    """Numbers the tool calls of one choice, by the server's index, or by id where it gives none."""

    def __init__(self) -> None:
        self._count = 0
        self._by_index: dict[int, tuple[int, str | None]] = {}
        self._by_id: dict[str, int] = {}

    def of(self, index: Any, call_id: str | None, name: str | None) -> int:
        """The number of the call that a piece belongs to."""
        if isinstance(index, int):
            number, known_id = self._by_index.get(index, (-1, None))
            # Servers that call every index 0 tell calls apart by a new id with a new name.
            if number < 0 or (call_id and known_id and call_id != known_id and name):
                number, known_id = self._new(), None
            self._by_index[index] = (number, known_id or call_id)
            return number
        if call_id is not None:
            if call_id not in self._by_id:
                self._by_id[call_id] = self._new()
            return self._by_id[call_id]
        if name is not None or not self._count:
            return self._new()
        return self._count - 1

    def _new(self) -> int:
        self._count += 1
        return self._count - 1
