"""Conversations of other models go on with ours: in agents, workflows and memories."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from llama_index.core.agent.workflow import AgentWorkflow, FunctionAgent
from llama_index.core.base.llms.types import (
    AudioBlock,
    CachePoint,
    ChatMessage,
    CitationBlock,
    ContentBlock,
    DocumentBlock,
    ImageBlock,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
    VideoBlock,
)
from llama_index.core.memory import ChatMemoryBuffer, Memory
from llama_index.core.tools import FunctionTool
from pydantic import BaseModel

from llamaindex_azure_inference.errors import ConfigurationError
from tests.llamaindex.helpers import CHATS, WEATHER, ask, chat_model
from tests.llamaindex.test_agents import called
from tests.support import wire
from tests.support.scripted_server import ScriptedServer

pytestmark = [
    pytest.mark.filterwarnings("ignore::pydantic.warnings.PydanticDeprecationWarning"),
    pytest.mark.filterwarnings("ignore:is_running called from within a step:DeprecationWarning"),
]
streaming = pytest.mark.parametrize("streams", [True, False], ids=["streaming", "whole"])

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
IMAGE_PART = {
    "type": "image_url",
    "image_url": {"url": f"data:image/png;base64,{base64.b64encode(PNG).decode()}"},
}
WAV = b"RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00"
CALL = ToolCallBlock(tool_call_id="toolu_1", tool_name="weather", tool_kwargs={"city": "Oslo"})
RAIN = TextBlock(text="Rain.")


class Hologram(BaseModel):
    """A kind of block that a later version of the framework may have."""

    block_type: str = "hologram"


def answer(*blocks: Any, **extra: Any) -> ChatMessage:
    """An assistant's message, not validated: blocks of tomorrow are not in today's union."""
    return ChatMessage.model_construct(
        role=MessageRole.ASSISTANT, blocks=list(blocks), additional_kwargs=extra
    )


def ours(blocks: list[ContentBlock], **extra: Any) -> ChatMessage:
    return ChatMessage(role="assistant", blocks=blocks, additional_kwargs=extra)


CITATION = CitationBlock(
    cited_content=TextBlock(text="wet"), source="s", title="t", additional_location_info={"start": 1}
)
CACHE = CachePoint(cache_control={"type": "ephemeral"})  # type: ignore[arg-type]
THOUGHT = ThinkingBlock(content="Look it up.", additional_information={"signature": "EqQB"})
SAID: dict[str, ChatMessage] = {
    "anthropic, with citations": ours([THOUGHT, RAIN, CITATION, CACHE], citations=[{"cited_text": "wet"}]),
    "anthropic, redacted": ours([ThinkingBlock(content=None, additional_information={"data": "E"}), RAIN]),
    "openai, built-in tools": ours([THOUGHT, RAIN], built_in_tool_calls=[{"type": "web_search_call"}]),
    "google, signatures": ours([RAIN], thought_signatures=["c2ln"]),
    "openai, spoken": ours([AudioBlock(audio=WAV), RAIN]),
    "a document": ours([RAIN, DocumentBlock(data=b"%PDF", title="t")]),
    "a video": ours([RAIN, VideoBlock(video=b"\0\0")]),
}
SHOWN = {
    "openai, an image": ours([RAIN, ImageBlock(image=PNG)]),
    "google, only an image": ours([ImageBlock(image=PNG, image_mimetype="image/png")]),
}
CALLED: dict[str, ChatMessage] = {
    "anthropic": ours([THOUGHT, CALL]),
    "openai, text": ours(
        [ToolCallBlock(tool_call_id="toolu_1", tool_name="weather", tool_kwargs='{"city": "Oslo"}')]
    ),
    "vertex, no id": ours(
        [ToolCallBlock(tool_call_id=None, tool_name="weather", tool_kwargs={"city": "Oslo"})]
    ),
    "responses, kept": ours(
        [],
        tool_calls=[
            {"type": "function_call", "call_id": "toolu_1", "id": "fc_1", "name": "weather"}
            | {"arguments": '{"city": "Oslo"}'}
        ],
    ),
    "anthropic, kept": ours(
        [], tool_calls=[{"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"city": "Oslo"}}]
    ),
    "amazon, kept": ours(
        [], tool_calls=[{"toolUseId": "toolu_1", "name": "weather", "input": {"city": "Oslo"}}]
    ),
    "ollama, kept": ours([], tool_calls=[{"function": {"name": "weather", "arguments": {"city": "Oslo"}}}]),
}


def result_of(call_id: str = "toolu_1") -> ChatMessage:
    return ChatMessage(role="tool", content="Rain in Oslo.", additional_kwargs={"tool_call_id": call_id})


def thread_of(message: ChatMessage) -> list[ChatMessage]:
    """A turn of another model, up to its answer."""
    return [ChatMessage("weather?"), message]


async def go_on(
    server: ScriptedServer, history: list[ChatMessage], *, streams: bool, memory: str
) -> list[Any]:
    """What arrives when an agent goes on with a history out of a memory."""
    llm = chat_model(server)
    kept: Any
    if memory == "buffer":
        kept = ChatMemoryBuffer.from_defaults(chat_history=history, token_limit=9999, tokenizer_fn=str.split)
    else:
        kept = Memory.from_defaults(token_limit=9999, tokenizer_fn=str.split)
        await kept.aput_messages(history)
    agent = FunctionAgent(tools=[WEATHER], llm=llm, streaming=streams)
    assert str(await agent.run("and tomorrow?", memory=kept)) == wire.ANSWER
    await llm.aclose()
    if memory == "blocks":
        await kept.sql_store._async_engine.dispose()
    messages: list[Any] = server.last.json["messages"]
    assert messages[-1] == {"role": "user", "content": "and tomorrow?"}
    return messages


@streaming
@pytest.mark.parametrize("memory", ["buffer", "blocks"])
@pytest.mark.parametrize("name", SAID)
async def test_what_another_model_said_is_read(
    server: ScriptedServer, name: str, memory: str, streams: bool
) -> None:
    """Blocks that no service of ours takes are read over; the text is there."""
    messages = await go_on(server, thread_of(SAID[name]), streams=streams, memory=memory)
    said = "Rain.\n(document: not shown)" if name == "a document" else "Rain."
    assert messages[1] == {"role": "assistant", "content": said}


@pytest.mark.parametrize("name", SHOWN)
async def test_what_another_model_drew_is_shown(server: ScriptedServer, name: str) -> None:
    """The pictures of an assistant follow in a message of the user."""
    messages = await go_on(server, thread_of(SHOWN[name]), streams=True, memory="buffer")
    assert messages[1]["content"].endswith("(image 1: see below)")
    assert messages[2]["content"] == [{"type": "text", "text": "image 1, made by the assistant:"}, IMAGE_PART]


@streaming
@pytest.mark.parametrize("name", CALLED)
async def test_what_another_model_called_goes_on(server: ScriptedServer, name: str, streams: bool) -> None:
    """Calls in every form in which integrations keep them go out as the API's, each with its result."""
    kept = CALLED[name]
    answered = result_of("weather" if name in ("vertex, no id", "ollama, kept") else "toolu_1")
    history = [*thread_of(kept), answered, ChatMessage("Rain.", role="assistant")]
    messages = await go_on(server, history, streams=streams, memory="buffer")
    (call,) = messages[1]["tool_calls"]
    assert json.loads(call["function"]["arguments"]) == {"city": "Oslo"}
    assert messages[2] == {"role": "tool", "content": "Rain in Oslo.", "tool_call_id": call["id"]}


