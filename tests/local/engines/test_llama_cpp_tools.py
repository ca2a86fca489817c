"""How calls of tools are forced, recognised and read."""

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from azure_inference_local.engines import EngineError
from azure_inference_local.engines.llama_cpp.tool_calls import ForcedCalls, may_be_call, read_calls
from azure_inference_local.engines.llama_cpp.tools import flatten, forced_schema, kept_short, read_tools

WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
    },
}
NAMES = frozenset({"get_weather", "calculator"})
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(
    calls=st.lists(
        st.tuples(st.text(min_size=1), st.dictionaries(st.text(), JSON, max_size=3)), min_size=1, max_size=3
    ),
    cuts=st.lists(st.integers(0, 400), max_size=12),
    indent=st.sampled_from([None, 2]),
)
def test_forced_calls_are_read_however_they_are_cut(calls, cuts, indent):
    """Names and arguments come out whole for any division of the text into pieces."""
    text = json.dumps([{"name": name, "arguments": arguments} for name, arguments in calls], indent=indent)
    edges = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    reader, read = ForcedCalls(), []
    for start, end in pairwise(edges):
        for number, name, piece in reader.feed(text[start:end]):
            if name is not None:
                assert number == len(read)
                read.append([name, ""])
            read[number][1] += piece
    assert [(name, json.loads(arguments)) for name, arguments in read] == calls


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("", None),
        ("  \n", None),
        ("The", False),
        ("{", True),
        ("<", None),
        ("<tool_", None),
        ("<tool_call>", True),
        ("<b>", False),
        ("`x`", False),
        ("``", None),
        ("```", None),
        ("```json", None),
        ("```json\n{", True),
        ("```python\nprint", False),
    ],
)
def test_an_answer_is_held_back_only_while_it_may_be_a_call(text, verdict):
    """The first characters decide; None means that more are needed."""
    assert may_be_call(text) is verdict


@pytest.mark.parametrize(
    "text",
    [
        '{"name": "get_weather", "arguments": {"city": "Oslo"}}',
        '```json\n{\n  "name": "get_weather",\n  "arguments": {"city": "Oslo"}\n}\n```\n\n',
        '<tool_call>\n{"name": "get_weather", "arguments": {"city": "Oslo"}}\n</tool_call>',
        '[{"name": "get_weather", "arguments": {"city": "Oslo"}}]',
        '{"name": "get_weather", "parameters": {"city": "Oslo"}}',
        '{"name": "get_weather", "arguments": {"city": "Oslo"}}\n{"temp_c": -3, "sky": "light snow"}',
    ],
)
def test_calls_are_read_in_every_writing_that_small_models_use(text):
    """Bare JSON, fences, tags, arrays and 'parameters' all hold the same call."""
    calls, attempted = read_calls(text, NAMES)
    assert [(call.name, json.loads(call.arguments)) for call in calls] == [("get_weather", {"city": "Oslo"})]
    assert attempted


def test_several_calls_of_one_answer_are_read():
    """Two lines of JSON are two calls."""
    text = '{"name": "get_weather", "arguments": {"city": "Oslo"}}\n{"name": "calculator", "arguments": {"x": "1+1"}}'
    assert [call.name for call in read_calls(text, NAMES)[0]] == ["get_weather", "calculator"]


@pytest.mark.parametrize(
    ("text", "attempted"),
    [
        ('{"name": "hello", "arguments": {}}', True),
        ('{"answer": 42}', False),
        ("no call", False),
        ("{[{[", False),
    ],
)
def test_what_is_no_call_of_a_known_function_gives_none(text, attempted):
    """An invented function is told apart from text that never was a call."""
    assert read_calls(text, NAMES) == ([], attempted)


def test_references_inside_parameters_survive_the_move_into_one_schema():
    """Two tools that define the same name differently keep each its own definition, and itself."""
    node = {
        "type": "object",
        "properties": {"child": {"$ref": "#/$defs/Node"}, "self": {"$ref": "#"}},
        "$defs": {"Node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}}}},
    }
    tools = [{"type": "function", "function": {"name": name, "parameters": node}} for name in ("a", "b")]
    schema = forced_schema(read_tools({"tools": tools, "tool_choice": "required"}))
    first, second = (call["properties"]["arguments"] for call in schema["anyOf"])
    assert first["properties"]["child"] == {"$ref": "#/$defs/f0_Node"}
    assert second["properties"]["self"] == {"$ref": "#/$defs/f1"}
    assert schema["$defs"]["f1_Node"]["properties"]["next"] == {"$ref": "#/$defs/f1_Node"}
    assert set(schema["$defs"]) == {"f0", "f0_Node", "f1", "f1_Node"}


def test_open_strings_and_lists_are_kept_short_and_others_are_left():
    """Only what has no end of its own gets one."""
    schema = {
        "type": "object",
        "properties": {
            "free": {"type": "string"},
            "set": {"type": "string", "enum": ["a"]},
            "dated": {"type": "string", "format": "date"},
            "many": {"type": "array", "items": {"type": "string", "maxLength": 3}, "minItems": 9},
        },
    }
    short = kept_short(schema)["properties"]
    assert short["free"]["maxLength"] > 0
    assert short["set"] == schema["properties"]["set"]
    assert short["dated"] == schema["properties"]["dated"]
    assert short["many"] == {**schema["properties"]["many"], "maxItems": 9}


@pytest.mark.parametrize(
    "body",
    [
        {"tools": [WEATHER], "tool_choice": {"type": "function", "function": {"name": "other"}}},
        {"tools": [WEATHER], "tool_choice": "sometimes"},
        {"tool_choice": "required"},
        {"tools": [{"type": "function"}]},
    ],
)
def test_a_choice_that_cannot_be_met_is_refused(body):
    """Unknown names, unknown words and missing tools are a 400."""
    with pytest.raises(EngineError) as caught:
        read_tools(body)
    assert caught.value.status == 400


def test_tool_turns_become_plain_chat():
    """Calls are shown as JSON, and the results of one turn are one question."""
    calls = [
        {"id": "1", "type": "function", "function": {"name": "get_weather", "arguments": '{"city": "Oslo"}'}},
        {"id": "2", "type": "function", "function": {"name": "calculator", "arguments": "{broken"}},
    ]
    flat = flatten(
        [
            {
                "role": "developer",
                "content": [{"type": "text", "text": "Be"}, {"type": "text", "text": "brief"}],
            },
            {"role": "user", "content": "?"},
            {"role": "assistant", "content": None, "tool_calls": calls},
            {"role": "tool", "tool_call_id": "1", "content": "snow"},
            {"role": "tool", "tool_call_id": "2", "content": "42"},
        ]
    )
    assert flat[0] == {"role": "system", "content": "Be\nbrief"}
    assert flat[2]["content"].splitlines() == [
        '{"name": "get_weather", "arguments": {"city": "Oslo"}}',
        '{"name": "calculator", "arguments": "{broken"}',
    ]
    assert flat[3:] == [
        {
            "role": "user",
            "content": "Result of get_weather: snow\nResult of calculator: 42\nAnswer the question with it.",
        }
    ]


@pytest.mark.parametrize("message", [{"role": "wizard", "content": "x"}, {"content": "x"}, "x"])
def test_a_message_without_a_known_role_is_refused(message):
    """The engine never sees it."""
    with pytest.raises(EngineError) as caught:
        flatten([message])
    assert caught.value.status == 400


def test_an_image_in_a_chat_is_refused_by_a_text_model():
    """The error names the kind of the part."""
    with pytest.raises(EngineError, match="image_url"):
        flatten([{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,"}}]}])
