"""An OpenTelemetry span for each call, where azure-core's tracing setting is on.

Names are those of OpenTelemetry's semantic conventions for generative AI (spans, 1.37; status: development). What was
asked is read from the request's body, and only then: a call that is not traced pays for one look at a setting.
"""

from __future__ import annotations

import os
import time
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import AbstractContextManager, aclosing, closing
from importlib import import_module
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

import orjson

from azure_inference_core._request.parameters import COMPLETION_PARAMETERS, NUMBERS
from azure_inference_core._response.optional import usage_of
from azure_inference_core._transport.sdk import is_traced
from azure_inference_core.connection import Connection
from azure_inference_core.errors import InferenceError

DeltaT = TypeVar("DeltaT")

_OPERATIONS = {
    "/chat/completions": "chat",
    "/completions": "text_completion",
    "/embeddings": "embeddings",
    "/images/embeddings": "embeddings",
}
_ASKED = {
    **{name: name for name in NUMBERS & COMPLETION_PARAMETERS},
    "max_completion_tokens": "max_tokens",
    "n": "choice.count",
    "stream": "stream",
    "top_k": "top_k",
}
"""Parameters of a request that have a name of their own in the conventions, after ``gen_ai.request.``."""

_CONTENT_VARIABLES = (
    "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT",
    "AZURE_TRACING_GEN_AI_CONTENT_RECORDING_ENABLED",
)
_YES = ("true", "1", "yes", "on", "span_only", "span_and_event")


class Untraced(AbstractContextManager["Untraced"]):
    """A call of which nobody wants a span."""

    def __exit__(self, *_: object) -> None:
        """Nothing to end."""

    def answered(self, body: dict[str, Any]) -> None:
        """An answer has come."""

    def over(self, deltas: Generator[DeltaT, None, None]) -> Generator[DeltaT, None, None]:
        """A stream, as it is."""
        return deltas

    def aover(self, deltas: AsyncGenerator[DeltaT, None]) -> AsyncGenerator[DeltaT, None]:
        """As :meth:`over`, async."""
        return deltas


UNTRACED = Untraced()


def span_of(connection: Connection, route: str, asked: bytes | Mapping[str, Any] | None) -> Untraced:
    """The span of a call, which begins where it is entered.

    Args:
        connection: Where it goes.
        route: Such as ``/chat/completions``.
        asked: Its body, or its parameters.
    """
    return Span(connection, route, asked) if is_traced() else UNTRACED


