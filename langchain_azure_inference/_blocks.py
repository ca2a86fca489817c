"""How ``content_blocks`` reads this provider's messages: reasoning, text, tool calls, broken calls, refusals."""

from __future__ import annotations

from typing import Any, cast

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages.block_translators import register_translator
from langchain_core.messages.content import ContentBlock

PROVIDER = "azure_inference"


def _blocks(message: AIMessage) -> list[ContentBlock]:
    # LangChain's own best effort reads all but the last two kinds; it is asked by leaving our name out.
    plain = message.model_copy(update={"response_metadata": {}})
    blocks = cast("list[Any]", plain.content_blocks)
    refusal = message.additional_kwargs.get("refusal")
    if refusal:
        blocks.append({"type": "refusal", "refusal": refusal})
    return cast("list[ContentBlock]", blocks)


def _whole(message: AIMessage) -> list[ContentBlock]:
    blocks = _blocks(message)
    known = {block.get("id") for block in blocks if block["type"] == "invalid_tool_call"}
    blocks.extend(
        cast("ContentBlock", {**call, "type": "invalid_tool_call"})
        for call in message.invalid_tool_calls
        if call.get("id") not in known
    )
    return blocks


def _piece(message: AIMessageChunk) -> list[ContentBlock]:
    # A piece of a call is not an invalid call: only the whole message can tell.
    return _whole(message) if message.chunk_position == "last" else _blocks(message)


register_translator(PROVIDER, _whole, _piece)
