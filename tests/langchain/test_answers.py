"""Answers of the core as LangChain's messages: with every odd value in every place, whole and streamed."""

from __future__ import annotations

import base64
import contextlib
import json
from typing import Any

import pytest
from langchain_core.messages import AIMessage, AIMessageChunk

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
from tests.support.scripted_server import Reply, ScriptedServer

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
    return said(joined(chunks))


def joined(chunks: Any) -> AIMessageChunk:
    """The message of a streamed answer."""
    mapper = ChunkMapper(model="m", usage=True)
    mapped = [mapper.chunk(delta) for delta in chat_deltas(chunks)]
    first, *others = [chunk for chunk in (*mapped, mapper.end()) if chunk is not None]
    total = first + others
    assert isinstance(total.message, AIMessageChunk)
    return total.message


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


WEB = {
    "type": "url_citation",
    "url_citation": {"url": "https://a.example", "title": "A", "start_index": 0, "end_index": 3},
}
REFERENCE = {"type": "reference", "reference_ids": [1]}
FOUND = {"content": "a document", "title": "a.pdf", "url": None, "filepath": "/d/a.pdf", "score": 0.5}
CONTEXT = {"citations": [FOUND], "intent": '["x"]', "score": 0.25}
SOUND = b"RIFF\x00\x00\x00\x00WAVE" + bytes(70)
ANNOTATIONS = [
    {"type": "citation", "url": "https://a.example", "title": "A", "start_index": 0, "end_index": 3},
    {"type": "citation", "title": "a.pdf", "cited_text": "a document", "extras": {"filepath": "/d/a.pdf", "score": 0.5}},
    {"type": "non_standard_annotation", "value": REFERENCE},
]  # fmt: skip


AUDIO = {"id": "s1", "data": base64.b64encode(SOUND).decode(), "transcript": "Yes.", "expires_at": 5}


def cited(*, streamed: bool) -> Any:
    """An answer with reasoning and every kind of annotation."""
    if not streamed:
        body = wire.chat("Yes.")
        added = {"annotations": [WEB, REFERENCE], "context": CONTEXT, "reasoning_content": "hm"}
        body["choices"][0]["message"].update(added)
        return body
    return [
        {**wire.chunk(), "model": "", "choices": [], "prompt_filter_results": [{"prompt_index": 0}]},
        wire.chunk(role="assistant", context=CONTEXT),
        wire.chunk(reasoning_content="hm"),
        wire.chunk("Yes", context=CONTEXT),
        wire.chunk("."),
        wire.chunk(annotations=[WEB]),
        wire.chunk(annotations=[WEB, REFERENCE]),
        wire.chunk("", finish_reason="stop", usage=wire.USAGE),
    ]


def spoken(*, streamed: bool) -> Any:
    """An answer that is a sound."""
    if not streamed:
        body = wire.chat(None)
        body["choices"][0]["message"]["audio"] = AUDIO
        return body
    data = [base64.b64encode(SOUND[start : start + 20]).decode() for start in range(0, len(SOUND), 20)]
    return [
        wire.chunk(role="assistant", audio={"id": "s1", "transcript": "Yes"}),
        *(wire.chunk(audio={"id": "s1", "data": piece}) for piece in data[:2]),
        wire.chunk(audio={"transcript": "."}),
        *(wire.chunk(audio={"data": piece}) for piece in data[2:]),
        wire.chunk(audio={"expires_at": 5}),
        wire.chunk("", finish_reason="stop", usage=wire.USAGE),
    ]


def total_of(chunks: list[AIMessageChunk]) -> AIMessageChunk:
    """A stream put together."""
    total = chunks[0]
    for chunk in chunks[1:]:
        total += chunk
    return total


async def answers_of(model: ChatAzureInference, server: ScriptedServer, make: Any) -> list[AIMessage]:
    """An answer in the four ways, and streamed below ``invoke``; streams put together."""
    server.reply(*[make(streamed=False)] * 2, *[make(streamed=True)] * 3)
    return [
        model.invoke("x"),
        await model.ainvoke("x"),
        total_of(list(model.stream("x"))),
        total_of([chunk async for chunk in model.astream("x")]),
        model.model_copy(update={"streaming": True}).invoke("x"),
    ]


def text_on_the_next_turn(model: ChatAzureInference, server: ScriptedServer, answer: AIMessage) -> str:
    """What is sent for an answer that was kept as JSON, when the conversation goes on."""
    restored = type(answer).model_validate_json(answer.model_dump_json())
    server.reply("Fine.")
    assert model.invoke([("user", "x"), restored, ("user", "y")]).text == "Fine."
    sent = server.last.json["messages"][1]
    assert sent["role"] == "assistant"
    return str(sent["content"])


