"""What goes into a request: parameters, extras, headers; and what is refused before anything is sent."""

from __future__ import annotations

import copy
import decimal
import fractions
import json
import math
import warnings
from typing import Any

import numpy as np
import pytest
from azure.ai.inference.models import JsonSchemaFormat
from hypothesis import given, settings
from hypothesis import strategies as st

from azure_inference_core import ChatClient, ConfigurationError, EmbeddingsClient, merge_params
from azure_inference_core._request.parameters import to_json
from tests.support import wire
from tests.support.drive import connect
from tests.support.scripted_server import ScriptedServer

TOOL = {
    "type": "function",
    "function": {"name": "weather", "description": "x", "parameters": {"type": "object"}},
}
SCHEMA = {"type": "object", "properties": {"a": {"type": "string"}}}
CYCLE: dict[str, Any] = {}
CYCLE["self"] = CYCLE


def sent(server: ScriptedServer, client: ChatClient, **params: Any) -> dict[str, Any]:
    """The body of a call with these parameters, without its messages."""
    client.complete(wire.MESSAGES, **params)
    body = dict(server.last.json)
    assert body.pop("messages") == wire.MESSAGES
    return body


def test_a_plain_call_sends_messages_only(server: ScriptedServer, chat: ChatClient) -> None:
    """Nothing is sent that was not asked for."""
    assert sent(server, chat) == {}
    assert "extra-parameters" not in server.last.headers


def test_none_is_not_sent(server: ScriptedServer, chat: ChatClient) -> None:
    """``None`` means "not given", for known parameters and extras."""
    assert sent(server, chat, temperature=None, stop=None, tools=None, model_extras=None, top_k=None) == {}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("temperature", 0),
        ("temperature", 0.0),
        ("temperature", 1.7),
        ("top_p", 0.0),
        ("max_tokens", 0),
        ("seed", 0),
        ("seed", -(2**63)),
        ("frequency_penalty", -2),
        ("presence_penalty", 0),
        ("model", "other-model"),
        ("tool_choice", None),
    ],
)
def test_what_is_given_is_sent(server: ScriptedServer, chat: ChatClient, name: str, value: Any) -> None:
    """Zero is a value like any other, and ranges are the model's business."""
    assert sent(server, chat, **{name: value}) == ({} if value is None else {name: value})


@pytest.mark.parametrize("value", [np.float32(0.5), np.float64(0.5), fractions.Fraction(1, 2)], ids=repr)
def test_numbers_of_other_libraries_are_numbers(server: ScriptedServer, chat: ChatClient, value: Any) -> None:
    """A number from numpy or of the standard library goes out as JSON's own."""
    assert sent(server, chat, temperature=value) == {"temperature": 0.5}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("temperature", math.nan),
        ("temperature", math.inf),
        ("temperature", True),
        ("temperature", "0.5"),
        ("top_p", decimal.Decimal("NaN")),
        ("max_tokens", 1.5),
        ("max_tokens", True),
        ("seed", "7"),
        ("model", 5),
        ("model", ""),
        ("stop", 5),
        ("stop", ["a", 5]),
        ("response_format", "yaml"),
        ("response_format", {"schema": {}}),
        ("response_format", 5),
        ("tool_choice", "maybe"),
        ("tool_choice", {"type": "function"}),
        ("extra_parameters", "ignore"),
        ("model_extras", ["n"]),
        ("headers", {"x": 5}),
        ("timeout", 0),
        ("timeout", -1),
        ("timeout", math.nan),
        ("max_retries", -1),
        ("max_retries", True),
    ],
)
def test_wrong_values_are_refused_before_sending(
    server: ScriptedServer, chat: ChatClient, name: str, value: Any
) -> None:
    """A value that cannot be meant is a ``ConfigurationError`` that names the parameter, and nothing is sent."""
    with pytest.raises(ConfigurationError, match=name if name != "headers" else "header"):
        chat.complete(wire.MESSAGES, **{name: value})
    assert server.requests == []


@pytest.mark.parametrize(
    ("given", "wanted"),
    [("x", ["x"]), (["x"], ["x"]), (("x", "y"), ["x", "y"]), (list("abcde"), list("abcde")), ([], None)],
    ids=repr,
)
def test_stop_is_a_list(server: ScriptedServer, chat: ChatClient, given: Any, wanted: Any) -> None:
    """One string is a list of one; an empty list is none; the number is the service's business."""
    assert sent(server, chat, stop=given) == ({} if wanted is None else {"stop": wanted})


