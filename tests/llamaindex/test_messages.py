"""Content: every block and role, out and in; what cannot be carried is refused by name and place."""

from __future__ import annotations

import base64
import json
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from llama_index.core.base.llms.types import (
    AudioBlock,
    CachePoint,
    ChatMessage,
    CitableBlock,
    CitationBlock,
    DocumentBlock,
    ImageBlock,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
    VideoBlock,
)

from llamaindex_azure_inference.errors import ConfigurationError
from tests.llamaindex.helpers import CHATS, ask, chat_model, completion_model, user
from tests.support import wire
from tests.support.scripted_server import ScriptedServer

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
PNG_URL = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
WAV = b"RIFF\x24\x00\x00\x00WAVEfmt \x10\x00\x00\x00"
MP3 = b"ID3\x04\x00\x00\x00\x00\x00\x00"
IMAGE_PART = {"type": "image_url", "image_url": {"url": PNG_URL}}
CALL = {"id": "c1", "type": "function", "function": {"name": "weather", "arguments": '{"city": "Oslo"}'}}


def sent(server: ScriptedServer, *messages: ChatMessage) -> list[dict[str, Any]]:
    """The messages on the wire, after the endpoint's own checks."""
    server.strict = False
    chat_model(server).chat(list(messages))
    result: list[dict[str, Any]] = server.last.json["messages"]
    return result


# -- out --


def test_text_blocks_are_one_string(plain: ScriptedServer) -> None:
    """Several texts are sent as one string, joined as the framework joins them."""
    message = ChatMessage(role="user", blocks=[TextBlock(text="a"), TextBlock(text="b")])
    assert sent(plain, message) == [{"role": "user", "content": "a\nb"}]


@pytest.mark.parametrize(
    ("role", "wired"),
    [
        ("system", "system"),
        ("developer", "developer"),
        ("user", "user"),
        ("assistant", "assistant"),
        ("chatbot", "assistant"),
        ("model", "assistant"),
    ],
)
def test_every_role_has_one_of_the_api(plain: ScriptedServer, role: str, wired: str) -> None:
    """The framework's roles become the API's."""
    assert sent(plain, ChatMessage(role=MessageRole(role), content="x")) == [{"role": wired, "content": "x"}]


@pytest.mark.parametrize("role", ["tool", "function"])
def test_tool_results_carry_their_call_s_id_only(plain: ScriptedServer, role: str) -> None:
    """A tool's answer is sent with its call's id and nothing else of additional_kwargs."""
    extra = {"tool_call_id": "c1", "name": "weather", "secret": "x"}
    message = ChatMessage(role=MessageRole(role), content="Rain.", additional_kwargs=extra)
    assert sent(plain, message) == [{"role": "tool", "content": "Rain.", "tool_call_id": "c1"}]


def test_other_additional_kwargs_stay_here(plain: ScriptedServer) -> None:
    """Keys that another integration left on a message do not go to the wire."""
    message = ChatMessage(
        role="assistant", content="x", additional_kwargs={"refusal": None, "audio": {"id": 1}}
    )
    assert sent(plain, message) == [{"role": "assistant", "content": "x"}]


IMAGES = {
    "bytes": lambda path: ImageBlock(image=PNG),
    "base64": lambda path: ImageBlock(image=base64.b64encode(PNG)),
    "buffer": lambda path: ImageBlock(image=BytesIO(PNG)),
    "path": lambda path: ImageBlock(path=path),
    "data url": lambda path: ImageBlock(url=PNG_URL),
}


@pytest.mark.parametrize("kind", IMAGES)
def test_images_of_every_source_are_sent(server: ScriptedServer, tmp_path: Path, kind: str) -> None:
    """Bytes, base64, a buffer, a path and a data URL give the same image part, beside the text."""
    path = tmp_path / "one"
    path.write_bytes(PNG)
    message = ChatMessage(role="user", blocks=[TextBlock(text="What?"), IMAGES[kind](path)])
    chat_model(server).chat([message])
    assert server.last.json["messages"][0]["content"] == [{"type": "text", "text": "What?"}, IMAGE_PART]


def test_image_urls_go_as_they_are(plain: ScriptedServer) -> None:
    """An https URL is left to the service to fetch; the detail goes along."""
    block = ImageBlock(url="https://example.com/cat.png", detail="low")
    part = {"type": "image_url", "image_url": {"url": "https://example.com/cat.png", "detail": "low"}}
    assert sent(plain, ChatMessage(role="user", blocks=[block]))[0]["content"] == [part]


