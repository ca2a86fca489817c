"""Conversations as the API and the model's family take them, whoever wrote them."""

from __future__ import annotations

import json
import re
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azure_inference_core import ChatClient, family_of
from azure_inference_core._request.history import legal_history
from azure_inference_core.errors import InvalidRequestError
from tests.support.checks import check_messages
from tests.support.drive import connect
from tests.support.scripted_server import Reply, ScriptedServer

IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,iVBORw0KGgo="}}
SOUND = {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "wav"}}
FILE = {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,JVBERg=="}}
NO_RESULT = "There is no result: this call was not carried out."


def text(words: str) -> dict[str, Any]:
    return {"type": "text", "text": words}


def system(content: Any) -> dict[str, Any]:
    return {"role": "system", "content": content}


def user(content: Any = "x", **more: Any) -> dict[str, Any]:
    return {"role": "user", "content": content, **more}


def answer(content: Any = "y", *calls: dict[str, Any], **more: Any) -> dict[str, Any]:
    made = {"tool_calls": list(calls)} if calls else {}
    return {"role": "assistant", "content": content, **made, **more}


def call(call_id: Any = "c1", arguments: Any = "{}", name: Any = "look") -> dict[str, Any]:
    return {"id": call_id, "type": "function", "function": {"name": name, "arguments": arguments}}


def result(content: Any = "z", call_id: Any = "c1") -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call_id, "content": content}


def sent(server: ScriptedServer, *messages: Any, model: str = "prod", **keywords: Any) -> list[Any]:
    """What arrives of a conversation; the caller's own is as it was."""
    before = json.dumps(messages)
    with ChatClient(connect(server.url, model=model)) as client:
        client.complete(messages, **keywords)
    assert json.dumps(messages) == before
    found: list[Any] = server.last.json["messages"]
    return found


# -- what is legal --


@pytest.mark.parametrize("model", ["prod", "gpt-4o", "DeepSeek-V3.1", "grok-4"])
def test_what_is_legal_goes_out_as_it_is(server: ScriptedServer, model: str) -> None:
    """Not a blank of a legal conversation is changed, or a service could not use what it remembers of it."""
    conversation = [
        system("be brief"),
        user([text("what is this?"), IMAGE], name="ann"),
        answer(None, call("call_1", '{ "a" : 1.0,"b":"\\u00fc" }'), call("functions.look:1", "{}")),
        result("ü", "call_1"),
        result([text("a"), text("b")], "functions.look:1"),
        answer("Done.", name="agent-1"),
        user(),
    ]
    if model == "DeepSeek-V3.1":
        conversation = [message for message in conversation if not isinstance(message["content"], list)]
        conversation[1]["tool_calls"].pop()
        del conversation[3]["name"]
        conversation[3]["name"] = "agent-1"
    assert sent(server, *conversation, model=model) == conversation


def test_nothing_legal_is_copied() -> None:
    """Messages that are legal are the same objects."""
    conversation = [user(), answer("y", call()), result(), answer("ü"), user()]
    legal = legal_history(conversation, family_of("gpt-4o"))
    assert all(new is old for new, old in zip(legal, conversation, strict=True))


# -- calls --


@pytest.mark.parametrize(
    ("written", "arguments"),
    [
        ('{"a": 1}', '{"a": 1}'),
        ('{"a":1 }', '{"a":1 }'),
        ("", "{}"),
        (None, "{}"),
        ({"a": "ü"}, '{"a": "ü"}'),
        ("{'a': 1}", '{"a": 1}'),
        ('"{\\"a\\": 1}"', '{"a": 1}'),
        ('{"a": "x\ny"}', '{"a": "x\\ny"}'),
    ],
)
def test_readable_arguments_are_an_object(server: ScriptedServer, written: Any, arguments: str) -> None:
    """Arguments in every form that can be read go back as the text of an object; such a text as it is."""
    messages = sent(server, user(), answer(None, call(arguments=written)), result())
    assert messages[1]["tool_calls"][0]["function"]["arguments"] == arguments


