"""Structured output: three ways, four methods, and what happens when the answer does not fit."""

from __future__ import annotations

import json
from typing import Any, Generic, TypeVar

import pytest
from llama_index.core import PromptTemplate
from llama_index.core.types import PydanticProgramMode
from pydantic import BaseModel, Field, RootModel, ValidationError

from tests.llamaindex.helpers import Song, ask, chat_model, completion_model, user
from tests.support import wire
from tests.support.scripted_server import ScriptedServer
from tests.support.strict import faults

METHODS = (
    "structured_predict",
    "astructured_predict",
    "stream_structured_predict",
    "astream_structured_predict",
)
PROMPT = PromptTemplate("A song about {topic}.")
ARGUMENTS = '{"title": "Rain", "year": 1999}'
WAYS: tuple[Any, ...] = ("function_calling", "json_schema", "prompt")
every_method = pytest.mark.parametrize("method", METHODS)
every_way = pytest.mark.parametrize("way", WAYS)


async def predict(llm: Any, method: str, output_cls: Any = Song, **kwargs: Any) -> list[Any]:
    """Predict by one of the four methods; every object that came."""
    result = getattr(llm, method)(output_cls, PROMPT, topic="cats", **kwargs)
    if method.startswith("a"):
        result = await result
    if method.startswith("astream"):
        return [item async for item in result]
    return list(result) if method.startswith("stream") else [result]


def answer(way: str, method: str, text: str = ARGUMENTS) -> Any:
    """The model's answer: a tool call or a JSON text, whole or streamed in small pieces."""
    pieces = [text[start : start + 6] for start in range(0, len(text), 6)]
    if way != "function_calling":
        if "stream" not in method:
            return wire.chat(text)
        return [
            *(wire.chunk(piece) for piece in pieces),
            wire.chunk("", finish_reason="stop", usage=wire.USAGE),
        ]
    call = wire.tool_call("Song", text, "c1")
    if "stream" not in method:
        return wire.chat(None, tool_calls=[call])
    head = {**call, "index": 0, "function": {"name": "Song", "arguments": ""}}
    deltas = [head, *({"index": 0, "function": {"arguments": piece}} for piece in pieces)]
    return [*(wire.chunk(tool_calls=[delta]) for delta in deltas), wire.chunk("", finish_reason="stop")]


@every_way
@every_method
async def test_every_way_gives_the_object(server: ScriptedServer, way: Any, method: str) -> None:
    """By tools, schema or prompt, whole or streamed, sync or async: the last object is the whole one."""
    server.reply(answer(way, method))
    llm = chat_model(server, structured_output=way)
    assert (await predict(llm, method))[-1] == Song(title="Rain", year=1999)
    await llm.aclose()


@every_way
@pytest.mark.parametrize("method", METHODS[2:])
async def test_streams_grow(plain: ScriptedServer, way: Any, method: str) -> None:
    """A streamed object shows its first field before its last is there."""
    plain.reply(answer(way, method))
    llm = chat_model(plain, structured_output=way)
    objects = await predict(llm, method)
    assert any((item.title or "").startswith("R") and item.year is None for item in objects[:-1])
    await llm.aclose()


@every_method
async def test_request_by_tools(plain: ScriptedServer, method: str) -> None:
    """By tools, the class is the one tool and it is required, in streams too."""
    plain.reply(answer("function_calling", method))
    llm = chat_model(plain)
    await predict(llm, method)
    assert [tool["function"]["name"] for tool in plain.last.json["tools"]] == ["Song"]
    assert plain.last.json["tool_choice"] == "required"
    assert "parallel_tool_calls" not in plain.last.json
    llm.send_parallel_tool_calls = True
    plain.reply(answer("function_calling", method))
    await predict(llm, method)
    assert plain.last.json["parallel_tool_calls"] is False
    await llm.aclose()


@every_method
async def test_request_by_schema(plain: ScriptedServer, method: str) -> None:
    """By schema, the response format holds the class's schema, strict, and there are no tools."""
    plain.reply(answer("json_schema", method))
    llm = chat_model(plain, structured_output="json_schema")
    await predict(llm, method, llm_kwargs={"tool_choice": "auto", "temperature": 0})
    sent = plain.last.json
    assert sent["response_format"]["json_schema"]["name"] == "Song"
    assert sent["response_format"]["json_schema"]["schema"]["required"] == ["title", "year"]
    assert sent["response_format"]["json_schema"]["strict"] is True
    assert sent["temperature"] == 0
    assert sent.keys().isdisjoint({"tools", "tool_choice"})
    await llm.aclose()


