"""Whole answers of the core as LlamaIndex responses. Pure."""

from __future__ import annotations

import secrets
import string
from collections.abc import Mapping
from typing import Any

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    CompletionResponse,
    LogProb,
    MessageRole,
    TextBlock,
)

from azure_inference_core import ChatResult, CompletionResult
from llamaindex_azure_inference._messages import Call, assistant_message
from llamaindex_azure_inference._tools import ToolSpecs

__all__ = [
    "chat_response",
    "completion_as_chat",
    "completion_of_chat",
    "completion_response",
    "details",
    "new_call_id",
    "token_logprobs",
]

_COUNTS = ("prompt_tokens", "completion_tokens", "total_tokens")


def chat_response(result: ChatResult, tools: ToolSpecs) -> ChatResponse:
    """An answer of ``/chat/completions``; further choices, if any were asked for, are in ``raw``.

    Args:
        result: The answer.
        tools: The tools of the call.
    """
    choice = result.choices[0]
    wanted = choice.tool_calls[:1] if tools.single else choice.tool_calls
    calls = [Call(c.id or new_call_id(), tools.names.get(c.name, c.name), c.arguments) for c in wanted]
    return ChatResponse(
        message=assistant_message(choice.content, choice.reasoning, calls),
        raw=result.raw,
        logprobs=token_logprobs(choice.logprobs),
        additional_kwargs=details(
            result.usage,
            finish_reason=choice.finish_reason,
            model=result.model,
            request_id=result.request_id,
            refusal=choice.refusal,
            content_filter_results=choice.content_filter_results,
            prompt_filter_results=result.prompt_filter_results,
        ),
    )


def completion_response(result: CompletionResult) -> CompletionResponse:
    """An answer of ``/completions``."""
    choice = result.choices[0]
    return CompletionResponse(
        text=choice.text,
        raw=result.raw,
        logprobs=token_logprobs(choice.logprobs),
        additional_kwargs=details(
            result.usage,
            finish_reason=choice.finish_reason,
            model=result.model,
            request_id=result.request_id,
            content_filter_results=choice.content_filter_results,
        ),
    )


def completion_of_chat(response: ChatResponse) -> CompletionResponse:
    """A chat's answer as a completion; nothing is lost but tool calls' blocks, which stay in ``raw``."""
    return CompletionResponse(
        text=response.message.content or "",
        additional_kwargs=response.additional_kwargs,
        raw=response.raw,
        logprobs=response.logprobs,
        delta=response.delta,
    )


def completion_as_chat(response: CompletionResponse) -> ChatResponse:
    """A completion as a chat's answer."""
    return ChatResponse(
        message=ChatMessage(role=MessageRole.ASSISTANT, blocks=[TextBlock(text=response.text)]),
        additional_kwargs=response.additional_kwargs,
        raw=response.raw,
        logprobs=response.logprobs,
        delta=response.delta,
    )


def details(usage: Mapping[str, Any] | None, **found: Any) -> dict[str, Any]:
    """``additional_kwargs`` of a response: token counts where LlamaIndex's observers look, and what is known."""
    counts = {name: usage[name] for name in _COUNTS if name in usage} if usage else {}
    return {**counts, **{name: value for name, value in found.items() if value is not None}}


def token_logprobs(logprobs: Mapping[str, Any] | None) -> list[list[LogProb]] | None:
    """Log probabilities: for each token the alternatives, or the token itself where none were asked for.

    Reads the chat route's form (``content``: a list of tokens) and the completions route's (parallel lists).
    """
    if not logprobs:
        return None
    if isinstance(tokens := logprobs.get("content"), list):
        return [[_log_prob(p) for p in token.get("top_logprobs") or (token,)] for token in tokens]
    if isinstance(tops := logprobs.get("top_logprobs"), list) and any(tops):
        return [[LogProb(token=t, logprob=p, bytes=[]) for t, p in (top or {}).items()] for top in tops]
    pairs = zip(logprobs.get("tokens") or (), logprobs.get("token_logprobs") or (), strict=False)
    return [[LogProb(token=t, logprob=p or 0.0, bytes=[])] for t, p in pairs] or None


def _log_prob(token: Mapping[str, Any]) -> LogProb:
    return LogProb(token=token["token"], logprob=token["logprob"], bytes=token.get("bytes") or [])


def new_call_id() -> str:
    """An id for a tool call that came without one: nine letters and digits, as Mistral's models demand."""
    alphabet = string.ascii_letters + string.digits
    return "".join(secrets.choice(alphabet) for _ in range(9))
