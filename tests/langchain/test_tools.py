"""Tools, tool choice and structured output."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from langchain_core.exceptions import OutputParserException
from langchain_core.tools import tool
from pydantic import BaseModel, Field, ValidationError
from pydantic.v1 import BaseModel as BaseModelV1
from typing_extensions import TypedDict

from langchain_azure_inference import ChatAzureInference, ConfigurationError, RefusalError
from tests.support import wire
from tests.support.scripted_server import ScriptedServer


def model_of(server: ScriptedServer, **more: Any) -> ChatAzureInference:
    """A model on the scripted endpoint."""
    return ChatAzureInference(endpoint=server.url, credential="test", **more)


@tool
def weather(city: str) -> str:
    """The weather of a city."""
    return f"sun in {city}"


def add(a: int, b: int) -> int:
    """Add two numbers.

    Args:
        a: The first.
        b: The second.
    """
    return a + b


class Multiply(BaseModel):
    """Multiply two numbers."""

    a: int
    b: int = 2


class Point(TypedDict):
    """A point."""

    x: int


NAMED = {"type": "function", "function": {"name": "weather"}}


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (None, None),
        (False, None),
        ("auto", "auto"),
        ("none", "none"),
        ("any", "required"),
        ("required", "required"),
        (True, "required"),
        ("weather", NAMED),
        (NAMED, NAMED),
        ({"name": "weather"}, NAMED),
        ({"type": "tool", "name": "weather"}, NAMED),
        ({"type": "any"}, "required"),
        ({"type": "auto"}, "auto"),
    ],
)
def test_every_form_of_tool_choice(server: ScriptedServer, choice: Any, expected: Any) -> None:
    """``bind_tools`` and a call's own ``tool_choice`` take every form and send the API's."""
    model_of(server).bind_tools([weather, add], tool_choice=choice).invoke("x")
    assert server.last.json.get("tool_choice") == expected
    model_of(server).invoke("x", tools=[weather], tool_choice=choice)
    assert server.last.json.get("tool_choice") == expected


@pytest.mark.parametrize("choice", ["nobody", {"type": "function", "function": {"name": "nobody"}}, 7, {}])
def test_an_impossible_tool_choice_is_refused(server: ScriptedServer, choice: Any) -> None:
    """A tool that is not there, or a form nobody knows, is refused before sending."""
    with pytest.raises(ConfigurationError, match="tool_choice"):
        model_of(server).bind_tools([weather], tool_choice=choice)


@pytest.mark.parametrize(
    ("given", "name", "properties"),
    [
        (weather, "weather", {"city"}),
        (add, "add", {"a", "b"}),
        (Multiply, "Multiply", {"a", "b"}),
        (Point, "Point", {"x"}),
        ({"name": "f", "parameters": {"type": "object", "properties": {"y": {}}}}, "f", {"y"}),
        ({"name": "f", "input_schema": {"type": "object", "properties": {"y": {}}}}, "f", {"y"}),
        (
            {"type": "function", "function": {"name": "f", "parameters": {"properties": {"y": {}}}}},
            "f",
            {"y"},
        ),
        ({"title": "f", "type": "object", "properties": {"y": {}}}, "f", {"y"}),
    ],
)
def test_every_form_of_tool(server: ScriptedServer, given: Any, name: str, properties: set[str]) -> None:
    """Tools, functions, classes and dicts of each provider's form become function tools."""
    for runnable in (model_of(server).bind_tools([given]), model_of(server).bind(tools=[given])):
        runnable.invoke("x")
        (sent,) = server.last.json["tools"]
        assert sent["type"] == "function"
        assert sent["function"]["name"] == name
        assert set(sent["function"]["parameters"]["properties"]) == properties


def test_strict_and_parallel_tool_calls(server: ScriptedServer) -> None:
    """``strict`` closes the schemas, ``parallel_tool_calls`` travels as an extra."""
    model_of(server).bind_tools([Multiply], strict=True, parallel_tool_calls=False, top_k=1).invoke("x")
    body = server.last.json
    function = body["tools"][0]["function"]
    assert function["strict"] is True
    assert function["parameters"]["additionalProperties"] is False
    assert function["parameters"]["required"] == ["a", "b"]
    assert (body["parallel_tool_calls"], body["top_k"]) == (False, 1)


