"""Calls: the eight ways to ask, their parameters, and the token counts of their answers."""

from __future__ import annotations

from typing import Any

import pytest
from azure.ai.inference.models import JsonSchemaFormat
from llama_index.core import PromptTemplate
from llama_index.core.base.llms.types import ChatMessage, ThinkingBlock

from llamaindex_azure_inference import Timeouts
from llamaindex_azure_inference.errors import (
    ConfigurationError,
    DeadlineExceededError,
    UnsupportedParameterError,
)
from tests.llamaindex.helpers import (
    CHATS,
    KEY,
    STREAMS,
    WAYS,
    ask,
    chat_model,
    completion_model,
    text_of,
    user,
)
from tests.support import wire
from tests.support.scripted_server import Reply, ScriptedServer

every_way = pytest.mark.parametrize("way", WAYS)
every_stream = pytest.mark.parametrize("way", STREAMS)
MAKERS = {"chat model": chat_model, "completion model": completion_model}
every_model = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS.keys())
COUNTS = {"prompt_tokens": 7, "completion_tokens": 6, "total_tokens": 13}


# -- calls --


@every_way
@every_model
async def test_every_way_answers(server: ScriptedServer, make: Any, way: str) -> None:
    """Each of the eight ways of both classes gives the whole text in its last response."""
    llm = make(server)
    assert text_of((await ask(llm, way))[-1]) == wire.ANSWER
    await llm.aclose()


@every_stream
@every_model
async def test_deltas_make_the_text(server: ScriptedServer, make: Any, way: str) -> None:
    """The deltas of a stream joined are its text, and the text grows with them."""
    llm = make(server)
    responses = await ask(llm, way)
    so_far = ""
    for response in responses:
        so_far += response.delta
        assert text_of(response) == so_far
    assert so_far == wire.ANSWER
    await llm.aclose()


@every_way
async def test_answers_are_json(plain: ScriptedServer, way: str) -> None:
    """Every response of every way is JSON, raw included, and raw is a plain dict."""
    llm = chat_model(plain)
    for response in await ask(llm, way):
        assert response.model_dump_json()
        assert type(response.raw) is dict
    await llm.aclose()


async def test_request_of_a_chat_is_the_conversation_and_nothing_else(server: ScriptedServer) -> None:
    """With nothing set, only the messages are sent: no null, no default temperature."""
    llm = chat_model(server)
    llm.chat([ChatMessage(role="system", content="Be brief."), *user("Hi")])
    assert server.last.json == {
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]
    }


def test_complete_is_a_conversation_of_one_message(plain: ScriptedServer) -> None:
    """A prompt is sent as the user's message."""
    chat_model(plain).complete("Hi")
    assert plain.last.json == {"messages": [{"role": "user", "content": "Hi"}]}


def test_completion_model_sends_the_prompt(plain: ScriptedServer) -> None:
    """A completion model sends the text to /completions as it is."""
    completion_model(plain).complete("Once upon")
    assert (plain.last.path, plain.last.json) == ("/completions", {"prompt": "Once upon"})


def test_completion_model_writes_a_conversation_as_a_prompt(plain: ScriptedServer) -> None:
    """A conversation goes through messages_to_prompt, which the user may give."""
    completion_model(plain).chat(user("Hi"))
    assert plain.last.json == {"prompt": "user: Hi\nassistant: "}
    llm = completion_model(plain, messages_to_prompt=lambda messages: f"<{messages[0].content}>")
    llm.chat(user("Hi"))
    assert plain.last.json == {"prompt": "<Hi>"}


@pytest.mark.parametrize(("formatted", "sent"), [(False, "[INST]Hi"), (True, "Hi")])
def test_completion_model_formats_a_prompt_once(plain: ScriptedServer, formatted: bool, sent: str) -> None:
    """completion_to_prompt is applied to a prompt that is not formatted yet, and only to such a one."""
    llm = completion_model(plain, completion_to_prompt=lambda prompt: f"[INST]{prompt}")
    llm.complete("Hi", formatted=formatted)
    assert plain.last.json["prompt"] == sent


