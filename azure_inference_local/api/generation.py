"""Chat and text completions: content safety, the context, and the engine's answer, streamed or whole."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

from fastapi import Response

from azure_inference_local.answers import streams
from azure_inference_local.answers.responses import json_response
from azure_inference_local.answers.shapes import Collected, Kind, Shape, shaped
from azure_inference_local.api.context import RequestContext
from azure_inference_local.api.engine_body import prompt_texts
from azure_inference_local.api.schemas.requests import ChatRequest, CompletionRequest
from azure_inference_local.dialects.families import LOCAL
from azure_inference_local.dialects.faults import Cut
from azure_inference_local.dialects.safety import AnswerFilter, ContentSafety, blocks
from azure_inference_local.engines import ChatEngine
from azure_inference_local.engines.workers import Workers

Chunks = AsyncIterator[dict[str, Any]]


class Generator:
    """Answers the two routes that write text.

    Args:
        workers: The threads the engine runs in.
        safety: The content safety of each deployment by name.
    """

    def __init__(self, workers: Workers, safety: dict[str, ContentSafety | None]) -> None:
        self._workers = workers
        self._safety = safety

    async def answer(
        self,
        context: RequestContext,
        wanted: ChatRequest | CompletionRequest,
        engine: ChatEngine,
        body: dict[str, Any],
        *,
        include_usage: bool,
    ) -> Response:
        """Run a generation and answer it.

        Args:
            context: The request.
            wanted: Its body, checked.
            engine: The engine that writes.
            body: What the engine gets.
            include_usage: Whether a stream of the OpenAI dialects ends with a chunk of usage.
        """
        if wanted.stream:
            context.plan.check_stream(context.dialect)
        texts = prompt_texts(wanted)
        found = await self._check_prompt(context, texts)
        await self._check_window(context, engine, texts)
        chat = isinstance(wanted, ChatRequest)
        kind: Kind = "chat" if chat else "completions"
        answer_filter = AnswerFilter(self._safety.get(context.family.name))
        model = context.family.model_name if context.family is not LOCAL else wanted.model or engine.name
        shape = Shape(kind, context.family, context.dialect, model)
        generation = self._workers.generate(engine.chat if chat else engine.complete, body, answer_filter)
        try:
            chunks = shaped(generation, shape, kind)
            if context.plan.single_quotes:
                chunks = streams.single_quoted(chunks)
            if not wanted.stream:
                answer = Collected(shape, kind)
                await streams.unless_gone(context.request, _collect(chunks, answer))
                return self._whole(context, answer, found, answer_filter)
            # An engine that refuses does so before its first chunk, and then the answer is not yet a 200.
            first = await streams.unless_gone(context.request, anext(chunks, None))
        except BaseException:
            generation.cancel()
            raise
        ordered = self._ordered(
            context, _chain(first, chunks), found, answer_filter, include_usage=include_usage
        )
        events = streams.events(ordered, context.dialect, lambda: self._workers.closing)
        error = streams.event(
            context.dialect.generic(500, "This error was asked for: the fault error-after.").body
        )
        return streams.EventStream(context.plan.stream(events, error), generation.cancel)

    def _ordered(
        self,
        context: RequestContext,
        chunks: Chunks,
        found: dict[str, Any] | None,
        answer_filter: AnswerFilter,
        *,
        include_usage: bool,
    ) -> Chunks:
        """Return the chunks of a stream in the order and form of the dialect and the family."""
        if "bare-first-chunk" in context.family.quirks:
            chunks = streams.bare_first(chunks)
        if context.dialect.usage_in_last_chunk:
            return streams.usage_in_last_chunk(chunks)
        chunks = streams.usage_on_request(chunks, wanted=include_usage)
        return (
            streams.annotated(chunks, found, answer_filter.results.get)
            if context.dialect.annotates
            else chunks
        )

    def _whole(
        self,
        context: RequestContext,
        answer: Collected,
        found: dict[str, Any] | None,
        answer_filter: AnswerFilter,
    ) -> Response:
        """Return an answer that was not streamed."""
        if self._workers.closing:
            raise Cut
        body = answer.body()
        blocked = any(choice["finish_reason"] == "content_filter" for choice in body["choices"])
        if blocked and context.dialect.name == "managed":
            for choice in body["choices"]:
                choice["message" if "message" in choice else "text"] = (
                    {"role": "assistant", "content": ""} if "message" in choice else ""
                )
                choice["finish_reason"] = "stop"
        if context.dialect.annotates and found is not None:
            body["prompt_filter_results"] = [{"prompt_index": 0, "content_filter_results": found}]
            for choice in body["choices"]:
                choice["content_filter_results"] = answer_filter.results.get(choice["index"]) or {}
        return json_response(body)

    async def _check_prompt(self, context: RequestContext, texts: list[str]) -> dict[str, Any] | None:
        """Return what content safety finds in a prompt, or refuse it."""
        safety = self._safety.get(context.family.name)
        if safety is None or not safety.prompts:
            return None
        results = await self._workers.run(lambda: safety.check(texts, prompt=True))
        if blocks(results):
            raise context.dialect.filtered(results)
        return results

    async def _check_window(self, context: RequestContext, engine: ChatEngine, texts: list[str]) -> None:
        """Refuse a prompt beyond the family's context window; the engine looks after its own."""
        window = context.family.context
        if sum(len(text.encode()) for text in texts) <= window:  # a token has at least one byte
            return
        tokens = await self._workers.run(lambda: sum(map(engine.count_tokens, texts)))
        if tokens > window:
            message = (
                f"This model's maximum context length is {window} tokens. However, your messages resulted in "
                f"{tokens} tokens. Please reduce the length of the messages."
            )
            raise context.dialect.engine_error(400, "context_length_exceeded", message)


async def _collect(chunks: Chunks, answer: Collected) -> None:
    async for chunk in chunks:
        answer.add(chunk)


async def _chain(first: dict[str, Any] | None, rest: Chunks) -> AsyncGenerator[dict[str, Any], None]:
    """Yield the first chunk, which was waited for, and then the others."""
    if first is not None:
        yield first
        async for chunk in rest:
            yield chunk
