"""Agents: the framework's workflows over scripted answers."""

from __future__ import annotations

import json
from typing import Any

import pytest
from llama_index.core.agent.workflow import (
    AgentStream,
    AgentWorkflow,
    FunctionAgent,
    ReActAgent,
    ToolCallResult,
)
from llama_index.core.base.llms.types import ChatMessage, ImageBlock
from llama_index.core.memory import ChatMemoryBuffer
from llama_index.core.tools import FunctionTool

from llamaindex_azure_inference.errors import RateLimitedError
from tests.llamaindex.helpers import ADD, WEATHER, Song, chat_model
from tests.llamaindex.test_tools import OSLO, SUM, calling
from tests.support import wire
from tests.support.scripted_server import Reply, ScriptedServer

# The framework's agents use deprecated attributes of their own libraries.
pytestmark = [
    pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecationWarning"),
    pytest.mark.filterwarnings("ignore:is_running called from within a step:DeprecationWarning"),
]
streaming = pytest.mark.parametrize("streams", [True, False], ids=["streaming", "whole"])


def called(streams: bool, *calls: dict[str, Any]) -> Any:
    """An answer that calls tools, streamed or whole."""
    return calling("stream" if streams else "chat", *calls)


@streaming
async def test_function_agent_with_two_tools(server: ScriptedServer, streams: bool) -> None:
    """The agent calls one tool, then the other, and answers; the endpoint accepts every conversation on the way."""
    server.reply(called(streams, OSLO), called(streams, SUM), "Rain, and 3.")
    llm = chat_model(server)
    agent = FunctionAgent(tools=[WEATHER, ADD], llm=llm, system_prompt="Help.", streaming=streams)
    response = await agent.run("Weather in Oslo, and 1 + 2?")
    assert str(response) == "Rain, and 3."
    assert [call.tool_name for call in response.tool_calls] == ["weather", "add"]
    assert [m["role"] for m in server.last.json["messages"]] == [
        *("system", "user", "assistant", "tool", "assistant", "tool")
    ]
    assert server.last.json["messages"][3] == {
        "role": "tool",
        "content": "Rain in Oslo.",
        "tool_call_id": "call-oslo",
    }
    await llm.aclose()


@streaming
async def test_function_agent_with_parallel_calls(plain: ScriptedServer, streams: bool) -> None:
    """Two calls of one answer are both made and both answered."""
    plain.reply(called(streams, OSLO, SUM), "Done.")
    llm = chat_model(plain)
    agent = FunctionAgent(tools=[WEATHER, ADD], llm=llm, streaming=streams)
    response = await agent.run("Both.")
    assert sorted(call.tool_name for call in response.tool_calls) == ["add", "weather"]
    answered = {m["tool_call_id"] for m in plain.last.json["messages"] if m["role"] == "tool"}
    assert answered == {"call-oslo", "call-sum0"}
    await llm.aclose()


async def test_function_agent_streams_events(plain: ScriptedServer) -> None:
    """Text, thinking and tool results come as events that are JSON."""
    thought = [wire.chunk(reasoning_content="Hm."), *wire.chat_chunks("It rains.")]
    plain.reply(called(True, OSLO), thought)
    llm = chat_model(plain)
    handler = FunctionAgent(tools=[WEATHER], llm=llm).run("Weather?")
    events = [event async for event in handler.stream_events()]
    await handler
    for event in events:
        json.loads(event.model_dump_json())
    streamed = [event for event in events if isinstance(event, AgentStream)]
    assert "".join(event.delta for event in streamed) == "It rains."
    assert "Hm." in [event.thinking_delta for event in streamed]
    assert [e.tool_output.content for e in events if isinstance(e, ToolCallResult)] == ["Rain in Oslo."]
    await llm.aclose()


