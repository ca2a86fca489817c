"""What deployments refuse although nobody asked for it in so many words: known by family, or learned once.

Recorded refusals are in ``tests/support/habits.py``, where both providers find them too.
"""

from __future__ import annotations

import asyncio
import importlib.util
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from azure_inference_core import ChatClient, CompletionsClient, EmbeddingsClient, merge_params
from azure_inference_core._request.tools import IMPLIED
from azure_inference_core.errors import InferenceError, InvalidRequestError, UnsupportedParameterError
from azure_inference_core.families import families
from tests.support import wire
from tests.support.drive import connect
from tests.support.habits import (
    COUNTS,
    EFFORT,
    HABITS,
    PLUS,
    SCHEMA,
    SCHEMA_FROM,
    TOOLS,
    Habit,
    asks_usage,
    choice,
    effort,
    limit,
    openai,
    roles,
    streams,
    version,
)
from tests.support.scripted_server import Reply, ScriptedServer

WAYS = ("complete", "acomplete", "stream", "astream")
GO = [{"role": "user", "content": "go"}]


def ways_of(habit: Habit) -> tuple[str, ...]:
    return {"whole": WAYS[:2], "streamed": WAYS[2:], "both": WAYS, "embed": ("embed", "aembed")}[habit.ways]


async def ask(client: Any, way: str, messages: Any = GO, **asks: Any) -> Any:
    """The text of an answer, or vectors."""
    if way == "embed":
        return (await asyncio.to_thread(client.embed, ["x"], implied_input_type="query", **asks)).vectors
    if way == "aembed":
        return (await client.aembed(["x"], implied_input_type="query", **asks)).vectors
    if way == "complete":
        result = await asyncio.to_thread(client.complete, messages, **asks)
        return result.choices[0].content
    if way == "acomplete":
        return (await client.acomplete(messages, **asks)).choices[0].content
    if way == "stream":
        deltas = await asyncio.to_thread(lambda: list(client.stream(messages, **asks)))
    else:
        deltas = [delta async for delta in client.astream(messages, **asks)]
    return "".join(delta.content for delta in deltas)


@pytest.mark.parametrize(("habit", "way"), [(h, way) for h in HABITS for way in ways_of(h)], ids=lambda x: getattr(x, "id", x))  # fmt: skip
async def test_a_habit_is_learned_by_one_request(
    server: ScriptedServer, habit: Habit, way: str, caplog: pytest.LogCaptureFixture
) -> None:
    """One request more, once: refused in the first form, taken in the second, and so from then on; nothing else is learned."""
    habit.serve(server)
    client_class = EmbeddingsClient if habit.ways == "embed" else ChatClient
    messages = [{"role": habit.role, "content": "Be brief."}, *GO] if habit.role else GO
    async with client_class(connect(server.url + habit.base, model=habit.model, max_retries=0)) as client:
        for count in (2, 3):
            answer = await ask(client, way, messages, **habit.asks)
            assert answer == (wire.ANSWER if habit.ways != "embed" else [wire.vector_of("x")])
            assert len(server.requests) == count
    assert [habit.seen(request) for request in server.requests] == [habit.first, habit.then, habit.then]
    assert sum(" refuses " in record.getMessage() for record in caplog.records) == 1
    if "max_tokens" in habit.asks or "max_completion_tokens" in habit.asks:
        assert all(99 in body.values() for body in server.bodies)


