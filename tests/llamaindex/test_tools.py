"""Tools: schemas, choice, calls whole and streamed, and the framework's programs and agents on top of them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from azure.ai.inference.models import (
    ChatCompletionsNamedToolChoice,
    ChatCompletionsNamedToolChoiceFunction,
    ChatCompletionsToolChoicePreset,
)
from llama_index.core.base.llms.types import ChatMessage, ChatResponse, ToolCallBlock
from llama_index.core.tools import FunctionTool
from pydantic import BaseModel

from llamaindex_azure_inference.errors import ConfigurationError
from tests.llamaindex.helpers import ADD, WEATHER, chat_model, user, weather
from tests.support import wire
from tests.support.scripted_server import ScriptedServer


class Part(BaseModel):
    """A part."""

    name: str
    parts: list[Part] = []


class Pair(BaseModel):
    """A pair."""

    both: tuple[int, str]


WAYS = ("chat_with_tools", "achat_with_tools", "stream_chat_with_tools", "astream_chat_with_tools")
every_way = pytest.mark.parametrize("way", WAYS)
OSLO = wire.tool_call("weather", '{"city": "Oslo"}', "call-oslo")
SUM = wire.tool_call("add", '{"a": 1, "b": 2}', "call-sum0")
TOOLS = [WEATHER, ADD]


async def with_tools(llm: Any, way: str, tools: Any = TOOLS, **kwargs: Any) -> list[ChatResponse]:
    """Ask with tools in one of the four ways; every response that came."""
    kwargs.setdefault("user_msg", "Hello?")
    answer = getattr(llm, way)(tools, **kwargs)
    if way.startswith("a"):
        answer = await answer
    if way.startswith("astream"):
        return [response async for response in answer]
    return list(answer) if way.startswith("stream") else [answer]


def calling(way: str, *calls: dict[str, Any], content: str | None = None) -> Any:
    """An answer that calls, as a body or, split in small pieces, as a stream."""
    if "stream" not in way:
        return wire.chat(content, tool_calls=list(calls))
    chunks = [wire.chunk(content or "", role="assistant")]
    for index, call in enumerate(calls):
        arguments = call["function"]["arguments"]
        head = {**call, "index": index, "function": {"name": call["function"]["name"], "arguments": ""}}
        chunks.append(wire.chunk(tool_calls=[head]))
        for start in range(0, len(arguments), 4):
            piece = {"index": index, "function": {"arguments": arguments[start : start + 4]}}
            chunks.append(wire.chunk(tool_calls=[piece]))
    return [*chunks, wire.chunk("", finish_reason="tool_calls", usage=wire.USAGE)]


# -- the request --


@every_way
async def test_tools_are_described(server: ScriptedServer, way: str) -> None:
    """Each way sends name, description and schema of every tool, and leaves the choice to the model."""
    llm = chat_model(server)
    await with_tools(llm, way)
    first = server.last.json["tools"][0]
    assert first["type"] == "function"
    assert first["function"]["name"] == "weather"
    assert "Tell the weather of a city." in first["function"]["description"]
    assert first["function"]["parameters"]["required"] == ["city"]
    assert server.last.json["tool_choice"] == "auto"
    await llm.aclose()


NAMED = {"type": "function", "function": {"name": "add"}}
CHOICES: dict[str, tuple[dict[str, Any], Any]] = {
    "nothing said": ({}, "auto"),
    "none of both": ({"tool_choice": None, "tool_required": False}, "auto"),
    "required": ({"tool_required": True}, "required"),
    "None together with required": ({"tool_choice": None, "tool_required": True}, "required"),
    "choice before required": ({"tool_choice": "auto", "tool_required": True}, "auto"),
    "auto": ({"tool_choice": "auto"}, "auto"),
    "none": ({"tool_choice": "none"}, "none"),
    "required by choice": ({"tool_choice": "required"}, "required"),
    "any": ({"tool_choice": "any"}, "required"),
    "a bare name": ({"tool_choice": "add"}, NAMED),
    "a dict": ({"tool_choice": NAMED}, NAMED),
    "the SDK's preset": ({"tool_choice": ChatCompletionsToolChoicePreset.REQUIRED}, "required"),
    "the SDK's named choice": (
        {
            "tool_choice": ChatCompletionsNamedToolChoice(
                function=ChatCompletionsNamedToolChoiceFunction(name="add")
            )
        },
        NAMED,
    ),
}


@pytest.mark.parametrize("case", CHOICES)
@every_way
async def test_tool_choice_in_every_form(plain: ScriptedServer, way: str, case: str) -> None:
    """Every form of tool choice becomes the API's, in every way."""
    kwargs, expected = CHOICES[case]
    llm = chat_model(plain)
    await with_tools(llm, way, **kwargs)
    assert plain.last.json["tool_choice"] == expected
    await llm.aclose()