@every_method
async def test_request_by_prompt(plain: ScriptedServer, method: str) -> None:
    """By prompt, the schema is in the text, and the caller's prompt is not changed."""
    plain.reply(answer("prompt", method))
    llm = chat_model(plain, structured_output="prompt")
    await predict(llm, method)
    assert '"year"' in plain.last.json["messages"][0]["content"]
    assert plain.last.json.keys() <= {"messages", "stream"}
    assert PROMPT.output_parser is None
    await llm.aclose()


@pytest.mark.parametrize(
    "settings",
    [
        {"is_function_calling_model": False},
        {"supports_forced_tool_choice": False},
        {"model": "Phi-3-mini-4k-instruct"},
        {"model": "gpt-oss-120b"},
    ],
    ids=["no tools", "no forced choice", "family without tools", "family that chooses for itself"],
)
def test_models_that_cannot_be_made_to_call_are_asked_by_prompt(
    plain: ScriptedServer, settings: dict[str, Any]
) -> None:
    """Where nothing is said and tools cannot be relied on, the prompt asks."""
    plain.reply(wire.chat(ARGUMENTS))
    assert chat_model(plain, **settings).structured_predict(Song, PROMPT, topic="x").year == 1999
    assert "tools" not in plain.last.json


def test_named_way_decides_before_the_model(plain: ScriptedServer) -> None:
    """A user who names tools gets tools, not forced where the model refuses that."""
    plain.reply(answer("function_calling", "structured_predict"))
    llm = chat_model(plain, structured_output="function_calling", supports_forced_tool_choice=False)
    assert llm.structured_predict(Song, PROMPT, topic="x").title == "Rain"
    assert plain.last.json["tool_choice"] == "auto"


def test_program_mode_of_the_framework_decides_first(plain: ScriptedServer) -> None:
    """``pydantic_program_mode``, if set, is honoured as everywhere in the framework."""
    plain.reply(wire.chat(ARGUMENTS))
    llm = chat_model(plain, pydantic_program_mode=PydanticProgramMode.LLM, structured_output="json_schema")
    assert llm.structured_predict(Song, PROMPT, topic="x").title == "Rain"
    assert "response_format" not in plain.last.json


@pytest.mark.filterwarnings("ignore:The `json` method:DeprecationWarning")  # the framework's own call
@every_way
@pytest.mark.parametrize("method", ["chat", "achat", "complete", "stream_chat"])
async def test_structured_llm(plain: ScriptedServer, way: Any, method: str) -> None:
    """``as_structured_llm`` answers with the object as JSON and in raw."""
    plain.reply(answer(way, method))
    llm = chat_model(plain, structured_output=way)
    structured = llm.as_structured_llm(Song)
    response = getattr(structured, method)("A song." if method == "complete" else user("A song."))
    response = await response if method == "achat" else response
    last = list(response)[-1] if method == "stream_chat" else response
    text = last.text if method == "complete" else last.message.content
    assert json.loads(text) == {"title": "Rain", "year": 1999}
    assert last.raw == Song(title="Rain", year=1999)
    await llm.aclose()


@pytest.mark.parametrize("way", ["function_calling", "json_schema", "prompt"])
@pytest.mark.parametrize("method", METHODS[:2])
async def test_answer_that_does_not_fit(plain: ScriptedServer, way: Any, method: str) -> None:
    """An answer that is not the object raises a ValueError, never a wrong object."""
    plain.reply(answer(way, method, '{"title": "Rain"}'))
    llm = chat_model(plain, structured_output=way)
    with pytest.raises(ValueError, match=r"(?i)song|year"):
        await predict(llm, method)
    await llm.aclose()


class Invoice(BaseModel):
    """An invoice; what is not in the text stays empty."""

    number: str | None = None
    lines: list[str] = []


ENDS = {
    "length": "cut off.*max_tokens",
    "content_filter": "content safety",
    "stop": "JSON",
    "tool_calls": "JSON",
}


def ended(way: str, method: str, text: str, finish: str) -> Any:
    """The model's answer, with a finish reason."""
    body = answer(way, method, text)
    last = body[-1] if isinstance(body, list) else body
    last["choices"][0]["finish_reason"] = finish
    return json.loads(json.dumps(body).replace('"name": "Song"', '"name": "Invoice"'))


