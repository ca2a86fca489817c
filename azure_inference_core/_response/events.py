"""Events of a stream to the deltas of its choices. Pure: what is a chunk, what is an error, and whether the end was the end.

Usage comes in three styles (with the last choice, in a chunk of its own, or cumulative in every chunk); it
is given out once, on the last delta. An end counts only after ``[DONE]`` or when every choice has a finish
reason; anything else raises. What is no part of an answer that is known here is given out with its ``raw``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, Generic, TypeAlias, TypeVar

import orjson

from azure_inference_core._refusal.judging import request_id_of, stream_error
from azure_inference_core._refusal.reading import failure_in
from azure_inference_core._response.optional import optional, usage_of
from azure_inference_core._response.sse import BLANK, Event, SseDecoder
from azure_inference_core._response.whole import first_json, parse_json
from azure_inference_core.errors import IncompleteResponseError, MalformedResponseError

DeltaT = TypeVar("DeltaT")

_Json: TypeAlias = dict[str, Any]
_ENVELOPE = frozenset(
    ("choices", "created", "id", "model", "object", "obfuscation", "system_fingerprint", "usage")
)
"""What a chunk without choices may have and say nothing."""

_CHUNK_NAMES = (b"", b"message", b"chunk", b"data", b"delta", b"completion")
_AROUND_DONE = b' \t\r\n"[]'


class StreamReader(ABC, Generic[DeltaT]):
    """Turns the blocks of a streamed answer into deltas; one kind of route a subclass.

    Args:
        headers: The answer's headers, lower-case names.
        max_event_bytes: Largest event.
    """

    def __init__(self, headers: Mapping[str, str], max_event_bytes: int) -> None:
        self._headers = headers
        self._request_id = request_id_of(headers)
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
        if not self._begun and (start := block.lstrip(BLANK)[:1]):
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
                if data.strip(_AROUND_DONE) == b"DONE":
                    self.done = True
                    return
                if _says_nothing(name, data):
                    continue
                try:
                    chunk = first_json(data.strip(BLANK))
                except orjson.JSONDecodeError:
                    raise MalformedResponseError(
                        f"an event of the stream is not JSON ({str(error)[:80]})"
                    ) from None
            if name == b"error":
                raise stream_error(chunk, self._headers)
            if type(chunk) is not dict:
                if data.strip(_AROUND_DONE) == b"DONE":
                    self.done = True
                    return
                if chunk is None or _says_nothing(name, data):
                    continue
                raise MalformedResponseError("an event of the stream is not an object")
            yield from self._deltas(chunk)

    def _deltas(self, chunk: _Json) -> list[DeltaT]:
        choices = chunk.get("choices")
        if not choices or "error" in chunk or "message" in chunk:
            self._check(chunk)
        usage = chunk.get("usage")
        if usage and type(usage) is dict:
            self._usage = usage
        if type(choices) is not list:
            if choices is not None:
                raise MalformedResponseError("the choices of the stream are not a list")
            choices = []
        else:
            self._last = chunk
        deltas = []
        for choice in choices:
            if type(choice) is not dict:
                if choice is None:
                    continue
                raise MalformedResponseError("a choice of the stream is not an object")
            if "error" in choice:
                self._check(chunk)
            index = choice.get("index")
            if type(index) is not int or index < 0:
                index = 0
            if index not in self._open:
                self._open.add(index)
            reason = choice.get("finish_reason")
            reason = self._finish(index, reason, choice) if reason and type(reason) is str else None
            deltas.append(self._delta(chunk, choice, index, reason))
        if not choices and not _ENVELOPE.issuperset(chunk):
            deltas.append(self._delta(chunk, {}, 0, None))
        return deltas

    def _finish(self, index: int, reason: str, choice: _Json) -> str | None:
        """Note the end of a choice; one that has ended otherwise does not end with ``stop`` after that."""
        if usage := optional(choice, "usage", dict):
            self._usage = self._usage or usage
        if reason == "stop" and index in self._finished:
            return None
        self._finished.add(index)
        return reason

    def _check(self, chunk: _Json) -> None:
        if (failure := failure_in(chunk)) is not None:
            raise stream_error(failure, self._headers)

    def _read_plain(self, body: bytes) -> Iterator[DeltaT]:
        answer = parse_json(body, self._headers)
        yield from self._whole(answer)
        self.done = True
        self._last = answer
        self._usage = usage_of(answer)

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


def _says_nothing(name: bytes, data: bytes) -> bool:
    """Whether an event that is no object may be left out: it has no data, or is of a kind that is no chunk of text."""
    return not data.strip() or (name not in _CHUNK_NAMES and data[:1] not in (b"{", b"["))