@pytest.mark.parametrize("bad", [{"type": "web_search"}, {"nonsense": 1}, 3])
def test_what_is_no_function_tool_is_refused(server: ScriptedServer, bad: Any) -> None:
    """Built-in tools of other providers, and what is no tool at all, are refused with their position."""
    with pytest.raises(ConfigurationError, match=r"tools\[1\]"):
        model_of(server).bind_tools([weather, bad])


def test_deepseek_is_not_told_a_name(server: ScriptedServer) -> None:
    """DeepSeek's models refuse a named tool: they get the one tool, and must call it."""
    bound = model_of(server, model="DeepSeek-V3").bind_tools([weather, add], tool_choice="add")
    bound.invoke("x")
    body = server.last.json
    assert (body["tool_choice"], [t["function"]["name"] for t in body["tools"]]) == ("required", ["add"])
    bound.invoke("x", model="gpt-4o")
    assert len(server.last.json["tools"]) == 2


@pytest.mark.parametrize("streamed", [False, True])
def test_a_tool_keeps_its_own_name(server: ScriptedServer, streamed: bool) -> None:
    """A name that the API does not take is sent as one that it does, and comes back as the caller's own."""
    for name in ("say it", "a_name_of_more_than_sixty_four_characters_" * 2):
        given = {"name": name, "parameters": {"type": "object", "properties": {}}}
        model = model_of(server).bind_tools([given, weather], tool_choice=name)
        server.reply_always(calling_first(streamed))
        chunks = list(model.stream("x")) if streamed else [model.invoke("x")]
        (call,) = [call for chunk in chunks for call in chunk.tool_calls]
        assert call["name"] == name
        sent = server.last.json
        assert re.fullmatch("[a-zA-Z0-9_-]{1,64}", sent["tools"][0]["function"]["name"])
        assert sent["tool_choice"]["function"]["name"] == sent["tools"][0]["function"]["name"]


def calling_first(streamed: bool) -> Any:
    """An endpoint whose model calls the first tool."""

    def answer(request: Any) -> Any:
        call = wire.tool_call(request.json["tools"][0]["function"]["name"], "{}")
        if not streamed:
            return wire.chat(None, tool_calls=[call])
        return [wire.chunk(tool_calls=[{**call, "index": 0}]), wire.chunk("", finish_reason="tool_calls")]

    return answer


def test_a_schema_that_cannot_be_strict_is_sent_as_it_is(server: ScriptedServer) -> None:
    """An object with free keys has no strict form: the schema travels untouched, and ``strict`` is false."""

    class Counts(BaseModel):
        """Counts by word."""

        by_word: dict[str, int]

    model_of(server).bind_tools([Counts], strict=True).invoke("x")
    function = server.last.json["tools"][0]["function"]
    server.reply('{"by_word": {}}')
    model_of(server).with_structured_output(Counts, method="json_schema", strict=True).invoke("x")
    described = server.last.json["response_format"]["json_schema"]
    for sent, schema in ((function, function["parameters"]), (described, described["schema"])):
        assert sent["strict"] is False
        assert schema["properties"]["by_word"]["additionalProperties"] == {"type": "integer"}


def test_no_tools_is_no_tools(server: ScriptedServer) -> None:
    """An empty list of tools is not sent."""
    model_of(server).bind_tools([]).invoke("x")
    assert "tools" not in server.last.json


class Joke(BaseModel):
    """A joke."""

    setup: str = Field(description="the question")
    punchline: str | None = None


class JokeV1(BaseModelV1):
    """A joke."""

    setup: str
    punchline: str | None = None


class JokeDict(TypedDict):
    """A joke."""

    setup: str
    punchline: str | None


TITLED = {
    "title": "a joke",
    "type": "object",
    "properties": {"setup": {"type": "string"}},
    "required": ["setup"],
}
UNTITLED = {"type": "object", "properties": {"setup": {"type": "string"}}}
FUNCTION = {"name": "joke", "description": "A joke.", "parameters": UNTITLED}
OPENAI = {"name": "joke", "schema": UNTITLED, "strict": True}
SCHEMAS = [Joke, JokeV1, JokeDict, TITLED, UNTITLED, FUNCTION]
JOKE = {"setup": "why?", "punchline": "because"}


