"""Conversations of other models go on with ours: in agents, in graphs with a checkpointer, in chains with a fallback."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from langchain.agents import create_agent
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langgraph.checkpoint.memory import InMemorySaver

from langchain_azure_inference import ChatAzureInference
from tests.support import wire
from tests.support.scripted_server import ScriptedServer

PNG = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR4nGNgYGD4DwABBAEAX+XDSwAAAABJRU5ErkJggg=="
IMAGE = {"type": "image_url", "image_url": {"url": PNG}}
MADE: dict[str, dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "support" / "foreign_answers.json").read_text()
)
"""Answers as the converters of langchain-openai 1.7.4 (Responses, in its three output versions), langchain-anthropic
1.7.10 and langchain-google-genai 4.4.3 make them of their services' answers, whole and in LangChain's v1 form. The
image of ``output_version="v1"`` is not among them: it has no media type, at which LangChain's own tracing fails."""

CALLED = {"name": "weather", "args": {"city": "Oslo"}, "id": "toolu_2", "type": "tool_call"}
DOCUMENTED: dict[str, dict[str, Any]] = {
    "anthropic, streamed: call": {
        "content": [
            {"type": "text", "text": "Let me see.", "index": 0},
            {"type": "tool_use", "id": "toolu_2", "name": "weather", "input": {}, "index": 1}
            | {"partial_json": '{"city": "Oslo"}'},
            {"type": "input_json_delta", "partial_json": '{"city": "Oslo"}', "index": 1},
        ],
        "tool_calls": [CALLED],
    },
    "anthropic: code and connectors": {
        "content": [
            {
                "type": "server_tool_use",
                "id": "srvtoolu_1",
                "name": "bash_code_execution",
                "input": {"command": "ls"},
            },
            {
                "type": "bash_code_execution_tool_result",
                "tool_use_id": "srvtoolu_1",
                "content": {"stdout": "a"},
            },
            {"type": "mcp_tool_use", "id": "mcptoolu_1", "name": "look", "server_name": "s", "input": {}},
            {
                "type": "mcp_tool_result",
                "tool_use_id": "mcptoolu_1",
                "content": [{"type": "text", "text": "wet"}],
            },
            {"type": "compaction", "content": "summary"},
            {"type": "text", "text": "Rain."},
        ]
    },
    "amazon: thinking": {
        "content": [
            {"type": "reasoning_content", "reasoning_content": {"text": "Look it up.", "signature": "s"}},
            {"type": "guard_content", "guard": {}},
            {"type": "text", "text": "Rain."},
        ]
    },
    "mistral: thinking in parts": {
        "content": [
            {"type": "thinking", "thinking": [{"type": "text", "text": "Look it up."}]},
            {"type": "text", "text": "Rain."},
            {"type": "reference", "reference_ids": [1]},
        ]
    },
    "openai: an image of which only the id is known": {
        "content": [{"type": "image_generation_call", "id": "ig_1"}, {"type": "text", "text": "Rain."}]
    },
    "openai: spoken": {
        "content": [
            {"type": "audio", "base64": "aGk=", "mime_type": "audio/wav"},
            {"type": "text", "text": "Rain."},
        ]
    },
    "a kind of tomorrow": {"content": [{"type": "hologram", "data": "?"}, {"type": "text", "text": "Rain."}]},
    "a stored call that nobody parsed": {
        "content": [
            {"type": "function_call", "name": "weather", "arguments": '{"city":"Oslo"}', "call_id": "toolu_2"}
        ]
    },
    "a call that broke off": {
        "content": "",
        "invalid_tool_calls": [
            {"name": None, "args": '{"ci', "id": None, "error": "x", "type": "invalid_tool_call"}
        ],
    },
}
ANSWERS = MADE | DOCUMENTED


@tool
def weather(city: str) -> str:
    """The weather of a city."""
    return f"Rain in {city}."


@tool
def screenshot() -> list[dict[str, Any]]:
    """A picture of the screen."""
    return [
        {"type": "text", "text": "the screen"},
        {"type": "image", "base64": PNG.partition(",")[2], "mime_type": "image/png"},
        {"type": "json", "json": {"width": 1}},
        {"type": "file", "url": "resource://notes"},
    ]


def model_of(server: ScriptedServer, **more: Any) -> ChatAzureInference:
    return ChatAzureInference(endpoint=server.url, credential="test", **more)