def test_what_was_learned_is_counted_and_logged(
    server: ScriptedServer, caplog: pytest.LogCaptureFixture
) -> None:
    """``attempts`` counts the request more, and the log names it once."""
    HABITS[0].serve(server)
    with ChatClient(connect(server.v1_url, model="prod-chat")) as client:
        attempts = [client.complete(GO, max_tokens=99).attempts for _ in range(2)]
    assert attempts == [2, 1]
    (told,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert told.getMessage().startswith("prod-chat refuses the name max_tokens")


def test_a_habit_belongs_to_one_model(server: ScriptedServer) -> None:
    """What one model refuses is not kept from another."""
    HABITS[0].serve(server)
    with ChatClient(connect(server.v1_url)) as client:
        for model in ("one", "two", "one", "two"):
            client.complete(GO, max_tokens=99, model=model)
    assert [limit(request)[0] for request in server.requests] == [
        *("max_tokens", "max_completion_tokens") * 2,
        *("max_completion_tokens",) * 2,
    ]


@pytest.mark.parametrize("habit", [h for h in HABITS if h.ways in ("both", "streamed")], ids=lambda h: h.id)
async def test_calls_on_their_way_learn_it_together(server: ScriptedServer, habit: Habit) -> None:
    """Fifty first calls at once are each sent twice at most, all answered, and the next is sent once."""
    habit.serve(server)
    messages = [{"role": habit.role, "content": "Be brief."}, *GO] if habit.role else GO
    async with ChatClient(connect(server.url + habit.base, model=habit.model, max_retries=0)) as client:
        calls = [ask(client, "astream", messages, **habit.asks) for _ in range(50)]
        assert set(await asyncio.gather(*calls)) == {wire.ANSWER}
        assert 51 <= len(server.requests) <= 100
        before = len(server.requests)
        await ask(client, "astream", messages, **habit.asks)
    assert len(server.requests) == before + 1


@pytest.mark.parametrize("habit", HABITS, ids=lambda h: h.id)
async def test_a_service_that_refuses_both_forms_is_not_asked_for_ever(
    server: ScriptedServer, habit: Habit
) -> None:
    """The second refusal is the caller's, and the next call is sent once."""
    server.strict = False
    server.reply_always(lambda _: habit.refusal)
    client_class = EmbeddingsClient if habit.ways == "embed" else ChatClient
    messages = [{"role": habit.role, "content": "Be brief."}, *GO] if habit.role else GO
    async with client_class(connect(server.url + habit.base, model=habit.model, max_retries=0)) as client:
        for count in (2, 3):
            with pytest.raises(InferenceError) as caught:
                await ask(client, ways_of(habit)[-1], messages, **habit.asks)
            assert len(server.requests) == count
            assert caught.value.attempts == (2 if count == 2 else 1)


def test_a_deployment_that_changes_is_learned_anew(server: ScriptedServer) -> None:
    """When the learned form is refused one day, that call fails and the next begins with the other."""
    HABITS[0].serve(server)
    with ChatClient(connect(server.v1_url, model="prod-chat", max_retries=0)) as client:
        client.complete(GO, max_tokens=99)
        older = next(habit for habit in HABITS if habit.id == "limit-older-schema")
        older.serve(server)
        with pytest.raises(InvalidRequestError):
            client.complete(GO, max_tokens=99)
        assert client.complete(GO, max_tokens=99).attempts == 1
    assert limit(server.last) == ["max_tokens"]


def test_a_refusal_that_comes_with_a_success_is_learned_too(server: ScriptedServer) -> None:
    """A gateway that answers 200 with an error in it is read like one that does not."""
    replace(HABITS[0], refusal=Reply(200, HABITS[0].refusal.body)).serve(server)
    with ChatClient(connect(server.v1_url, model="prod-chat", max_retries=0)) as client:
        assert client.complete(GO, max_tokens=99).attempts == 2


async def test_calls_on_their_way_do_not_chase_each_other(server: ScriptedServer) -> None:
    """Where both forms are refused, each of many calls at once is sent twice at most, too."""
    server.strict = False
    server.reply_always(lambda request: openai(f"Unsupported parameter: '{limit(request)[0]}'"))
    async with ChatClient(connect(server.v1_url, model="prod-chat", max_retries=0)) as client:
        calls = [ask(client, "acomplete", max_tokens=99) for _ in range(50)]
        failures = await asyncio.gather(*calls, return_exceptions=True)
    assert {type(failure) for failure in failures} == {UnsupportedParameterError}
    assert len(server.requests) <= 100


GPT5 = "gpt-5-mini"
BY_FAMILY: list[tuple[str, str, dict[str, Any], Callable[[Any], Any], Any]] = [
    (GPT5, "/openai/v1", {"max_tokens": 9}, limit, ["max_completion_tokens"]),
    (GPT5, "/models", {"max_tokens": 9}, limit, ["max_completion_tokens"]),
    ("o3", "/openai/deployments/o3", {"max_tokens": 9}, limit, ["max_completion_tokens"]),
    ("Mistral-Large-3", "/models", {"max_completion_tokens": 9}, limit, ["max_tokens"]),
    ("gpt-4o", "/openai/v1", {"max_completion_tokens": 9}, limit, ["max_completion_tokens"]),
    ("gpt-4o", "/openai/v1", {"max_tokens": 9}, limit, ["max_tokens"]),
    ("deployed", "/openai/v1", {"max_completion_tokens": 9}, limit, ["max_completion_tokens"]),
    ("gpt-4o", "/models", {}, asks_usage, COUNTS),
    ("grok-4-1-fast-non-reasoning", "/models", {}, asks_usage, COUNTS),
    ("DeepSeek-V4-Pro", "/models", {}, asks_usage, COUNTS),
    ("openai/gpt-4.1", "/inference", {}, asks_usage, COUNTS),
    ("deployed", "/models", {}, asks_usage, COUNTS),
    ("deployed", "/openai/v1", {}, asks_usage, COUNTS),
    ("deployed", "", {}, asks_usage, None),
    ("mistral-small-2503", "/models", {}, asks_usage, None),
    ("mistral-small-2503", "", {}, asks_usage, None),
    ("mistral-small-2503", "/openai/v1", {}, asks_usage, COUNTS),
    ("Phi-4", "/models", {}, asks_usage, None),
    ("Phi-4", "/models", {"stream_usage": True}, asks_usage, COUNTS),
    ("gpt-4o", "/models", {"stream_usage": False}, asks_usage, None),
    ("gpt-4o", "/openai/v1", {"data_sources": [{"type": "azure_search"}]}, asks_usage, None),
    ("gpt-4o", "/models", {"extra_parameters": "error"}, asks_usage, None),
    ("o1", "/openai/deployments/o1", {}, streams, (None, None)),
    ("o3", "/openai/deployments/o3", {}, streams, (True, COUNTS)),
    ("DeepSeek-V3-0324", "/models", {"tools": TOOLS, "tool_choice": PLUS}, choice, ("required", ["plus"])),
    ("gpt-4o", "/models", {"tools": TOOLS, "tool_choice": PLUS}, choice, (PLUS, ["plus", "minus"])),
    ("gpt-oss-120b", "/models", {"tools": TOOLS, "tool_choice": IMPLIED}, choice, ("auto", ["plus", "minus"])),
    ("gpt-4o", "/models", {"tools": TOOLS, "tool_choice": IMPLIED}, choice, ("required", ["plus", "minus"])),
    ("command-a-plus", "/models", {"tools": TOOLS, "tool_choice": "auto"}, choice, (None, ["plus", "minus"])),
    ("gpt-5.6-sol", "/openai/v1", {"tools": TOOLS}, effort, "none"),
    ("gpt-6.1-sol", "/models", {"tools": TOOLS}, effort, "none"),
    ("gpt-5.6-sol", "/openai/v1", {}, effort, None),
    ("gpt-5.6-sol", "/models", {"tools": TOOLS, "extra_parameters": "error"}, effort, None),
    (GPT5, "/models", {"max_tokens": 9, "extra_parameters": "drop"}, limit, ["max_tokens"]),
    (GPT5, "/openai/v1", {"max_tokens": 9, "extra_parameters": "drop"}, limit, ["max_completion_tokens"]),
    ("gpt-4o", "/openai/v1", {"extra_parameters": "drop"}, asks_usage, COUNTS),
    ("gpt-5.4", "/openai/v1", {"tools": TOOLS}, effort, None),
    ("gpt-5.6-sol", "/openai/v1", {"tools": TOOLS, "reasoning_effort": "low"}, effort, "low"),
    ("gpt-4o", "/models", {"response_format": SCHEMA}, version, "2024-12-01-preview"),
    ("gpt-4o", "/models", {"response_format": "json_object"}, version, "2024-05-01-preview"),
    ("grok-3", "/models", {"response_format": SCHEMA}, version, "2024-05-01-preview"),
    ("o4-mini", "/openai/deployments/o4-mini", {"response_format": SCHEMA}, version, "2025-01-01-preview"),
]  # fmt: skip


@pytest.mark.parametrize(("model", "base", "asks", "seen", "sent"), BY_FAMILY)
async def test_a_known_family_is_asked_as_it_takes_it(
    server: ScriptedServer, model: str, base: str, asks: dict[str, Any], seen: Callable[[Any], Any], sent: Any
) -> None:
    """What a family's row says needs no refusal: the first request has the right form."""
    server.strict = False
    way = "astream" if seen in (asks_usage, streams) else "acomplete"
    async with ChatClient(connect(server.url + base, model=model)) as client:
        assert await ask(client, way, **asks) == wire.ANSWER
    assert [seen(request) for request in server.requests] == [sent]


@pytest.mark.parametrize(
    ("model", "given", "sent"),
    [
        ("gpt-5", ["developer", "user"], ["developer", "user"]),
        ("gpt-5", ["system", "user"], ["system", "user"]),
        ("gpt-5", ["developer", "system", "user"], ["system", "system", "user"]),
        ("Kimi-K2.5", ["developer", "user"], ["system", "user"]),
        ("o1-mini", ["system", "user"], ["user", "user"]),
        ("deployed", ["developer", "user"], ["developer", "user"]),
    ],
)
def test_instructions_go_under_the_role_that_the_family_takes(
    server: ScriptedServer, model: str, given: list[str], sent: list[str]
) -> None:
    """``developer`` and ``system`` mean the same; one of them goes in a request. The caller's messages stay."""
    messages = [{"role": role, "content": role} for role in given]
    server.strict = False
    with ChatClient(connect(server.v1_url, model=model)) as client:
        client.complete(messages)
    assert roles(server.last) == sent
    assert [message["role"] for message in messages] == given


@pytest.mark.parametrize("name", ["max_tokens", "max_completion_tokens"])
def test_a_completion_has_one_name_for_its_limit(server: ScriptedServer, name: str) -> None:
    """The route has ``max_tokens`` only."""
    with CompletionsClient(connect(server.v1_url, model="gpt-5")) as client:
        client.complete("Once", **{name: 9})
    assert limit(server.last) == ["max_tokens"]


def test_two_names_of_the_limit_are_one_thing(server: ScriptedServer) -> None:
    """The call's wins over the constructor's under either name, and the extras are no other place."""
    server.strict = False
    with ChatClient(connect(server.v1_url, model="gpt-5")) as client:
        for defaults, call in (
            ({"max_tokens": 5}, {"max_completion_tokens": 7}),
            ({"model_extras": {"max_completion_tokens": 5}}, {"max_tokens": 7}),
            ({"max_tokens": 5}, {"model_extras": {"max_completion_tokens": 7}}),
        ):
            client.complete(GO, merge_params(defaults, call))
            assert server.last.json["max_completion_tokens"] == 7
            assert "max_tokens" not in server.last.json


def test_what_goes_with_streams_stays_out_of_other_calls(server: ScriptedServer) -> None:
    """``stream_options`` of the constructor's extras go with streams only."""
    extras = {"stream_options": {"include_usage": True}}
    with ChatClient(connect(server.v1_url)) as client:
        client.complete(GO, model_extras=extras)
        assert "stream_options" not in server.last.json
        list(client.stream(GO, model_extras=extras))
        assert server.last.json["stream_options"] == {"include_usage": True}


VALUE = "Unsupported value: 'temperature' does not support 0.1 with this model. Only the default (1) value is supported."
OWN: list[tuple[dict[str, Any], Reply, str, str]] = [
    ({"temperature": 0.1}, openai(VALUE, "temperature", "unsupported_value"), "temperature", "Leave it out"),
    ({"tools": TOOLS, "reasoning_effort": "low"}, openai(EFFORT.format("gpt-6"), "reasoning_effort"), "reasoning_effort", "'none'"),
    ({"tools": TOOLS, "tool_choice": "required"}, openai("Thinking mode does not support this tool_choice"), "tool_choice", 'tool_choice="auto"'),
]  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("asks", "refusal", "name", "way_out"), OWN)
async def test_what_the_user_asked_for_is_never_dropped(
    server: ScriptedServer, asks: dict[str, Any], refusal: Reply, name: str, way_out: str, way: str
) -> None:
    """It is sent once, and the error says what to do."""
    server.strict = False
    server.reply_always(lambda _: refusal)
    async with ChatClient(connect(server.v1_url, model="deployed", max_retries=0)) as client:
        with pytest.raises(UnsupportedParameterError) as caught:
            await ask(client, way, **asks)
    assert [parameter.name for parameter in caught.value.parameters] == [name]
    assert way_out in str(caught.value)
    assert caught.value.status == 400
    assert len(server.requests) == 1