@pytest.mark.parametrize(
    "written",
    [
        *(
            '{"a": "he said "hi"',
            '{"number":"A-17","lines":["pen","bo',
            "null",
            "[1]",
            "5",
            "delete everything",
        ),
        *('{"a": NaN}', '{"a": "\\ud800"}', "[" * 9999, '{"a": "\ud800'),
    ],
    ids=lambda written: written[:9].encode("ascii", "replace").decode(),
)
def test_unreadable_arguments_are_shown_to_the_model(server: ScriptedServer, written: str) -> None:
    """What the model wrote and nobody can read is a text in an object, so that no service refuses it."""
    messages = sent(server, user(), answer(None, call(arguments=written)), result())
    shown = json.loads(messages[1]["tool_calls"][0]["function"]["arguments"])
    assert shown == {"INVALID_JSON": written.encode("utf-8", "replace").decode()}


def test_arguments_that_json_has_no_form_for_are_written_anyhow(server: ScriptedServer) -> None:
    """Objects and numbers that code put into arguments do not end a conversation."""
    legal = legal_history([answer(None, call(arguments={"a": {1}, "b": object}))], family_of("prod"))
    assert set(json.loads(legal[0]["tool_calls"][0]["function"]["arguments"])) == {"a", "b"}


@pytest.mark.parametrize(
    ("model", "given", "legal"),
    [
        ("Mistral-large-2411", "aB3dE6gH9", "aB3dE6gH9"),
        ("Mistral-large-2411", "call_of_another_model", None),
        ("Mistral-large-2411", "null", None),
        ("Mistral-large-2411", "toolu_01A09q90qw90lq917835lq9", None),
        ("Mistral-large-2411", "", "call00000"),
        ("gpt-4o", None, "call00000"),
        ("gpt-4o", "call_1", "call_1"),
        ("gpt-4o", "chatcmpl-tool-0123456789abcdef0123456789abcdef", None),
    ],
)
def test_ids_are_the_familys(server: ScriptedServer, model: str, given: Any, legal: str | None) -> None:
    """A call's id is one that the family takes, the same one every time, and its result has it too."""
    conversation = [user(), answer(None, call(given)), result("z", given or "made up elsewhere"), user()]
    messages, again = (sent(server, *conversation, model=model) for _ in range(2))
    assert messages == again
    made = messages[1]["tool_calls"][0]["id"]
    assert messages[2]["tool_call_id"] == made
    assert made == legal or (legal is None and re.fullmatch("[A-Za-z0-9]{9}", made))


@pytest.mark.parametrize("model", ["Mistral-large-2411", "gpt-4o"])
@pytest.mark.parametrize("given", ["c1", "null", None])
def test_two_calls_with_one_id_get_two(server: ScriptedServer, model: str, given: Any) -> None:
    """Their results go to them in order."""
    calling = answer(None, call(given, '{"n":1}'), call(given, '{"n":2}'))
    messages = sent(server, user(), calling, result("1", given), result("2", given), model=model)
    first, second = (made["id"] for made in messages[1]["tool_calls"])
    assert first != second
    assert [(one["tool_call_id"], one["content"]) for one in messages[2:4]] == [(first, "1"), (second, "2")]


def test_results_find_calls_without_ids_by_name(server: ScriptedServer) -> None:
    """Where calls have no ids and their results name tools instead, each goes to its own."""
    calling = answer(None, call(None, name="a"), call(None, name="b"))
    messages = sent(server, user(), calling, result("of b", "b"), result("of a", "a"))
    ids = [made["id"] for made in messages[1]["tool_calls"]]
    assert {one["tool_call_id"]: one["content"] for one in messages[2:]} == dict(
        zip(ids, ["of a", "of b"], strict=True)
    )


def test_a_call_without_a_name_has_one(server: ScriptedServer) -> None:
    """A stream that broke before the name was there leaves such a call behind."""
    messages = sent(server, user(), answer(None, call(name=None)), result())
    assert messages[1]["tool_calls"][0]["function"]["name"] == "unnamed"


# -- calls and results that lost each other --


