"""Good bodies of every route, chunk builders in the three usage styles, a fake clock, fake credentials."""

from __future__ import annotations

import asyncio
import base64
import json
import struct
import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any, Literal, Self

from azure.core.credentials import AccessToken

__all__ = [
    "ANSWER",
    "CANARY_KEY",
    "CANARY_PROMPT",
    "DONE",
    "MESSAGES",
    "USAGE",
    "AsyncFakeCredential",
    "FakeClock",
    "FakeCredential",
    "UsageStyle",
    "chat",
    "chat_chunks",
    "chunk",
    "completion",
    "completion_chunks",
    "embeddings",
    "event",
    "events",
    "info",
    "tool_call",
    "vector_of",
]

ANSWER = "The quick brown fox jumps."
CANARY_KEY = "canary-7f3c0e55b1d94ad2-key"
CANARY_PROMPT = "canary-prompt-1b9e77a40c"
MESSAGES = [{"role": "user", "content": CANARY_PROMPT}]
USAGE = {"prompt_tokens": 7, "completion_tokens": 6, "total_tokens": 13}
DONE = b"data: [DONE]\n\n"
CREATED = 1718726371
UsageStyle = Literal["last", "extra", "cumulative", "none"]


def chat(
    content: str | None = ANSWER,
    *,
    tool_calls: list[dict[str, Any]] | None = None,
    finish_reason: str | None = None,
    usage: dict[str, Any] | None = None,
    **top: Any,
) -> dict[str, Any]:
    """A ``chat.completion`` body."""
    message = {"role": "assistant", "content": content, "tool_calls": tool_calls}
    reason = finish_reason or ("tool_calls" if tool_calls else "stop")
    return {
        "id": "f0a3c7d1e2b94856a0c1d2e3f4a5b6c7",
        "object": "chat.completion",
        "created": CREATED,
        "model": "tiny-model",
        "choices": [{"index": 0, "finish_reason": reason, "message": message}],
        "usage": dict(usage or USAGE),
        **top,
    }


def tool_call(
    name: str = "weather",
    arguments: str = '{"city": "Seattle"}',
    call_id: str | None = "abc0dF1gh",
    **more: Any,
) -> dict[str, Any]:
    """One tool call, whole or (with ``index``) a delta."""
    call: dict[str, Any] = {"type": "function", "function": {"name": name, "arguments": arguments}, **more}
    return {"id": call_id, **call} if call_id else call


def completion(text: str = ANSWER, **top: Any) -> dict[str, Any]:
    """A ``text_completion`` body."""
    return {
        "id": "cmpl-0ab1423a",
        "object": "text_completion",
        "created": CREATED,
        "model": "tiny-model",
        "choices": [{"index": 0, "text": text, "finish_reason": "stop", "logprobs": None}],
        "usage": dict(USAGE),
        **top,
    }


def vector_of(text: Any, dimensions: int = 4) -> list[float]:
    """A vector that tells its text: exact in float32, different for different texts."""
    seed = sum((place + 1) * ord(letter) for place, letter in enumerate(str(text))) % 4093
    return [float(seed + place) / 4096 for place in range(dimensions)]


def embeddings(
    inputs: Iterable[Any], *, dimensions: int = 4, encoding_format: str | None = "float", **top: Any
) -> dict[str, Any]:
    """An embeddings body that answers ``inputs``, each with its ``vector_of``."""
    items = list(inputs)
    vectors: list[Any] = [vector_of(item, dimensions) for item in items]
    if encoding_format == "base64":
        vectors = [base64.b64encode(struct.pack(f"<{len(v)}f", *v)).decode() for v in vectors]
    data = [{"index": i, "object": "embedding", "embedding": v} for i, v in enumerate(vectors)]
    tokens = max(1, len(items))
    usage = {"prompt_tokens": tokens, "completion_tokens": 0, "total_tokens": tokens}
    return {
        "id": "0ab1423a-81b9-a063-e186-a01137921b42",
        "object": "list",
        "model": "",
        "data": data,
        "usage": usage,
        **top,
    }


def info() -> dict[str, Any]:
    """The body of ``GET /info``."""
    return {"model_name": "tiny-model", "model_type": "chat-completion", "model_provider_name": "Nobody"}


def event(data: Any) -> bytes:
    """One server-sent event, as the service writes it: LF, one space, one line."""
    text = data if isinstance(data, str) else json.dumps(data)
    return f"data: {text}\n\n".encode()


