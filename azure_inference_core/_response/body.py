"""An answer's body: block by block, under a limit, and what it holds. Pure."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from azure_inference_core._response.optional import join
from azure_inference_core._response.sse import SseDecoder
from azure_inference_core._response.streamed import ChatReader
from azure_inference_core._response.whole import parse_json
from azure_inference_core.errors import InferenceError, MalformedResponseError, ResponseTooLargeError
from azure_inference_core.values import ChatDelta

_EVENTS = re.compile(rb"[\s\xef\xbb\xbf]*(?:data|event|id|retry)?:")


class Inflater:
    """Undoes ``Content-Encoding`` block by block, never holding more than the limit.

    Args:
        encoding: The header's value.
        limit: Largest size of the whole, in bytes, after decompression.
    """

    def __init__(self, encoding: str, limit: int) -> None:
        self._left = limit
        self._limit = limit
        encoding = encoding.strip().lower()
        if encoding in ("", "identity"):
            self._inflate = None
        elif encoding in ("gzip", "x-gzip", "deflate"):
            self._inflate = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
        else:
            raise MalformedResponseError(
                f"the answer is compressed in a way nobody asked for: {encoding[:40]!r}"
            )

    def feed(self, block: bytes) -> bytes:
        """Take a block as received, give it decompressed.

        Raises:
            ResponseTooLargeError: The whole is over the limit.
            MalformedResponseError: The block is not compressed as the header says.
        """
        if self._inflate is not None:
            try:
                block = self._inflate.decompress(block, self._left + 1)
            except zlib.error as error:
                raise MalformedResponseError(
                    f"the answer is not compressed as its header says: {error}"
                ) from None
        self._left -= len(block)
        if self._left < 0:
            raise ResponseTooLargeError(f"the answer is over {self._limit:,} bytes")
        return block


class Body:
    """Collects an answer's body under a limit.

    Args:
        headers: The answer's, lower-case names.
        limit: Largest body, in bytes, after decompression.
    """

    def __init__(self, headers: Mapping[str, str], limit: int) -> None:
        self._inflater = Inflater(headers.get("content-encoding", ""), limit)
        self._blocks: list[bytes] = []

    def add(self, block: bytes) -> None:
        """Take the next block.

        Raises:
            ResponseError: Over the limit, or not compressed as the header says.
        """
        self._blocks.append(self._inflater.feed(block))

    def whole(self) -> bytes:
        """What was collected."""
        return b"".join(self._blocks)


def read_body(body: bytes, headers: Mapping[str, str]) -> dict[str, Any]:
    """The JSON object of a successful answer; some models answer a plain request with the events of a stream.

    Raises:
        InferenceError: It is none, ends early, or is an error in spite of its status.
    """
    if _EVENTS.match(body) is None:
        return parse_json(body, headers)
    if (whole := _single(body)) is not None:
        return parse_json(whole, headers)
    reader = ChatReader(headers, len(body) + 1, {}, think=False)
    try:
        return _joined([*reader.feed(body), *reader.end()])
    except InferenceError as error:
        error.partial = reader.text
        raise


def _single(body: bytes) -> bytes | None:
    """The data of the one event that is the whole answer, if it is so."""
    decoder = SseDecoder(len(body) + 1)
    events = [
        data
        for name, data in (*decoder.feed(body), *decoder.flush())
        if data[:1] == b"{" and name != b"error"
    ]
    try:
        value = orjson.loads(events[0]) if len(events) == 1 else None
    except orjson.JSONDecodeError:
        return None
    choices = value.get("choices") if isinstance(value, dict) else ()
    is_piece = isinstance(choices, list) and not any(
        isinstance(one, dict) and "message" in one for one in choices
    )
    return None if choices == () or is_piece else events[0]


def _joined(deltas: Iterable[ChatDelta]) -> dict[str, Any]:
    """The deltas of a stream as the body of a whole answer, of either route."""
    body: dict[str, Any] = {}
    choices: dict[int, dict[str, Any]] = {}
    calls: dict[int, dict[int, dict[str, Any]]] = {}
    for delta in deltas:
        body.update({name: value for name, value in delta.raw.items() if value or name not in body})
        choice = choices.setdefault(delta.index, {"index": delta.index, "text": "", "message": {}})
        choice["text"] += delta.content
        message = choice["message"]
        message["content"] = choice["text"]
        for name, more in (("reasoning_content", delta.reasoning), ("refusal", delta.refusal)):
            if more:
                message[name] = message.get(name, "") + more
        join(message, delta.additions or {})
        for piece in delta.tool_calls:
            call = calls.setdefault(delta.index, {}).setdefault(
                piece.index, {"id": piece.id, "arguments": ""}
            )
            call["name"] = piece.name or call.get("name")
            call["arguments"] += piece.arguments
        told = {"logprobs": delta.logprobs, "content_filter_results": delta.content_filter_results}
        join(choice, {name: value for name, value in told.items() if value})
        choice["finish_reason"] = delta.finish_reason or choice.get("finish_reason")
    for index, several in calls.items():
        choices[index]["message"]["tool_calls"] = [
            {"id": call.pop("id"), "type": "function", "function": call} for call in several.values()
        ]
    body["object"] = str(body.get("object") or "").removesuffix(".chunk")
    return {**body, "choices": [choices[index] for index in sorted(choices)]}
