"""Answers of the core as LangChain's messages: with every odd value in every place, whole and streamed."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGenerationChunk

from azure_inference_core import InferenceError
from azure_inference_core._response.whole import parse_chat
from langchain_azure_inference import AzureInferenceLLM, ChatAzureInference
from langchain_azure_inference._answers import ChunkMapper, to_generations
from tests.langchain.conftest import KEY
from tests.support import wire
from tests.support.odd_answers import (
    CALLS,
    CHAT,
    CHAT_CHUNKS,
    COMPLETION,
    COMPLETION_CHUNKS,
    chat_deltas,
    odd_answers,
    received,
)
from tests.support.scripted_server import ScriptedServer

Said = tuple[str, list[tuple[str, dict[str, Any]]]]
SAYS: Said = (wire.ANSWER, [(name, json.loads(arguments)) for name, arguments in CALLS])
SAMPLE = 41
"""One in so many of the odd answers goes through a socket."""


def said(message: AIMessage) -> Said:
    """The text and the calls of a message, which survives JSON."""
    assert message.model_dump_json()
    return message.text, [(call["name"], call["args"]) for call in message.tool_calls]


def whole(body: Any) -> Said:
    """What a whole answer says."""
    message = to_generations(parse_chat(received(body)), model="m").generations[0].message
    assert isinstance(message, AIMessage)
    return said(message)


def streamed(chunks: Any) -> Said:
    """What the chunks of a streamed answer say together."""
    mapper = ChunkMapper(model="m", usage=True)
    mapped = [mapper.chunk(delta) for delta in chat_deltas(chunks)]
    total: ChatGenerationChunk | None = None
    for chunk in [*mapped, *mapper.end()]:
        total = chunk if total is None else total if chunk is None else total + chunk
    assert total is not None
    assert isinstance(total.message, AIMessage)
    return said(total.message)


KINDS = pytest.mark.parametrize(
    ("body", "read"), [(CHAT, whole), (CHAT_CHUNKS, streamed)], ids=["whole", "streamed"]
)


@KINDS
def test_what_is_odd_beside_an_answer_does_not_change_it(body: Any, read: Any) -> None:
    """The message is the same whatever stands in the optional places."""
    assert read(body) == SAYS
    for where, answer in odd_answers(body, optional=True):
        assert read(answer) == SAYS, where


@KINDS
def test_an_odd_answer_is_a_message_or_an_error(body: Any, read: Any) -> None:
    """In the places of the answer itself: a message, or an error of the tree."""
    for _, answer in odd_answers(body, optional=False):
        with contextlib.suppress(InferenceError):
            read(answer)


async def test_odd_answers_of_a_service(server: ScriptedServer) -> None:
    """The same from a real service, whole and streamed, sync and async."""
    model = ChatAzureInference(endpoint=server.url, credential=KEY)
    for _, answer in list(odd_answers(CHAT, optional=True))[::SAMPLE]:
        server.reply(answer, answer)
        assert said(model.invoke("x")) == said(await model.ainvoke("x")) == SAYS
    for where, answer in list(odd_answers(CHAT_CHUNKS, optional=True))[::SAMPLE]:
        server.reply(answer, answer)
        assert "".join(chunk.text for chunk in model.stream("x")) == wire.ANSWER, where
        assert "".join([chunk.text async for chunk in model.astream("x")]) == wire.ANSWER, where
    await model.aclose()
    model.close()


async def test_odd_completions_of_a_service(server: ScriptedServer) -> None:
    """The same of the completions route."""
    model = AzureInferenceLLM(endpoint=server.url, credential=KEY)
    for _, answer in list(odd_answers(COMPLETION, optional=True))[::SAMPLE]:
        server.reply(answer, answer)
        assert model.invoke("x") == await model.ainvoke("x") == wire.ANSWER
    for where, answer in list(odd_answers(COMPLETION_CHUNKS, optional=True))[::SAMPLE]:
        server.reply(answer, answer)
        assert "".join(model.stream("x")) == wire.ANSWER, where
        assert "".join([text async for text in model.astream("x")]) == wire.ANSWER, where
    await model.aclose()
    model.close()


def test_odd_counts_are_left_out(server: ScriptedServer) -> None:
    """What is no count is none; the others are there."""
    usage = {**CHAT["usage"], "prompt_tokens": "seven", "completion_tokens_details": True}
    server.reply({**CHAT, "usage": usage})
    answer = ChatAzureInference(endpoint=server.url, credential=KEY).invoke("x")
    assert answer.usage_metadata == {
        "input_tokens": 0,
        "output_tokens": 6,
        "total_tokens": 13,
        "input_token_details": {"audio": 0, "cache_read": 2, "cache_creation": 1},
    }


def test_an_empty_finish_reason_hides_none(server: ScriptedServer) -> None:
    """A later chunk without a reason leaves the one that was given."""
    last = wire.chunk("")
    last["choices"][0]["finish_reason"] = ""
    server.reply([wire.chunk("a", finish_reason="stop"), last])
    chunks = list(ChatAzureInference(endpoint=server.url, credential=KEY).stream("x"))
    assert [chunk.response_metadata.get("finish_reason") for chunk in chunks if chunk.response_metadata.get("finish_reason")] == ["stop"]  # fmt: skip