@pytest.mark.parametrize("finish", ENDS)
@every_way
@every_method
async def test_a_cut_answer_fills_nothing(plain: ScriptedServer, way: Any, method: str, finish: str) -> None:
    """A class of defaults would take any part of it: it raises, at the end of a stream too, and says why."""
    plain.reply(ended(way, method, '{"number": "A-17", "lines": ["pen", "bo', finish))
    llm = chat_model(plain, structured_output=way)
    with pytest.raises(ValueError, match=f"not a Invoice.*{ENDS[finish]}"):
        await predict(llm, method, Invoice)
    await llm.aclose()


@pytest.mark.filterwarnings("ignore:The `json` method:DeprecationWarning")  # the framework's own call
@every_way
@pytest.mark.parametrize("method", ["chat", "achat", "stream_chat", "astream_chat", "complete", "acomplete"])
async def test_a_structured_llm_takes_no_cut_answer(plain: ScriptedServer, way: Any, method: str) -> None:
    """``as_structured_llm`` raises in every way of asking it."""
    plain.reply(ended(way, method, '{"number": "A-17", "lines": ["pen", "bo', "stop"))
    llm = chat_model(plain, structured_output=way)
    structured = llm.as_structured_llm(Invoice)
    with pytest.raises(ValueError, match="not a Invoice"):
        await ask(structured, method, "An invoice.")
    await llm.aclose()


@every_way
@every_method
async def test_nothing_written_is_no_object(plain: ScriptedServer, way: Any, method: str) -> None:
    """An empty answer fills nothing; an empty object is one."""
    llm = chat_model(plain, structured_output=way)
    plain.reply(ended(way, method, "", "stop"))
    with pytest.raises(ValueError, match="not a Invoice"):
        await predict(llm, method, Invoice)
    plain.reply(ended(way, method, "{}", "stop"))
    assert (await predict(llm, method, Invoice))[-1] == Invoice()
    await llm.aclose()


FORMS = {
    "a code fence": f"```json\n{ARGUMENTS}\n```",
    "encoded twice": json.dumps(ARGUMENTS),
    "single quotes": "{'title': 'Rain', 'year': 1999}",
}
FORMS_OF_TEXTS = {
    "words": f"Here it is: {ARGUMENTS}\nEnjoy!",
    "a thought with braces": f"<think>{{title: Sun}}?</think>\n{ARGUMENTS}",
    "two thoughts": f"<think>{{}}</think>\n<think>{{}}</think>{ARGUMENTS}",
    "a thought that the template opened": f"So {{title: Sun}}?\n</think>\n\n{ARGUMENTS}",
}
WRITTEN = [(way, form) for way in WAYS for form in FORMS]
WRITTEN += [(way, form) for way in WAYS[1:] for form in FORMS_OF_TEXTS]


@pytest.mark.parametrize(("way", "form"), WRITTEN)
@every_method
async def test_json_is_read_in_every_form(plain: ScriptedServer, way: str, form: str, method: str) -> None:
    """Fences, a second encoding and Python's quotes are read everywhere, words and thoughts in texts."""
    plain.reply(answer(way, method, (FORMS | FORMS_OF_TEXTS)[form]))
    llm = chat_model(plain, structured_output=way, split_think=False)
    assert (await predict(llm, method))[-1] == Song(title="Rain", year=1999)
    await llm.aclose()


class Part(BaseModel):
    """A part."""

    name: str
    parts: list[Part] = []


class Songs(RootModel[list[Song]]):
    """Songs."""


KINDS: dict[str, tuple[Any, str, Any]] = {
    "recursive": (
        Part,
        '{"name": "a", "parts": [{"name": "b", "parts": []}]}',
        Part(name="a", parts=[Part(name="b")]),
    ),
    "array": (Songs, f'{{"value": [{ARGUMENTS}]}}', Songs([Song(title="Rain", year=1999)])),
}


@pytest.mark.parametrize("kind", KINDS)
@every_way
@every_method
async def test_schemas_there_and_back(plain: ScriptedServer, way: Any, method: str, kind: str) -> None:
    """Recursive classes and arrays go out whole, as objects, and come back."""
    output_cls, text, expected = KINDS[kind]
    plain.reply(answer(way, method, text))
    llm = chat_model(plain, structured_output=way)
    assert (await predict(llm, method, output_cls))[-1] == expected
    body = plain.last.json
    if way == "json_schema":
        assert body["response_format"]["json_schema"]["strict"] is True
        assert faults(body["response_format"]["json_schema"]["schema"]) == []
    elif way == "function_calling":
        assert body["tools"][0]["function"]["parameters"]["type"] == "object"
    await llm.aclose()


