"""Tool calls of every type, and streamed calls that no index and no id tell apart."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from azure_inference_core import ChatClient
from azure_inference_core._response.calls import CallPieces
from tests.support import wire
from tests.support.scripted_server import ScriptedServer
from tests.support.wire import chunk

Call = tuple[str | None, str, str]
"""Id, name, arguments."""


def function(name: str | None = None, arguments: str | None = None, **more: Any) -> dict[str, Any]:
    """A call, or a piece of one, with index 0."""
    said = {"name": name, "arguments": arguments}
    return {"index": 0, **more, "function": {key: value for key, value in said.items() if value is not None}}


def joined(pieces: Iterable[Any]) -> list[Call]:
    """The calls of these pieces."""
    sorter, calls = CallPieces(), dict[int, Call]()
    for delta in [*(delta for piece in pieces for delta in sorter.add(piece)), *sorter.end()]:
        call_id, name, arguments = calls.get(delta.index, (None, "", ""))
        calls[delta.index] = (call_id or delta.id, name + (delta.name or ""), arguments + delta.arguments)
    return list(calls.values())


def whole(server: ScriptedServer, chat: ChatClient, **message: Any) -> list[Call]:
    """The calls of a whole answer."""
    body = wire.chat("Words.")
    body["choices"][0]["message"].update(message)
    server.reply(body)
    (choice,) = chat.complete(wire.MESSAGES).choices
    assert choice.content == "Words."
    return [(call.id, call.name, call.arguments) for call in choice.tool_calls]


TYPES: dict[str, tuple[dict[str, Any], Call | None]] = {
    "function": ({"type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}, ("c", "f", '{"a": 1}')),
    "custom": ({"type": "custom", "custom": {"name": "f", "input": 'say "hi"\n'}}, ("c", "f", '{"input": "say \\"hi\\"\\n"}')),
    "empty custom": ({"type": "custom", "custom": {"name": "f", "input": ""}}, ("c", "f", '{"input": ""}')),
    "its own": ({"type": "mcp", "mcp": {"name": "f", "arguments": "{}"}}, ("c", "f", "{}")),
    "builtin": ({"type": "builtin_function", "function": {"name": "$web", "arguments": "{}"}}, ("c", "$web", "{}")),
    "flat": ({"type": "function", "name": "f", "arguments": '{"a": 1}'}, ("c", "f", '{"a": 1}')),
    "input": ({"type": "tool_use", "name": "f", "input": {"a": 1}}, ("c", "f", '{"a": 1}')),
    "no tool": ({"type": "web_search", "web_search": {"query": "x"}}, None),
    "unknown": ({"type": "odd", "x": [1]}, None),
}  # fmt: skip


@pytest.mark.parametrize("kind", TYPES)
def test_calls_of_any_type(server: ScriptedServer, chat: ChatClient, kind: str) -> None:
    """A call with a name is one, whole and streamed; what is none costs neither the text nor the other calls."""
    sent, call = TYPES[kind]
    other = {"id": "d", "type": "function", "function": {"name": "g", "arguments": "{}"}}
    expected = [*([call] if call else []), ("d", "g", "{}")]
    assert whole(server, chat, tool_calls=[{"id": "c", **sent}, other]) == expected
    assert joined([{"index": 0, "id": "c", **sent}, {"index": 1, **other}]) == expected


def test_a_custom_call_in_pieces() -> None:
    """The text of a custom tool is one JSON string, wherever it is cut."""
    pieces = [{"index": 0, "id": "c", "type": "custom", "custom": {"name": "f", "input": ""}}]
    pieces += [{"index": 0, "custom": {"input": character}} for character in 'a"\n\\é'] * 2
    ((call_id, name, arguments),) = joined(pieces)
    assert (call_id, name, json.loads(arguments)) == ("c", "f", {"input": 'a"\n\\éa"\n\\é'})


def test_the_first_form_of_a_call(server: ScriptedServer, chat: ChatClient) -> None:
    """``function_call``, whole and streamed, is a call without an id."""
    assert whole(server, chat, function_call={"name": "f", "arguments": "{}"}) == [(None, "f", "{}")]
    pieces = [
        chunk(function_call={"name": "f", "arguments": '{"a"'}),
        chunk(function_call={"arguments": ": 1}"}),
    ]
    server.reply([*pieces, chunk("", finish_reason="function_call")])
    with chat.stream(wire.MESSAGES) as deltas:
        calls = [call for delta in deltas for call in delta.tool_calls]
    assert [(call.index, call.name, call.arguments) for call in calls] == [
        (0, "f", '{"a"'),
        (0, None, ": 1}"),
    ]


NO_IDS = [None, "", "null", " "]


@pytest.mark.parametrize("no_id", NO_IDS)
def test_an_id_that_is_none(server: ScriptedServer, chat: ChatClient, no_id: Any) -> None:
    """An empty id and the word null are none."""
    call = {"id": no_id, "type": "function", "function": {"name": "f", "arguments": "{}"}}
    assert whole(server, chat, tool_calls=[call]) == [(None, "f", "{}")]
    assert joined([call]) == [(None, "f", "{}")]


def test_two_calls_under_one_id(server: ScriptedServer, chat: ChatClient) -> None:
    """The second has none, for one id would give both one answer."""
    calls = [{"id": "c", "type": "function", "function": {"name": name, "arguments": "{}"}} for name in "fg"]
    assert whole(server, chat, tool_calls=calls) == [("c", "f", "{}"), (None, "g", "{}")]
    for indexes in ((0, 0), (0, 1), (None, None)):
        pieces = [{**call, "index": index} for call, index in zip(calls, indexes, strict=True)]
        assert joined(pieces) == [("c", "f", "{}"), (None, "g", "{}")]


def split(text: str, cuts: Sequence[int]) -> list[str]:
    """Text cut in pieces, none of them empty."""
    edges = sorted({0, len(text), *(cut % len(text) for cut in cuts)})
    return [text[start:end] for start, end in zip(edges, edges[1:], strict=False)]  # noqa: RUF007


arguments = st.dictionaries(
    st.text(max_size=3), st.recursive(st.text('}{"a ', max_size=4) | st.integers(0, 9), st.lists, max_leaves=4), max_size=3
).map(json.dumps)  # fmt: skip
cut = st.lists(st.integers(0, 99), max_size=6)


def pieces_of(
    name: str, parts: Sequence[str], call_id: Any, *, repeats: bool, index: Any, opens: bool
) -> list[Any]:
    """The pieces of one call: the id and name on the first or on every one, with or without arguments at first."""
    told = [*([""] if opens else []), *parts]
    return [
        function(
            name if repeats or not place else None,
            part,
            id=call_id if repeats or not place else None,
            index=index,
        )
        for place, part in enumerate(told)
    ]


@settings(max_examples=300, deadline=None)
@given(
    first=arguments, second=arguments, cuts=st.tuples(cut, cut), call_id=st.sampled_from([*NO_IDS, "c"]),
    names=st.sampled_from([("f", "f"), ("f", "g")]), repeats=st.booleans(), index=st.sampled_from([0, None]), opens=st.booleans(),
)  # fmt: skip
def test_two_calls_stay_two(
    first: str, second: str, cuts: Any, call_id: Any, names: Any, repeats: bool, index: Any, opens: bool
) -> None:
    """Calls that share index 0 and their id, or have none: a new name, or an object after a whole one, begins a call."""
    pieces = pieces_of(names[0], split(first, cuts[0]), call_id, repeats=repeats, index=index, opens=opens)
    if call_id != "c" or names[0] != names[1] or first != second:  # else it is the same call once more
        pieces += pieces_of(
            names[1], split(second, cuts[1]), call_id, repeats=repeats, index=index, opens=opens
        )
        expected = [(names[0], first), (names[1], second)]
    else:
        expected = [(names[0], first)]
    assert [call[1:] for call in joined(pieces)] == expected


@settings(max_examples=200, deadline=None)
@given(
    text=arguments, cuts=cut, call_id=st.sampled_from([*NO_IDS, "c"]), repeats=st.booleans(),
    index=st.sampled_from([0, None]), opens=st.booleans(), is_cut=st.booleans(),
)  # fmt: skip
def test_one_call_stays_one(
    text: str, cuts: Any, call_id: Any, repeats: bool, index: Any, opens: bool, is_cut: bool
) -> None:
    """A name and an id that are repeated on each piece of a call, complete or cut off, do not split it."""
    text = text[:-1] if is_cut else text
    pieces = pieces_of("f", split(text, cuts), call_id, repeats=repeats, index=index, opens=opens)
    assert [call[1:] for call in joined(pieces)] == [("f", text)]


STREAMS: dict[str, tuple[list[dict[str, Any]], list[Call]]] = {
    "an id for every piece": ([function("f", '{"a"', id="x1"), function("f", ":1}", id="x2")], [("x1", "f", '{"a":1}')]),
    "a new id with the same name": ([function("f", "{}", id="x1"), function("f", "{}", id="x2")], [("x1", "f", "{}"), ("x2", "f", "{}")]),
    "no arguments": ([function("f", "", id="x1"), function("f", "", id="x2")], [("x1", "f", ""), ("x2", "f", "")]),
    "a name that comes late": ([function(None, "", id="x1"), function("f", "{}")], [("x1", "f", "{}")]),
    "an id that comes late": ([function("f", '{"a"'), function(None, ":1}", id="x1")], [("x1", "f", '{"a":1}')]),
    "calls in one piece": ([function("f", '{"a":1}{"a":2} {"b":{}}')], [(None, "f", '{"a":1}'), (None, "f", '{"a":2} '), (None, "f", '{"b":{}}')]),
    "a call once more": ([function("f", '{"a":1}', id="x1"), function("f", '{"a":1}', id="x1")], [("x1", "f", '{"a":1}')]),
    "a brace in a text": ([function("f", '{"a":"}'), function(None, '{"}')], [(None, "f", '{"a":"}{"}')]),
    "python's quotes": ([function("f", "{'a': 1}"), function("f", "{'a': 2}")], [(None, "f", "{'a': 1}"), (None, "f", "{'a': 2}")]),
    "an event of a call's work": ([function("f", "{}", id="x1"), {"index": 0, "web_search": {"status": "done"}}], [("x1", "f", "{}")]),
}  # fmt: skip


@pytest.mark.parametrize("case", STREAMS)
def test_which_call_a_piece_belongs_to(server: ScriptedServer, chat: ChatClient, case: str) -> None:
    """Ids and names are given once, on the first piece that has them, and every piece finds its call."""
    pieces, calls = STREAMS[case]
    assert joined(pieces) == calls
    together = CallPieces().add_all(pieces)
    assert [(one.index, one.id, one.name, one.arguments) for one in together] == [
        (number, *call) for number, call in enumerate(calls)
    ]
    server.reply([*(chunk(tool_calls=[piece]) for piece in pieces), chunk("", finish_reason="tool_calls")])
    with chat.stream(wire.MESSAGES) as deltas:
        found = [call for delta in deltas for call in delta.tool_calls]
    assert [call.id for call in found if call.id] == [call_id for call_id, _, _ in calls if call_id]
    assert [call.name for call in found if call.name] == [name for _, name, _ in calls]