async def test_function_agent_starts_with_a_named_tool(plain: ScriptedServer) -> None:
    """``initial_tool_choice`` by name is the API's dict in the first request only."""
    plain.reply(called(True, OSLO), "Done.")
    llm = chat_model(plain)
    await FunctionAgent(tools=[WEATHER, ADD], llm=llm, initial_tool_choice="weather").run("Weather?")
    choices = [body["tool_choice"] for body in plain.bodies]
    assert choices == [{"type": "function", "function": {"name": "weather"}}, "auto"]
    await llm.aclose()


RAN: list[Any] = []


def delete(pattern: str = "*", recursive: bool = True) -> str:
    """Delete files."""
    RAN.append((pattern, recursive))
    return "deleted"


async def adelete(pattern: str = "*") -> str:
    """Delete files, async."""
    RAN.append(pattern)
    return "deleted"


def anything(**kwargs: Any) -> str:
    """Take anything."""
    RAN.append(kwargs)
    return "taken"


DELETE = FunctionTool.from_defaults(delete)
CARELESS = [DELETE, FunctionTool.from_defaults(async_fn=adelete), FunctionTool.from_defaults(anything)]
BROKEN = ['{"pattern": "a/', '{"pattern": "he said "hi" and left"}', "[1]", "null", "{'pattern': 'a"]


@streaming
@pytest.mark.parametrize("arguments", BROKEN)
@pytest.mark.parametrize("tool", CARELESS, ids=lambda tool: tool.metadata.name)
async def test_function_agent_runs_no_broken_call(
    plain: ScriptedServer, tool: FunctionTool, arguments: str, streams: bool
) -> None:
    """Not even of a tool that takes anything: the model hears what was wrong, and its next call is run."""
    RAN.clear()
    name = tool.metadata.get_name()
    plain.reply(
        called(streams, wire.tool_call(name, arguments, "c1")),
        called(streams, wire.tool_call(name, '{"pattern": "b"}', "c2")),
        "Done.",
    )
    llm = chat_model(plain)
    response = await FunctionAgent(tools=CARELESS, llm=llm, streaming=streams).run("Delete.")
    assert str(response) == "Done."
    assert RAN in ([("b", True)], ["b"], [{"pattern": "b"}])
    told = plain.bodies[1]["messages"][-1]
    assert (told["role"], told["tool_call_id"]) == ("tool", "c1")
    assert told["content"].startswith(f"Tool {name} was not run: the arguments are")
    assert "missing" in told["content"]
    await llm.aclose()


@streaming
async def test_a_broken_call_beside_a_good_one(plain: ScriptedServer, streams: bool) -> None:
    """Of two calls of one answer the good one is run, and each has its own answer."""
    plain.reply(called(streams, OSLO, wire.tool_call("add", '{"a": 1, "b', "c2")), "Done.")
    llm = chat_model(plain)
    await FunctionAgent(tools=[WEATHER, ADD], llm=llm, streaming=streams).run("Both.")
    told = {m["tool_call_id"]: m["content"] for m in plain.last.json["messages"] if m["role"] == "tool"}
    assert told["call-oslo"] == "Rain in Oslo."
    assert told["c2"].startswith("Tool add was not run")
    await llm.aclose()


@streaming
async def test_an_agent_whose_model_was_cut_off(plain: ScriptedServer, streams: bool) -> None:
    """An answer that ended for its length in a call raises and runs nothing; one with whole calls only runs them."""
    RAN.clear()
    llm = chat_model(plain)

    def cut(*arguments: str) -> Any:
        calls = [wire.tool_call("delete", text, f"c{number}") for number, text in enumerate(arguments)]
        chunks = [wire.chunk(tool_calls=[{**call, "index": number}]) for number, call in enumerate(calls)]
        stream = [*chunks, wire.chunk("", finish_reason="length")]
        return stream if streams else wire.chat(None, tool_calls=calls, finish_reason="length")

    whole = '{"pattern": "a", "recursive": false}'
    for arguments in (['{"pattern": "a'], ["{"], [""], [" "], [whole, '{"pattern": "b'], [whole, ""]):
        plain.reply(cut(*arguments))
        with pytest.raises(ValueError, match=r"call of delete.*max_tokens"):
            await FunctionAgent(tools=[DELETE], llm=llm, streaming=streams).run("Delete.")
    assert RAN == []
    plain.reply(cut('{"pattern": "a"}'), "Done.")
    await FunctionAgent(tools=[DELETE], llm=llm, streaming=streams).run("Delete.")
    assert RAN == [("a", True)]
    await llm.aclose()


