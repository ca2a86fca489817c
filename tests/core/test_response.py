"""Answers: what a good one becomes, and that no JSON of any shape ends outside the error tree."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from azure_inference_core import (
    AuthenticationError,
    ChatClient,
    CompletionsClient,
    Connection,
    EmbeddingsClient,
    InferenceError,
)
from azure_inference_core._response.streamed import ChatReader, CompletionReader
from azure_inference_core._response.vectors import parse_vectors
from azure_inference_core._response.whole import parse_chat, parse_completion, parse_info, parse_json
from tests.support import wire
from tests.support.drive import connect
from tests.support.odd_answers import damaged, places
from tests.support.scripted_server import Reply, ScriptedServer

odd = st.one_of(
    st.none(), st.booleans(), st.integers(-2, 3), st.floats(), st.text(max_size=3),
    st.just([]), st.just({}), st.just([None]), st.just([5]), st.just({"a": 1}), st.just("error"),
)  # fmt: skip


CHAT = wire.chat(tool_calls=[wire.tool_call()], prompt_filter_results=[{"a": 1}], system_fingerprint="f")
CHUNK = wire.chunk("a", role="assistant", tool_calls=[wire.tool_call(index=0)], usage=wire.USAGE, refusal="r")
TEXT = wire.completion()
VECTORS = wire.embeddings(["a", "b"])
BODIES = [
    (CHAT, lambda body: parse_chat(parse_json(body, {}))),
    (TEXT, lambda body: parse_completion(parse_json(body, {}))),
    (wire.info(), lambda body: parse_info(parse_json(body, {}))),
    (VECTORS, lambda body: parse_vectors(parse_json(body, {}), 2, encoding_format=None, dimensions=None)),
    (CHUNK, lambda body: read(ChatReader({}, 1 << 20, {}, think=True), body)),
    (wire.completion_chunks()[-1], lambda body: read(CompletionReader({}, 1 << 20), body)),
    (CHAT, lambda body: whole(ChatReader({}, 1 << 20, {}, think=True), body)),
]


def read(reader: Any, body: bytes) -> None:
    """Read a stream of one event."""
    list(reader.feed(b"data: " + body + b"\n\n"))
    list(reader.end())


def whole(reader: Any, body: bytes) -> None:
    """Read a body where a stream was asked for."""
    list(reader.feed(body))
    list(reader.end())


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_a_damaged_answer_is_read_or_refused(data: st.DataObject) -> None:
    """One value replaced by anything: a value or an error of the tree comes out, nothing else."""
    body, parse = data.draw(st.sampled_from(BODIES))
    path = data.draw(st.sampled_from(places(body)))
    text = json.dumps(damaged(body, path, data.draw(odd))).encode()
    with contextlib.suppress(InferenceError):
        parse(text)


@settings(max_examples=120, deadline=None)
@given(
    st.binary(max_size=80)
    | st.recursive(
        odd,
        lambda inner: st.dictionaries(
            st.sampled_from(["choices", "data", "error", "delta", "message", "usage"]), inner
        ),
    ).map(lambda v: json.dumps(v).encode())
)
def test_any_answer_is_read_or_refused(body: bytes) -> None:
    """Any bytes at all: a value or an error of the tree."""
    for _, parse in BODIES:
        with contextlib.suppress(InferenceError):
            parse(body)


async def test_a_good_answer_is_whole(server: ScriptedServer, chat: ChatClient) -> None:
    """Every field of the answer is there, equal for sync and async."""
    body = {
        **wire.chat(tool_calls=[wire.tool_call()], content="x"),
        "system_fingerprint": "fp",
        "prompt_filter_results": [{"prompt_index": 0}],
    }
    body["choices"][0].update(logprobs={"content": []}, content_filter_results={"hate": {"filtered": False}})
    body["choices"][0]["message"].update(reasoning_content="because", refusal="no")
    server.reply(*[Reply(200, body, {"x-request-id": "req-1"})] * 2)
    result = chat.complete(wire.MESSAGES)
    async with ChatClient(chat.connection) as client:
        assert await client.acomplete(wire.MESSAGES) == result
    (choice,) = result.choices
    (call,) = choice.tool_calls
    assert (call.id, call.name, call.arguments) == ("abc0dF1gh", "weather", '{"city": "Seattle"}')
    assert (choice.role, choice.content, choice.finish_reason) == ("assistant", "x", "tool_calls")
    assert (choice.reasoning, choice.refusal, choice.logprobs) == ("because", "no", {"content": []})
    assert choice.content_filter_results == {"hate": {"filtered": False}}
    assert (result.system_fingerprint, result.prompt_filter_results) == ("fp", [{"prompt_index": 0}])
    assert (result.request_id, result.attempts, result.created) == ("req-1", 1, wire.CREATED)
    assert (result.usage, result.raw) == (wire.USAGE, body)


@pytest.mark.parametrize(
    ("content", "text", "thought"),
    [
        (None, "", None),
        ("", "", None),
        ([{"type": "text", "text": "a"}, {"type": "text", "text": "b"}], "ab", None),
        (
            [
                {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
                {"type": "text", "text": "a"},
            ],
            "a",
            "hm",
        ),
    ],
)
def test_contents_in_use(
    server: ScriptedServer, chat: ChatClient, content: Any, text: str, thought: str | None
) -> None:
    """No content is an empty text; parts are joined; thinking is reasoning."""
    server.reply(wire.chat(content))
    (choice,) = chat.complete(wire.MESSAGES).choices
    assert (choice.content, choice.reasoning) == (text, thought)


@pytest.mark.parametrize("reason", [None, "stop", "model_length", "something_new"])
def test_unknown_finish_reasons_are_kept(
    server: ScriptedServer, chat: ChatClient, reason: str | None
) -> None:
    """A reason nobody has heard of is no error."""
    body = wire.chat()
    body["choices"][0]["finish_reason"] = reason
    server.reply(body)
    assert chat.complete(wire.MESSAGES).choices[0].finish_reason == reason


def test_arguments_given_as_an_object_become_text(server: ScriptedServer, chat: ChatClient) -> None:
    """Managed endpoints send objects where the API says text."""
    server.reply(wire.chat(None, tool_calls=[wire.tool_call(arguments={"city": "Zürich"})]))  # type: ignore[arg-type]
    assert chat.complete(wire.MESSAGES).choices[0].tool_calls[0].arguments == '{"city": "Zürich"}'


def test_broken_arguments_are_kept_as_they_are(server: ScriptedServer, chat: ChatClient) -> None:
    """What a model writes can be invalid JSON; judging it is the adapter's business."""
    server.reply(wire.chat(None, tool_calls=[wire.tool_call(arguments="{'a': oops")]))
    assert chat.complete(wire.MESSAGES).choices[0].tool_calls[0].arguments == "{'a': oops"