async def run(agent: Any, way: str, messages: list[BaseMessage]) -> Any:
    """One turn of an agent's thread, in one of the four ways."""
    config = {"configurable": {"thread_id": "1"}}
    given = {"messages": messages}
    if way == "invoke":
        return agent.invoke(given, config)
    if way == "ainvoke":
        return await agent.ainvoke(given, config)
    if way == "stream":
        list(agent.stream(given, config, stream_mode="messages"))
    else:
        _ = [piece async for piece in agent.astream(given, config, stream_mode="messages")]
    return agent.get_state(config).values


def thread_of(name: str) -> list[BaseMessage]:
    """A finished turn of another model."""
    message = AIMessage(**ANSWERS[name])
    calls = message.tool_calls or [CALLED] * ("nobody parsed" in name)
    results = [ToolMessage("Rain in Oslo.", tool_call_id=str(call["id"])) for call in calls]
    return [HumanMessage("weather?"), message, *results, *([AIMessage("Rain.")] if results else [])]


@pytest.mark.parametrize("way", ["invoke", "ainvoke", "stream", "astream"])
@pytest.mark.parametrize("name", ANSWERS)
async def test_a_checkpointed_thread_goes_on(server: ScriptedServer, name: str, way: str) -> None:
    """A thread that another model wrote goes on with ours, which reads its texts, calls and pictures and nothing else."""
    agent = create_agent(model_of(server), [weather], checkpointer=InMemorySaver())
    agent.update_state({"configurable": {"thread_id": "1"}}, {"messages": thread_of(name)})
    state = await run(agent, way, [HumanMessage("and tomorrow?")])
    assert state["messages"][-1].text == wire.ANSWER
    messages = server.last.json["messages"]
    assert messages[0] == {"role": "user", "content": "weather?"}
    assert messages[-1] == {"role": "user", "content": "and tomorrow?"}
    assert {key for message in messages for key in message} <= {
        "role",
        "content",
        "tool_calls",
        "tool_call_id",
    }
    said = messages[1]["content"]
    if "image" in name:
        shown = [] if "only the id" in name else [IMAGE]
        assert said.startswith("Rain.") or said.endswith("Rain.")
        assert [part for message in messages[2:-1] for part in message["content"][1:]] == shown
    elif "call" in name or name.endswith("custom"):
        (call,) = messages[1]["tool_calls"]
        arguments = json.loads(call["function"]["arguments"])
        if "broke" in name:
            assert list(arguments) == ["INVALID_JSON"]
        else:
            assert arguments in ({"city": "Oslo"}, {"__arg1": "Oslo"})
        assert messages[2]["tool_call_id"] == call["id"]
    else:
        assert said == ("No." if name.endswith("refusal") else "Rain.")


@pytest.mark.parametrize("name", ["openai responses/v1: call", "anthropic: call", "google: call"])
def test_another_models_call_is_answered_to_ours(server: ScriptedServer, name: str) -> None:
    """A fallback or a router may change the model between a call and its result."""
    history = thread_of(name)[:3]
    assert model_of(server, model="Kimi-K2.6").bind_tools([weather]).invoke(history).text == wire.ANSWER
    calling, result = server.last.json["messages"][1:]
    assert calling["reasoning_content"] == "Look it up."
    assert result["tool_call_id"] == calling["tool_calls"][0]["id"]


def calling(streamed: bool, name: str, arguments: str = "{}", **more: Any) -> Any:
    """An answer that calls a tool."""
    call = wire.tool_call(name, arguments, "aB3dE6gH9")
    if not streamed:
        body = wire.chat(None, tool_calls=[call])
        body["choices"][0]["message"].update(more)
        return body
    thoughts = [wire.chunk(**{key: piece}) for key, value in more.items() for piece in (value[:3], value[3:])]
    return [
        *thoughts,
        wire.chunk(tool_calls=[{"index": 0, **call}]),
        wire.chunk("", finish_reason="tool_calls"),
    ]


