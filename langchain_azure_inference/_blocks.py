"""How ``content_blocks`` reads this provider's messages: what LangChain reads of any, and what the services add.

That is citations, sounds, refusals and broken calls.
"""

from __future__ import annotations

from typing import Any, cast

from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.messages.block_translators import register_translator
from langchain_core.messages.content import ContentBlock

from azure_inference_core._request.media import audio_type
from azure_inference_core._response.optional import Citation, citations_of, is_citation

PROVIDER = "azure_inference"


def _blocks(message: AIMessage) -> list[ContentBlock]:
    # LangChain's own best effort reads all but the last two kinds; it is asked by leaving our name out.
    plain = message.model_copy(update={"response_metadata": {}})
    blocks = cast("list[Any]", plain.content_blocks)
    added = message.additional_kwargs
    if annotations := _annotations(added):
        texts = [place for place, block in enumerate(blocks) if block["type"] == "text"]
        if not texts:
            texts = [len(blocks)]
            blocks.append({"type": "text", "text": ""})
        text = blocks[texts[0]]
        blocks[texts[0]] = {**text, "annotations": [*text.get("annotations", ()), *annotations]}
    sound = added.get("audio")
    if isinstance(sound, dict) and isinstance(sound.get("data"), str):
        blocks.append(_audio(sound))
    if refusal := added.get("refusal"):
        blocks.append({"type": "refusal", "refusal": refusal})
    return cast("list[ContentBlock]", blocks)


def _annotations(added: dict[str, Any]) -> list[dict[str, Any]]:
    known = [one for one in added.get("annotations") or () if isinstance(one, dict)]
    others = [{"type": "non_standard_annotation", "value": one} for one in known if not is_citation(one)]
    return [_citation(one) for one in citations_of(added)] + others


def _citation(citation: Citation) -> dict[str, Any]:
    said = {
        "url": citation.url,
        "title": citation.title,
        "cited_text": citation.text,
        "start_index": citation.start,
        "end_index": citation.end,
        "extras": citation.extras or None,
    }
    return {"type": "citation", **{name: value for name, value in said.items() if value is not None}}


def _audio(sound: dict[str, Any]) -> dict[str, Any]:
    said = {"id": sound.get("id"), "mime_type": audio_type(sound["data"])}
    extras = {name: value for name, value in sound.items() if name not in ("id", "data")}
    block = {"type": "audio", "base64": sound["data"], **{k: v for k, v in said.items() if v}}
    return {**block, "extras": extras} if extras else block


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
    # A piece of a call is not an invalid call: only the whole message can tell, where every call has its name.
    if message.chunk_position == "last" and all(call["name"] for call in message.tool_call_chunks):
        return _whole(message)
    blocks = _blocks(message)
    if "audio" in message.additional_kwargs:
        # A sound and its words come in turns, and each is one block when the pieces are joined.
        for block in cast("list[Any]", blocks):
            block["index"] = f"lc_{block['type']}_0"
    return blocks


register_translator(PROVIDER, _whole, _piece)