def test_counts_that_the_user_asked_for_are_not_given_up(server: ScriptedServer) -> None:
    """``stream_usage=True`` is a wish in so many words."""
    server.strict = False
    server.reply_always(lambda _: Reply(422, {"detail": [{"type": "extra_forbidden", "loc": ["body", "stream_options"], "msg": "no"}]}))  # fmt: skip
    with (
        ChatClient(connect(server.v1_url)) as client,
        pytest.raises(UnsupportedParameterError, match="stream_usage"),
    ):
        list(client.stream(GO, stream_usage=True))
    assert len(server.requests) == 1


def test_a_version_that_the_user_chose_is_kept(server: ScriptedServer) -> None:
    """The error names ``api_version=`` as the way out."""
    server.reply(
        Reply(400, {"error": {"code": "BadRequest", "message": SCHEMA_FROM.format("2024-08-01-preview")}})
    )
    connection = connect(f"{server.url}/models", model="gpt-4o", api_version="2024-05-01-preview")
    with ChatClient(connection) as client, pytest.raises(UnsupportedParameterError, match="api_version="):
        client.complete(GO, response_format=SCHEMA)
    assert [version(request) for request in server.requests] == ["2024-05-01-preview"]


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("model", ["deployed", "DeepSeek-V4-Pro"])
async def test_a_choice_that_a_method_implies_gives_way(server: ScriptedServer, model: str, way: str) -> None:
    """Thinking models take no forced choice: of a structured output it is left to the model."""

    def thinking(request: Any) -> Any:
        if request.json.get("tool_choice") == "required":
            return openai("Thinking mode does not support this tool_choice")
        return wire.ANSWER

    server.strict = False
    server.reply_always(thinking)
    async with ChatClient(connect(server.v1_url, model=model, max_retries=0)) as client:
        for count in (2, 3):
            assert await ask(client, way, tools=TOOLS, tool_choice=IMPLIED) == wire.ANSWER
            assert len(server.requests) == count
    assert [choice(request)[0] for request in server.requests] == ["required", "auto", "auto"]