@pytest.mark.parametrize(
    ("conversation", "arrives"),
    [
        (
            [user(), answer(None, call("a"), call("b", name="f")), result("1", "f"), result("2", "")],
            [user(), answer(None, call("a"), call("b", name="f")), result("1", "b"), result("2", "a")],
        ),
        (
            [user(), answer(None, call()), user("never mind")],
            [user(), answer(None, call()), result(NO_RESULT), user("never mind")],
        ),
        (
            [user(), answer(None, call("a"), call("b")), result("1", "b"), user()],
            [user(), answer(None, call("a"), call("b")), result("1", "b"), result(NO_RESULT, "a"), user()],
        ),
        (
            [user(), answer(None, call("a"), call("b")), result("1", "a")],
            [user(), answer(None, call("a"), call("b")), result("1", "a"), result(NO_RESULT, "b")],
        ),
        ([user(), answer(None, call())], [user(), answer(None, call())]),
        (
            [system("s"), result("17", "gone"), answer(), user()],
            [
                system("s"),
                user("The result of a tool call that is not in this conversation:\n17"),
                answer(),
                user(),
            ],
        ),
        (
            [user(), answer(None, call()), result("1"), result("2"), answer()],
            [
                user(),
                answer(None, call()),
                result("1"),
                user("The result of a tool call that is not in this conversation:\n2"),
                answer(),
            ],
        ),
        (
            [result("17", "gone"), user()],
            [user("The result of a tool call that is not in this conversation:\n17"), user()],
        ),
    ],
    ids=[
        "named, not numbered",
        "interrupted",
        "half done",
        "half done at the end",
        "open at the end",
        "trimmed",
        "told twice",
        "no answer",
    ],
)
def test_calls_and_results_are_paired(
    server: ScriptedServer, conversation: list[Any], arrives: list[Any]
) -> None:
    """No text is lost, and no service finds a call without a result or a result without a call."""
    assert sent(server, *conversation) == arrives


CALLS = st.builds(call, st.sampled_from(["c1", "c2", None]), st.sampled_from(["{}", "{"]), st.just("look"))
CONTENTS = st.sampled_from(["r", [text("t"), IMAGE], [SOUND, FILE]])
MESSAGES = st.lists(
    st.one_of(
        st.builds(user, st.sampled_from(["a", "b"])),
        st.builds(answer, st.sampled_from(["a", None]), CALLS, CALLS),
        st.builds(answer, CONTENTS),
        st.builds(result, CONTENTS, st.sampled_from(["c1", "c2", "c3"])),
        st.builds(system, st.just("s")),
    ),
    min_size=2,
    max_size=12,
)


@given(
    MESSAGES, st.sampled_from(["prod", "Mistral-large-2411", "Llama-3.3-70B-Instruct", "Cohere-command-r"])
)
def test_any_conversation_becomes_a_legal_one(conversation: list[Any], model: str) -> None:
    """Whatever stands in a conversation, in whatever order, a strict service takes it, and it is the same each time."""
    family = family_of(model)
    conversation = [*conversation, answer(), user()]
    legal = legal_history(conversation, family)
    check_messages(json.loads(json.dumps(legal)))
    assert legal == legal_history(conversation, family)
    if family.turns != "free":
        roles = ["user" if message["role"] == "system" else message["role"] for message in legal]
        assert ("tool", "user") not in pairwise(roles)


@given(MESSAGES, st.sampled_from(["prod", "Mistral-large-2411"]))
def test_what_follows_changes_nothing_before(conversation: list[Any], model: str) -> None:
    """What was sent up to a user's message is the beginning of all that is sent later."""
    family = family_of(model)
    whole = legal_history([*conversation, user("end")], family)
    for place, message in enumerate(conversation):
        if message["role"] == "user":
            part = legal_history(conversation[: place + 1], family)
            assert whole[: len(part)] == part


# -- names, order, forms --


@pytest.mark.parametrize(
    ("model", "name", "arrives"),
    [
        ("gpt-4o", "supervisor", "supervisor"),
        ("gpt-4o", "Subject Matter Expert", "Subject_Matter_Expert"),
        ("gpt-4o", "R&D <lead>", "R_D__lead_"),
        ("gpt-4o", "n" * 70, None),
        ("gpt-4o", "李", ""),
        ("gpt-4o", "", ""),
        ("Mistral-large-2411", "supervisor", ""),
        ("Cohere-command-r", "supervisor", ""),
        ("prod", "Subject Matter Expert", "Subject_Matter_Expert"),
    ],
)
@pytest.mark.parametrize("make", [answer, user])
def test_names_are_the_familys(
    server: ScriptedServer, make: Any, model: str, name: str, arrives: str | None
) -> None:
    """A name is one that services take, and left off where the family takes none or nothing is left of it."""
    messages = sent(server, user("first"), make("y", name=name), model=model)
    told = messages[1].get("name", "")
    assert told == arrives if arrives is not None else re.fullmatch(r"n{55}_[0-9a-f]{8}", told)


