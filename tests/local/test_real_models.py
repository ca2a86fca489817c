"""The endpoint in front of the embedded models, where their weights are on this machine."""

import json

import httpx
import pytest

from azure_inference_local import serve, weights

QUERY = "?api-version=2024-05-01-preview"
CHAT = [model.name for model in weights.list_models() if model.kind == "chat" and model.cached]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not CHAT, reason="no chat model in the cache: run `models pull smollm2-135m`"),
]


@pytest.fixture(scope="module")
def real():
    """A server with the smallest chat model of the cache."""
    with serve(families=["mistral-large"], model=CHAT[-1]) as running:
        yield running


def post(real, path, **body):
    """Post to a route."""
    url = f"{real.url}{path}{QUERY}"
    return httpx.post(url, headers={"api-key": real.key}, json=body, trust_env=False, timeout=90)


def test_chat_and_stream(real):
    """The same seed says the same, streamed and not, and usage adds up."""
    body = {
        "messages": [{"role": "user", "content": "Say hello."}],
        "max_tokens": 12,
        "temperature": 0,
        "seed": 1,
    }
    whole = post(real, "/chat/completions", **body).json()
    text = post(real, "/chat/completions", **body, stream=True).text
    chunks = [json.loads(line[6:]) for line in text.split("\n\n")[:-2]]
    said = "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks)
    assert said == whole["choices"][0]["message"]["content"] != ""
    assert chunks[-1]["usage"] == whole["usage"]
    assert whole["usage"]["completion_tokens"] <= 12
    assert whole["model"] == CHAT[-1]


def test_forced_tool(real):
    """A forced tool is called with arguments that fit its schema, under an id in the family's form."""
    schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    function = {"name": "get_weather", "description": "Weather of a city", "parameters": schema}
    answer = post(
        real,
        "/mistral-large/chat/completions",
        messages=[{"role": "user", "content": "What is the weather in Paris?"}],
        tools=[{"type": "function", "function": function}],
        tool_choice={"type": "function", "function": {"name": "get_weather"}},
        max_tokens=120,
    ).json()
    called = answer["choices"][0]["message"]["tool_calls"][0]
    assert called["function"]["name"] == "get_weather"
    assert isinstance(json.loads(called["function"]["arguments"])["city"], str)
    assert len(called["id"]) == 9


def test_json_schema(real):
    """A json_schema answer fits its schema."""
    schema = {
        "type": "object",
        "properties": {"colour": {"enum": ["red", "green"]}},
        "required": ["colour"],
        "additionalProperties": False,
    }
    answer = post(
        real,
        "/chat/completions",
        messages=[{"role": "user", "content": "Which colour is grass?"}],
        response_format={"type": "json_schema", "json_schema": {"name": "colour", "schema": schema}},
        max_tokens=40,
    ).json()
    assert json.loads(answer["choices"][0]["message"]["content"])["colour"] in ("red", "green")


def test_completions(real):
    """A text goes on."""
    answer = post(real, "/completions", prompt="One, two, three,", max_tokens=5).json()
    assert answer["choices"][0]["text"]
    assert answer["usage"]["completion_tokens"] <= 5


def test_context(real):
    """A prompt beyond the engine's context is refused by name."""
    answer = post(real, "/chat/completions", messages=[{"role": "user", "content": "word " * 9000}])
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "context_length_exceeded")


@pytest.mark.skipif(
    not any(model.kind == "embedding" and model.cached for model in weights.list_models()),
    reason="no embedding model in the cache: run `models pull minilm-l6-v2-int8`",
)
def test_embeddings(real):
    """Texts of one meaning are nearer than texts of two."""
    texts = ["The cat sleeps on the sofa.", "A kitten naps on the couch.", "Interest rates rose again."]
    vectors = [d["embedding"] for d in post(real, "/embeddings", input=texts).json()["data"]]

    def near(a, b):
        return sum(x * y for x, y in zip(vectors[a], vectors[b], strict=True))

    assert near(0, 1) > near(0, 2) + 0.2