@pytest.mark.parametrize(
    ("given", "wanted"),
    [
        ("text", {"type": "text"}),
        ("json_object", {"type": "json_object"}),
        ({"type": "json_object"}, {"type": "json_object"}),
        (
            {"type": "json_schema", "json_schema": {"name": "a", "schema": SCHEMA, "strict": True}},
            {"type": "json_schema", "json_schema": {"name": "a", "schema": SCHEMA, "strict": True}},
        ),
        (
            JsonSchemaFormat(name="a", schema=SCHEMA, description="d", strict=True),
            {
                "type": "json_schema",
                "json_schema": {"name": "a", "schema": SCHEMA, "description": "d", "strict": True},
            },
        ),
    ],
    ids=["text", "string", "dict", "schema", "sdk"],
)
def test_response_formats(server: ScriptedServer, chat: ChatClient, given: Any, wanted: Any) -> None:
    """A string, OpenAI's dict and the SDK's object all become the API's own form."""
    assert sent(server, chat, response_format=given) == {"response_format": wanted}


@pytest.mark.parametrize(
    "choice", ["auto", "none", "required", {"type": "function", "function": {"name": "weather"}}], ids=str
)
def test_tools_and_their_choice_are_sent(server: ScriptedServer, chat: ChatClient, choice: Any) -> None:
    """Tools go out as given, with each form of choice the API has."""
    assert sent(server, chat, tools=[TOOL], tool_choice=choice) == {"tools": [TOOL], "tool_choice": choice}


@pytest.mark.parametrize(
    ("tools", "choice", "says"),
    [
        ([{"type": "function", "function": {}}], None, r"tools\[0\]"),
        ([TOOL, TOOL], None, "weather"),
        ([{"type": "function", "function": {"name": "a", "parameters": "x"}}], None, "parameters"),
        (["weather"], None, r"tools\[0\]"),
        ([TOOL], {"type": "function", "function": {"name": "other"}}, "other"),
        (None, "required", "no tools"),
    ],
)
def test_unusable_tools_are_refused(
    server: ScriptedServer, chat: ChatClient, tools: Any, choice: Any, says: str
) -> None:
    """Nameless or duplicate tools, schemas that are no objects, choices of nothing."""
    with pytest.raises(ConfigurationError, match=says):
        chat.complete(wire.MESSAGES, tools=tools, tool_choice=choice)
    assert server.requests == []


@pytest.mark.parametrize(
    "params", [{"n": 2}, {"model_extras": {"n": 2}}, {"model_kwargs": {"n": 2}}], ids=str
)
def test_any_other_keyword_is_an_extra(
    server: ScriptedServer, chat: ChatClient, params: dict[str, Any]
) -> None:
    """What the API does not know goes to the model, and the header says so."""
    assert sent(server, chat, **params) == {"n": 2}
    assert server.last.headers["extra-parameters"] == "pass-through"


def test_extras_of_zero_and_false_are_sent(server: ScriptedServer, chat: ChatClient) -> None:
    """An extra of 0, ``False`` or an empty list is a value."""
    assert sent(server, chat, n=0, logprobs=False, documents=[]) == {
        "n": 0,
        "logprobs": False,
        "documents": [],
    }


def test_extras_are_dropped_on_request(server: ScriptedServer, chat: ChatClient) -> None:
    """``drop`` leaves it to the endpoint which extras to drop."""
    sent(server, chat, n=2, extra_parameters="drop")
    assert server.last.headers["extra-parameters"] == "drop"


def test_extras_can_be_an_error(server: ScriptedServer, chat: ChatClient) -> None:
    """``error`` asks the endpoint to refuse extras; it does, naming the parameter."""
    with pytest.raises(Exception, match=r"\bn\b") as caught:
        chat.complete(wire.MESSAGES, n=2, extra_parameters="error")
    assert [parameter.name for parameter in caught.value.parameters] == ["n"]
    assert server.last.headers["extra-parameters"] == "error"


