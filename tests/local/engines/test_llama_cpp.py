"""The embedded chat engine, with the real weights of the smallest model."""

import json
import subprocess
import sys
import threading
import time

import pytest

from azure_inference_local import weights
from azure_inference_local.engines import ChatEngine, EngineError, LocalChatEngine, default_chat_engine

pytestmark = pytest.mark.slow
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Current weather of a city",
        "parameters": {
            "type": "object",
            "properties": {
                "city": {"type": "string"},
                "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
            },
            "required": ["city", "unit"],
            "additionalProperties": False,
        },
    },
}
ADD = {
    "type": "function",
    "function": {
        "name": "add",
        "description": "Adds two numbers",
        "parameters": {
            "type": "object",
            "properties": {"a": {"type": "integer"}, "b": {"type": "integer"}},
            "required": ["a", "b"],
        },
    },
}


def user(text):
    """A conversation of one question."""
    return [{"role": "user", "content": text}]


def stream(call, body):
    """All chunks of a streamed call."""
    chunks = []
    assert call(body, lambda chunk: chunks.append(chunk) or False) == {}
    return chunks


def text_of(chunks, index=0):
    """The text that one choice's chunks add up to."""
    choices = [choice for chunk in chunks for choice in chunk["choices"] if choice["index"] == index]
    return "".join(choice["delta"].get("content") or "" for choice in choices)


@pytest.fixture(scope="module")
def engine():
    """SmolLM2; its 93 MB of weights are fetched once."""
    made: ChatEngine = default_chat_engine("smollm2-135m")
    yield made
    made.close()


def test_answers_in_the_shape_of_openai(engine):
    """A chat.completion with one choice, a finish reason and usage that adds up; nothing of llama.cpp's own."""
    answer = engine.chat({"messages": user("Say hello."), "max_tokens": 8, "temperature": 0})
    assert set(answer) == {"id", "object", "created", "model", "choices", "usage"}
    assert (answer["object"], answer["model"]) == ("chat.completion", "smollm2-135m")
    [choice] = answer["choices"]
    assert choice["message"]["role"] == "assistant"
    assert choice["message"]["content"]
    assert choice["finish_reason"] in ("stop", "length")
    usage = answer["usage"]
    assert 0 < usage["completion_tokens"] <= 8
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


def test_a_stream_is_the_same_answer_in_pieces(engine):
    """Role first, then text, then the finish reason, then usage without choices."""
    body = {"messages": user("Say hello."), "max_tokens": 8, "temperature": 0}
    whole = engine.chat(body)
    chunks = stream(engine.chat, body)
    assert chunks[0]["choices"][0]["delta"]["role"] == "assistant"
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert len({chunk["id"] for chunk in chunks}) == 1
    assert text_of(chunks) == whole["choices"][0]["message"]["content"]
    assert chunks[-2]["choices"][0]["finish_reason"] == whole["choices"][0]["finish_reason"]
    assert chunks[-1]["choices"] == []
    assert chunks[-1]["usage"] == whole["usage"]


def test_the_same_seed_gives_the_same_answer_and_another_one_another(engine):
    """With a seed an answer repeats, whatever was asked in between."""

    def ask(seed):
        body = {
            "messages": user("Invent a name for a cat."),
            "max_tokens": 12,
            "temperature": 1.5,
            "seed": seed,
        }
        return engine.chat(body)["choices"][0]["message"]["content"]

    first = ask(7)
    assert len({ask(seed) for seed in (1, 2, 3)}) > 1
    assert ask(7) == first


def test_several_choices_differ_and_are_counted(engine):
    """Three answers have three indices; the prompt counts once and every answer's tokens count."""
    body = {
        "messages": user("Invent a name."),
        "n": 3,
        "max_tokens": 6,
        "temperature": 1.5,
        "seed": 1,
        "ignore_eos": True,
    }
    answer = engine.chat(body)
    one = engine.chat({**body, "n": 1})
    assert [choice["index"] for choice in answer["choices"]] == [0, 1, 2]
    assert len({choice["message"]["content"] for choice in answer["choices"]}) > 1
    assert answer["usage"]["prompt_tokens"] == one["usage"]["prompt_tokens"]
    assert answer["usage"]["completion_tokens"] == 18
    chunks = stream(engine.chat, body)
    assert [text_of(chunks, index) for index in range(3)] == [
        c["message"]["content"] for c in answer["choices"]
    ]


def test_stop_ends_the_answer_before_the_word(engine):
    """What is told to stop at does not appear."""
    answer = engine.chat(
        {"messages": user("Count: 1, 2, 3, 4, 5"), "stop": [",", "\n"], "max_tokens": 20, "temperature": 0}
    )
    assert answer["choices"][0]["finish_reason"] == "stop"
    assert "," not in answer["choices"][0]["message"]["content"]


