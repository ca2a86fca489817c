"""Answers of the core as LlamaIndex's responses: with every odd value in every place, whole and streamed."""

from __future__ import annotations

import base64
import contextlib
import json
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from llama_index.core import PromptTemplate
from llama_index.core.base.llms.types import AudioBlock, ChatMessage, ChatResponse, CitationBlock, LogProb
from llama_index.core.memory import ChatMemoryBuffer

from azure_inference_core import InferenceError
from azure_inference_core._response.whole import parse_chat, parse_completion
from llamaindex_azure_inference._answers import (
    ChatAccumulator,
    CompletionAccumulator,
    chat_response,
    completion_response,
)
from llamaindex_azure_inference._tools import selections
from tests.llamaindex.helpers import CHATS, Song, ask, chat_model, completion_model
from tests.support import wire
from tests.support.odd_answers import (
    CALLS,
    CHAT,
    CHAT_CHUNKS,
    COMPLETION,
    COMPLETION_CHUNKS,
    TOKENS,
    chat_deltas,
    completion_deltas,
    damaged,
    odd_answers,
    received,
)
from tests.support.scripted_server import Reply, ScriptedServer

Said = tuple[str, list[tuple[str, dict[str, Any]]]]
SAYS: Said = (wire.ANSWER, [(name, json.loads(arguments)) for name, arguments in CALLS])
SAMPLE = 41
"""One in so many of the odd answers goes through a socket."""
QUESTION = [ChatMessage("x")]


def said(response: ChatResponse) -> Said:
    """The text and the calls of a response, which survives JSON."""
    assert response.model_dump_json()
    calls = selections(response, error_on_no_tool_call=False)
    return response.message.content or "", [(call.tool_name, call.tool_kwargs) for call in calls]


def whole(body: Any) -> Said:
    """What a whole answer says."""
    return said(chat_response(parse_chat(received(body)), single=False))


def streamed(chunks: Any) -> Said:
    """What the last response of a streamed answer says."""
    push = ChatAccumulator(single=False).push
    return said([push(delta) for delta in chat_deltas(chunks)][-1])


def completion(body: Any) -> str:
    """The text of a whole completion."""
    return completion_response(parse_completion(received(body))).text


def streamed_completion(chunks: Any) -> str:
    """The text of the last response of a streamed completion."""
    push = CompletionAccumulator().push
    return [push(delta) for delta in completion_deltas(chunks)][-1].text


class Kind(NamedTuple):
    """A kind of answer, how it is read, and what a good one says."""

    body: Any
    read: Callable[[Any], Any]
    says: Any


KINDS = {
    "chat": Kind(CHAT, whole, SAYS),
    "streamed-chat": Kind(CHAT_CHUNKS, streamed, SAYS),
    "completion": Kind(COMPLETION, completion, wire.ANSWER),
    "streamed-completion": Kind(COMPLETION_CHUNKS, streamed_completion, wire.ANSWER),
}


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_what_is_odd_beside_an_answer_does_not_change_it(kind: Kind) -> None:
    """The response is the same whatever stands in the optional places."""
    assert kind.read(kind.body) == kind.says
    for where, answer in odd_answers(kind.body, optional=True):
        assert kind.read(answer) == kind.says, where


@pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)
def test_an_odd_answer_is_a_response_or_an_error(kind: Kind) -> None:
    """In the places of the answer itself: a response, or an error of the tree."""
    for _, answer in odd_answers(kind.body, optional=False):
        with contextlib.suppress(InferenceError):
            kind.read(answer)


async def test_odd_answers_of_a_service(plain: ScriptedServer) -> None:
    """The same from a real service, whole and streamed, sync and async."""
    model = chat_model(plain)
    for _, answer in list(odd_answers(CHAT, optional=True))[::SAMPLE]:
        plain.reply(answer, answer)
        assert said(model.chat(QUESTION)) == said(await model.achat(QUESTION)) == SAYS
    for where, answer in list(odd_answers(CHAT_CHUNKS, optional=True))[::SAMPLE]:
        plain.reply(answer, answer)
        assert said(list(model.stream_chat(QUESTION))[-1]) == SAYS, where
        assert said([response async for response in await model.astream_chat(QUESTION)][-1]) == SAYS, where
    await model.aclose()
    model.close()


async def test_odd_completions_of_a_service(plain: ScriptedServer) -> None:
    """The same of the completions route."""
    model = completion_model(plain)
    for _, answer in list(odd_answers(COMPLETION, optional=True))[::SAMPLE]:
        plain.reply(answer, answer)
        assert model.complete("x").text == (await model.acomplete("x")).text == wire.ANSWER
    for where, answer in list(odd_answers(COMPLETION_CHUNKS, optional=True))[::SAMPLE]:
        plain.reply(answer, answer)
        assert list(model.stream_complete("x"))[-1].text == wire.ANSWER, where
        assert [response async for response in await model.astream_complete("x")][-1].text == wire.ANSWER
    await model.aclose()
    model.close()