@every_method
async def test_answer_in_words_where_a_call_was_asked_for(plain: ScriptedServer, method: str) -> None:
    """A model that talks instead of calling is an error that quotes it."""
    plain.reply("I would rather talk.")
    llm = chat_model(plain)
    with pytest.raises(ValueError, match="rather talk"):
        await predict(llm, method)
    await llm.aclose()


def test_function_calling_needs_a_model_that_calls(plain: ScriptedServer) -> None:
    """Asking a model for calls that makes none is refused before anything is sent."""
    llm = chat_model(plain, structured_output="function_calling", is_function_calling_model=False)
    with pytest.raises(ValueError, match="does not call tools"):
        llm.structured_predict(Song, PROMPT, topic="x")
    assert plain.requests == []


def test_answer_cut_by_length_says_so(plain: ScriptedServer) -> None:
    """A schema answer that ended too early names the finish reason, with pydantic's error as the cause."""
    plain.reply(wire.chat('{"title": "Ra', finish_reason="length"))
    with pytest.raises(ValueError, match=r"not a Song.*'length'") as caught:
        chat_model(plain, structured_output="json_schema").structured_predict(Song, PROMPT, topic="x")
    assert isinstance(caught.value.__cause__, ValidationError)


def test_refusal_says_so(plain: ScriptedServer) -> None:
    """A refusal in place of a schema answer is the error's text."""
    body = wire.chat(None)
    body["choices"][0]["message"]["refusal"] = "No songs."
    plain.reply(body)
    with pytest.raises(ValueError, match="No songs"):
        chat_model(plain, structured_output="json_schema").structured_predict(Song, PROMPT, topic="x")


@every_method
async def test_completion_model_fills_a_class_by_prompt(plain: ScriptedServer, method: str) -> None:
    """A completion model is asked in the prompt; what was cut off fills nothing."""
    llm = completion_model(plain)
    plain.reply(ARGUMENTS)
    assert (await predict(llm, method))[-1] == Song(title="Rain", year=1999)
    assert '"year"' in plain.last.json["prompt"]
    plain.reply('{"number": "A-17", "lines": ["pen", "bo')
    with pytest.raises(ValueError, match="not a Invoice"):
        await predict(llm, method, Invoice)
    await llm.aclose()


ItemT = TypeVar("ItemT")


class Box(BaseModel, Generic[ItemT]):
    """A box."""

    item: ItemT
    label: str = Field(default="none", description="What it says.")


class Album(BaseModel):
    """An album."""

    best: Song = Field(description="The best one.")
    songs: list[Song]
    note: str | None = None


class Counts(BaseModel):
    """Counts by name."""

    by_name: dict[str, int]


def schema_sent(server: ScriptedServer, output_cls: type[BaseModel], text: str) -> dict[str, Any]:
    """The response format that asks for a class."""
    server.reply(wire.chat(text))
    chat_model(server, structured_output="json_schema").structured_predict(output_cls, PROMPT, topic="x")
    given: dict[str, Any] = server.last.json["response_format"]["json_schema"]
    return given


def test_schema_of_a_nested_class_is_strict(plain: ScriptedServer) -> None:
    """Every object is closed, every property required, defaults and what stands beside a reference are gone."""
    given = schema_sent(plain, Album, '{"best": {"title": "a", "year": 1}, "songs": []}')
    assert given["strict"]
    assert given["schema"]["required"] == ["best", "songs", "note"]
    assert given["schema"]["properties"]["best"] == {"$ref": "#/$defs/Song"}
    assert given["schema"]["$defs"]["Song"]["additionalProperties"] is False
    assert "default" not in json.dumps(given["schema"])


def test_schema_with_free_keys_is_not_strict(plain: ScriptedServer) -> None:
    """A dictionary cannot be strict: the schema is sent as pydantic wrote it."""
    given = schema_sent(plain, Counts, '{"by_name": {"a": 1}}')
    assert given["strict"] is False
    assert given["schema"] == Counts.model_json_schema()


def test_name_of_a_generic_class_is_cleaned(plain: ScriptedServer) -> None:
    """A class name with brackets becomes one that the API allows."""
    assert schema_sent(plain, Box[int], '{"item": 1}')["name"] == "Box_int_"
