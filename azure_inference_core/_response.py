"""Body bytes to checked values. Pure: an answer either has the shape of one, or raises.

Shapes are those of the API's reference for ``/chat/completions``, ``/completions``, ``/embeddings`` and
``/info``; what single models add (reasoning, filter results, usage details) is kept.
"""

from __future__ import annotations

import json
import math
import zlib
from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Mapping
from dataclasses import dataclass
from struct import unpack
from sys import byteorder
from typing import Any

import orjson

from azure_inference_core._translate import stream_error
from azure_inference_core.errors import MalformedResponseError, ResponseTooLargeError

_INTEGER_FORMATS = frozenset(("int8", "uint8", "binary", "ubinary"))
_PACKED_FORMATS = frozenset(("binary", "ubinary"))


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call the model wants made.

    Attributes:
        id: The service's id of the call, to name in the tool's answer.
        name: The function's name.
        arguments: JSON text exactly as the model wrote it; it can be invalid.
    """

    id: str | None
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class ChatChoice:
    """One answer of a chat completion.

    Attributes:
        index: Its position among the answers.
        role: ``"assistant"``.
        content: The text; empty when there is none.
        finish_reason: ``"stop"``, ``"length"``, ``"tool_calls"``, ``"content_filter"`` or the model's own.
        tool_calls: The calls the model wants made.
        reasoning: The model's reasoning, where it is given apart from the text.
        refusal: Why the model refused, where it is given apart from the text.
        logprobs: Log probabilities, as the service sent them.
        content_filter_results: Content-safety annotations, as the service sent them.
    """

    index: int
    role: str
    content: str
    finish_reason: str | None
    tool_calls: tuple[ToolCall, ...]
    reasoning: str | None
    refusal: str | None
    logprobs: dict[str, Any] | None
    content_filter_results: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class ChatResult:
    """The answer of ``/chat/completions``.

    Attributes:
        id: The service's id of the completion.
        model: The model that answered, as the service names it.
        created: Seconds since the epoch.
        choices: The answers, at least one.
        usage: Token counts, as the service sent them.
        system_fingerprint: The service's mark of the model's configuration.
        prompt_filter_results: Content-safety annotations of the prompt.
        request_id: The service's id of the request.
        attempts: How many times the request was sent.
        raw: The whole body.
    """

    id: str | None
    model: str | None
    created: int | None
    choices: tuple[ChatChoice, ...]
    usage: dict[str, Any] | None
    system_fingerprint: str | None
    prompt_filter_results: list[Any] | None
    request_id: str | None
    attempts: int
    raw: dict[str, Any]


@dataclass(frozen=True, slots=True)
class CompletionChoice:
    """One answer of ``/completions``; attributes as in :class:`ChatChoice`."""

    index: int
    text: str
    finish_reason: str | None
    logprobs: dict[str, Any] | None
    content_filter_results: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class CompletionResult:
    """The answer of ``/completions``; attributes as in :class:`ChatResult`."""

    id: str | None
    model: str | None
    created: int | None
    choices: tuple[CompletionChoice, ...]
    usage: dict[str, Any] | None
    request_id: str | None
    attempts: int
    raw: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """The answer of ``/info``.

    Attributes:
        model_name: The model's name.
        model_type: Such as ``"chat-completion"`` or ``"embedding"``.
        model_provider_name: Who made the model.
    """

    model_name: str | None
    model_type: str | None
    model_provider_name: str | None


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


def parse_json(body: bytes, headers: Mapping[str, str]) -> dict[str, Any]:
    """Read a successful answer's body as a JSON object, whatever its content type says.

    Raises:
        MalformedResponseError: Not strict JSON, or not an object.
        InferenceError: It is an error in spite of its status.
    """
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise MalformedResponseError(_not_json(body, headers, error)) from None
    if not isinstance(value, dict):
        raise MalformedResponseError(f"the answer is JSON, but not an object: {type(value).__name__}")
    if value.get("error") and not value.get("choices") and not value.get("data"):
        raise stream_error(value, headers)
    return value


def _not_json(body: bytes, headers: Mapping[str, str], error: Exception) -> str:
    if not body.strip():
        return "the answer is empty; is the route right for this endpoint and model?"
    if body.lstrip()[:1] == b"<":
        return "the answer is a web page, not JSON; is there a portal or proxy in front of the endpoint?"
    return f"the answer is not JSON ({str(error)[:80]}); its content type is {headers.get('content-type', 'not given')[:60]!r}"


def parse_chat(body: dict[str, Any], request_id: str | None, attempts: int) -> ChatResult:
    """Check a chat completion.

    Raises:
        MalformedResponseError: The shape is wrong; the text says where.
    """
    return ChatResult(
        id=optional(body, "id", str),
        model=optional(body, "model", str),
        created=optional(body, "created", int),
        choices=tuple(_chat_choice(raw, i) for i, raw in enumerate(_choices(body))),
        usage=optional(body, "usage", dict),
        system_fingerprint=optional(body, "system_fingerprint", str),
        prompt_filter_results=optional(body, "prompt_filter_results", list)
        or optional(body, "prompt_annotations", list),
        request_id=request_id,
        attempts=attempts,
        raw=body,
    )


def _choices(body: dict[str, Any]) -> list[Any]:
    choices = body.get("choices")
    if not isinstance(choices, list) or not choices:
        raise MalformedResponseError("the answer has no choices")
    return choices


def _chat_choice(raw: Any, position: int) -> ChatChoice:
    message = raw.get("message") if isinstance(raw, dict) else None
    if not isinstance(message, dict):
        raise MalformedResponseError(f"choices[{position}] has no message")
    if (role := message.get("role") or "assistant") != "assistant":
        raise MalformedResponseError(
            f"choices[{position}].message.role is not 'assistant': {str(role)[:40]!r}"
        )
    content, thought = text_and_thought(message.get("content"))
    return ChatChoice(
        index=_choice_index(raw, position),
        role=role,
        content=content,
        finish_reason=optional(raw, "finish_reason", str),
        tool_calls=tuple(_tool_call(c, i) for i, c in enumerate(message.get("tool_calls") or ())),
        reasoning=reasoning_of(message) or thought,
        refusal=optional(message, "refusal", str),
        logprobs=optional(raw, "logprobs", dict),
        content_filter_results=optional(raw, "content_filter_results", dict),
    )


def _choice_index(raw: dict[str, Any], position: int) -> int:
    index = raw.get("index", position)
    return index if isinstance(index, int) else position


def _tool_call(raw: Any, position: int) -> ToolCall:
    function = raw.get("function") if isinstance(raw, dict) else None
    name = function.get("name") if isinstance(function, dict) else None
    if not isinstance(function, dict) or not isinstance(name, str) or not name:
        raise MalformedResponseError(f"tool_calls[{position}] names no function")
    return ToolCall(optional(raw, "id", str), name, arguments_text(function.get("arguments")))


def arguments_text(arguments: Any) -> str:
    """A tool call's arguments as JSON text; managed endpoints send objects."""
    if isinstance(arguments, str):
        return arguments
    return "" if arguments is None else json.dumps(arguments, ensure_ascii=False)