class Span(Untraced):
    """A call's span; see :func:`span_of`."""

    def __init__(self, connection: Connection, route: str, asked: bytes | Mapping[str, Any] | None) -> None:
        body = orjson.loads(asked) if isinstance(asked, bytes) else asked or {}
        self._trace: Any = import_module("opentelemetry.trace")
        self._finish_reasons: dict[int, str] = {}
        self._texts: dict[int, list[str]] = {}
        self._calls: dict[int, dict[int, dict[str, Any]]] = {}
        self._has_content = any(os.environ.get(name, "").lower() in _YES for name in _CONTENT_VARIABLES)
        operation = _OPERATIONS[route]
        model = body.get("model") or connection.named_model
        address = urlsplit(connection.endpoint)
        is_openai = connection.dialect.name == "azure-openai"
        self._name = f"{operation} {model}" if model else operation
        self._attributes = {
            "gen_ai.operation.name": operation,
            "gen_ai.provider.name": "azure.ai.openai" if is_openai else "azure.ai.inference",
            "server.address": connection.host,
            "server.port": address.port or (443 if address.scheme == "https" else 80),
            **({"gen_ai.request.model": model} if model else {}),
            **_asked(body),
        }
        if self._has_content and operation != "embeddings":
            messages = body.get("messages", [{"role": "user", "content": body.get("prompt")}])
            self._attributes["gen_ai.input.messages"] = _json([_message(message) for message in messages])

    def __enter__(self) -> Self:
        self._start()
        self._current = self._use()
        self._current.__enter__()
        return self

    def __exit__(self, *how: object) -> None:
        self._current.__exit__(None, None, None)
        self._end(next((error for error in how if isinstance(error, BaseException)), None))

    def answered(self, body: dict[str, Any]) -> None:
        """Note what an answer tells, which may be one of several."""
        self._note(body.get("id"), body.get("model"), usage_of(body))
        choices = [choice for choice in _list(body.get("choices")) if isinstance(choice, dict)]
        reasons = [reason for choice in choices if isinstance(reason := choice.get("finish_reason"), str)]
        if reasons:
            self._span.set_attribute("gen_ai.response.finish_reasons", reasons)
        if self._has_content and choices:
            said = [_said(choice) for choice in choices]
            self._span.set_attribute("gen_ai.output.messages", _json(said))

    def over(self, deltas: Generator[DeltaT, None, None]) -> Generator[DeltaT, None, None]:
        """A stream with its span, which is the current one only while the request is sent."""
        self._start()
        try:
            with closing(deltas):
                with self._use():
                    delta = next(deltas, None)
                while delta is not None:
                    self._seen(delta)
                    yield delta
                    delta = next(deltas, None)
        except BaseException as error:
            self._end(error)
            raise
        self._end(None)

    async def aover(self, deltas: AsyncGenerator[DeltaT, None]) -> AsyncGenerator[DeltaT, None]:
        """As :meth:`over`, async."""
        self._start()
        try:
            async with aclosing(deltas):
                with self._use():
                    delta = await anext(deltas, None)
                while delta is not None:
                    self._seen(delta)
                    yield delta
                    delta = await anext(deltas, None)
        except BaseException as error:
            self._end(error)
            raise
        self._end(None)

    def _start(self) -> None:
        tracer = self._trace.get_tracer("azure_inference")
        kind = self._trace.SpanKind.CLIENT
        self._span = tracer.start_span(self._name, kind=kind, attributes=self._attributes)
        self._started = time.monotonic()

    def _use(self) -> AbstractContextManager[Any]:
        used: AbstractContextManager[Any] = self._trace.use_span(
            self._span, record_exception=False, set_status_on_exception=False
        )
        return used

    def _seen(self, delta: Any) -> None:
        if self._started:
            self._span.set_attribute("gen_ai.response.time_to_first_chunk", time.monotonic() - self._started)
            self._note(delta.id, delta.model, None)
            self._started = 0.0
        if delta.usage:
            self._note(None, None, delta.usage)
        if delta.finish_reason:
            self._finish_reasons[delta.index] = delta.finish_reason
        if self._has_content:
            text = getattr(delta, "content", None) or getattr(delta, "text", None) or ""
            self._texts.setdefault(delta.index, []).append(text)
            for piece in getattr(delta, "tool_calls", ()):
                calls = self._calls.setdefault(delta.index, {})
                call = calls.setdefault(
                    piece.index, {"type": "tool_call", "id": None, "name": None, "arguments": ""}
                )
                call["id"], call["name"] = piece.id or call["id"], piece.name or call["name"]
                call["arguments"] += piece.arguments

    def _note(self, answer_id: Any, model: Any, usage: Mapping[str, Any] | None) -> None:
        noted = {"gen_ai.response.id": answer_id, "gen_ai.response.model": model}
        if usage:
            noted["gen_ai.usage.input_tokens"] = usage.get("prompt_tokens")
            noted["gen_ai.usage.output_tokens"] = usage.get("completion_tokens") or None
            noted["gen_ai.usage.cache_read.input_tokens"] = _detail(usage, "prompt", "cached_tokens")
            noted["gen_ai.usage.reasoning.output_tokens"] = _detail(usage, "completion", "reasoning_tokens")
        for name, value in noted.items():
            if value is not None and isinstance(value, (str, int, float)):
                self._span.set_attribute(name, value)

    def _end(self, error: BaseException | None) -> None:
        span, reasons = self._span, self._finish_reasons
        if reasons:
            span.set_attribute(
                "gen_ai.response.finish_reasons", [reasons[index] for index in sorted(reasons)]
            )
        if self._texts:
            said = [
                {
                    "role": "assistant",
                    "parts": [*_parts("".join(texts)), *self._calls.get(index, {}).values()],
                    "finish_reason": reasons.get(index),
                }
                for index, texts in sorted(self._texts.items())
            ]
            span.set_attribute("gen_ai.output.messages", _json(said))
        if error is not None and not isinstance(error, GeneratorExit):
            span.set_attribute("error.type", type(error).__name__)
            span.set_status(self._trace.StatusCode.ERROR)
            if isinstance(error, InferenceError) and error.status:
                span.set_attribute("http.response.status_code", error.status)
        span.end()


def _asked(body: Mapping[str, Any]) -> dict[str, Any]:
    asked: dict[str, Any] = {
        f"gen_ai.request.{name}": body[key]
        for key, name in _ASKED.items()
        if isinstance(body.get(key), (str, int, float))
    }
    if stop := body.get("stop"):
        asked["gen_ai.request.stop_sequences"] = [stop] if isinstance(stop, str) else stop
    if isinstance(encoding := body.get("encoding_format"), str):
        asked["gen_ai.request.encoding_formats"] = [encoding]
    if isinstance(dimensions := body.get("dimensions"), int):
        asked["gen_ai.embeddings.dimension.count"] = dimensions
    wanted = body.get("response_format")
    if isinstance(wanted, dict) and str(wanted.get("type", "")).startswith("json"):
        asked["gen_ai.output.type"] = "json"
    return asked


def _detail(usage: Mapping[str, Any], side: str, name: str) -> Any:
    details = usage.get(f"{side}_tokens_details")
    return details.get(name) if isinstance(details, Mapping) else None


def _said(choice: Mapping[str, Any]) -> dict[str, Any]:
    message = choice.get("message")
    said = _message(message if isinstance(message, Mapping) else {"content": choice.get("text")}, "assistant")
    return {**said, "finish_reason": choice.get("finish_reason")}


def _message(message: Mapping[str, Any], role: str = "user") -> dict[str, Any]:
    """A message as the conventions write it: a role and parts; of images and sound only that they were there."""
    content, call_id = message.get("content"), message.get("tool_call_id")
    if call_id is not None:
        parts = [{"type": "tool_call_response", "id": call_id, "response": content}]
    else:
        parts = _parts(content)
    for call in _list(message.get("tool_calls")):
        if isinstance(call, dict) and isinstance(asked := call.get("function"), dict):
            named = {name: asked.get(name) for name in ("name", "arguments")}
            parts.append({"type": "tool_call", "id": call.get("id"), **named})
    return {"role": message.get("role") or role, "parts": parts}


def _parts(content: Any) -> list[dict[str, Any]]:
    if isinstance(content, str):
        return [{"type": "text", "content": content}] if content else []
    found = [part for part in _list(content) if isinstance(part, dict)]
    return [
        {"type": "text", "content": part["text"]} if "text" in part else {"type": part.get("type")}
        for part in found
    ]


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _json(value: Any) -> str:
    return orjson.dumps(value).decode()