ASK: dict[str, Callable[[Connection], object]] = {
    "chat": lambda connection: ChatClient(connection).complete(wire.MESSAGES, max_retries=0),
    "completions": lambda connection: CompletionsClient(connection).complete("x", max_retries=0),
    "embeddings": lambda connection: EmbeddingsClient(connection).embed(["x"], max_retries=0),
    "info": lambda connection: ChatClient(connection).info(),
}


@pytest.mark.parametrize("ask", ASK.values(), ids=ASK)
@pytest.mark.parametrize(
    "failure", [{"error": {"code": 401, "message": "wrong key"}}, {"object": "error", "message": "wrong key", "code": 401}]
)  # fmt: skip
@pytest.mark.parametrize("beside", [False, True])
def test_an_error_body_with_status_200_is_an_error(
    server: ScriptedServer, ask: Callable[[Connection], object], failure: dict[str, Any], beside: bool
) -> None:
    """Some gateways answer 200 with an error inside, alone or beside an answer; no route takes it for one."""
    good = {**wire.embeddings(["x"]), **wire.chat(), **wire.info()} if beside else {}
    server.reply({**good, **failure})
    with pytest.raises(AuthenticationError, match="wrong key"):
        ask(connect(server.url))


@pytest.mark.parametrize("reason", ["", 3, True, None])
def test_a_finish_reason_that_is_none(server: ScriptedServer, chat: ChatClient, reason: Any) -> None:
    """An empty or odd finish reason is none."""
    server.reply(damaged(wire.chat(), ("choices", 0, "finish_reason"), reason))
    assert chat.complete(wire.MESSAGES).choices[0].finish_reason is None


def test_a_role_of_no_type_is_the_usual_one(server: ScriptedServer, chat: ChatClient) -> None:
    """Only a role that is named can be the wrong one."""
    server.reply(damaged(wire.chat(), ("choices", 0, "message", "role"), 5))
    assert chat.complete(wire.MESSAGES).choices[0].role == "assistant"


def test_null_tool_calls_are_skipped(server: ScriptedServer, chat: ChatClient) -> None:
    """A hole in the list of calls is no call."""
    server.reply(wire.chat(None, tool_calls=[None, wire.tool_call()]))  # type: ignore[list-item]
    assert [call.name for call in chat.complete(wire.MESSAGES).choices[0].tool_calls] == ["weather"]


@pytest.mark.parametrize(
    ("usage", "kept"),
    [
        (True, None),
        ([1], None),
        ({"prompt_tokens": 7.0, "total_tokens": 7}, {"prompt_tokens": 7, "total_tokens": 7}),
        ({"prompt_tokens": 1e30, "completion_tokens": -1, "total_tokens": True}, {}),
        ({"prompt_tokens_details": True, "completion_tokens_details": None}, {"completion_tokens_details": None}),
        ({"prompt_tokens_details": {"cached_tokens": "2", "text_tokens": 5}}, {"prompt_tokens_details": {"text_tokens": 5}}),
        ({"cost": 0.25, "currency": "EUR"}, {"cost": 0.25, "currency": "EUR"}),
    ],
)  # fmt: skip
def test_usage_is_counts_and_what_the_service_adds(
    server: ScriptedServer, chat: ChatClient, usage: Any, kept: dict[str, Any] | None
) -> None:
    """Counts are whole numbers from 0, details are counts; what is odd stays in ``raw``."""
    server.reply({**wire.chat(), "usage": usage})
    result = chat.complete(wire.MESSAGES)
    assert result.usage == kept
    assert result.raw["usage"] == usage