@pytest.mark.parametrize(
    ("asks", "message", "param"),
    [
        ({"max_tokens": 1}, "Could not finish the message because max_tokens or model output limit was reached. Please try again with higher max_tokens.", None),
        ({"max_tokens": 99999}, "max_tokens is too large: 99999. This model supports at most 4096 completion tokens.", "max_tokens"),
        ({"tools": TOOLS}, "Invalid schema for function 'plus': reasoning is no type.", "tools[0].function.parameters"),
        ({"response_format": SCHEMA}, "Invalid schema for response_format 'City'", "response_format"),
    ],
)  # fmt: skip
def test_other_refusals_are_not_taken_for_habits(
    server: ScriptedServer, asks: dict[str, Any], message: str, param: str | None
) -> None:
    """A value that does not do is the caller's, after one request."""
    server.strict = False
    server.reply_always(lambda _: openai(message, param, "invalid_value" if param else None))
    with (
        ChatClient(connect(server.v1_url, model="deployed", max_retries=0)) as client,
        pytest.raises(InvalidRequestError),
    ):
        client.complete(GO, **asks)
    assert len(server.requests) == 1


def test_a_type_that_pydantic_names_is_no_input_type(server: ScriptedServer) -> None:
    """A complaint of another parameter, in pydantic's own words, teaches nothing about input types."""
    words = "dimensions: Input should be a valid integer [type=int_type, input_value='x', input_type=str]"
    server.strict = False
    server.reply_always(lambda _: Reply(422, {"error": {"code": "422", "message": words}}))
    with EmbeddingsClient(connect(server.url, max_retries=0)) as client:
        for _ in range(2):
            with pytest.raises(InvalidRequestError):
                client.embed(["x"], implied_input_type="query", dimensions=5)
    assert [body["input_type"] for body in server.bodies] == ["query", "query"]