def test_a_penalty_changes_what_is_said(engine):
    """Penalties reach the sampler."""
    body = {
        "messages": user("Say the word sea again and again."),
        "max_tokens": 24,
        "temperature": 0,
        "ignore_eos": True,
    }
    plain = engine.chat(body)["choices"][0]["message"]["content"]
    punished = engine.chat({**body, "frequency_penalty": 2.0})["choices"][0]["message"]["content"]
    assert plain != punished


def test_log_probabilities_have_as_many_alternatives_as_asked_for(engine):
    """Each token comes with its log-probability and the top alternatives."""
    answer = engine.chat(
        {
            "messages": user("Hi"),
            "logprobs": True,
            "top_logprobs": 2,
            "max_tokens": 3,
            "temperature": 0,
            "ignore_eos": True,
        }
    )
    entries = answer["choices"][0]["logprobs"]["content"]
    assert len(entries) == 3
    assert all(len(entry["top_logprobs"]) == 2 and entry["logprob"] <= 0 for entry in entries)
    assert set(entries[0]) == {"token", "logprob", "bytes", "top_logprobs"}


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "get_weather"}}])
def test_a_forced_tool_is_called_with_valid_arguments(engine, choice):
    """Even the smallest model calls the function, in the form its schema demands."""
    tools = [WEATHER] if choice == "required" else [ADD, WEATHER]
    answer = engine.chat(
        {
            "messages": user("Weather in Oslo?"),
            "tools": tools,
            "tool_choice": choice,
            "temperature": 0,
            "max_tokens": 120,
        }
    )
    [made] = answer["choices"]
    [call] = made["message"]["tool_calls"]
    assert made["finish_reason"] == "tool_calls"
    assert made["message"]["content"] is None
    assert (call["type"], call["function"]["name"]) == ("function", "get_weather")
    arguments = json.loads(call["function"]["arguments"])
    assert set(arguments) == {"city", "unit"}
    assert arguments["unit"] in ("celsius", "fahrenheit")


def test_a_forced_call_streams_as_deltas_with_an_index(engine):
    """The first delta has id and name, the next ones only arguments; together they are the whole call."""
    body = {
        "messages": user("Add 3 and 4."),
        "tools": [ADD, WEATHER],
        "tool_choice": "required",
        "temperature": 0,
    }
    whole = engine.chat({**body, "max_tokens": 120})["choices"][0]["message"]["tool_calls"][0]["function"]
    chunks = stream(engine.chat, {**body, "max_tokens": 120})
    deltas = [
        call
        for chunk in chunks
        for choice in chunk["choices"]
        for call in choice["delta"].get("tool_calls") or ()
    ]
    assert {delta["index"] for delta in deltas} == {0}
    assert deltas[0]["id"].startswith("call_")
    assert deltas[0]["function"]["name"] == whole["name"]
    assert all("id" not in delta and "name" not in delta["function"] for delta in deltas[1:])
    assert len(deltas) > 2
    assert "".join(delta["function"]["arguments"] for delta in deltas) == whole["arguments"]
    assert chunks[-2]["choices"][0]["finish_reason"] == "tool_calls"


def test_tools_that_must_not_be_used_are_not(engine):
    """tool_choice none gives an answer in words."""
    body = {"messages": user("Weather in Oslo?"), "tools": [WEATHER], "tool_choice": "none", "max_tokens": 8}
    assert "tool_calls" not in engine.chat({**body, "temperature": 0})["choices"][0]["message"]


def test_after_a_tools_result_the_answer_is_text(engine):
    """A loop of calls ends, since the result is followed by words."""
    called = engine.chat(
        {
            "messages": user("Add 3 and 4."),
            "tools": [ADD],
            "tool_choice": "required",
            "temperature": 0,
            "max_tokens": 120,
        }
    )["choices"][0]["message"]
    result = {"role": "tool", "tool_call_id": called["tool_calls"][0]["id"], "content": "7"}
    body = {
        "messages": [*user("Add 3 and 4."), called, result],
        "tools": [ADD],
        "max_tokens": 12,
        "temperature": 0,
    }
    assert engine.chat(body)["choices"][0]["message"]["content"]


def test_a_schema_holds_however_unwilling_the_model(engine):
    """json_schema answers validate, streamed or not."""
    schema = {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "age": {"type": "integer"},
            "kind": {"enum": ["cat", "dog"]},
        },
        "required": ["name", "age", "kind"],
        "additionalProperties": False,
    }
    body = {
        "messages": user("Write a poem."),
        "response_format": {"type": "json_schema", "json_schema": {"name": "pet", "schema": schema}},
        "temperature": 0,
        "max_tokens": 120,
    }
    value = json.loads(text_of(stream(engine.chat, body)))
    assert set(value) == {"name", "age", "kind"}
    assert isinstance(value["age"], int)
    assert value["kind"] in ("cat", "dog")