def test_a_block_of_tomorrow_is_read_over(plain: ScriptedServer) -> None:
    """A kind of block that is not known yet ends no conversation."""
    chat_model(plain).chat([*thread_of(answer(RAIN, Hologram())), ChatMessage("go on")])
    assert plain.last.json["messages"][1] == {"role": "assistant", "content": "Rain."}


@streaming
@pytest.mark.parametrize(
    ("settings", "thought"),
    [
        ({"model": "DeepSeek-V4-Pro"}, "I shall look."),
        ({"model": "prod", "send_reasoning": True}, "I shall look."),
        ({"model": "prod"}, None),
        ({"model": "Mistral-large-2411"}, None),
        ({"model": "DeepSeek-V4-Pro", "send_reasoning": False}, None),
    ],
)
async def test_reasoning_goes_back(
    server: ScriptedServer, settings: dict[str, Any], thought: str | None, streams: bool
) -> None:
    """What a model thought before it called a tool goes back with the call, and out of a memory in the next turn."""
    calling = called(streams, wire.tool_call("weather", '{"city": "Oslo"}', "aB3dE6gH9"))
    if streams:
        calling = [wire.chunk(reasoning_content="I shall "), wire.chunk(reasoning_content="look."), *calling]
    else:
        calling["choices"][0]["message"]["reasoning_content"] = "I shall look."
    server.reply(calling, "Rain.")
    llm = chat_model(server, **settings)
    memory = ChatMemoryBuffer.from_defaults(token_limit=9999, tokenizer_fn=str.split)
    workflow = AgentWorkflow(agents=[FunctionAgent(tools=[WEATHER], llm=llm, streaming=streams)])
    await workflow.run("weather?", memory=memory)
    assert server.last.json["messages"][1].get("reasoning_content") == thought
    kept = [ChatMessage.model_validate_json(message.model_dump_json()) for message in memory.get_all()]
    restored = ChatMemoryBuffer.from_defaults(chat_history=kept, token_limit=9999, tokenizer_fn=str.split)
    await workflow.run("and tomorrow?", memory=restored)
    answers = [one for one in server.last.json["messages"] if one["role"] == "assistant"]
    assert answers[0].get("reasoning_content") == thought
    assert "send_reasoning" not in server.last.json
    await llm.aclose()