def test_choice_of_a_tool_that_is_not_there_is_refused(plain: ScriptedServer) -> None:
    """Naming an unknown tool is refused with the names there are."""
    with pytest.raises(ConfigurationError, match="add"):
        chat_model(plain).chat_with_tools(TOOLS, user_msg="x", tool_choice="subtract")
    assert plain.requests == []


@pytest.mark.parametrize(
    ("kwargs", "names"),
    [({"tool_required": True}, ["weather", "add"]), ({"tool_choice": "add"}, ["add"])],
    ids=["required", "named"],
)
def test_model_that_refuses_to_be_forced(
    plain: ScriptedServer, kwargs: dict[str, Any], names: list[str]
) -> None:
    """Without forced tool choice the model chooses among the tools, or has the named one only."""
    llm = chat_model(plain, supports_forced_tool_choice=False)
    llm.chat_with_tools(TOOLS, user_msg="x", **kwargs)
    assert plain.last.json["tool_choice"] == "auto"
    assert [tool["function"]["name"] for tool in plain.last.json["tools"]] == names


@every_way
@pytest.mark.parametrize("kwargs", [{}, {"tool_required": True}], ids=["free", "required"])
async def test_no_tools_no_keys(plain: ScriptedServer, way: str, kwargs: dict[str, Any]) -> None:
    """An empty list of tools sends neither tools nor a choice."""
    llm = chat_model(plain)
    await with_tools(llm, way, tools=[], **kwargs)
    assert plain.last.json.keys() == {"messages"} | ({"stream"} if "stream" in way else set())
    await llm.aclose()


@every_way
@pytest.mark.parametrize(
    "message", ["Hello?", ChatMessage(role="user", content="Hello?")], ids=["str", "message"]
)
async def test_user_message_of_both_kinds(plain: ScriptedServer, way: str, message: Any) -> None:
    """The user's message is sent after the history, as a text or a message, and the history is not changed."""
    history = [ChatMessage(role="system", content="Be brief.")]
    llm = chat_model(plain)
    await with_tools(llm, way, user_msg=message, chat_history=history)
    assert [m["content"] for m in plain.last.json["messages"]] == ["Be brief.", "Hello?"]
    assert len(history) == 1
    await llm.aclose()


@every_way
async def test_parameters_go_along(plain: ScriptedServer, way: str) -> None:
    """Common parameters and extras of the call reach the wire."""
    llm = chat_model(plain)
    await with_tools(llm, way, temperature=0, top_k=3)
    assert (plain.last.json["temperature"], plain.last.json["top_k"]) == (0, 3)
    await llm.aclose()