def test_a_whole_answer_is_one_chunk_with_its_counts(server: ScriptedServer) -> None:
    """A model that does not stream gives a stream of one piece, and usage after it."""
    server.strict = False
    with ChatClient(connect(f"{server.url}/openai/deployments/o1", model="o1")) as client:
        deltas = list(client.stream(GO))
    assert [delta.content for delta in deltas] == [wire.ANSWER, ""]
    assert deltas[0].finish_reason == "stop"
    assert deltas[-1].usage == wire.chat()["usage"]


def test_only_openais_models_need_a_later_version_for_schemas() -> None:
    """Grok takes them at the first version."""
    assert {family.schema_version for family in families() if family.name.startswith("grok")} == {""}
    assert all(family.schema_version for family in families() if family.name.startswith(("gpt-5", "gpt-4o")))


def test_the_page_of_habits_is_the_table_s() -> None:
    """``docs/habits.md`` holds the rules that the code has: ``python docs/habits.py`` writes them."""
    path = Path(__file__).parents[2] / "docs" / "habits.py"
    found = importlib.util.spec_from_file_location("habits", path)
    assert found is not None
    assert found.loader is not None
    script = importlib.util.module_from_spec(found)
    found.loader.exec_module(script)
    page = script.PAGE.read_text(encoding="utf-8")
    assert script.written(page) == page