@pytest.mark.parametrize(
    ("model", "conversation", "arrives"),
    [
        (
            "mistral-small-2503",
            [user(), answer("", call("aB3dE6gH9")), result("z", "aB3dE6gH9"), user("more")],
            [
                user(),
                answer("", call("aB3dE6gH9")),
                result("z", "aB3dE6gH9"),
                answer("OK."),
                user("more"),
            ],
        ),
        (
            "Llama-3.3-70B-Instruct",
            [
                system("a"),
                system("b"),
                answer("Hi!"),
                user("1"),
                user("2"),
                system("c"),
                answer("3"),
                answer("4"),
            ],
            [system("a\n\nb"), user("Hello."), answer("Hi!"), user("1\n\n2\n\nc"), answer("3\n\n4")],
        ),
        (
            "Phi-4-multimodal-instruct",
            [user([text("1"), IMAGE]), user("2")],
            [user([text("1"), IMAGE, text("2")])],
        ),
        ("Mistral-large-2411", [user(), answer(""), user()], [user(), answer("(no answer)"), user()]),
        (
            "gpt-4o",
            [user(), answer("", tool_calls=[]), answer("", tool_calls=None)],
            [user(), answer(""), answer("")],
        ),
        ("AI21-Jamba-1.5-Large", [answer(None, call()), result(), user()], None),
        ("gpt-4o", [user("1"), user("2"), answer("3"), answer("4"), system("5")], None),
    ],
)
def test_the_order_is_the_familys(
    server: ScriptedServer, model: str, conversation: list[Any], arrives: list[Any] | None
) -> None:
    """What may not follow each other gets something between, or becomes one."""
    if model.startswith("AI21"):
        arrives = [user("Hello."), *conversation[:2], answer("OK."), conversation[2]]
    assert sent(server, *conversation, model=model) == (arrives or conversation)


@pytest.mark.parametrize(
    ("content", "arrives"),
    [
        ("17", '{"result": "17"}'),
        ([text("1"), text("7")], '{"result": "1\\n7"}'),
        ('{"a": 1}', '{"a": 1}'),
        ("[1]", '{"result": "[1]"}'),
    ],
)
def test_results_are_objects_where_the_family_wants_them(
    server: ScriptedServer, content: str, arrives: str
) -> None:
    """Cohere's models read a tool's result as an object."""
    messages = sent(server, user(), answer(None, call()), result(content), model="Cohere-command-r")
    assert messages[2]["content"] == arrives


def test_halves_of_characters_do_not_end_a_conversation(server: ScriptedServer) -> None:
    """A model can write half a character, and a tool can read one from a file's name."""
    messages = sent(server, user(), answer("a\ud83d", call()), result("b\udce4.txt"), user())
    assert [message["content"] for message in messages[1:3]] == ["a?", "b?.txt"]


# -- images, sounds and files --


def test_what_tools_return_beside_text_follows_the_turn(server: ScriptedServer) -> None:
    """A tool's message keeps its text and a note; what it showed stands in one message after the turn's last result."""
    conversation = [
        user(),
        answer(None, call("a", name="shoot"), call("b", name="listen"), call("c", name="count")),
        result([text("the screen"), IMAGE, IMAGE], "a"),
        result([SOUND], "b"),
        result("3", "c"),
        answer("I see."),
    ]
    url = server.v1_url
    with ChatClient(connect(url, model="prod")) as client:
        client.complete(conversation)
    messages = server.last.json["messages"]
    assert [message["role"] for message in messages] == [
        *("user", "assistant", "tool", "tool", "tool", "user", "assistant")
    ]
    assert [message["content"] for message in messages[2:5]] == [
        "the screen\n(image 1: see below)\n(image 2: see below)",
        "(audio 3: see below)",
        "3",
    ]
    assert messages[5]["content"] == [
        *(text("image 1, returned by shoot:"), IMAGE, text("image 2, returned by shoot:"), IMAGE),
        *(text("audio 3, returned by listen:"), SOUND),
    ]