async def test_predict_sends_roles_to_a_chat_model(plain: ScriptedServer) -> None:
    """``predict`` with a system prompt sends a system message, not a flattened text."""
    llm = chat_model(plain, system_prompt="Be brief.")
    assert llm.predict(PromptTemplate("About {x}."), x="cats") == wire.ANSWER
    assert plain.last.json["messages"] == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "About cats."},
    ]


async def test_stream_and_astream_of_a_template(plain: ScriptedServer) -> None:
    """The framework's ``stream`` and ``astream`` give the text as tokens."""
    llm = chat_model(plain)
    prompt = PromptTemplate("About {x}.")
    assert "".join(llm.stream(prompt, x="cats")) == wire.ANSWER
    assert "".join([token async for token in await llm.astream(prompt, x="cats")]) == wire.ANSWER
    await llm.aclose()


@pytest.mark.parametrize("base", ["url", "v1_url", "deployment_url"])
@every_way
async def test_every_dialect_answers(plain: ScriptedServer, base: str, way: str) -> None:
    """The same object works on serverless, OpenAI v1 and Azure OpenAI endpoints, with usage in every way."""
    llm = chat_model(plain, endpoint=getattr(plain, base), model="tiny-model")
    last = (await ask(llm, way))[-1]
    assert text_of(last) == wire.ANSWER
    assert last.additional_kwargs["total_tokens"] == 13
    await llm.aclose()


# -- parameters --

PARAMETERS = {
    "temperature": 1.7,
    "top_p": 0.5,
    "max_tokens": 9,
    "stop": ["END"],
    "seed": 7,
    "frequency_penalty": 0.25,
    "presence_penalty": -0.5,
    "model": "m",
}


@pytest.mark.parametrize("name", PARAMETERS)
@pytest.mark.parametrize("where", ["constructor", "call"])
@every_model
def test_common_parameter_is_sent(plain: ScriptedServer, make: Any, where: str, name: str) -> None:
    """Each common parameter reaches the wire from the constructor and from a call."""
    given = {name: PARAMETERS[name]}
    llm = make(plain, **(given if where == "constructor" else {}))
    llm.complete("x", **(given if where == "call" else {}))
    assert plain.last.json[name] == PARAMETERS[name]


@pytest.mark.parametrize("name", ["temperature", "top_p", "seed", "frequency_penalty", "presence_penalty"])
def test_zero_is_sent(plain: ScriptedServer, name: str) -> None:
    """Zero is a value like any other."""
    chat_model(plain, **{name: 0}).complete("x")
    assert plain.last.json[name] == 0


def test_call_wins_over_the_constructor(plain: ScriptedServer) -> None:
    """A call's value replaces the constructor's for that call only."""
    llm = chat_model(plain, temperature=0, top_k=1)
    llm.complete("x", temperature=1, top_k=2)
    assert (plain.last.json["temperature"], plain.last.json["top_k"]) == (1, 2)
    llm.complete("x")
    assert (plain.last.json["temperature"], plain.last.json["top_k"]) == (0, 1)


def test_none_in_a_call_leaves_the_constructor_s_value(plain: ScriptedServer) -> None:
    """``None`` means "not given"."""
    chat_model(plain, temperature=0.5).complete("x", temperature=None)
    assert plain.last.json["temperature"] == 0.5


def test_extras_of_constructor_and_call_are_merged(plain: ScriptedServer) -> None:
    """Extras by plain keyword and by dict, from both places, all go to the model, the call's last."""
    llm = chat_model(plain, top_k=1, model_extras={"a": 1, "b": 1})
    llm.complete("x", min_p=0.1, model_extras={"b": 2}, model_kwargs={"c": 3})
    sent = plain.last.json
    assert {name: sent[name] for name in ("top_k", "a", "b", "c", "min_p")} == {
        "top_k": 1,
        "a": 1,
        "b": 2,
        "c": 3,
        "min_p": 0.1,
    }
    assert plain.last.headers["extra-parameters"] == "pass-through"