@pytest.mark.parametrize("version", [None, "v1"])
async def test_citations_are_shown(server: ScriptedServer, version: str | None) -> None:
    """They are annotations of the text's block, whole and streamed, and kept as sent."""
    model = ChatAzureInference(endpoint=server.url, credential=KEY, output_version=version)
    for answer in await answers_of(model, server, cited):
        reasoning, text = answer.content_blocks
        assert (reasoning["type"], text["type"], answer.text) == ("reasoning", "text", "Yes.")
        assert sorted(text["annotations"], key=str) == sorted(ANNOTATIONS, key=str)  # type: ignore[typeddict-item]
        assert answer.additional_kwargs["context"] == CONTEXT
        assert answer.additional_kwargs["annotations"] == [WEB, REFERENCE]
        assert text_on_the_next_turn(model, server, answer) == "Yes."
    await model.aclose()
    model.close()


@pytest.mark.parametrize("version", [None, "v1"])
async def test_sounds_are_shown(server: ScriptedServer, version: str | None) -> None:
    """A spoken answer is a block, its words are the text, and the pieces of a stream join to the sound."""
    model = ChatAzureInference(endpoint=server.url, credential=KEY, output_version=version)
    for answer in await answers_of(model, server, spoken):
        text, sound = answer.content_blocks
        assert (text["type"], sound["type"], answer.text) == ("text", "audio", "Yes.")
        assert base64.b64decode(sound["base64"], validate=True) == SOUND  # type: ignore[typeddict-item]
        assert sound["mime_type"] == "audio/wav"  # type: ignore[typeddict-item]
        assert answer.additional_kwargs["audio"] == AUDIO
        assert text_on_the_next_turn(model, server, answer) == "Yes."
    await model.aclose()
    model.close()


def test_a_citation_without_text_is_kept(server: ScriptedServer) -> None:
    """It stands on an empty text."""
    body = wire.chat("")
    body["choices"][0]["message"]["annotations"] = [WEB]
    server.reply(body)
    (block,) = ChatAzureInference(endpoint=server.url, credential=KEY).invoke("x").content_blocks
    assert block == {"type": "text", "text": "", "annotations": ANNOTATIONS[:1]}


@pytest.mark.parametrize("model_name", ["tiny-model", ""])
def test_a_stream_says_what_a_whole_answer_says(server: ScriptedServer, model_name: str) -> None:
    """The request's id and the filter of the prompt are in the metadata of streams too, once."""
    chunks = [{**chunk, "model": model_name} for chunk in cited(streamed=True)]
    data = b"".join(wire.events(chunks))
    server.reply(Reply(200, data, {"x-request-id": "req-1"}, content_type="text/event-stream"))
    total = total_of(list(ChatAzureInference(endpoint=server.url, credential=KEY).stream("x")))
    assert total.response_metadata["request_id"] == "req-1"
    assert total.response_metadata["prompt_filter_results"] == [{"prompt_index": 0}]
    server.reply(
        Reply(
            200,
            b"".join(wire.events(wire.completion_chunks())),
            {"x-request-id": "req-2"},
            "text/event-stream",
        )
    )
    result = AzureInferenceLLM(endpoint=server.url, credential=KEY, streaming=True).generate(["x"])
    assert (result.generations[0][0].generation_info or {})["request_id"] == "req-2"


def test_calls_that_share_an_index(server: ScriptedServer) -> None:
    """Two calls of index 0 without ids are two, each with an id of its own, and none swallows the other's arguments."""
    calls = [
        wire.tool_call("f", '{"a": 1}', "null", index=0),
        wire.tool_call("f", '{"a": 2}', "null", index=0),
    ]
    chunks = [*(wire.chunk(tool_calls=[call]) for call in calls), wire.chunk("", finish_reason="tool_calls")]
    server.reply(chunks)
    total = total_of(list(ChatAzureInference(endpoint=server.url, credential=KEY).stream("x")))
    assert [call["args"] for call in total.tool_calls] == [{"a": 1}, {"a": 2}]
    assert len({call["id"] for call in total.tool_calls} - {None, "null"}) == 2


def test_a_name_that_comes_late(server: ScriptedServer) -> None:
    """A call whose first piece has no name has one when it is whole."""
    pieces = [
        {"index": 0, "id": "c1", "function": {"arguments": ""}},
        {"index": 0, "function": {"name": "f", "arguments": "{}"}},
    ]
    server.reply(
        [*(wire.chunk(tool_calls=[piece]) for piece in pieces), wire.chunk("", finish_reason="tool_calls")]
    )
    total = total_of(list(ChatAzureInference(endpoint=server.url, credential=KEY).stream("x")))
    assert [(call["id"], call["name"]) for call in total.tool_calls] == [("c1", "f")]