def test_json_object_gives_an_object_even_where_a_list_is_asked_for(engine):
    """The answer begins as an object; the grammar leaves no other way."""
    body = {
        "messages": user("A JSON list of fruits"),
        "response_format": {"type": "json_object"},
        "max_tokens": 8,
    }
    assert (
        engine.chat({**body, "temperature": 0})["choices"][0]["message"]["content"].lstrip().startswith("{")
    )


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"messages": user("word " * 5000)}, 400, "context_length_exceeded"),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"schema": {"type": "wibble"}}}},
            422,
            "invalid_schema",
        ),
        ({"response_format": {"type": "json_schema"}}, 422, "invalid_schema"),
        ({"response_format": {"type": "yaml"}}, 422, "invalid_response_format"),
        ({"temperature": "hot"}, 400, "invalid_request"),
        ({"n": 0}, 400, "invalid_request"),
        ({"max_tokens": "many"}, 400, "invalid_request"),
        ({"seed": 1.5}, 400, "invalid_request"),
        ({"messages": []}, 400, "invalid_request"),
        ({"messages": user("\ud800")}, 400, "invalid_request"),
        (
            {
                "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "string"}}}],
                "tool_choice": "required",
            },
            422,
            "invalid_schema",
        ),
    ],
)
def test_what_cannot_be_answered_is_an_engine_error(engine, change, status, code):
    """Each has the status and the code that the endpoint passes on; a stream raises before its first chunk."""
    body = {"messages": user("x"), "max_tokens": 2, **change}
    seen = []
    for listener in (None, lambda chunk: seen.append(chunk) or False):
        with pytest.raises(EngineError) as caught:
            engine.chat(body, listener)
        assert (caught.value.status, caught.value.code) == (status, code)
    assert seen == []


def test_cancelling_ends_the_generation_and_frees_its_place(engine):
    """True from the listener is the end of the stream, and the engine answers on."""
    seen = []

    def listener(chunk):
        seen.append(chunk)
        return len(seen) == 4

    assert engine.chat({"messages": user("Write a long story."), "max_tokens": 400}, listener) == {}
    assert len(seen) == 4
    assert engine.chat({"messages": user("Hi"), "max_tokens": 1})["choices"]


def test_an_error_of_the_listener_comes_out(engine):
    """llama.cpp would swallow it; the caller must see it."""

    def listener(chunk):
        raise KeyError(chunk["id"])

    with pytest.raises(KeyError):
        engine.chat({"messages": user("Hi"), "max_tokens": 2}, listener)


def test_concurrent_streams_are_not_mixed(engine):
    """Each of six threads gets the answer that it gets alone, though only four generate at a time."""
    bodies = [
        {"messages": user(f"Repeat this word: {word}"), "max_tokens": 4, "temperature": 0}
        for word in ("apple", "river", "stone")
    ] * 2
    alone = [engine.chat(body)["choices"][0]["message"]["content"] for body in bodies[:3]] * 2
    results = [None] * len(bodies)

    def work(number):
        chunks = stream(engine.chat, bodies[number])
        results[number] = (len({chunk["id"] for chunk in chunks}), text_of(chunks))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(bodies))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(ids == 1 for ids, _ in results)
    words = [text.split()[:1] for _, text in results]
    assert words == [text.split()[:1] for text in alone]


def test_completions_echo_stop_count_and_give_log_probabilities(engine):
    """text_completion bodies: two prompts, echo, legacy log-probabilities, usage over both."""
    body = {
        "prompt": ["The sky is", "Cats are"],
        "max_tokens": 3,
        "temperature": 0,
        "logprobs": 2,
        "echo": True,
    }
    answer = engine.complete(body)
    assert answer["object"] == "text_completion"
    assert [choice["index"] for choice in answer["choices"]] == [0, 1]
    first = answer["choices"][0]
    assert first["text"].startswith("The sky is")
    assert first["finish_reason"] == "length"
    assert first["logprobs"]["text_offset"][0] == len("The sky is")
    assert len(first["logprobs"]["tokens"]) == len(first["logprobs"]["token_logprobs"]) == 3
    assert all(len(top) == 2 for top in first["logprobs"]["top_logprobs"])
    assert answer["usage"]["completion_tokens"] == 6
    chunks = stream(engine.complete, body)
    streamed = "".join(
        choice["text"] for chunk in chunks for choice in chunk["choices"] if choice["index"] == 0
    )
    assert streamed == first["text"]
    assert chunks[-1]["usage"] == answer["usage"]