@every_way
async def test_name_with_a_space(plain: ScriptedServer, way: str) -> None:
    """A tool with a name the API does not allow is sent cleaned, and comes back under its own name."""
    tool = FunctionTool.from_defaults(weather, name="get weather")
    plain.reply(calling(way, wire.tool_call("get_weather", "{}", "c1")))
    llm = chat_model(plain)
    response = (await with_tools(llm, way, tools=[tool], tool_choice="get weather"))[-1]
    assert plain.last.json["tools"][0]["function"]["name"] == "get_weather"
    assert plain.last.json["tool_choice"]["function"]["name"] == "get_weather"
    assert llm.get_tool_calls_from_response(response)[0].tool_name == "get weather"
    answer = ChatMessage(role="tool", content="Rain.", additional_kwargs={"tool_call_id": "c1"})
    llm.chat([*user(), response.message, answer])
    assert plain.last.json["messages"][1]["tool_calls"][0]["function"]["name"] == "get_weather"
    await llm.aclose()


@every_way
async def test_name_that_is_too_long(plain: ScriptedServer, way: str) -> None:
    """A tool with a name longer than the API allows is offered under a shorter one, and comes back under its own."""
    name = "look up " + "x" * 70

    def answer(request: Any) -> Any:
        """Call the tool by the name that was sent."""
        return calling(way, wire.tool_call(request.json["tools"][0]["function"]["name"], "{}", "c1"))

    plain.reply(answer)
    llm = chat_model(plain)
    response = (await with_tools(llm, way, tools=[FunctionTool.from_defaults(weather, name=name)]))[-1]
    assert len(plain.last.json["tools"][0]["function"]["name"]) <= 64
    assert llm.get_tool_calls_from_response(response)[0].tool_name == name
    await llm.aclose()


@pytest.mark.parametrize(
    ("model", "told", "choice"),
    [
        ("gpt-oss-120b", None, "auto"),
        ("gpt-oss-120b", True, "required"),
        ("gpt-4o", None, "required"),
        ("gpt-4o", False, "auto"),
    ],
)
def test_family_says_whether_a_call_can_be_forced(
    plain: ScriptedServer, model: str, told: bool | None, choice: str
) -> None:
    """Where the user does not say it, the model's family does."""
    llm = chat_model(plain, model=model, supports_forced_tool_choice=told)
    llm.chat_with_tools(TOOLS, user_msg="x", tool_required=True)
    assert plain.last.json["tool_choice"] == choice


def test_names_that_become_one_are_refused(plain: ScriptedServer) -> None:
    """Two tools that the model could not tell apart are refused."""
    tools = [FunctionTool.from_defaults(weather, name=name) for name in ("get weather", "get_weather")]
    with pytest.raises(ConfigurationError, match="the same name for the model"):
        chat_model(plain).chat_with_tools(tools, user_msg="x")


@pytest.mark.parametrize("allowed", [True, False])
def test_parallel_calls_are_told_where_wanted(plain: ScriptedServer, allowed: bool) -> None:
    """The API's own switch for parallel calls is an extra that many models refuse: sent on request only."""
    llm = chat_model(plain)
    llm.chat_with_tools(TOOLS, user_msg="x", allow_parallel_tool_calls=allowed)
    assert "parallel_tool_calls" not in plain.last.json
    llm.send_parallel_tool_calls = True
    llm.chat_with_tools(TOOLS, user_msg="x", allow_parallel_tool_calls=allowed)
    assert plain.last.json["parallel_tool_calls"] is allowed


# -- the answer --


@every_way
async def test_one_call(server: ScriptedServer, way: str) -> None:
    """A call comes back as a selection with its id, name and arguments, and as block and dict."""
    server.reply(calling(way, OSLO))
    llm = chat_model(server)
    response = (await with_tools(llm, way))[-1]
    selection = llm.get_tool_calls_from_response(response)[0]
    assert (selection.tool_id, selection.tool_name) == ("call-oslo", "weather")
    assert selection.tool_kwargs == {"city": "Oslo"}
    assert response.message.additional_kwargs["tool_calls"] == [OSLO]
    assert [type(block) for block in response.message.blocks] == [ToolCallBlock]
    assert response.additional_kwargs["finish_reason"] == "tool_calls"
    assert response.additional_kwargs["total_tokens"] == 13
    await llm.aclose()


