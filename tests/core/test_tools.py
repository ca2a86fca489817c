"""Tools: names, ids, arguments and strict schemas, as the API takes them and back."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azure_inference_core import ChatClient, ConfigurationError
from azure_inference_core._request.schemas import json_schema_format, strict_tool
from azure_inference_core._request.tools import legal_name, new_call_id, read_arguments
from tests.support import wire
from tests.support.drive import connect
from tests.support.scripted_server import ScriptedServer

NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


@given(st.text(min_size=1, max_size=200))
def test_every_name_becomes_legal_and_a_legal_one_stays(name: str) -> None:
    """What goes out is always a name that the API takes, and the same for the same name."""
    legal = legal_name(name)
    assert NAME.fullmatch(legal)
    assert legal_name(legal) == legal == legal_name(name)
    if NAME.fullmatch(name):
        assert legal == name


@given(st.text("ab", min_size=65, max_size=90), st.text("ab", min_size=65, max_size=90))
def test_two_long_names_stay_two(a: str, b: str) -> None:
    """A name that had to be cut still differs from another with the same beginning."""
    assert (legal_name(a) == legal_name(b)) == (a == b)


def test_an_id_is_what_every_model_takes() -> None:
    """Nine letters and digits, and not the same twice."""
    ids = {new_call_id() for _ in range(100)}
    assert len(ids) == 100
    assert all(re.fullmatch(r"[A-Za-z0-9]{9}", call_id) for call_id in ids)


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ("", {}),
        ("  \n", {}),
        ("{}", {}),
        ('{"a": [1, null, true]}', {"a": [1, None, True]}),
        ('{"a": "x\ny\tz"}', {"a": "x\ny\tz"}),
        ("{'a': 'it is', 'b': None}", {"a": "it is", "b": None}),
        ('"{\\"a\\": 1}"', {"a": 1}),
    ],
)
def test_arguments_are_read_as_models_write_them(text: str, arguments: dict[str, Any]) -> None:
    """JSON, raw line ends, single quotes, an object encoded twice; nothing is no arguments."""
    assert read_arguments(text) == arguments


@pytest.mark.parametrize(
    "text",
    [
        '{"a": 1',
        '{"a": "pen","b',
        "[1]",
        "null",
        "5",
        '"x"',
        "{'a': f()}",
        "{'a': ...}",
        "{'a': {1}}",
        "{'a': 1, 2: 3}",
        '{"a": NaN}',
        '{"a": "\\ud800"}',
        "{'a'",
        "delete everything",
        "[" * 9999,
    ],
    ids=lambda text: text[:12],
)
def test_arguments_that_cannot_be_read_are_never_other_arguments(text: str) -> None:
    """What was cut off, or is no object, is an error that says so."""
    with pytest.raises(ValueError, match="arguments are"):
        read_arguments(text)


@given(st.text(max_size=60))
def test_any_text_is_arguments_or_an_error(text: str) -> None:
    """No text makes the reading fail in another way."""
    try:
        assert isinstance(read_arguments(text), dict)
    except ValueError as error:
        assert "arguments" in str(error)  # noqa: PT017


FREE = {
    "type": "object",
    "properties": {"stars": {"type": "object", "additionalProperties": {"type": "integer"}}},
}
NESTED = {
    "type": "object",
    "properties": {"a": {"$ref": "#/$defs/A", "description": "x"}, "b": {"type": "integer", "default": 1}},
    "$defs": {
        "A": {
            "type": "object",
            "properties": {"c": {"anyOf": [{"type": "object", "properties": {}}, {"type": "null"}]}},
        }
    },
}


def test_a_strict_schema_is_closed() -> None:
    """Every object has all its properties required and no others; the caller's schema is not touched."""
    before = repr(NESTED)
    given = json_schema_format("say it", NESTED, strict=True)["json_schema"]
    assert repr(NESTED) == before
    assert (given["name"], given["strict"]) == ("say_it", True)
    schema = given["schema"]
    assert (schema["required"], schema["additionalProperties"]) == (["a", "b"], False)
    assert schema["properties"] == {"a": {"$ref": "#/$defs/A"}, "b": {"type": "integer"}}
    inner = schema["$defs"]["A"]["properties"]["c"]["anyOf"][0]
    assert inner == {"type": "object", "properties": {}, "additionalProperties": False, "required": []}


def test_a_schema_that_cannot_be_strict_stays_as_it_is() -> None:
    """Free keys and strictness do not go together; the schema goes out open, as a format and as a tool."""
    assert json_schema_format("a", FREE, strict=True)["json_schema"] == {
        "name": "a",
        "schema": FREE,
        "strict": False,
    }
    tool = strict_tool({"type": "function", "function": {"name": "a", "parameters": FREE}})
    assert tool["function"] == {"name": "a", "parameters": FREE, "strict": False}


def test_strictness_is_not_sent_unless_asked_for() -> None:
    """Without it the service's own default holds."""
    assert json_schema_format("a", FREE)["json_schema"] == {"name": "a", "schema": FREE}


def tool(name: str) -> dict[str, Any]:
    return {
        "type": "function",
        "function": {"name": name, "parameters": {"type": "object", "properties": {}}},
    }


@pytest.mark.parametrize("streamed", [False, True])
async def test_the_caller_hears_his_own_names(server: ScriptedServer, streamed: bool) -> None:
    """A name that the API refuses is sent in a legal form, and the call in the answer has the caller's."""
    server.reply(
        lambda _request: wire.chat(content="", tool_calls=[wire.tool_call(name="say_it", arguments="{}")])
    )
    history = [
        *wire.MESSAGES,
        {
            "role": "assistant",
            "content": None,
            "tool_calls": [
                {"type": "function", "id": None, "function": {"name": "say it", "arguments": "{}"}}
            ],
        },
        {"role": "tool", "tool_call_id": "call00000", "content": "ok"},
    ]
    with ChatClient(connect(server.url)) as client:
        if streamed:
            names = [
                call.name
                for delta in client.stream(history, tools=[tool("say it")])
                for call in delta.tool_calls
            ]
        else:
            answer = await client.acomplete(history, tools=[tool("say it")])
            names = [call.name for call in answer.choices[0].tool_calls]
    assert names == ["say it"]
    sent = server.last.json
    assert sent["tools"][0]["function"]["name"] == "say_it"
    assert sent["messages"][1]["tool_calls"][0] == {
        "type": "function",
        "id": "call00000",
        "function": {"name": "say_it", "arguments": "{}"},
    }
    assert history[1]["tool_calls"][0]["id"] is None


def test_two_tools_with_one_legal_name_are_refused(server: ScriptedServer) -> None:
    """The model could not tell them apart; nothing is sent."""
    with (
        ChatClient(connect(server.url)) as client,
        pytest.raises(ConfigurationError, match="'say it' and 'say_it'"),
    ):
        client.complete(wire.MESSAGES, tools=[tool("say it"), tool("say_it")])
    assert server.requests == []


@pytest.mark.parametrize(("model", "content"), [("Cohere-command-r-plus", "a\nb"), ("gpt-4o", None)])
def test_parts_of_text_are_one_text_where_the_model_takes_no_parts(
    server: ScriptedServer, model: str, content: str | None
) -> None:
    """A list of text parts becomes a string for families that refuse lists, and stays for the others."""
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    with ChatClient(connect(server.url, model=model)) as client:
        client.complete([{"role": "user", "content": parts}])
    assert server.last.json["messages"][0]["content"] == (content or parts)