@pytest.mark.parametrize("where", ["constructor", "call"])
def test_extra_parameters_can_be_dropped(plain: ScriptedServer, where: str) -> None:
    """``extra_parameters`` says what the endpoint does with extras, for an object or for one call."""
    given = {"extra_parameters": "drop"}
    llm = chat_model(plain, **(given if where == "constructor" else {}))
    llm.complete("x", top_k=1, **(given if where == "call" else {}))
    assert plain.last.headers["extra-parameters"] == "drop"


def test_extra_parameters_can_be_errors(plain: ScriptedServer) -> None:
    """With ``error`` an unknown parameter comes back as the error that names it."""
    with pytest.raises(UnsupportedParameterError) as caught:
        chat_model(plain, extra_parameters="error").complete("x", top_k=1)
    assert caught.value.parameters[0].name == "top_k"


def test_unknown_mode_of_extras_is_refused(plain: ScriptedServer) -> None:
    """A mode that the API does not have is refused before anything is sent."""
    with pytest.raises(ConfigurationError, match="pass-through, drop, error"):
        chat_model(plain).complete("x", extra_parameters="maybe")
    assert plain.requests == []


def test_no_extras_no_header(plain: ScriptedServer) -> None:
    """Without extras the header is not sent."""
    chat_model(plain, temperature=0).complete("x")
    assert "extra-parameters" not in plain.last.headers


@pytest.mark.parametrize("name", ["messages", "stream"])
def test_reserved_extras_are_refused(plain: ScriptedServer, name: str) -> None:
    """An extra that would replace the conversation is refused."""
    with pytest.raises(ConfigurationError, match=name):
        chat_model(plain, model_extras={name: []}).complete("x")
    assert plain.requests == []


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_numbers_json_cannot_carry_are_refused(plain: ScriptedServer, value: float) -> None:
    """NaN and infinity are refused by name."""
    with pytest.raises(ConfigurationError, match="temperature"):
        chat_model(plain).complete("x", temperature=value)
    assert plain.requests == []


FORMATS = [
    "json_object",
    {"type": "json_object"},
    {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}},
    JsonSchemaFormat(name="n", schema={"type": "object"}),
]


@pytest.mark.parametrize("given", FORMATS, ids=["name", "dict", "schema", "sdk"])
@pytest.mark.parametrize("where", ["constructor", "call"])
def test_response_format_in_every_form(plain: ScriptedServer, where: str, given: Any) -> None:
    """A response format is a name, OpenAI's dict or the SDK's object, in constructor and call, and serialises."""
    llm = chat_model(plain, **({"response_format": given} if where == "constructor" else {}))
    llm.complete("x", **({"response_format": given} if where == "call" else {}))
    sent = plain.last.json["response_format"]
    assert sent["type"] == ("json_object" if given in FORMATS[:2] else "json_schema")
    again = type(llm).from_dict(llm.to_dict(), credential=KEY)
    again.complete("x", **({"response_format": given} if where == "call" else {}))
    assert plain.last.json["response_format"] == sent


def test_stop_as_one_string(plain: ScriptedServer) -> None:
    """One stop text is sent as a list of one."""
    chat_model(plain, stop="END").complete("x")
    assert plain.last.json["stop"] == ["END"]


def test_headers_of_object_and_call(plain: ScriptedServer) -> None:
    """Default headers go with every request, a call's with its own."""
    llm = chat_model(plain, default_headers={"x-team": "a"})
    llm.complete("x", headers={"x-once": "b"})
    assert (plain.last.headers["x-team"], plain.last.headers["x-once"]) == ("a", "b")
    llm.complete("x")
    assert "x-once" not in plain.last.headers


@pytest.mark.parametrize("way", ["complete", "acomplete"])
async def test_timeout_of_a_call(plain: ScriptedServer, way: str) -> None:
    """A call's timeout ends it, whatever the object's is."""
    plain.reply(Reply(body=wire.chat(), delay=5))
    llm = chat_model(plain, max_retries=0)
    with pytest.raises(DeadlineExceededError):
        await ask(llm, way, timeout=0.3)
    await llm.aclose()