@pytest.mark.parametrize("way", CHATS)
async def test_broken_arguments_poison_nothing(server: ScriptedServer, way: str) -> None:
    """A call that could not be read is shown to the model in the next request, as an object."""
    broken = '{"city": "he said "hi"'
    call = wire.tool_call(arguments=broken)
    server.reply(
        [wire.chunk(tool_calls=[{"index": 0, **call}]), wire.chunk("", finish_reason="tool_calls")]
        if "stream" in way
        else wire.chat(None, tool_calls=[call])
    )
    llm = chat_model(server)
    said = (await ask(llm, way))[-1].message
    restored = ChatMessage.model_validate_json(said.model_dump_json())
    await llm.achat([ChatMessage("x"), restored, result_of("abc0dF1gh")])
    arguments = server.last.json["messages"][1]["tool_calls"][0]["function"]["arguments"]
    assert json.loads(arguments) == {"INVALID_JSON": broken}
    await llm.aclose()


def test_names_are_sent_again(plain: ScriptedServer) -> None:
    """A message's ``name`` in ``additional_kwargs`` goes out, in a form that services take."""
    messages = [
        ChatMessage("x", role="user", additional_kwargs={"name": "ann"}),
        ChatMessage("y", role="assistant", additional_kwargs={"name": "Weather Expert", "other": 1}),
    ]
    chat_model(plain).chat(messages)
    assert plain.last.json["messages"] == [
        {"role": "user", "content": "x", "name": "ann"},
        {"role": "assistant", "content": "y", "name": "Weather_Expert"},
    ]


@streaming
async def test_a_tool_shows_pictures_and_plays_sounds(server: ScriptedServer, streams: bool) -> None:
    """What tools return beside text does not end a run: the model sees and hears it after the turn's last result."""

    def record() -> list[ContentBlock]:
        """Record the room."""
        return [
            TextBlock(text="the room"),
            ImageBlock(image=PNG),
            AudioBlock(audio=WAV),
            DocumentBlock(url="https://example.com/a.pdf"),
            DocumentBlock(data=b"notes", document_mimetype="text/plain", title="notes.txt"),
        ]

    calls = wire.tool_call("record", "{}", "a"), wire.tool_call("weather", '{"city": "Oslo"}', "b")
    server.reply(called(streams, *calls))
    llm = chat_model(server)
    agent = FunctionAgent(tools=[FunctionTool.from_defaults(record), WEATHER], llm=llm, streaming=streams)
    assert str(await agent.run("What is there?")) == wire.ANSWER
    messages = server.last.json["messages"]
    assert [message["role"] for message in messages] == ["user", "assistant", "tool", "tool", "user"]
    recorded = next(message for message in messages if message.get("tool_call_id") == "a")
    assert recorded["content"].splitlines() == [
        *("the room", "(image 1: see below)", "(audio 2: see below)", "https://example.com/a.pdf"),
        *("notes.txt:", "notes"),
    ]
    assert [part["type"] for part in messages[-1]["content"]] == ["text", "image_url", "text", "input_audio"]
    await llm.aclose()


DOCUMENT = DocumentBlock(data=b"%PDF-1.7", title="a.pdf")
FILE = {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERi0xLjc="}


def test_documents_go_where_they_are_taken(plain: ScriptedServer, tmp_path: Any) -> None:
    """OpenAI's own route takes files, by bytes or by path; the same one at Azure does not, which is said at once."""
    path = tmp_path / "a.pdf"
    path.write_bytes(b"%PDF-1.7")
    for block in (
        DOCUMENT,
        DocumentBlock(path=path, title="a.pdf"),
        DocumentBlock(url=FILE["file_data"], title="a.pdf"),
    ):
        message = ChatMessage(role="user", blocks=[TextBlock(text="sum up"), block])
        chat_model(plain, endpoint=plain.v1_url).chat([message])
        assert plain.last.json["messages"][0]["content"][1] == {"type": "file", "file": FILE}
        for endpoint in ("https://my.openai.azure.com/openai/v1", plain.url):
            with pytest.raises(ConfigurationError, match=r"blocks\[1\]: a DocumentBlock.*extract its text"):
                chat_model(plain, endpoint=endpoint, model="m").chat([message])
    assert len(plain.requests) == 3


def test_what_a_user_sent_long_ago_ends_no_conversation(plain: ScriptedServer) -> None:
    """Another model took it then; ours is told that it was there."""
    first = ChatMessage(role="user", blocks=[TextBlock(text="sum up"), DOCUMENT, VideoBlock(video=b"\0")])
    chat_model(plain).chat([first, ours([RAIN]), ChatMessage("why?")])
    assert plain.last.json["messages"][0]["content"] == "sum up\n(document: not shown)\n(video: not shown)"
    with pytest.raises(ConfigurationError, match="VideoBlock"):
        chat_model(plain).chat(
            [ChatMessage("x"), ours([RAIN]), ChatMessage(role="user", blocks=[first.blocks[2]])]
        )