@every_way
@pytest.mark.parametrize("allowed", [True, False], ids=["allowed", "single"])
async def test_parallel_calls(plain: ScriptedServer, way: str, allowed: bool) -> None:
    """Two calls come back where they are allowed, in order; else only the first, in both forms."""
    plain.reply(calling(way, OSLO, SUM, content="Both:"))
    llm = chat_model(plain)
    response = (await with_tools(llm, way, allow_parallel_tool_calls=allowed))[-1]
    names = [call.tool_name for call in llm.get_tool_calls_from_response(response)]
    assert names == (["weather", "add"] if allowed else ["weather"])
    assert len(response.message.additional_kwargs["tool_calls"]) == len(names)
    assert response.message.content == "Both:"
    await llm.aclose()


@pytest.mark.parametrize("way", WAYS[2:])
async def test_every_chunk_can_be_read(plain: ScriptedServer, way: str) -> None:
    """Agents ask for the calls on every chunk: incomplete arguments are read as far as they go."""
    plain.reply(calling(way, wire.tool_call("add", '{"a": 12, "b": 3}', "c1")))
    llm = chat_model(plain)
    seen = []
    for response in await with_tools(llm, way):
        assert response.message.model_dump_json()
        seen += [
            call.tool_kwargs
            for call in llm.get_tool_calls_from_response(response, error_on_no_tool_call=False)
        ]
    assert seen[0] == {}
    assert {"a": 12} in seen
    assert seen[-1] == {"a": 12, "b": 3}
    await llm.aclose()


@pytest.mark.parametrize("way", WAYS[2:])
async def test_interleaved_calls_are_joined_by_index(plain: ScriptedServer, way: str) -> None:
    """Two deltas in one chunk, pieces in turn, ids and names only once: each call gets its own pieces."""
    first = {
        "index": 0,
        "id": "c1",
        "type": "function",
        "function": {"name": "weather", "arguments": '{"city"'},
    }
    second = {"index": 1, "id": "c2", "type": "function", "function": {"name": "add", "arguments": '{"a": 1'}}
    more = [
        {"index": 0, "function": {"arguments": ': "Oslo"}'}},
        {"index": 1, "id": None, "function": {"name": None, "arguments": ', "b": 2}'}},
    ]
    plain.reply(
        [
            wire.chunk(tool_calls=[first, second]),
            wire.chunk(tool_calls=more),
            wire.chunk(finish_reason="stop"),
        ]
    )
    llm = chat_model(plain)
    response = (await with_tools(llm, way, allow_parallel_tool_calls=True))[-1]
    told = [(c.tool_id, c.tool_name, c.tool_kwargs) for c in llm.get_tool_calls_from_response(response)]
    assert told == [("c1", "weather", {"city": "Oslo"}), ("c2", "add", {"a": 1, "b": 2})]
    await llm.aclose()


@every_way
async def test_call_without_an_id_gets_one(plain: ScriptedServer, way: str) -> None:
    """A server that gives no id does not break agents: one of nine letters and digits is made, once."""
    plain.reply(calling(way, wire.tool_call("add", '{"a": 1, "b": 2}', None)))
    llm = chat_model(plain)
    responses = await with_tools(llm, way)
    ids = {
        call.tool_id
        for response in responses
        for call in llm.get_tool_calls_from_response(response, error_on_no_tool_call=False)
    }
    assert len(ids) == 1
    assert ids.pop().isalnum()
    await llm.aclose()


ARGUMENTS: dict[str, tuple[str, dict[str, Any] | None]] = {
    "none": ("", {}),
    "single quotes": ("{'city': 'Oslo'}", {"city": "Oslo"}),
    "encoded twice": ('"{\\"city\\": \\"Oslo\\"}"', {"city": "Oslo"}),
    "a code fence": ('```json\n{"city": "Oslo"}\n```', {"city": "Oslo"}),
    "null": ("null", None),
    "a list": ("[1]", None),
    "cut": ('{"city": "Os', None),
    "no JSON": ("city=Oslo", None),
    "code": ("{'city': __import__('os')}", None),
}


