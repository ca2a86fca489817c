"""Server-sent events: the chunks of an answer in the order and form of a dialect."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing
from typing import Any, TypeVar

import orjson
from fastapi import Request, Response
from starlette.types import Receive, Scope, Send

from azure_inference_local.dialects.base import Dialect
from azure_inference_local.dialects.faults import Cut
from azure_inference_local.engines import EngineError

logger = logging.getLogger("azure_inference_local")

DONE = b"data: [DONE]\n\n"
T = TypeVar("T")
Results = dict[str, dict[str, Any]]


def event(body: Any) -> bytes:
    """Return one event: a single `data: ` line, ended by line feeds."""
    return b"data: " + orjson.dumps(body) + b"\n\n"


async def usage_in_last_chunk(chunks: AsyncIterator[dict[str, Any]]) -> AsyncGenerator[dict[str, Any], None]:
    """Yield the chunks with `usage` in the last one that has content, beside its finish reason."""
    held: dict[str, Any] | None = None
    async for chunk in chunks:
        if not chunk["choices"]:
            if held is not None:
                yield {**held, "usage": chunk["usage"]}
                held = None
            continue
        if held is not None:
            yield held
            held = None
        if any(choice["finish_reason"] for choice in chunk["choices"]):
            held = chunk
        else:
            yield chunk
    if held is not None:
        yield held


async def usage_on_request(
    chunks: AsyncIterator[dict[str, Any]], *, wanted: bool
) -> AsyncGenerator[dict[str, Any], None]:
    """Yield the chunks with `usage` in an extra last one without choices, if it is wanted."""
    async for chunk in chunks:
        if chunk["choices"]:
            yield {**chunk, "usage": None} if wanted else {k: v for k, v in chunk.items() if k != "usage"}
        elif wanted:
            yield chunk


async def annotated(
    chunks: AsyncIterator[dict[str, Any]], prompt: Results | None, answers: Callable[[int], Results | None]
) -> AsyncGenerator[dict[str, Any], None]:
    """Yield the chunks as Azure OpenAI does: first the findings in the prompt, then each choice with its own.

    The choice that content safety ended has no `delta`.
    """
    if prompt is not None:
        filters = [{"prompt_index": 0, "content_filter_results": prompt}]
        yield {
            "id": "",
            "object": "",
            "created": 0,
            "model": "",
            "choices": [],
            "prompt_filter_results": filters,
        }
    async for chunk in chunks:
        for choice in chunk["choices"]:
            results = answers(choice["index"])
            if results is not None:
                choice["content_filter_results"] = results
            if choice["finish_reason"] == "content_filter":
                choice.pop("delta", None)
        yield chunk


async def bare_first(chunks: AsyncIterator[dict[str, Any]]) -> AsyncGenerator[dict[str, Any], None]:
    """Yield the chunks as Mistral-Large does: the first has a role and nothing else."""
    first = True
    async for chunk in chunks:
        if first and chunk["choices"]:
            first = False
            choice = chunk["choices"][0]
            bare = {"index": choice["index"], "delta": {"role": "assistant"}, "finish_reason": None}
            yield {"id": chunk["id"], "model": chunk["model"], "choices": [bare]}
            choice["delta"].pop("role", None)
            if not any(choice["delta"].values()) and choice["finish_reason"] is None:
                continue
        yield chunk


async def single_quoted(chunks: AsyncIterator[dict[str, Any]]) -> AsyncGenerator[dict[str, Any], None]:
    """Yield the chunks with each tool call's arguments in one piece and in single quotes, before the choice ends."""
    held: dict[int, dict[int, str]] = {}
    async for chunk in chunks:
        for choice in chunk["choices"]:
            delta, texts = choice.get("delta") or {}, held.setdefault(choice["index"], {})
            for call in delta.get("tool_calls") or ():
                function = call.get("function") or {}
                texts[call["index"]] = texts.get(call["index"], "") + (function.get("arguments") or "")
                function["arguments"] = ""
            if choice["finish_reason"] and texts:
                delta["tool_calls"] = [
                    {"index": index, "function": {"arguments": _single_quotes(text)}}
                    for index, text in texts.items()
                ]
                texts.clear()
        yield chunk


def _single_quotes(arguments: str) -> str:
    """Return JSON text as Python writes the value; text that is no JSON stays as it is."""
    try:
        return repr(orjson.loads(arguments))
    except orjson.JSONDecodeError:
        return arguments


async def events(
    chunks: AsyncIterator[dict[str, Any]], dialect: Dialect, stopping: Callable[[], bool]
) -> AsyncGenerator[bytes, None]:
    """Yield the bytes of a stream: every chunk, then `[DONE]`; an error of the engine becomes an error event."""
    try:
        async for chunk in chunks:
            yield event(chunk)
    except EngineError as error:
        yield event(dialect.engine_error(error.status, error.code, error.message).body)
        return
    except Exception:
        logger.exception("the engine failed in the middle of a stream")
        yield event(dialect.generic(500, "The engine failed; the server's log says more.").body)
        return
    if stopping():
        raise Cut
    yield DONE


class EventStream(Response):
    """A streamed answer; a client that leaves cancels what writes it.

    Args:
        events: The bytes to send.
        cancel: Called when the stream ends, for whatever reason.
    """

    media_type = "text/event-stream"

    def __init__(self, events: AsyncGenerator[bytes, None], cancel: Callable[[], None]) -> None:
        super().__init__(headers={"cache-control": "no-cache"})
        del self.headers["content-length"]
        self._events = events
        self._cancel = cancel

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the stream."""
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        try:
            await unless_gone(Request(scope, receive), self._send(send))
        finally:
            self._cancel()

    async def _send(self, send: Send) -> None:
        async with aclosing(self._events):
            async for part in self._events:
                await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def unless_gone(request: Request, work: Awaitable[T]) -> T:
    """Return the result of `work`; a client that leaves meanwhile cancels it.

    Raises:
        Cut: The client has left.
    """

    async def disconnected() -> None:
        """Return when the client has left."""
        while (await request.receive())["type"] != "http.disconnect":
            pass

    task, gone = asyncio.ensure_future(work), asyncio.ensure_future(disconnected())
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise Cut
        return task.result()
    finally:
        task.cancel()
        gone.cancel()
        await asyncio.gather(task, gone, return_exceptions=True)