def test_images_of_documents_are_sent(plain: ScriptedServer) -> None:
    """Images that the framework itself turned into blocks (``additional_kwargs["images"]``) are sent too."""
    from llama_index.core.schema import ImageDocument

    document = ImageDocument(image=base64.b64encode(PNG).decode())
    message = ChatMessage(role="user", content="What?", additional_kwargs={"images": [document]})
    assert sent(plain, message)[0]["content"][1] == IMAGE_PART


@pytest.mark.parametrize(
    ("block", "kind"),
    [
        (AudioBlock(audio=WAV), "wav"),
        (AudioBlock(audio=MP3), "mp3"),
        (AudioBlock(audio=b"\0\0\0", format="mpeg"), "mp3"),
        (AudioBlock(audio=BytesIO(WAV)), "wav"),
        (AudioBlock(url="data:audio/wav;base64," + base64.b64encode(WAV).decode()), "wav"),
    ],
    ids=["wav", "mp3", "told", "buffer", "data url"],
)
def test_audio_is_sent(plain: ScriptedServer, block: AudioBlock, kind: str) -> None:
    """Audio of every source is sent in the API's two formats."""
    part = sent(plain, ChatMessage(role="user", blocks=[block]))[0]["content"][0]
    assert (part["type"], part["input_audio"]["format"]) == ("input_audio", kind)
    assert base64.b64decode(part["input_audio"]["data"])


def test_audio_urls_go_as_they_are(plain: ScriptedServer) -> None:
    """An https URL of audio is the API's audio_url part."""
    part = {"type": "audio_url", "audio_url": {"url": "https://example.com/a.wav"}}
    block = AudioBlock(url="https://example.com/a.wav")
    assert sent(plain, ChatMessage(role="user", blocks=[block]))[0]["content"] == [part]


def test_hints_are_left_out(plain: ScriptedServer) -> None:
    """Cache points and earlier thinking are not sent; they are hints, not content."""
    blocks = [
        ThinkingBlock(content="Hm."),
        TextBlock(text="x"),
        CachePoint(cache_control={"type": "ephemeral"}),  # type: ignore[arg-type]
    ]
    assert sent(plain, ChatMessage(role="assistant", blocks=blocks)) == [
        {"role": "assistant", "content": "x"}
    ]


@pytest.mark.parametrize("arguments", [{"city": "Oslo"}, '{"city": "Oslo"}'], ids=["dict", "text"])
def test_tool_call_blocks_are_sent(plain: ScriptedServer, arguments: Any) -> None:
    """A call's arguments go as JSON text, whether the block holds a dict or the text; there is no content."""
    block = ToolCallBlock(tool_call_id="c1", tool_name="weather", tool_kwargs=arguments)
    wired = {"role": "assistant", "content": None, "tool_calls": [CALL]}
    assert sent(plain, ChatMessage(role="assistant", blocks=[block])) == [wired]


def test_text_and_tool_calls_are_both_sent(plain: ScriptedServer) -> None:
    """A message may say something and call."""
    blocks = [TextBlock(text="Let me look."), ToolCallBlock(tool_call_id="c1", tool_name="weather")]
    message = sent(plain, ChatMessage(role="assistant", blocks=blocks))[0]
    assert message["content"] == "Let me look."
    assert message["tool_calls"][0]["function"] == {"name": "weather", "arguments": "{}"}


class SdkCall:
    """A tool call as an SDK's object."""

    def as_dict(self) -> dict[str, Any]:
        """The call as a dict."""
        return CALL


@pytest.mark.parametrize("call", [CALL, SdkCall()], ids=["dict", "object"])
def test_tool_calls_of_restored_histories_are_sent(plain: ScriptedServer, call: Any) -> None:
    """Calls that only stand in additional_kwargs, as dicts or SDK objects, are sent in the API's shape."""
    message = ChatMessage(role="assistant", content="", additional_kwargs={"tool_calls": [call]})
    assert sent(plain, message)[0]["tool_calls"] == [CALL]