@pytest.mark.parametrize(
    ("model", "roles"),
    [
        ("mistral-medium-2505", ["user", "assistant", "tool", "assistant", "user"]),
        ("Llama-4-Scout", ["user", "assistant", "tool", "assistant", "user"]),
        ("gpt-4o", ["user", "assistant", "tool", "user"]),
    ],
)
def test_pictures_keep_to_the_familys_order(server: ScriptedServer, model: str, roles: list[str]) -> None:
    """Where no user may speak after a tool, something stands between."""
    messages = sent(server, user(), answer("", call()), result([IMAGE]), model=model)
    assert [message["role"] for message in messages] == roles
    assert IMAGE in messages[-1]["content"]


def test_a_picture_of_the_assistant_is_shown_by_the_user(server: ScriptedServer) -> None:
    """No service takes an assistant's picture; the next message of a user carries it."""
    messages = sent(server, user(), answer([text("Here."), IMAGE]), user("bluer"))
    assert messages == [
        user(),
        answer("Here.\n(image 1: see below)"),
        user([text("image 1, made by the assistant:"), IMAGE]),
        user("bluer"),
    ]


# -- reasoning --

THOUGHT = {"reasoning_content": "hm"}
CONVERSATION = [
    user(),
    answer("0", **THOUGHT),
    user(),
    answer(None, call("aB3dE6gH9"), **THOUGHT),
    result("z", "aB3dE6gH9"),
    answer("1"),
    user(),
]


@pytest.mark.parametrize(
    ("model", "send_reasoning", "thoughts"),
    [
        ("Kimi-K2.6", None, ["hm", "hm", " "]),
        ("Kimi-K2-Thinking", None, ["hm", "hm", " "]),
        ("Kimi-K2", None, ["hm", "hm", " "]),
        ("DeepSeek-V4-Pro", None, ["hm", "hm", " "]),
        ("DeepSeek-V3.2", None, ["hm", "hm", " "]),
        ("DeepSeek-R1", None, [None, None, None]),
        ("Mistral-large-2411", None, [None, None, None]),
        ("gpt-oss-120b", None, [None, None, None]),
        ("prod", None, [None, None, None]),
        ("prod", True, ["hm", "hm", " "]),
        ("Kimi-K2.6", False, [None, None, None]),
    ],
)
def test_reasoning_goes_back_where_the_family_wants_it(
    server: ScriptedServer, model: str, send_reasoning: bool | None, thoughts: list[str | None]
) -> None:
    """From the first call on every answer has some, since one without ends the conversation."""
    messages = sent(server, *CONVERSATION, model=model, send_reasoning=send_reasoning)
    answers = [message for message in messages if message["role"] == "assistant" and message != answer("OK.")]
    assert [message.get("reasoning_content") for message in answers] == thoughts
    assert "send_reasoning" not in server.last.json


REFUSALS = {
    "kimi": (None, {"error": {"message": "thinking is enabled but reasoning_content is missing in assistant tool call message at index 2"}}),
    "deepseek": (None, {"error": {"message": "The `reasoning_content` in the thinking mode must be passed back to the API."}}),
    "deepseek, earlier": (None, {"error": {"message": "Missing `reasoning_content` field in the assistant message at message index 2."}}),
    "mistral": ("hm", {"detail": [{"type": "extra_forbidden", "loc": ["body", "messages", 3, "assistant", "reasoning_content"], "msg": "Extra inputs are not permitted", "input": "hm"}]}),
    "openai": ("hm", {"error": {"message": "Unrecognized request argument supplied: reasoning_content", "type": "invalid_request_error"}}),
    "plain": ("hm", {"error": {"message": "reasoning_content is not supported in the history", "code": "BadRequest"}}),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSALS)
def test_reasoning_is_a_habit_of_deployments(server: ScriptedServer, name: str) -> None:
    """A refusal that asks for reasoning, or takes none, teaches it; what the user says in so many words stays."""
    first, body = REFUSALS[name]
    then = None if first else "hm"
    server.reply(Reply(400, body))
    with ChatClient(connect(server.url, model="prod" if first is None else "Kimi-K2.6")) as client:
        client.complete(CONVERSATION)
        client.complete(CONVERSATION)
        thoughts = [request["messages"][3].get("reasoning_content") for request in server.bodies]
        assert thoughts == [first, then, then]
        server.reply(Reply(400, body))
        with pytest.raises(InvalidRequestError, match="reasoning_content"):
            client.complete(CONVERSATION, send_reasoning=first is not None)