@pytest.mark.parametrize("case", ARGUMENTS)
@every_way
async def test_arguments_of_a_finished_answer(plain: ScriptedServer, way: str, case: str) -> None:
    """What is no JSON object in any form comes under a name that no tool has, which says so."""
    text, expected = ARGUMENTS[case]
    plain.reply(calling(way, wire.tool_call("weather", text, "c1")))
    llm = chat_model(plain)
    response = (await with_tools(llm, way))[-1]
    (call,) = llm.get_tool_calls_from_response(response)
    assert (call.tool_id, call.tool_kwargs) == ("c1", expected or {})
    if expected is None:
        assert call.tool_name.startswith("weather was not run: the arguments are")
    else:
        assert call.tool_name == "weather"
    await llm.aclose()


@every_way
async def test_a_forced_call_without_arguments(plain: ScriptedServer, way: str) -> None:
    """Where a call had to be made, one of a tool with parameters that says nothing is broken; ``{}`` is not."""
    llm = chat_model(plain)
    for text, name in (("", "weather was not run"), ("{}", "weather")):
        plain.reply(calling(way, wire.tool_call("weather", text, "c1")))
        response = (await with_tools(llm, way, tool_choice="required"))[-1]
        (call,) = llm.get_tool_calls_from_response(response)
        assert call.tool_name.startswith(name)
    await llm.aclose()


@every_way
async def test_no_call(plain: ScriptedServer, way: str) -> None:
    """An answer without a call is an error or an empty list, as the caller says."""
    llm = chat_model(plain)
    response = (await with_tools(llm, way))[-1]
    assert response.message.content == wire.ANSWER
    assert llm.get_tool_calls_from_response(response, error_on_no_tool_call=False) == []
    with pytest.raises(ValueError, match="at least one tool call"):
        llm.get_tool_calls_from_response(response)
    await llm.aclose()


def test_calls_of_restored_messages_are_read(plain: ScriptedServer) -> None:
    """Calls that only stand in additional_kwargs, as dicts, are selections too."""
    message = ChatMessage(role="assistant", content="", additional_kwargs={"tool_calls": [OSLO]})
    restored = ChatMessage.model_validate_json(message.model_dump_json())
    selection = chat_model(plain).get_tool_calls_from_response(ChatResponse(message=restored))[0]
    assert selection.tool_kwargs == {"city": "Oslo"}


def test_restored_call_that_is_none_is_refused(plain: ScriptedServer) -> None:
    """What is not a call in additional_kwargs is refused by its place."""
    message = ChatMessage(role="assistant", content="", additional_kwargs={"tool_calls": [{"id": 1}]})
    with pytest.raises(ConfigurationError, match=r"\[0\] is not a tool call"):
        chat_model(plain).get_tool_calls_from_response(ChatResponse(message=message))


# -- the framework on top --


@pytest.mark.parametrize("way", ["predict_and_call", "apredict_and_call"])
async def test_predict_and_call(server: ScriptedServer, way: str) -> None:
    """The framework calls the tool that the model chose."""
    server.reply(wire.chat(None, tool_calls=[OSLO]))
    llm = chat_model(server)
    answer = getattr(llm, way)(TOOLS, user_msg="Weather in Oslo?")
    answer = await answer if way.startswith("a") else answer
    assert str(answer) == "Rain in Oslo."
    await llm.aclose()


