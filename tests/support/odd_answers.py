"""Answers with everything in them, and the same answers with one value replaced by an odd one."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable, Iterator
from typing import Any

from azure_inference_core import ChatDelta, CompletionDelta
from azure_inference_core._response.events import StreamReader
from azure_inference_core._response.streamed import ChatReader, CompletionReader
from azure_inference_core._response.whole import parse_json
from tests.support import wire

__all__ = [
    "CALLS",
    "CHAT",
    "CHAT_CHUNKS",
    "COMPLETION",
    "COMPLETION_CHUNKS",
    "EMBEDDINGS",
    "INPUTS",
    "ODD",
    "chat_deltas",
    "completion_deltas",
    "damaged",
    "is_optional",
    "odd_answers",
    "places",
    "received",
]

ODD: tuple[Any, ...] = (None, True, -1, 10**30, 1.5, "", "x", [], {}, [None], {"a": 1})
"""What may stand in any place of an answer."""

INPUTS = ["a", "b"]
CALLS = [("weather", '{"city": "Seattle"}'), ("time", '{"zone": "PST"}')]
IDS = ("id-0", "id-1")
FILTERS = {"hate": {"filtered": False, "severity": "safe"}}
USAGE = {
    **wire.USAGE,
    "prompt_tokens_details": {"audio_tokens": 0, "cached_tokens": 2, "cache_creation_tokens": 1},
    "completion_tokens_details": {"audio_tokens": 0, "reasoning_tokens": 3},
}
TOKEN = {"token": "The", "logprob": -0.5, "bytes": [84, 104, 101]}
TOKENS = {"content": [{**TOKEN, "top_logprobs": [TOKEN, {**TOKEN, "token": "A"}]}], "refusal": None}
COLUMNS = {
    "tokens": ["The", " quick"],
    "token_logprobs": [None, -0.5],
    "top_logprobs": [None, {" quick": -0.5}],
    "text_offset": [0, 3],
}
FOUND = {
    "system_fingerprint": "fp",
    "prompt_filter_results": [{"prompt_index": 0, "content_filter_results": FILTERS}],
}


def with_choice(body: dict[str, Any], **more: Any) -> dict[str, Any]:
    """A body whose first choice has more fields."""
    body["choices"][0].update(more)
    return body


def chat() -> dict[str, Any]:
    """A whole answer of the chat route with every optional part."""
    calls = [wire.tool_call(*call, call_id) for call, call_id in zip(CALLS, IDS, strict=True)]
    body = wire.chat(tool_calls=calls, usage=USAGE, **FOUND)
    body["choices"][0]["message"].update(reasoning_content="hm", refusal="no")
    return with_choice(body, logprobs=TOKENS, content_filter_results=FILTERS)


def chat_chunks() -> list[dict[str, Any]]:
    """The same, streamed."""
    first, second = wire.pieces_of(wire.ANSWER)[0], wire.ANSWER.partition(" ")[2]
    calls = []
    for index, ((name, arguments), call_id) in enumerate(zip(CALLS, IDS, strict=True)):
        calls.append(wire.tool_call(name, arguments[:5], call_id, index=index))
        calls.append({"index": index, "function": {"arguments": arguments[5:]}})
    return [
        {**wire.chunk(), "choices": [], **FOUND},
        wire.chunk("", role="assistant", reasoning_content="hm", refusal="no"),
        with_choice(wire.chunk(first), logprobs=TOKENS, content_filter_results=FILTERS),
        with_choice(wire.chunk(f" {second}"), logprobs=TOKENS),
        *(wire.chunk(tool_calls=[call]) for call in calls),
        with_choice(wire.chunk("", finish_reason="tool_calls", usage=USAGE), content_filter_results=FILTERS),
        {**wire.chunk(), "choices": [], "usage": USAGE},
    ]


def completion_chunks() -> list[dict[str, Any]]:
    """A streamed answer of the completions route with every optional part."""
    chunks = wire.completion_chunks()
    return [with_choice(body, logprobs=COLUMNS) for body in chunks[:2]] + chunks[2:]


CHAT = chat()
CHAT_CHUNKS = chat_chunks()
COMPLETION = with_choice(wire.completion(usage=USAGE), logprobs=COLUMNS, content_filter_results=FILTERS)
COMPLETION_CHUNKS = completion_chunks()
EMBEDDINGS = wire.embeddings(INPUTS)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value inside a JSON value."""
    found = [path] if path else []
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in items:
        found += places(inner, (*path, key))
    return found


def damaged(body: Any, path: tuple[Any, ...], value: Any) -> Any:
    """A copy of a body with one value replaced."""
    twin = copy.deepcopy(body)
    inner: Any = twin
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    return twin


ITSELF = (
    *("choices", "message", "delta", "content", "text", "role"),
    *("tool_calls", "function", "name", "arguments"),
    *("data", "embedding"),
)
BESIDE = ("usage", "logprobs", "content_filter_results", "prompt_filter_results")


def is_optional(path: Iterable[Any]) -> bool:
    """Whether a place is beside the answer rather than the answer itself."""
    names = [key for key in path if isinstance(key, str)]
    if not names or any(name in BESIDE for name in names):
        return bool(names)
    return names[-1] not in ITSELF and names != ["data", "index"]


def odd_answers(body: Any, *, optional: bool) -> Iterator[tuple[str, Any]]:
    """Every answer with one odd value, and where it is: in an optional place, or in the answer itself."""
    for path in places(body):
        # An item of a list is what the list is.
        if is_optional(path) is optional:
            for value in ODD:
                yield f"{path} = {json.dumps(value)}", damaged(body, path, value)


def received(body: Any) -> dict[str, Any]:
    """A whole answer as it comes from the network."""
    return parse_json(json.dumps(body).encode(), {})


def chat_deltas(chunks: Iterable[Any]) -> list[ChatDelta]:
    """A streamed answer of the chat route, read."""
    return deltas_of(ChatReader({}, 1 << 20, {}, think=False), chunks)


def completion_deltas(chunks: Iterable[Any]) -> list[CompletionDelta]:
    """A streamed answer of the completions route, read."""
    return deltas_of(CompletionReader({}, 1 << 20), chunks)


def deltas_of(reader: StreamReader[Any], chunks: Iterable[Any]) -> list[Any]:
    """What a reader makes of a stream that ends with its mark."""
    return [*reader.feed(b"".join(wire.events(chunks))), *reader.end()]