REFUSED = {
    "document": (DocumentBlock(data=b"%PDF", title="t"), "user", "a DocumentBlock"),
    "video": (VideoBlock(video=b"\0\0"), "user", "a VideoBlock"),
    "citable": (CitableBlock(title="t", source="s", content=[TextBlock(text="x")]), "user", "a CitableBlock"),
    "citation": (
        CitationBlock(cited_content=TextBlock(text="x"), source="s", title="t", additional_location_info={}),
        "user",
        "a CitationBlock",
    ),
    "system image": (ImageBlock(image=PNG), "system", "an ImageBlock.*message of the system"),
    "tool image": (ImageBlock(image=PNG), "tool", "an ImageBlock.*message of the tool"),
    "user call": (ToolCallBlock(tool_name="x"), "user", "a ToolCallBlock.*the assistant's"),
    "image without bytes": (ImageBlock(), "user", "is empty"),
    "image of no type": (ImageBlock(image=b"not an image"), "user", "media type"),
    "image of a file url": (ImageBlock(url="file:///etc/passwd"), "user", "https: or data:"),
    "audio of another format": (AudioBlock(audio=b"OggS", format="ogg"), "user", "wav and mp3"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_carried_is_refused(plain: ScriptedServer, case: str) -> None:
    """The refusal names the message, the block and its type, and nothing is sent."""
    block, role, told = REFUSED[case]
    bad = ChatMessage(
        role=MessageRole(role),
        blocks=[TextBlock(text="x"), block],
        additional_kwargs={"tool_call_id": "c1"} if role == "tool" else {},
    )
    with pytest.raises(ConfigurationError, match=rf"messages\[1\]\.blocks\[1\].*{told}"):
        chat_model(plain).chat([*user(), bad])
    assert plain.requests == []


def test_image_that_is_gone_is_refused(plain: ScriptedServer, tmp_path: Path) -> None:
    """A file that cannot be read any more is named by its place in the conversation."""
    path = tmp_path / "one.png"
    path.write_bytes(PNG)
    block = ImageBlock(path=path)
    path.unlink()
    with pytest.raises(ConfigurationError, match=r"messages\[0\]\.blocks\[0\] cannot be read"):
        chat_model(plain).chat([ChatMessage(role="user", blocks=[block])])


def test_tool_result_without_an_id_is_refused(plain: ScriptedServer) -> None:
    """A tool's answer that names no call is refused, and the text says where the id belongs."""
    with pytest.raises(ConfigurationError, match=r"messages\[0\].*tool_call_id"):
        chat_model(plain).chat([ChatMessage(role="tool", content="Rain.")])


def test_call_without_a_name_is_refused(plain: ScriptedServer) -> None:
    """A restored call that is none is refused by its place."""
    message = ChatMessage(role="assistant", additional_kwargs={"tool_calls": [{"id": "c1"}]})
    with pytest.raises(ConfigurationError, match=r"messages\[0\].*\[0\] is not a tool call"):
        chat_model(plain).chat([message])


@pytest.mark.parametrize("way", ["stream_chat", "achat", "astream_chat"])
async def test_refusal_comes_before_the_stream(plain: ScriptedServer, way: str) -> None:
    """Every way refuses the same block, streams before they are iterated."""
    llm = chat_model(plain)
    message = ChatMessage(role="user", blocks=[VideoBlock(video=b"\0")])

    async def begin() -> None:
        """Make the call, without reading its answer."""
        answer = getattr(llm, way)([message])
        if way.startswith("a"):
            await answer

    with pytest.raises(ConfigurationError, match="VideoBlock"):
        await begin()


def test_completion_model_refuses_what_is_not_text(plain: ScriptedServer) -> None:
    """A prompt cannot hold an image, and does not lose it silently."""
    message = ChatMessage(role="user", blocks=[ImageBlock(image=PNG)])
    with pytest.raises(ConfigurationError, match=r"an ImageBlock.*text only"):
        completion_model(plain).chat([message])


def test_empty_conversation_is_refused(plain: ScriptedServer) -> None:
    """No message at all is refused before anything is sent."""
    with pytest.raises(ConfigurationError, match="at least one message"):
        chat_model(plain).chat([])


@pytest.mark.parametrize("text", ["", "   ", "a\0b", "é" * 1000])
def test_any_text_is_sent(plain: ScriptedServer, text: str) -> None:
    """Empty, blank and unusual text is the service's to judge."""
    assert sent(plain, ChatMessage(role="user", content=text))[0]["content"] == text


def test_lone_surrogate_is_refused(plain: ScriptedServer) -> None:
    """Text that is not Unicode is refused with its place."""
    with pytest.raises(ConfigurationError, match="surrogate"):
        chat_model(plain).complete("a\ud800b")


def test_messages_are_not_changed(plain: ScriptedServer) -> None:
    """The caller's messages are as they were."""
    messages = [
        ChatMessage(role="user", blocks=[TextBlock(text="x"), ImageBlock(image=PNG)]),
        ChatMessage(role="assistant", blocks=[ToolCallBlock(tool_call_id="c1", tool_name="weather")]),
    ]
    before = [message.model_dump_json() for message in messages]
    sent(plain, *messages)
    assert [message.model_dump_json() for message in messages] == before


# -- in --


async def answer_of(server: ScriptedServer, way: str, **message: Any) -> ChatMessage:
    """The message of an answer with these fields, whole or streamed in one piece."""
    body = wire.chat(**{k: v for k, v in message.items() if k in ("content", "tool_calls")})
    body["choices"][0]["message"].update(message)
    calls = [{"index": i, **call} for i, call in enumerate(message.get("tool_calls") or [])]
    fields = {**message, **({"tool_calls": calls} if calls else {})}
    server.reply([wire.chunk(**fields), wire.chunk("", finish_reason="stop")] if "stream" in way else body)
    llm = chat_model(server)
    last = (await ask(llm, way))[-1]
    await llm.aclose()
    result: ChatMessage = last.message
    return result


@pytest.mark.parametrize("way", CHATS)
@pytest.mark.parametrize("field", ["reasoning_content", "reasoning"])
async def test_thinking_is_a_block(plain: ScriptedServer, way: str, field: str) -> None:
    """The model's reasoning, under either name, is a thinking block before the text."""
    message = await answer_of(plain, way, content="4", **{field: "2 + 2"})
    assert [type(block) for block in message.blocks] == [ThinkingBlock, TextBlock]
    assert message.blocks[0].content == "2 + 2"  # type: ignore[union-attr]
    assert message.content == "4"


@pytest.mark.parametrize("way", CHATS[2:])
async def test_thinking_deltas_are_passed(plain: ScriptedServer, way: str) -> None:
    """Each piece of reasoning is in its response's ``thinking_delta``, which agents forward."""
    pieces = [wire.chunk(reasoning_content="2 +"), wire.chunk(reasoning_content=" 2"), wire.chunk("4")]
    plain.reply([*pieces, wire.chunk("", finish_reason="stop")])
    llm = chat_model(plain)
    told = [r.additional_kwargs.get("thinking_delta") for r in await ask(llm, way)]
    assert told == ["2 +", " 2", None, None]
    await llm.aclose()


@pytest.mark.parametrize("way", CHATS)
async def test_tool_calls_come_in_both_forms(plain: ScriptedServer, way: str) -> None:
    """A call is a block with parsed arguments, and the API's dict in additional_kwargs."""
    message = await answer_of(plain, way, content=None, tool_calls=[CALL])
    assert message.blocks == [
        ToolCallBlock(tool_call_id="c1", tool_name="weather", tool_kwargs={"city": "Oslo"})
    ]
    assert message.additional_kwargs["tool_calls"] == [CALL]


@pytest.mark.parametrize("way", CHATS)
async def test_answers_round_trip_through_json(plain: ScriptedServer, way: str) -> None:
    """An answer with thinking, text and a call survives JSON, and is sent back as the same message."""
    message = await answer_of(plain, way, content="Look:", reasoning="Hm.", tool_calls=[CALL])
    restored = ChatMessage.model_validate_json(message.model_dump_json())
    assert restored == message
    wired = {"role": "assistant", "content": "Look:", "tool_calls": [CALL]}
    tool = ChatMessage(role="tool", content="Rain.", additional_kwargs={"tool_call_id": "c1"})
    assert sent(plain, restored, tool)[0] == wired


def test_null_content_is_an_empty_text(plain: ScriptedServer) -> None:
    """An answer without content is a message with an empty text, not with None."""
    plain.reply(wire.chat(None))
    assert chat_model(plain).chat(user()).message.content == ""


def test_arguments_that_are_no_json_are_kept(plain: ScriptedServer) -> None:
    """A block holds the model's own words where they are not a JSON object."""
    plain.reply(wire.chat(None, tool_calls=[wire.tool_call(arguments='{"city": "Os')]))
    message = chat_model(plain).chat(user()).message
    assert message.blocks[0].tool_kwargs == '{"city": "Os'  # type: ignore[union-attr]
    assert json.loads(message.model_dump_json())
