"""Streams: deltas in, growing LlamaIndex responses out. Pure; the loops that read the network are elsewhere."""

from __future__ import annotations

from typing import Any

from llama_index.core.base.llms.types import ChatMessage, ChatResponse, CompletionResponse

from azure_inference_core import ChatDelta, CompletionDelta, ToolCallDelta
from llamaindex_azure_inference._messages import Call, assistant_message
from llamaindex_azure_inference._responses import details, new_call_id, token_logprobs
from llamaindex_azure_inference._tools import ToolSpecs

__all__ = ["ChatAccumulator", "CompletionAccumulator"]


class ChatAccumulator:
    """One streamed chat answer.

    Every delta gives a response: role-only, reasoning, tool-call, filter and usage chunks as well as text. The last
    one holds everything known about the answer, usage included (LlamaIndex's token counter reads only that one).

    Args:
        tools: The tools of the call.
    """

    def __init__(self, tools: ToolSpecs) -> None:
        self._tools = tools
        self._content = ""
        self._reasoning = ""
        self._calls: dict[int, list[str]] = {}
        self._known: dict[str, Any] = {}

    def push(self, delta: ChatDelta) -> ChatResponse:
        """Take a delta and give the answer as far as it is known.

        LlamaIndex has one message a response: a delta of a second choice only passes its ``raw``.
        """
        if delta.index:
            return ChatResponse(message=self._message(), delta="", raw=delta.raw)
        self._content += delta.content
        if delta.reasoning or delta.tool_calls or delta.refusal:
            self._add(delta)
        extra = self._note(delta)
        if delta.reasoning:
            extra["thinking_delta"] = delta.reasoning
        response = ChatResponse(
            message=self._message(), delta=delta.content, raw=delta.raw, additional_kwargs=extra
        )
        if delta.logprobs:
            response.logprobs = token_logprobs(delta.logprobs)
        return response

    def _message(self) -> ChatMessage:
        calls = [Call(*call) for call in self._calls.values()] if self._calls else ()
        return assistant_message(
            self._content, self._reasoning or None, calls, parse="finish_reason" in self._known
        )

    def _add(self, delta: ChatDelta) -> None:
        """Keep what a delta has beside text, which most have not."""
        self._reasoning += delta.reasoning or ""
        for call in delta.tool_calls:
            self._add_call(call)
        if delta.refusal:
            self._known["refusal"] = self._known.get("refusal", "") + delta.refusal

    def _add_call(self, delta: ToolCallDelta) -> None:
        if self._tools.single and self._calls and delta.index not in self._calls:
            return
        call = self._calls.setdefault(delta.index, ["", "", ""])
        call[0] = delta.id or call[0] or new_call_id()
        if delta.name:
            call[1] = self._tools.names.get(delta.name, delta.name)
        call[2] += delta.arguments

    def _note(self, delta: ChatDelta) -> dict[str, Any]:
        """Keep what the delta says about the answer, and give what is known so far."""
        prompt_filter = delta.raw.get("prompt_filter_results")
        # Most deltas say nothing but text.
        if (
            delta.finish_reason
            or delta.usage
            or delta.content_filter_results
            or prompt_filter
            or not self._known
        ):
            found = details(
                delta.usage,
                finish_reason=delta.finish_reason,
                model=delta.model,
                content_filter_results=delta.content_filter_results,
                prompt_filter_results=prompt_filter,
            )
            self._known.update(found)
        return dict(self._known)


class CompletionAccumulator:
    """One streamed answer of ``/completions``."""

    def __init__(self) -> None:
        self._text = ""
        self._known: dict[str, Any] = {}

    def push(self, delta: CompletionDelta) -> CompletionResponse:
        """Take a delta and give the answer as far as it is known."""
        if delta.index:
            return CompletionResponse(text=self._text, delta="", raw=delta.raw)
        self._text += delta.text
        self._known.update(details(delta.usage, finish_reason=delta.finish_reason, model=delta.model))
        return CompletionResponse(
            text=self._text,
            delta=delta.text,
            raw=delta.raw,
            logprobs=token_logprobs(delta.logprobs),
            additional_kwargs=dict(self._known),
        )