def test_odd_counts_are_left_out(plain: ScriptedServer) -> None:
    """What is no count is none; the others are there."""
    plain.reply({**CHAT, "usage": {**CHAT["usage"], "prompt_tokens": "seven"}})
    found = chat_model(plain).chat(QUESTION).additional_kwargs
    assert "prompt_tokens" not in found
    assert (found["completion_tokens"], found["total_tokens"]) == (6, 13)


OWN = LogProb(token="The", logprob=-0.5, bytes=[84, 104, 101])
OTHER = OWN.model_copy(update={"token": "A"})


@pytest.mark.parametrize(
    ("path", "value", "found"),
    [
        ((), TOKENS, [[OWN, OTHER]]),
        (("content",), True, None),
        (("content", 0), None, []),
        (("content", 0, "token"), 5, []),
        (("content", 0, "logprob"), None, []),
        (("content", 0, "top_logprobs"), "x", [[OWN]]),
        (("content", 0, "top_logprobs", 0), None, [[OTHER]]),
        (("content", 0, "top_logprobs", 1, "logprob"), True, [[OWN]]),
        (("content", 0, "top_logprobs", 1, "bytes"), "x", [[OWN, OTHER.model_copy(update={"bytes": []})]]),
    ],
)
def test_odd_log_probabilities_are_left_out(
    plain: ScriptedServer, path: tuple[Any, ...], value: Any, found: Any
) -> None:
    """What is no token is none; the others are there."""
    logprobs = damaged({"logprobs": TOKENS}, ("logprobs", *path), value)["logprobs"]
    plain.reply(damaged(CHAT, ("choices", 0, "logprobs"), logprobs))
    assert chat_model(plain).chat(QUESTION).logprobs == found


def test_an_empty_finish_reason_hides_none(plain: ScriptedServer) -> None:
    """A later chunk without a reason leaves the one that was given."""
    last = wire.chunk("")
    last["choices"][0]["finish_reason"] = ""
    plain.reply([wire.chunk("a", finish_reason="stop"), last])
    responses = list(chat_model(plain).stream_chat(QUESTION))
    assert responses[-1].additional_kwargs["finish_reason"] == "stop"


WEB = {
    "type": "url_citation",
    "url_citation": {"url": "https://a.example", "title": "A", "start_index": 0, "end_index": 3},
}
REFERENCE = {"type": "reference", "reference_ids": [1]}
FOUND = {"content": "a document", "title": "A document", "url": None, "filepath": "/d/a.pdf", "score": 0.5}
CONTEXT = {"citations": [FOUND], "intent": '["x"]', "score": 0.25}
SOUND = b"RIFF\x00\x00\x00\x00WAVE" + bytes(70)
AUDIO = {"id": "s1", "data": base64.b64encode(SOUND).decode(), "transcript": "Yes.", "expires_at": 5}


def added(*, streamed: bool) -> Any:
    """An answer with reasoning, a call, and everything that services add; its words are those of the sound."""
    call = wire.tool_call("f", '{"a": 1}', "c1")
    if not streamed:
        body = wire.chat(None, tool_calls=[call])
        message = body["choices"][0]["message"]
        message.update(annotations=[WEB, REFERENCE], context=CONTEXT, audio=AUDIO, reasoning_content="hm")
        return body
    data = [base64.b64encode(SOUND[start : start + 20]).decode() for start in range(0, len(SOUND), 20)]
    return [
        wire.chunk(role="assistant", context=CONTEXT),
        wire.chunk(reasoning_content="hm"),
        wire.chunk(audio={"id": "s1", "transcript": "Yes"}, context=CONTEXT),
        *(wire.chunk(audio={"id": "s1", "data": piece}) for piece in data),
        wire.chunk(annotations=[WEB], audio={"transcript": "."}),
        wire.chunk(annotations=[WEB, REFERENCE], audio={"expires_at": 5}),
        wire.chunk(tool_calls=[{**call, "index": 0}]),
        wire.chunk("", finish_reason="tool_calls", usage=wire.USAGE),
    ]


@pytest.mark.parametrize("way", CHATS)
async def test_what_services_add_is_shown(plain: ScriptedServer, way: str) -> None:
    """A sound and citations are blocks, in order, and all is kept beside the message, but for the sound itself."""
    llm = chat_model(plain)
    data = b"".join(wire.events(added(streamed=True)))
    whole = Reply(200, added(streamed=False), {"x-request-id": "req-1"})
    events = Reply(200, data, {"x-request-id": "req-1"}, "text/event-stream")
    plain.reply(events if "stream" in way else whole)
    responses = await ask(llm, way)
    message, told = responses[-1].message, responses[-1].additional_kwargs
    thinking, text, sound, web, found, call = message.blocks
    assert (thinking.content, text.text, call.tool_kwargs) == ("hm", "Yes.", {"a": 1})
    assert isinstance(sound, AudioBlock)
    assert (sound.resolve_audio().read(), sound.format) == (SOUND, "wav")
    assert isinstance(web, CitationBlock)
    assert (web.source, web.title, web.cited_content.text) == ("https://a.example", "A", "Yes")  # type: ignore[union-attr]
    assert web.additional_location_info == {"start_index": 0, "end_index": 3}
    assert isinstance(found, CitationBlock)
    assert (found.source, found.title, found.cited_content.text) == ("/d/a.pdf", "A document", "a document")  # type: ignore[union-attr]
    assert (message.content, responses[-1].message.role) == ("Yes.", "assistant")
    assert (told["context"], told["annotations"], told["request_id"]) == (CONTEXT, [WEB, REFERENCE], "req-1")
    assert told["audio"] == {"id": "s1", "transcript": "Yes.", "expires_at": 5}
    assert responses[0].additional_kwargs["request_id"] == "req-1"
    if "stream" in way:
        assert responses[0].additional_kwargs["context"] == CONTEXT
        assert "".join(response.delta for response in responses) == "Yes."
    await llm.aclose()
    llm.close()