def chunk(
    content: str | None = None,
    *,
    role: str | None = None,
    finish_reason: str | None = None,
    tool_calls: list[dict[str, Any]] | None = None,
    usage: dict[str, Any] | None = None,
    index: int = 0,
    **delta: Any,
) -> dict[str, Any]:
    """One ``chat.completion.chunk`` with one choice."""
    fields = {"role": role, "content": content, "tool_calls": tool_calls, **delta}
    given = {name: value for name, value in fields.items() if value is not None}
    body: dict[str, Any] = {
        "id": "f0a3c7d1e2b94856a0c1d2e3f4a5b6c7",
        "object": "chat.completion.chunk",
        "created": CREATED,
        "model": "tiny-model",
        "choices": [{"index": index, "delta": given, "finish_reason": finish_reason}],
    }
    return body if usage is None else {**body, "usage": usage}


def pieces_of(text: str) -> list[str]:
    """A text as a model would stream it: word by word, no character lost."""
    words = text.split(" ")
    return [word if place == 0 else f" {word}" for place, word in enumerate(words)]


def chat_chunks(text: str = ANSWER, *, style: UsageStyle = "last") -> list[dict[str, Any]]:
    """A whole streamed answer as chunk bodies, usage in the given style of server.

    ``last``: with the finish reason (serverless); ``extra``: a chunk with no choices (OpenAI);
    ``cumulative``: so far, in every chunk; ``none``: no usage.
    """
    pieces = pieces_of(text)
    so_far = [
        {"prompt_tokens": 7, "completion_tokens": count, "total_tokens": 7 + count}
        for count in range(len(pieces) + 2)
    ]
    counted = style == "cumulative"
    chunks = [chunk("", role="assistant", usage=so_far[0] if counted else None)]
    chunks += [chunk(piece, usage=so_far[n + 1] if counted else None) for n, piece in enumerate(pieces)]
    last = USAGE if style in ("last", "cumulative") else None
    chunks.append(chunk("", finish_reason="stop", usage=last))
    if style == "extra":
        chunks.append({**chunk(), "choices": [], "usage": USAGE})
    return chunks


def completion_chunks(text: str = ANSWER) -> list[dict[str, Any]]:
    """A whole streamed text completion as chunk bodies."""
    pieces = pieces_of(text)
    last = len(pieces) - 1
    chunks = []
    for place, piece in enumerate(pieces):
        reason = "stop" if place == last else None
        choice = {"index": 0, "text": piece, "finish_reason": reason, "logprobs": None}
        body = {**completion(), "choices": [choice]}
        body.pop("usage")
        chunks.append({**body, "usage": USAGE} if place == last else body)
    return chunks


def events(chunks: Iterable[dict[str, Any]], *, done: bool = True) -> Iterator[bytes]:
    """Chunk bodies as events, with the end mark unless told otherwise."""
    for body in chunks:
        yield event(body)
    if done:
        yield DONE


class FakeClock:
    """A clock that moves only when told to."""

    def __init__(self, now: float = 1000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        """The time now."""
        return self.now

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


class FakeCredential:
    """A sync token credential that counts its requests.

    Attributes:
        calls: Scopes of each request.
    """

    def __init__(
        self,
        *,
        lifetime: float = 3600.0,
        delay: float = 0.0,
        error: Exception | None = None,
        prefix: str = "token",
    ) -> None:
        self.calls: list[tuple[str, ...]] = []
        self.lifetime = lifetime
        self.delay = delay
        self.error = error
        self.prefix = prefix
        self._lock = threading.Lock()

    def get_token(self, *scopes: str, **_options: Any) -> AccessToken:
        """A new token, after the delay."""
        token = self._next(scopes)
        time.sleep(self.delay)
        return token

    def close(self) -> None:
        """Nothing to close."""

    def _next(self, scopes: tuple[str, ...]) -> AccessToken:
        with self._lock:
            self.calls.append(scopes)
            count = len(self.calls)
        if self.error is not None:
            raise self.error
        return AccessToken(f"{self.prefix}-{count}", int(time.time() + self.lifetime))


class AsyncFakeCredential(FakeCredential):
    """An async token credential that counts its requests."""

    async def get_token(self, *scopes: str, **_options: Any) -> AccessToken:  # type: ignore[override]
        """A new token, after the delay."""
        token = self._next(scopes)
        await asyncio.sleep(self.delay)
        return token

    async def close(self) -> None:  # type: ignore[override]
        """Nothing to close."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_details: object) -> None:
        return None