def answer_in(method: str) -> Any:
    """An endpoint that answers with the joke, in the way the request asks for."""

    def answer(request: Any) -> Any:
        text = json.dumps(JOKE)
        if method != "function_calling":
            return wire.chat_chunks(text) if request.json.get("stream") else wire.chat(text)
        call = wire.tool_call(request.json["tools"][0]["function"]["name"], text)
        if not request.json.get("stream"):
            return wire.chat(None, tool_calls=[call])
        return [wire.chunk(tool_calls=[{**call, "index": 0}]), wire.chunk("", finish_reason="tool_calls")]

    return answer


def check_joke(schema: Any, joke: Any) -> None:
    """The joke in the form the schema asks for."""
    if isinstance(schema, type) and schema is not JokeDict:
        assert isinstance(joke, schema)
        joke = joke.model_dump() if isinstance(joke, BaseModel) else joke.dict()
    assert joke == JOKE


@pytest.mark.parametrize("method", ["function_calling", "json_schema", "json_mode"])
@pytest.mark.parametrize(
    "schema", SCHEMAS, ids=["pydantic", "v1", "typeddict", "titled", "untitled", "function"]
)
async def test_structured_output(server: ScriptedServer, schema: Any, method: Any) -> None:
    """Each form of schema by each method gives objects of classes and dicts of dicts, sync, async, streamed."""
    server.reply_always(answer_in(method))
    chain = model_of(server).with_structured_output(schema, method=method)
    check_joke(schema, chain.invoke("x"))
    check_joke(schema, await chain.ainvoke("x"))
    check_joke(schema, list(chain.stream("x"))[-1])
    raw = model_of(server).with_structured_output(schema, method=method, include_raw=True).invoke("x")
    check_joke(schema, raw["parsed"])
    assert (raw["raw"].type, raw["parsing_error"]) == ("ai", None)


@pytest.mark.parametrize("schema", [*SCHEMAS, OPENAI, {"type": "json_schema", "json_schema": OPENAI}])
def test_a_schema_has_a_legal_name_and_is_closed_when_strict(server: ScriptedServer, schema: Any) -> None:
    """``json_schema`` sends a legal name and the schema itself; ``strict`` closes every object in it."""
    server.reply_always(answer_in("json_schema"))
    model_of(server).with_structured_output(schema, method="json_schema", strict=True).invoke("x")
    sent = server.last.json["response_format"]
    assert sent["type"] == "json_schema"
    described = sent["json_schema"]
    assert described["name"].replace("_", "a").isalnum()
    assert described["strict"] is True
    assert described["schema"]["additionalProperties"] is False
    assert set(described["schema"]["required"]) == set(described["schema"]["properties"])


def test_strict_is_not_sent_unless_asked(server: ScriptedServer) -> None:
    """Without ``strict`` the service's own default holds."""
    server.reply_always(answer_in("json_schema"))
    model_of(server).with_structured_output(Joke, method="json_schema").invoke("x")
    assert "strict" not in server.last.json["response_format"]["json_schema"]


def test_one_tool_is_required_not_named(server: ScriptedServer) -> None:
    """With the one tool of structured output ``required`` is sent, which more endpoints understand."""
    server.reply_always(answer_in("function_calling"))
    model_of(server).with_structured_output(Joke, temperature=0).invoke("x")
    assert server.last.json["tool_choice"] == "required"
    assert server.last.json["temperature"] == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"schema": Joke, "method": "magic"}, "function_calling, json_mode, json_schema"),
        ({"schema": Joke, "method": "json_mode", "strict": True}, "strict"),
        ({"schema": None, "method": "json_schema"}, "needs a schema"),
        ({"schema": None}, "needs a schema"),
        ({"schema": 3, "method": "json_schema"}, "no JSON schema"),
    ],
)
def test_impossible_structured_output_is_refused(
    server: ScriptedServer, arguments: dict[str, Any], words: str
) -> None:
    """What cannot be asked for is refused when the chain is made."""
    with pytest.raises(ConfigurationError, match=words):
        model_of(server).with_structured_output(**arguments)


def test_json_mode_without_a_schema(server: ScriptedServer) -> None:
    """``json_mode`` does without a schema and gives what the model wrote."""
    server.reply('{"a": [1, 2]}')
    assert model_of(server).with_structured_output(method="json_mode").invoke("x") == {"a": [1, 2]}
    assert server.last.json["response_format"] == {"type": "json_object"}