@pytest.mark.parametrize("base", ["v1_url", "deployment_url"])
def test_dialects_without_the_header_take_extras_in_the_body(server: ScriptedServer, base: str) -> None:
    """Azure OpenAI and the v1 route know no such header."""
    with ChatClient(connect(getattr(server, base))) as client:
        assert sent(server, client, n=2) == {"n": 2}
        assert "extra-parameters" not in server.last.headers


@pytest.mark.parametrize("name", ["messages", "stream", "input", "prompt", "tools", "tool_choice", "model"])
def test_extras_cannot_replace_the_conversation(server: ScriptedServer, chat: ChatClient, name: str) -> None:
    """Reserved names are refused, with the list of them."""
    with pytest.raises(ConfigurationError, match=r"messages.*prompt.*stream") as caught:
        chat.complete(wire.MESSAGES, model_extras={name: "x"})
    assert name in str(caught.value)
    assert server.requests == []


@pytest.mark.parametrize(
    ("extras", "says"),
    [
        ({"a": {"b": [0, {1, 2}]}}, r"a\.b\[1\]"),
        ({"a": CYCLE}, "itself"),
        ({"a": {5: 1}}, "key that is not a string"),
        ({5: 1}, "key that is not a string"),
        ({"a": {"b": math.nan}}, r"a\.b.*nan"),
        ({"a": ["x", "\udfff"]}, r"a\[1\].*surrogate"),
        ({"a": b"x"}, "bytes"),
        pytest.param({"a": object()}, "object", id="object"),
    ],
    ids=repr,
)
def test_extras_that_are_no_json_are_refused(
    server: ScriptedServer, chat: ChatClient, extras: dict[Any, Any], says: str
) -> None:
    """The error names the path to what JSON cannot carry."""
    with pytest.raises(ConfigurationError, match=says):
        chat.complete(wire.MESSAGES, model_extras=extras)
    assert server.requests == []


def test_a_slip_of_the_pen_is_warned_of_once(server: ScriptedServer, chat: ChatClient) -> None:
    """A keyword one slip away from a known name is sent, with one warning that names the known one."""
    with pytest.warns(UserWarning, match="'temperature'") as caught:
        assert sent(server, chat, temprature=1) == {"temprature": 1}
    assert len(caught) == 1
    assert caught[0].filename == __file__ or "sent" not in caught[0].filename
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        chat.complete(wire.MESSAGES, temprature=1)


@pytest.mark.parametrize("name", ["top_k", "min_p", "n", "user", "logprobs", "safe_prompt", "documents"])
def test_usual_extras_are_no_slips(server: ScriptedServer, chat: ChatClient, name: str) -> None:
    """Extras that models really have are sent without a word."""
    assert sent(server, chat, **{name: 1}) == {name: 1}


def test_headers_of_a_call_are_sent(server: ScriptedServer, chat: ChatClient) -> None:
    """A call's own headers win over the connection's."""
    connection = connect(server.url, default_headers={"x-a": "1", "x-b": "1"})
    with ChatClient(connection) as client:
        client.complete(wire.MESSAGES, headers={"X-B": "2"})
    assert (server.last.headers["x-a"], server.last.headers["x-b"]) == ("1", "2")


@pytest.mark.parametrize(
    ("messages", "says"),
    [
        ([], "at least one"),
        ("hello", "messages"),
        ([{"role": "user", "content": "ok \ud800"}], r"messages\[0\]\.content.*3"),
        ([{"role": "user", "content": b"bytes"}], r"messages\[0\]\.content"),
        ([{"role": "user", "content": {1, 2}}], r"messages\[0\]\.content"),
        ([{"role": "user", "content": math.inf}], r"messages\[0\]\.content"),
        (["hello"], r"messages\[0\]"),
        ([None], r"messages\[0\]"),
    ],
    ids=repr,
)
def test_bad_messages_are_refused(server: ScriptedServer, chat: ChatClient, messages: Any, says: str) -> None:
    """What is no conversation is refused with its position, for sync, stream and async alike; nothing is sent."""
    with pytest.raises(ConfigurationError, match=says):
        chat.complete(messages)
    with pytest.raises(ConfigurationError, match=says):
        next(iter(chat.stream(messages)))
    assert server.requests == []


async def test_bad_messages_are_refused_in_async_calls(server: ScriptedServer) -> None:
    """An async call refuses the same."""
    async with ChatClient(connect(server.url)) as client:
        with pytest.raises(ConfigurationError, match="at least one"):
            await client.acomplete([])
        with pytest.raises(ConfigurationError, match="at least one"):
            async for _ in client.astream([]):
                pass
    assert server.requests == []