def test_timeouts_can_be_told_apart(plain: ScriptedServer) -> None:
    """``Timeouts`` with a short silence before the answer ends a call that is silent."""
    plain.reply(Reply(body=wire.chat(), delay=5))
    with pytest.raises(DeadlineExceededError):
        chat_model(plain, timeout=Timeouts(first_byte=0.3), max_retries=0).complete("x")


def test_retries_are_the_object_s_or_the_call_s(plain: ScriptedServer) -> None:
    """``max_retries`` counts the sends, per object and per call."""
    plain.reply_always(lambda _request: Reply(503, headers={"retry-after-ms": "1"}))
    llm = chat_model(plain, max_retries=1)
    for kwargs, sends in ({}, 2), ({"max_retries": 0}, 1):
        before = len(plain.requests)
        with pytest.raises(Exception, match="503"):
            llm.complete("x", **kwargs)
        assert len(plain.requests) - before == sends


def test_logprobs_are_read(plain: ScriptedServer) -> None:
    """Log probabilities asked for as extras come back in LlamaIndex's form."""
    token = {"token": "Hi", "logprob": -0.1, "bytes": [72, 105], "top_logprobs": []}
    other = {**token, "top_logprobs": [{"token": "Hi", "logprob": -0.1}, {"token": "Yo", "logprob": -2.0}]}
    body = wire.chat("HiHi")
    body["choices"][0]["logprobs"] = {"content": [token, other]}
    plain.reply(body)
    response = chat_model(plain).chat(user(), logprobs=True, top_logprobs=2)
    assert response.logprobs is not None
    assert [[p.token for p in alternatives] for alternatives in response.logprobs] == [["Hi"], ["Hi", "Yo"]]


def test_logprobs_of_completions_are_read(plain: ScriptedServer) -> None:
    """The completions route's parallel lists are read too."""
    body = wire.completion("Hi!")
    body["choices"][0]["logprobs"] = {"tokens": ["Hi", "!"], "token_logprobs": [-0.1, -0.2]}
    plain.reply(body)
    response = completion_model(plain).complete("x", logprobs=1)
    assert response.logprobs is not None
    assert [(p[0].token, p[0].logprob) for p in response.logprobs] == [("Hi", -0.1), ("!", -0.2)]


def test_more_choices_stay_in_raw(plain: ScriptedServer) -> None:
    """The message is the first choice's; the others are in raw."""
    body = wire.chat("first")
    body["choices"].append(
        {**body["choices"][0], "index": 1, "message": {"role": "assistant", "content": "2nd"}}
    )
    plain.reply(body)
    response = chat_model(plain).chat(user(), n=2)
    assert response.message.content == "first"
    assert response.raw is not None
    assert response.raw["choices"][1]["message"]["content"] == "2nd"


def test_deltas_of_other_choices_do_not_mix_in(plain: ScriptedServer) -> None:
    """A stream of two choices gives the first one's text."""
    chunks = [wire.chunk("a"), wire.chunk("X", index=1), wire.chunk("b", finish_reason="stop")]
    plain.reply([*chunks, wire.chunk(index=1, finish_reason="stop")])
    responses = list(chat_model(plain).stream_chat(user(), n=2))
    assert responses[-1].message.content == "ab"
    assert "".join(response.delta or "" for response in responses) == "ab"


# -- usage and what else is known of an answer --


@every_way
@every_model
async def test_usage_is_in_both_places(server: ScriptedServer, make: Any, way: str) -> None:
    """The last response has the service's token counts in additional_kwargs and in raw."""
    llm = make(server)
    last = (await ask(llm, way))[-1]
    assert {name: last.additional_kwargs[name] for name in COUNTS} == COUNTS
    assert last.raw["usage"] == COUNTS
    await llm.aclose()


@pytest.mark.parametrize("style", ["last", "extra", "cumulative"])
@pytest.mark.parametrize("way", CHATS[2:])
async def test_usage_of_every_server_is_given_once(plain: ScriptedServer, way: str, style: Any) -> None:
    """Whenever a server sends its counts, they are in additional_kwargs of the last response only."""
    plain.reply(wire.chat_chunks(style=style))
    llm = chat_model(plain)
    responses = await ask(llm, way)
    assert [r for r in responses if "total_tokens" in r.additional_kwargs] == responses[-1:]
    assert responses[-1].additional_kwargs["total_tokens"] == 13
    await llm.aclose()


