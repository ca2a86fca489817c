"""Answers of the core as LlamaIndex's responses: with every odd value in every place, whole and streamed."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, LogProb

from azure_inference_core import InferenceError
from azure_inference_core._response.whole import parse_chat, parse_completion
from llamaindex_azure_inference._answers import (
    ChatAccumulator,
    CompletionAccumulator,
    chat_response,
    completion_response,
)
from llamaindex_azure_inference._tools import selections
from tests.llamaindex.helpers import chat_model, completion_model
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
from tests.support.scripted_server import ScriptedServer

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