async def test_a_stream_that_ends_without_a_reason(plain: ScriptedServer) -> None:
    """What was shown of a call while it arrived is not run when the stream is over."""
    RAN.clear()
    head = {**wire.tool_call("delete", '{"pattern": "a", "rec', "c1"), "index": 0}
    plain.reply([wire.chunk(tool_calls=[head])], "Done.")
    llm = chat_model(plain)
    handler = FunctionAgent(tools=[DELETE], llm=llm).run("Delete.")
    shown = [
        event.tool_calls
        for event in [e async for e in handler.stream_events()]
        if isinstance(event, AgentStream)
    ]
    await handler
    assert shown[0][0].tool_kwargs == {"pattern": "a"}
    assert RAN == []
    assert "was not run" in plain.last.json["messages"][-1]["content"]
    await llm.aclose()


async def test_function_agent_remembers(plain: ScriptedServer) -> None:
    """A memory carries the conversation, calls and results included, to a second run."""
    plain.reply(called(True, OSLO), "It rains.", "Yes.")
    llm = chat_model(plain)
    agent = FunctionAgent(tools=[WEATHER], llm=llm)
    memory = ChatMemoryBuffer.from_defaults(token_limit=40_000)
    await agent.run("Weather?", memory=memory)
    assert str(await agent.run("Still?", memory=memory)) == "Yes."
    assert [m["role"] for m in plain.last.json["messages"]] == [
        "user",
        "assistant",
        "tool",
        "assistant",
        "user",
    ]
    await llm.aclose()


async def test_function_agent_with_a_memory(plain: ScriptedServer) -> None:
    """A memory holds the calls and results of a run, as messages that survive JSON."""
    plain.reply(called(True, OSLO), "It rains.")
    llm = chat_model(plain)
    memory = ChatMemoryBuffer.from_defaults(token_limit=40_000, llm=llm)
    await FunctionAgent(tools=[WEATHER], llm=llm).run("Weather?", memory=memory)
    kept = memory.get_all()
    assert [m.role.value for m in kept] == ["user", "assistant", "tool", "assistant"]
    assert [ChatMessage.model_validate_json(m.model_dump_json()) for m in kept] == kept
    await llm.aclose()


async def test_function_agent_with_structured_answer(plain: ScriptedServer) -> None:
    """``output_cls`` gives the answer as an object."""
    plain.reply(
        "A song.", wire.chat(None, tool_calls=[wire.tool_call("Song", '{"title": "Rain", "year": 1}')])
    )
    llm = chat_model(plain)
    response = await FunctionAgent(tools=[WEATHER], llm=llm, output_cls=Song).run("A song?")
    assert response.get_pydantic_model(Song) == Song(title="Rain", year=1)
    await llm.aclose()


async def test_function_agent_refuses_a_model_without_tools(plain: ScriptedServer) -> None:
    """A model said to call no tools is refused by the framework's own check."""
    agent = FunctionAgent(tools=[WEATHER], llm=chat_model(plain, is_function_calling_model=False))
    with pytest.raises(ValueError, match="FunctionCallingLLM"):
        await agent.run("x")


async def test_error_of_the_endpoint_comes_out_of_an_agent(plain: ScriptedServer) -> None:
    """An agent's run raises the provider's own class."""
    plain.reply_always(lambda _request: Reply(429, {"error": {"code": "429", "message": "slow"}}))
    llm = chat_model(plain, max_retries=0)
    with pytest.raises(RateLimitedError):
        await FunctionAgent(tools=[WEATHER], llm=llm).run("x")
    await llm.aclose()