@pytest.mark.parametrize("parallel", [False, True])
@pytest.mark.parametrize("way", ["predict_and_call", "apredict_and_call"])
async def test_predict_and_call_runs_no_broken_call(plain: ScriptedServer, way: str, parallel: bool) -> None:
    """It gives the error as it gives a tool's, or raises it where tools' errors are to be raised."""
    ran: list[Any] = []

    def delete(pattern: str = "*") -> str:
        """Delete files."""
        ran.append(pattern)
        return "deleted"

    async def ask(call: dict[str, Any], **kwargs: Any) -> Any:
        plain.reply(wire.chat(None, tool_calls=[call]))
        answer = getattr(llm, way)(
            [FunctionTool.from_defaults(delete)], "x", allow_parallel_tool_calls=parallel, **kwargs
        )
        return await answer if way.startswith("a") else answer

    llm = chat_model(plain)
    broken = wire.tool_call("delete", '{"pattern": "a', "c1")
    answer = await ask(broken)
    assert answer.response.startswith("Tool delete was not run: the arguments are not JSON")
    assert [source.is_error for source in answer.sources] == [True]
    with pytest.raises(ValueError, match="was not run"):
        await ask(broken, error_on_tool_error=True)
    unknown = await ask(wire.tool_call("remove", "{}", "c1"))
    assert (unknown.sources[0].is_error, "remove not found" in unknown.response) == (True, True)
    assert ran == []
    await llm.aclose()


@pytest.mark.parametrize("way", ["predict_and_call", "apredict_and_call"])
async def test_predict_and_call_without_a_call(plain: ScriptedServer, way: str) -> None:
    """An answer in words raises, or is the answer, as the caller says; a model without tools is asked by prompt."""
    llm = chat_model(plain)
    for kwargs in ({}, {"error_on_no_tool_call": False}):
        plain.reply("I know it.")
        answer = getattr(llm, way)
        if not kwargs:
            with pytest.raises(ValueError, match="I know it"):
                _ = await answer(TOOLS, "x") if way.startswith("a") else answer(TOOLS, "x")
            continue
        told = await answer(TOOLS, "x", **kwargs) if way.startswith("a") else answer(TOOLS, "x", **kwargs)
        assert (told.response, told.sources) == ("I know it.", [])
    await llm.aclose()


def test_a_tool_of_a_recursive_class(plain: ScriptedServer) -> None:
    """Its schema goes out whole, though the framework's own description of it is empty; tuples say what is in them."""
    tools = [
        FunctionTool.from_defaults(weather, fn_schema=Part, name="part"),
        FunctionTool.from_defaults(weather, fn_schema=Pair, name="pair"),
    ]
    chat_model(plain).chat_with_tools(tools, user_msg="x")
    part, pair = (tool["function"]["parameters"] for tool in plain.last.json["tools"])
    assert part["properties"]["parts"]["items"] == {"$ref": "#/$defs/Part"}
    assert part["$defs"]["Part"]["properties"].keys() == {"name", "parts"}
    assert pair["properties"]["both"]["items"] == {"anyOf": [{"type": "integer"}, {"type": "string"}]}


def test_predict_and_call_in_parallel(plain: ScriptedServer) -> None:
    """Both tools are called where parallel calls are allowed."""
    plain.reply(wire.chat(None, tool_calls=[OSLO, SUM]))
    answer = chat_model(plain).predict_and_call(TOOLS, user_msg="Both.", allow_parallel_tool_calls=True)
    assert [source.content for source in answer.sources] == ["Rain in Oslo.", "3"]


def test_conversation_with_tools_goes_on(server: ScriptedServer) -> None:
    """The call, the tool's answer and the model's last word make a conversation that the endpoint accepts."""
    server.reply(wire.chat(None, tool_calls=[OSLO]), "It rains.")
    llm = chat_model(server)
    called = llm.chat_with_tools(TOOLS, user_msg="Weather?").message
    result = ChatMessage(
        role="tool", content="Rain in Oslo.", additional_kwargs={"tool_call_id": "call-oslo"}
    )
    answer = llm.chat_with_tools(TOOLS, chat_history=[*user("Weather?"), called, result])
    assert answer.message.content == "It rains."
    assert json.loads(server.last.json["messages"][1]["tool_calls"][0]["function"]["arguments"]) == {
        "city": "Oslo"
    }