def text_and_thought(content: Any) -> tuple[str, str | None]:
    """The text of a message's content, and the reasoning given as parts of it.

    Raises:
        MalformedResponseError: Neither text, nothing, nor a list of parts.
    """
    if isinstance(content, str):
        return content, None
    if content is None:
        return "", None
    if not isinstance(content, list):
        raise MalformedResponseError(
            f"a message's content is neither text nor parts: {type(content).__name__}"
        )
    text: list[str] = []
    thought: list[str] = []
    for part in content:
        if isinstance(part, dict) and part.get("type") == "thinking":
            thought.append(text_and_thought(part.get("thinking"))[0])
        elif isinstance(part, dict) and isinstance(part.get("text"), str):
            text.append(part["text"])
        else:
            raise MalformedResponseError("a message's content has a part that is neither text nor thinking")
    return "".join(text), "".join(thought) or None


def reasoning_of(message: dict[str, Any]) -> str | None:
    """A message's reasoning, in either spelling in use."""
    return optional(message, "reasoning_content", str) or optional(message, "reasoning", str)


def optional(raw: dict[str, Any], name: str, kind: type) -> Any:
    """A field that may be missing or null; one of another type counts as missing."""
    value = raw.get(name)
    return value if isinstance(value, kind) else None


def parse_completion(body: dict[str, Any], request_id: str | None, attempts: int) -> CompletionResult:
    """Check a text completion.

    Raises:
        MalformedResponseError: The shape is wrong; the text says where.
    """
    return CompletionResult(
        id=optional(body, "id", str),
        model=optional(body, "model", str),
        created=optional(body, "created", int),
        choices=tuple(_text_choice(raw, i) for i, raw in enumerate(_choices(body))),
        usage=optional(body, "usage", dict),
        request_id=request_id,
        attempts=attempts,
        raw=body,
    )