def test_what_services_add_goes_on(plain: ScriptedServer) -> None:
    """A memory keeps such a message, and the next turn sends its text and its call."""
    llm = chat_model(plain)
    plain.reply(added(streamed=True))
    answer = list(llm.stream_chat(QUESTION))[-1].message
    result = ChatMessage("1", role="tool", additional_kwargs={"tool_call_id": "c1"})
    kept = [ChatMessage.model_validate_json(one.model_dump_json()) for one in (*QUESTION, answer, result)]
    assert kept[1] == answer
    memory = ChatMemoryBuffer.from_defaults(chat_history=kept, token_limit=3000)
    plain.reply("Fine.")
    assert llm.chat(memory.get()).message.content == "Fine."
    sent = plain.last.json["messages"][1]
    assert (sent["role"], sent["content"]) == ("assistant", "Yes.")
    assert [call["function"]["name"] for call in sent["tool_calls"]] == ["f"]


THOUGHTS = [
    ('<think>\nCould be {"title": "No", "year": 1} or {x}.\n</think>\n\n{"title": "Yes", "year": 1971}', 1),
    ('<think>Or {"title"?}</think>{"title": "Yes", "year": 1971}', 5),
    ('<think>a</thin b{</think>\n{"title": "Yes", "year": 1971}', 3),
]


@pytest.mark.parametrize(("text", "size"), THOUGHTS)
@pytest.mark.parametrize("settings", [{"model": "DeepSeek-R1"}, {"model": "prod", "family": "deepseek-r1"}, {"model": "prod", "split_think": True, "structured_output": "prompt"}])  # fmt: skip
async def test_thoughts_in_the_text(
    plain: ScriptedServer, settings: dict[str, Any], text: str, size: int
) -> None:
    """By family or on request, thoughts are a block of their own, however the tags are cut, and objects are filled."""
    llm = chat_model(plain, **settings)
    thought, _, answer = text.removeprefix("<think>").partition("</think>")
    pieces = [text[start : start + size] for start in range(0, len(text), size)]
    chunks = [*(wire.chunk(piece) for piece in pieces), wire.chunk("", finish_reason="stop")]
    for way in CHATS:
        plain.reply(chunks if "stream" in way else text)
        responses = await ask(llm, way)
        thinking, said = responses[-1].message.blocks
        assert (thinking.content, said.text) == (thought.lstrip(), answer.lstrip())
        if "stream" in way:
            given = [response.additional_kwargs.get("thinking_delta", "") for response in responses]
            assert "".join(given) == thought.lstrip()
            assert "".join(response.delta for response in responses) == answer.lstrip()
    plain.reply(text, text, text)
    song, prompt = Song(title="Yes", year=1971), PromptTemplate("x")
    assert llm.structured_predict(Song, prompt) == song
    assert await llm.astructured_predict(Song, prompt) == song
    assert llm.as_structured_llm(Song).complete("x").raw == song
    plain.reply(chunks)
    assert list(llm.stream_structured_predict(Song, prompt))[-1] == song
    await llm.aclose()
    llm.close()


def test_calls_that_share_an_index(plain: ScriptedServer) -> None:
    """Two calls of index 0 without ids are two, each with an id of its own, and none swallows the other's arguments."""
    calls = [
        wire.tool_call("f", '{"a": 1}', "null", index=0),
        wire.tool_call("f", '{"a": 2}', "null", index=0),
    ]
    plain.reply(
        [*(wire.chunk(tool_calls=[call]) for call in calls), wire.chunk("", finish_reason="tool_calls")]
    )
    llm = chat_model(plain)
    made = llm.get_tool_calls_from_response(list(llm.stream_chat(QUESTION))[-1])
    assert [call.tool_kwargs for call in made] == [{"a": 1}, {"a": 2}]
    assert len({call.tool_id for call in made} - {"", "null"}) == 2


@pytest.mark.parametrize("way", ["stream_complete", "astream_complete"])
async def test_a_streamed_completion_says_its_request(plain: ScriptedServer, way: str) -> None:
    """The request's id is with it."""
    plain.reply(
        Reply(
            200,
            b"".join(wire.events(wire.completion_chunks())),
            {"x-request-id": "req-1"},
            "text/event-stream",
        )
    )
    model = completion_model(plain)
    assert (await ask(model, way))[-1].additional_kwargs["request_id"] == "req-1"
    await model.aclose()
    model.close()
