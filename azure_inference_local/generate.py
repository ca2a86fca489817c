"""Chat and text completions: content safety, the context, and the engine's answer, streamed or whole."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

from fastapi import Response

from azure_inference_local import streams
from azure_inference_local.answers import Collected, Kind, Shape, shaped
from azure_inference_local.calls import Call, json_response
from azure_inference_local.engines import ChatEngine
from azure_inference_local.families import LOCAL
from azure_inference_local.faults import Cut
from azure_inference_local.prepare import prompt_texts
from azure_inference_local.safety import AnswerWatch, ContentSafety, blocks
from azure_inference_local.wire import ChatRequest, CompletionRequest
from azure_inference_local.workers import Workers

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
        call: Call,
        wanted: ChatRequest | CompletionRequest,
        engine: ChatEngine,
        body: dict[str, Any],
        *,
        include_usage: bool,
    ) -> Response:
        """Run a generation and answer it.

        Args:
            call: The request.
            wanted: Its body, checked.
            engine: The engine that writes.
            body: What the engine gets.
            include_usage: Whether a stream of the OpenAI dialects ends with a chunk of usage.
        """
        if wanted.stream:
            call.plan.check_stream(call.dialect)
        texts = prompt_texts(wanted)
        found = await self._check_prompt(call, texts)
        await self._check_context(call, engine, texts)
        chat = isinstance(wanted, ChatRequest)
        kind: Kind = "chat" if chat else "completions"
        watch = AnswerWatch(self._safety.get(call.family.name))
        model = call.family.model_name if call.family is not LOCAL else wanted.model or engine.name
        shape = Shape(kind, call.family, call.dialect, model)
        generation = self._workers.generate(engine.chat if chat else engine.complete, body, watch)
        try:
            chunks = shaped(generation, shape, kind)
            if call.plan.single_quotes:
                chunks = streams.single_quoted(chunks)
            if not wanted.stream:
                answer = Collected(shape, kind)
                await streams.unless_gone(call.request, _collect(chunks, answer))
                return self._whole(call, answer, found, watch)
            # An engine that refuses does so before its first chunk, and then the answer is not yet a 200.
            first = await streams.unless_gone(call.request, anext(chunks, None))
        except BaseException:
            generation.cancel()
            raise
        ordered = self._ordered(call, _chain(first, chunks), found, watch, include_usage=include_usage)
        events = streams.events(ordered, call.dialect, lambda: self._workers.closing)
        error = streams.event(
            call.dialect.generic(500, "This error was asked for: the fault error-after.").body
        )
        return streams.EventStream(call.plan.stream(events, error), generation.cancel)

    def _ordered(
        self,
        call: Call,
        chunks: Chunks,
        found: dict[str, Any] | None,
        watch: AnswerWatch,
        *,
        include_usage: bool,
    ) -> Chunks:
        """Return the chunks of a stream in the order and form of the dialect and the family."""
        if "bare-first-chunk" in call.family.quirks:
            chunks = streams.bare_first(chunks)
        if call.dialect.usage_in_last_chunk:
            return streams.usage_in_last_chunk(chunks)
        chunks = streams.usage_on_request(chunks, wanted=include_usage)
        return streams.annotated(chunks, found, watch.results.get) if call.dialect.annotates else chunks

    def _whole(
        self, call: Call, answer: Collected, found: dict[str, Any] | None, watch: AnswerWatch
    ) -> Response:
        """Return an answer that was not streamed."""
        if self._workers.closing:
            raise Cut
        body = answer.body()
        blocked = any(choice["finish_reason"] == "content_filter" for choice in body["choices"])
        if blocked and call.dialect.name == "managed":
            for choice in body["choices"]:
                choice["message" if "message" in choice else "text"] = (
                    {"role": "assistant", "content": ""} if "message" in choice else ""
                )
                choice["finish_reason"] = "stop"
        if call.dialect.annotates and found is not None:
            body["prompt_filter_results"] = [{"prompt_index": 0, "content_filter_results": found}]
            for choice in body["choices"]:
                choice["content_filter_results"] = watch.results.get(choice["index"]) or {}
        return json_response(body)

    async def _check_prompt(self, call: Call, texts: list[str]) -> dict[str, Any] | None:
        """Return what content safety finds in a prompt, or refuse it."""
        safety = self._safety.get(call.family.name)
        if safety is None or not safety.prompts:
            return None
        results = await self._workers.run(lambda: safety.check(texts, prompt=True))
        if blocks(results):
            raise call.dialect.filtered(results)
        return results

    async def _check_context(self, call: Call, engine: ChatEngine, texts: list[str]) -> None:
        """Refuse a prompt beyond the family's context; the engine looks after its own."""
        window = call.family.context
        if sum(len(text.encode()) for text in texts) <= window:  # a token has at least one byte
            return
        tokens = await self._workers.run(lambda: sum(map(engine.count_tokens, texts)))
        if tokens > window:
            message = (
                f"This model's maximum context length is {window} tokens. However, your messages resulted in "
                f"{tokens} tokens. Please reduce the length of the messages."
            )
            raise call.dialect.engine_error(400, "context_length_exceeded", message)


async def _collect(chunks: Chunks, answer: Collected) -> None:
    async for chunk in chunks:
        answer.add(chunk)


async def _chain(first: dict[str, Any] | None, rest: Chunks) -> AsyncGenerator[dict[str, Any], None]:
    """Yield the first chunk, which was waited for, and then the others."""
    if first is not None:
        yield first
        async for chunk in rest:
            yield chunk