def refused(reason: str, streamed: bool) -> Any:
    """An answer that is a refusal, or withheld by content safety."""
    refusal = "I will not." if reason == "refusal" else None
    finish = "stop" if reason == "refusal" else "content_filter"
    if streamed:
        delta = {"refusal": refusal} if refusal else {}
        return [wire.chunk("", role="assistant", **delta), wire.chunk("", finish_reason=finish)]
    body = wire.chat("", finish_reason=finish)
    body["choices"][0]["message"]["refusal"] = refusal
    return body


@pytest.mark.parametrize("method", ["function_calling", "json_schema", "json_mode"])
@pytest.mark.parametrize("reason", ["refusal", "content_filter"])
@pytest.mark.parametrize("streamed", [False, True])
def test_a_refusal_is_called_by_its_name(
    server: ScriptedServer, method: Any, reason: str, streamed: bool
) -> None:
    """A refused or filtered answer raises ``RefusalError`` with the message, not a parsing error."""
    import langchain_core.exceptions as lc

    chain = model_of(server).with_structured_output(Joke, method=method)
    server.reply(refused(reason, streamed))
    with pytest.raises(RefusalError) as caught:
        list(chain.stream("x")) if streamed else chain.invoke("x")
    assert caught.value.raw_message is not None
    assert isinstance(caught.value, getattr(lc, "ModelRefusalError", lc.ModelError))
    assert caught.value.is_retryable is False
    server.reply(refused(reason, False))
    raw = model_of(server).with_structured_output(Joke, method=method, include_raw=True).invoke("x")
    assert isinstance(raw["parsing_error"], RefusalError)
    assert raw["parsed"] is None


@pytest.mark.parametrize("method", ["function_calling", "json_schema", "json_mode"])
def test_bad_answers_raise(server: ScriptedServer, method: Any) -> None:
    """An answer that is not JSON, does not fit, or was cut off raises; with ``include_raw`` it is kept."""
    chain = model_of(server).with_structured_output(Joke, method=method)
    if method == "function_calling":
        bad = [
            wire.chat(None, tool_calls=[wire.tool_call("Joke", text)]) for text in ('{"setup": ', '{"x": 1}')
        ]
        bad.append(
            wire.chat(None, tool_calls=[wire.tool_call("Joke", '{"setup": "wh')], finish_reason="length")
        )
    else:
        bad = [wire.chat(text) for text in ("Sure!", '{"x": 1}', "[1]")]
        bad.append(wire.chat('{"setup": "wh', finish_reason="length"))
    for body in bad:
        server.reply(body)
        with pytest.raises((OutputParserException, ValidationError)):
            chain.invoke("x")
    server.reply(bad[0])
    raw = model_of(server).with_structured_output(Joke, method=method, include_raw=True).invoke("x")
    assert (raw["raw"].type, raw["parsed"]) == ("ai", None)
    assert isinstance(raw["parsing_error"], OutputParserException)


def test_a_cut_answer_is_not_completed_by_guessing(server: ScriptedServer) -> None:
    """JSON that was cut at ``max_tokens`` raises, though lenient parsers would close it."""
    chain = model_of(server).with_structured_output(TITLED, method="json_schema")
    server.reply(wire.chat('{"setup": "wh', finish_reason="length"))
    with pytest.raises(OutputParserException, match="max_tokens"):
        chain.invoke("x")
    server.reply(wire.chat('{"setup": "why?"}   ', finish_reason="length"))
    assert chain.invoke("x") == {"setup": "why?"}


def test_generic_classes_have_legal_tool_names(server: ScriptedServer) -> None:
    """A class whose name is not legal in the API is asked for under one that is."""
    from typing import Generic, TypeVar

    item_type = TypeVar("item_type")

    class Box(BaseModel, Generic[item_type]):
        """A box."""

        content: item_type

    server.reply_always(
        lambda request: wire.chat(
            None, tool_calls=[wire.tool_call(request.json["tools"][0]["function"]["name"], '{"content": 3}')]
        )
    )
    box = model_of(server).with_structured_output(Box[int]).invoke("x")
    assert isinstance(box, Box)
    assert box.content == 3
    assert server.last.json["tools"][0]["function"]["name"] == "Box_int_"