def _text_choice(raw: Any, position: int) -> CompletionChoice:
    text = raw.get("text", 0) if isinstance(raw, dict) else 0
    if text is not None and not isinstance(text, str):
        raise MalformedResponseError(f"choices[{position}] has no text")
    return CompletionChoice(
        index=_choice_index(raw, position),
        text=text or "",
        finish_reason=optional(raw, "finish_reason", str),
        logprobs=optional(raw, "logprobs", dict),
        content_filter_results=optional(raw, "content_filter_results", dict),
    )


def parse_info(body: dict[str, Any]) -> ModelInfo:
    """Check the answer of ``/info``.

    Raises:
        MalformedResponseError: None of its fields is there.
    """
    info = ModelInfo(
        optional(body, "model_name", str),
        optional(body, "model_type", str),
        optional(body, "model_provider_name", str),
    )
    if info == ModelInfo(None, None, None):
        raise MalformedResponseError("the answer of /info names no model")
    return info


def parse_vectors(
    body: dict[str, Any], count: int, *, encoding_format: str | None, dimensions: int | None
) -> list[list[float]]:
    """Check an embeddings answer and give its vectors in the order of the inputs.

    Args:
        body: The answer.
        count: How many inputs were sent.
        encoding_format: The format asked for, ``None`` when none was.
        dimensions: The length asked for, ``None`` when none was.

    Returns:
        One vector an input; integers where an integer format was asked for.

    Raises:
        MalformedResponseError: A vector is missing, double, not finite, or of another length.
    """
    data = body.get("data")
    if not isinstance(data, list):
        raise MalformedResponseError("the answer has no list of vectors (data)")
    vectors: list[list[float] | None] = [None] * count
    for position, item in enumerate(data):
        index = item.get("index") if isinstance(item, dict) else None
        if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < count:
            raise MalformedResponseError(
                f"data[{position}] has the index {str(index)[:20]}, for {count} inputs"
            )
        if vectors[index] is not None:
            raise MalformedResponseError(f"two vectors have the index {index}")
        vectors[index] = _vector(item.get("embedding"), index, encoding_format)
    complete = [vector for vector in vectors if vector is not None]
    if len(complete) < count:
        missing = [i for i, vector in enumerate(vectors) if vector is None]
        raise MalformedResponseError(
            f"{len(missing)} of {count} vectors are missing, first at index {missing[0]}"
        )
    _check_lengths(complete, encoding_format, dimensions)
    return complete


def _vector(embedding: Any, index: int, encoding_format: str | None) -> list[float]:
    if isinstance(embedding, str):
        if encoding_format != "base64":
            raise MalformedResponseError(f"vector {index} is text, though base64 was not asked for")
        vector = _decode_base64(embedding, index)
    elif isinstance(embedding, list):
        vector = embedding
        kinds = set(map(type, vector))
        if not kinds <= {float, int}:
            raise MalformedResponseError(f"vector {index} holds something other than numbers")
        if int in kinds and encoding_format not in _INTEGER_FORMATS:
            vector = [float(value) for value in vector]
    else:
        raise MalformedResponseError(f"vector {index} is not a vector: {type(embedding).__name__}")
    if not vector:
        raise MalformedResponseError(f"vector {index} is empty")
    # One NaN or infinity shows in the sum; only then is every value looked at.
    if not math.isfinite(sum(vector)) and not all(map(math.isfinite, vector)):
        raise MalformedResponseError(f"vector {index} holds NaN or infinity")
    return vector


def _decode_base64(text: str, index: int) -> list[float]:
    try:
        packed = a2b_base64(text)
        if byteorder == "little":
            return memoryview(packed).cast("f").tolist()
        return list(unpack(f"<{len(packed) // 4}f", packed))
    except (Base64Error, TypeError, ValueError) as error:
        raise MalformedResponseError(f"vector {index} is not base64 of 32-bit floats: {error}") from None


def _check_lengths(vectors: list[list[float]], encoding_format: str | None, dimensions: int | None) -> None:
    lengths = set(map(len, vectors))
    if len(lengths) > 1:
        raise MalformedResponseError(f"the vectors differ in length: {sorted(lengths)[:5]}")
    if dimensions is not None and lengths:
        expected = dimensions // 8 if encoding_format in _PACKED_FORMATS else dimensions
        if (length := lengths.pop()) != expected:
            raise MalformedResponseError(f"dimensions={dimensions} was asked for, but vectors have {length}")