@pytest.mark.parametrize("way", ["invoke", "ainvoke", "stream", "astream"])
@pytest.mark.parametrize(
    ("settings", "thoughts"),
    [
        ({"model": "DeepSeek-V4-Pro"}, ["I shall look.", " "]),
        ({"model": "prod", "send_reasoning": True}, ["I shall look.", " "]),
        ({"model": "prod"}, [None, None]),
        ({"model": "Mistral-large-2411"}, [None, None]),
        ({"model": "DeepSeek-V4-Pro", "send_reasoning": False}, [None, None]),
    ],
)
async def test_reasoning_goes_back(
    server: ScriptedServer, way: str, settings: dict[str, Any], thoughts: list[str | None]
) -> None:
    """What a model thought before it called a tool goes back with the call, in the same turn and out of a checkpoint."""
    server.reply(
        calling("stream" in way, "weather", '{"city": "Oslo"}', reasoning_content="I shall look."), "Rain."
    )
    agent = create_agent(
        model_of(server, **settings), [weather], checkpointer=InMemorySaver(), name="Weather Expert"
    )
    await run(agent, way, [HumanMessage("weather?")])
    assert server.last.json["messages"][1].get("reasoning_content") == thoughts[0]
    await run(agent, way, [HumanMessage("and tomorrow?")])
    answers = [message for message in server.last.json["messages"] if message["role"] == "assistant"]
    told = [answer for answer in answers if answer["content"] != "OK."]
    assert [answer.get("reasoning_content") for answer in told] == thoughts
    name = None if "Mistral" in settings["model"] else "Weather_Expert"
    assert [answer.get("name") for answer in told] == [
        name if settings["model"] == "prod" else told[0].get("name")
    ] * 2


@pytest.mark.parametrize("way", ["invoke", "ainvoke", "stream", "astream"])
async def test_a_tool_shows_a_picture(server: ScriptedServer, way: str) -> None:
    """What a tool returns beside text does not end an agent's run: the model sees it."""
    server.reply(calling("stream" in way, "screenshot"))
    agent = create_agent(model_of(server), [screenshot], checkpointer=InMemorySaver())
    await run(agent, way, [HumanMessage("what is on the screen?")])
    told, shown = server.last.json["messages"][-2:]
    assert told["role"] == "tool"
    assert told["content"] == 'the screen\n{"width": 1}\nresource://notes\n(image 1: see below)'
    assert shown["content"] == [{"type": "text", "text": "image 1, returned by screenshot:"}, IMAGE]


PDF = {"type": "file", "base64": "JVBERi0xLjc=", "mime_type": "application/pdf", "filename": "a.pdf"}
VIDEO = {"type": "video", "base64": "AAAA", "mime_type": "video/mp4"}


@pytest.mark.parametrize("block", [PDF, VIDEO], ids=["file", "video"])
def test_what_a_user_sent_long_ago_ends_no_conversation(
    server: ScriptedServer, block: dict[str, Any]
) -> None:
    """Another model took it then; ours is told that it was there."""
    history = [
        HumanMessage([{"type": "text", "text": "sum up"}, block]),
        AIMessage("It is short."),
        HumanMessage("why?"),
    ]
    model_of(server).invoke(history)
    assert server.last.json["messages"][0]["content"][1] == {
        "type": "text",
        "text": f"({block['type']}: not shown)",
    }


@pytest.mark.parametrize(
    "file",
    [
        PDF,
        {
            "type": "file",
            "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0xLjc="},
        },
        {"type": "input_file", "filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0xLjc="},
        {"type": "media", "mime_type": "application/pdf", "data": "JVBERi0xLjc=", "filename": "a.pdf"},
        {
            "type": "document",
            "title": "a.pdf",
            "source": {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0xLjc="},
        },
    ],
    ids=["langchain", "chat", "responses", "google", "anthropic"],
)
def test_files_go_where_they_are_taken(server: ScriptedServer, file: dict[str, Any]) -> None:
    """OpenAI's own route takes files; the same one at Azure does not, which is said before anything is sent."""
    message = HumanMessage([{"type": "text", "text": "sum up"}, file])
    part = {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0xLjc="}
    ChatAzureInference(endpoint=server.v1_url, credential="test").invoke([message])
    assert server.last.json["messages"][0]["content"][1] == {"type": "file", "file": part}
    for endpoint in (
        "https://my.openai.azure.com/openai/v1",
        "https://my.services.ai.azure.com/openai/v1",
        server.url,
    ):
        model = ChatAzureInference(endpoint=endpoint, model="m", credential="test")
        with pytest.raises(ValueError, match=r"content block 1.*extract its text"):
            model.invoke([message])
    assert len(server.requests) == 1


def test_streamed_answers_keep_their_thoughts(server: ScriptedServer) -> None:
    """The pieces of an answer, put together, are the history of the next call as the whole one is."""
    server.reply(calling(True, "weather", reasoning_content="I shall look."))
    pieces: list[Any] = list(model_of(server, model="Kimi-K2.6").stream("x"))
    whole = pieces[0]
    for piece in pieces[1:]:
        whole += piece
    assert isinstance(whole, AIMessageChunk)
    model_of(server, model="Kimi-K2.6").invoke(
        [HumanMessage("x"), whole, ToolMessage("1", tool_call_id="aB3dE6gH9")]
    )
    assert server.last.json["messages"][1]["reasoning_content"] == "I shall look."