@pytest.mark.parametrize("text", ["", "   ", "\x00\x01\x1b[31m", "\u202e\u2028", "日本語 🦊"], ids=ascii)
def test_odd_but_legal_text_is_sent_unchanged(server: ScriptedServer, chat: ChatClient, text: str) -> None:
    """Empty, blank and control characters are legal JSON: the service decides."""
    chat.complete([{"role": "user", "content": text}])
    assert server.last.json["messages"][0]["content"] == text


def test_a_long_message_is_sent_and_a_longer_one_refused(server: ScriptedServer) -> None:
    """10 MB go through; over ``max_request_bytes`` is refused, saying both sizes."""
    with ChatClient(connect(server.url)) as client:
        client.complete([{"role": "user", "content": "a" * 10_000_000}])
        assert len(server.last.body) > 10_000_000
        with pytest.raises(ConfigurationError, match=r"33,554,432"):
            client.complete([{"role": "user", "content": "a" * (33 << 20)}])
    assert len(server.requests) == 1


def test_nothing_given_is_written_to(server: ScriptedServer, chat: ChatClient) -> None:
    """Messages, tools, extras, headers and formats are the caller's: equal, and the same objects, after the call."""
    messages = [{"role": "user", "content": [{"type": "text", "text": "hi"}]}]
    params: dict[str, Any] = {
        "tools": [copy.deepcopy(TOOL)],
        "model_extras": {"n": 1, "stream_options": {"a": 1}},
        "headers": {"x-a": "1"},
        "response_format": {"type": "json_object"},
        "stop": ["x"],
    }
    before = copy.deepcopy((messages, params))
    chat.complete(messages, **params)
    with chat.stream(messages, **params) as deltas:
        list(deltas)
    assert (messages, params) == before


@pytest.mark.parametrize(
    ("defaults", "call", "merged"),
    [
        ({"temperature": 1}, {"temperature": 0}, {"temperature": 0}),
        ({"temperature": 1}, {"temperature": None}, {"temperature": 1}),
        ({"model_extras": {"a": 1, "b": 1}}, {"model_extras": {"b": 2}}, {"a": 1, "b": 2}),
        ({"model_kwargs": {"a": 1}}, {"a": 2}, {"a": 2}),
        ({"stop": ["a"]}, {}, {"stop": ["a"]}),
    ],
)
def test_a_calls_parameters_win(
    server: ScriptedServer,
    chat: ChatClient,
    defaults: dict[str, Any],
    call: dict[str, Any],
    merged: dict[str, Any],
) -> None:
    """The call wins, ``None`` never overrides, extras of both are merged; and neither mapping is written to."""
    before = copy.deepcopy((defaults, call))
    assert sent(server, chat, **merge_params(defaults, call)) == merged
    assert (defaults, call) == before


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@settings(deadline=None)
@given(json_values)
def test_json_goes_out_as_it_came(value: Any) -> None:
    """Whatever JSON can carry arrives unchanged."""
    assert json.loads(to_json(value, 1 << 20)) == value


@settings(deadline=None, max_examples=60)
@given(
    st.recursive(
        st.floats() | st.text() | st.binary() | st.none(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner),
    )
)
def test_json_is_sent_strictly_or_not_at_all(value: Any) -> None:
    """Whatever is given, the result is strict JSON in UTF-8, or a ``ConfigurationError``."""

    def refuse(text: str) -> float:
        raise AssertionError(text)

    try:
        body = to_json(value, 1 << 20)
    except ConfigurationError:
        return
    json.loads(body.decode(), parse_constant=refuse)


@pytest.mark.parametrize(
    ("texts", "kind"),
    [("hello", TypeError), (["a", None], TypeError), ([1], TypeError), ([b"a"], TypeError), (5, TypeError)],
)
def test_only_lists_of_texts_are_embedded(server: ScriptedServer, texts: Any, kind: type[Exception]) -> None:
    """A bare string or an item that is no string is a ``TypeError``; nothing is sent."""
    with EmbeddingsClient(connect(server.url)) as client, pytest.raises(kind):
        client.embed(texts)
    assert server.requests == []