async def test_image_of_a_tool_is_shown(plain: ScriptedServer) -> None:
    """A tool that returns an image does not end the run: the model sees it in the message after the tool's."""

    def photograph() -> ImageBlock:
        """Take a photograph."""
        return ImageBlock(url="https://example.com/a.png")

    plain.reply(called(True, wire.tool_call("photograph", "{}", "c1")), "A cat.")
    llm = chat_model(plain)
    agent = FunctionAgent(tools=[FunctionTool.from_defaults(photograph)], llm=llm)
    assert str(await agent.run("A photograph.")) == "A cat."
    told, shown = plain.last.json["messages"][-2:]
    assert (told["role"], told["content"]) == ("tool", "(image 1: see below)")
    part = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    assert (shown["role"], shown["content"][1:]) == ("user", [part])
    await llm.aclose()


@streaming
async def test_react_agent(plain: ScriptedServer, streams: bool) -> None:
    """A ReAct agent reads its action from the text, calls the tool and answers."""
    plain.reply(
        'Thought: I need the weather.\nAction: weather\nAction Input: {"city": "Oslo"}\n',
        "Thought: I can answer.\nAnswer: It rains.",
    )
    llm = chat_model(plain)
    response = await ReActAgent(tools=[WEATHER], llm=llm, streaming=streams).run("Weather?")
    assert str(response) == "It rains."
    assert "Rain in Oslo." in plain.last.json["messages"][-1]["content"]
    await llm.aclose()


async def test_workflow_picks_function_calling(plain: ScriptedServer) -> None:
    """A workflow made of tools uses them natively, because metadata says that the model calls tools."""
    plain.reply(called(True, OSLO), "It rains.")
    llm = chat_model(plain)
    workflow = AgentWorkflow.from_tools_or_functions([WEATHER], llm=llm)
    assert str(await workflow.run("Weather?")) == "It rains."
    assert "tools" in plain.bodies[0]
    await llm.aclose()


async def test_workflow_does_not_hand_over_by_half(plain: ScriptedServer) -> None:
    """A broken hand-off leaves the conversation where it is, and the model tries again."""
    broken = wire.tool_call("handoff", '{"to_agent": "sums", "rea', "c0")
    whole = wire.tool_call("handoff", '{"to_agent": "sums", "reason": "a sum"}', "c1")
    plain.reply(called(True, broken), called(True, whole), "It is 3.")
    llm = chat_model(plain)
    front = FunctionAgent(name="front", description="Answers.", tools=[], llm=llm, can_handoff_to=["sums"])
    sums = FunctionAgent(name="sums", description="Adds.", tools=[ADD], llm=llm)
    response = await AgentWorkflow([front, sums], root_agent="front").run("1 + 2?")
    assert (str(response), response.current_agent_name) == ("It is 3.", "sums")
    assert "handoff was not run" in plain.bodies[1]["messages"][-1]["content"]
    await llm.aclose()


async def test_workflow_hands_over(plain: ScriptedServer) -> None:
    """One agent hands over to another, which calls its tool and answers."""
    hand = wire.tool_call("handoff", '{"to_agent": "sums", "reason": "a sum"}', "c0")
    plain.reply(called(True, hand), called(True, SUM), "It is 3.")
    llm = chat_model(plain)
    front = FunctionAgent(name="front", description="Answers.", tools=[], llm=llm, can_handoff_to=["sums"])
    sums = FunctionAgent(name="sums", description="Adds.", tools=[ADD], llm=llm)
    workflow = AgentWorkflow([front, sums], root_agent="front")
    response = await workflow.run("1 + 2?")
    assert str(response) == "It is 3."
    assert response.current_agent_name == "sums"
    await llm.aclose()