@pytest.mark.parametrize("change", [{"suffix": "end"}, {"best_of": 3}])
def test_completions_refuse_what_they_do_not_do(engine, change):
    """Unsupported parameters are a 422 that names them."""
    with pytest.raises(EngineError, match=next(iter(change))) as caught:
        engine.complete({"prompt": "x", **change})
    assert caught.value.status == 422


def test_tokens_are_counted(engine):
    """Counting agrees with what a completion of the text is charged."""
    text = "The sky is a canvas, isn't it? 日本"
    charged = engine.complete({"prompt": text, "max_tokens": 1})["usage"]["prompt_tokens"]
    assert engine.count_tokens(text) == charged
    assert engine.count_tokens("") == 0


def test_queue_is_bounded_and_close_cancels_what_runs():
    """One slot, one place to wait: a third request is refused with 429, and close ends the other two."""
    engine = LocalChatEngine(weights.pull("smollm2-135m"), slots=1, max_waiting=1, context_window=1024)
    body = {"messages": user("Write a very long story."), "max_tokens": 900, "ignore_eos": True}
    running, outcomes = threading.Event(), []

    def work():
        try:
            engine.chat(body, lambda _chunk: running.set() or False)
        except EngineError as error:
            outcomes.append(error.code)

    threads = [threading.Thread(target=work) for _ in range(2)]
    threads[0].start()
    assert running.wait(30)
    threads[1].start()
    deadline = time.monotonic() + 10
    refused = None
    while refused is None and time.monotonic() < deadline:
        if len(engine._llama._waiting) == 1:
            with pytest.raises(EngineError) as caught:
                engine.chat(body, lambda _chunk: True)
            refused = caught.value
        time.sleep(0.01)
    assert refused is not None
    assert (refused.status, refused.code) == (429, "engine_busy")
    engine.close()
    engine.close()
    for thread in threads:
        thread.join(20)
    assert outcomes == ["engine_closed", "engine_closed"]
    with pytest.raises(EngineError):
        engine.chat(body)


def test_exit_in_the_middle_of_a_generation_is_clean():
    """The interpreter ends with status 0 though a daemon thread still generates."""
    script = """
import threading
from azure_inference_local.engines import default_chat_engine
engine, running = default_chat_engine("smollm2-135m"), threading.Event()
body = {"messages": [{"role": "user", "content": "Write a long story."}], "max_tokens": 2000, "ignore_eos": True}
threading.Thread(target=engine.chat, args=(body, lambda chunk: running.set() or False), daemon=True).start()
running.wait(60)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_missing_or_broken_file_is_an_engine_error(tmp_path):
    """Neither crashes; both say what is wrong with which file."""
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF, but not really")
    for path, code in ((tmp_path / "none.gguf", "weights_missing"), (broken, "weights_unusable")):
        with pytest.raises(EngineError, match=path.name) as caught:
            default_chat_engine(str(path))
        assert (caught.value.status, caught.value.code) == (503, code)


def test_an_unknown_name_is_refused_with_the_names_there_are():
    """The text lists the catalogue."""
    with pytest.raises(EngineError, match=r"smollm2-135m") as caught:
        default_chat_engine("gpt-9")
    assert caught.value.status == 400


@pytest.mark.skipif(
    weights.path_of("qwen2.5-coder-0.5b") is None,
    reason="runs where the demo's model has been pulled: python -m azure_inference_local models pull qwen2.5-coder-0.5b",
)
def test_a_model_that_knows_tools_calls_one_of_its_own_accord_and_then_answers():
    """In auto mode a call is recognised, a plain question is answered, and a result ends in words."""
    engine = default_chat_engine("qwen2.5-coder-0.5b")
    try:
        question = user("What is the weather in Oslo in celsius?")
        body = {"messages": question, "tools": [WEATHER, ADD], "temperature": 0, "max_tokens": 60}
        message = engine.chat(body)["choices"][0]["message"]
        [call] = message["tool_calls"]
        assert call["function"]["name"] == "get_weather"
        assert json.loads(call["function"]["arguments"])["city"] == "Oslo"
        result = {
            "role": "tool",
            "tool_call_id": call["id"],
            "content": '{"temp_c": -3, "sky": "light snow"}',
        }
        answer = engine.chat({**body, "messages": [*question, message, result]})["choices"][0]
        assert "tool_calls" not in answer["message"]
        assert "snow" in answer["message"]["content"]
        poem = stream(engine.chat, {**body, "messages": user("Write a poem about the sea."), "max_tokens": 4})
        assert len(poem) > 4
        assert text_of(poem)
    finally:
        engine.close()