def test_usage_of_streams_is_asked_for_where_needed(plain: ScriptedServer) -> None:
    """stream_options goes to OpenAI's dialects only, and can be switched off."""
    list(chat_model(plain).stream_chat(user()))
    assert "stream_options" not in plain.last.json
    llm = chat_model(plain, endpoint=plain.v1_url)
    list(llm.stream_chat(user()))
    assert plain.last.json["stream_options"] == {"include_usage": True}
    list(chat_model(plain, endpoint=plain.v1_url, stream_usage=False).stream_chat(user()))
    assert "stream_options" not in plain.last.json


@every_way
async def test_finish_reason_and_model_are_known(plain: ScriptedServer, way: str) -> None:
    """The last response says why the answer ended and which model gave it."""
    llm = chat_model(plain)
    told = (await ask(llm, way))[-1].additional_kwargs
    assert (told["finish_reason"], told["model"]) == ("stop", "tiny-model")
    await llm.aclose()


@pytest.mark.parametrize("way", CHATS)
@pytest.mark.parametrize(
    ("settings", "text", "thought"),
    [
        ({"model": "DeepSeek-R1"}, "Yes.", "Hm."),
        ({"model": "DeepSeek-R1", "split_think": False}, "<think>Hm.</think>Yes.", None),
        ({"split_think": True}, "Yes.", "Hm."),
        ({}, "<think>Hm.</think>Yes.", None),
    ],
    ids=["by its family", "not wanted", "wanted", "of an unknown model"],
)
async def test_thinking_in_the_text(
    plain: ScriptedServer, way: str, settings: dict[str, Any], text: str, thought: str | None
) -> None:
    """``<think>`` in the text is a thinking block where the family writes it so, or the user says it."""
    plain.reply("<think>Hm.</think>Yes.")
    llm = chat_model(plain, **settings)
    message = (await ask(llm, way))[-1].message
    blocks = [block for block in message.blocks if isinstance(block, ThinkingBlock)]
    assert (message.content, blocks[0].content if blocks else None) == (text, thought)
    await llm.aclose()


def test_request_id_is_known(plain: ScriptedServer) -> None:
    """The service's id of the request is in additional_kwargs."""
    plain.reply(Reply(body=wire.chat(), headers={"x-ms-request-id": "r-17"}))
    assert chat_model(plain).chat(user()).additional_kwargs["request_id"] == "r-17"


def test_answer_cut_by_the_content_filter_says_so(plain: ScriptedServer) -> None:
    """A 200 whose text the filter cut has the reason and the categories."""
    found = {"violence": {"filtered": True, "severity": "high"}}
    body = wire.chat("Once", finish_reason="content_filter")
    body["choices"][0]["content_filter_results"] = found
    plain.reply(body)
    told = chat_model(plain).chat(user()).additional_kwargs
    assert (told["finish_reason"], told["content_filter_results"]) == ("content_filter", found)


def test_stream_cut_by_the_content_filter_says_so(plain: ScriptedServer) -> None:
    """In a stream the reason is in the last response."""
    plain.reply([wire.chunk("Once"), wire.chunk("", finish_reason="content_filter", usage=wire.USAGE)])
    last = list(chat_model(plain).stream_chat(user()))[-1]
    assert last.additional_kwargs["finish_reason"] == "content_filter"


def test_refusal_is_known(plain: ScriptedServer) -> None:
    """A model's refusal is in additional_kwargs, whole and streamed."""
    body = wire.chat(None)
    body["choices"][0]["message"]["refusal"] = "No."
    plain.reply(body, [wire.chunk(refusal="N"), wire.chunk(refusal="o.", finish_reason="stop")])
    llm = chat_model(plain)
    assert llm.chat(user()).additional_kwargs["refusal"] == "No."
    assert list(llm.stream_chat(user()))[-1].additional_kwargs["refusal"] == "No."
