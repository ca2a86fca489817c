"""What each family supports works, and what it refuses is refused in its own words."""

import ast
import json

import pytest

from azure_inference_local import FAMILIES, serve

USER = [{"role": "user", "content": "hello there"}]
TOOLS = [
    {"type": "function", "function": {"name": "f", "description": "d", "parameters": {"type": "object"}}}
]
PASS = {"extra-parameters": "pass-through"}
CHAT = sorted(name for name, family in FAMILIES.items() if "chat" in family.routes)


def chat(client, family, headers=None, **more):
    """Post a chat to a family's own base."""
    return client.post(f"/{family}/chat/completions", json={"messages": USER, **more}, headers=headers)


@pytest.mark.parametrize("family", CHAT)
def test_plain_chat(client, family):
    """Every chat family answers a plain chat in its own name."""
    body = chat(client, family).json()
    assert body["model"] == FAMILIES[family].model_name
    assert body["choices"][0]["message"]["content"] == "hello there"


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_info(client, family):
    """`/info` is the family's; Azure OpenAI has none."""
    answer = client.get(f"/{family}/info")
    if family == "azure-openai":
        assert answer.status_code == 404
    else:
        assert answer.json()["model_name"] == FAMILIES[family].model_name
        assert answer.json()["model_type"] == FAMILIES[family].model_type


@pytest.mark.parametrize("family", CHAT)
def test_temperature_range(client, family):
    """A temperature of the family's largest is taken, one above is refused."""
    largest = FAMILIES[family].temperature_max
    assert chat(client, family, temperature=largest).status_code == 200
    assert chat(client, family, temperature=largest + 0.5).status_code in (400, 422)


@pytest.mark.parametrize("family", CHAT)
def test_output_limit(client, family):
    """More output than the family writes is refused."""
    assert chat(client, family, max_tokens=FAMILIES[family].max_output).status_code == 200
    assert chat(client, family, max_tokens=FAMILIES[family].max_output + 1).status_code in (400, 422)


@pytest.mark.parametrize("family", ["llama-2-chat", "phi-3"])
def test_context_limit(client, family):
    """A prompt beyond the family's context is refused and named so."""
    words = " ".join(["w"] * (FAMILIES[family].context + 1))
    answer = client.post(
        f"/{family}/chat/completions", json={"messages": [{"role": "user", "content": words}]}
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "context_length_exceeded")


@pytest.mark.parametrize("family", ["llama-2-chat", "jais", "llama-3-instruct"])
@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [("tools", TOOLS, TOOLS), ("response_format", {"type": "json_object"}, "json_object")],
)
def test_documented_refusal(client, family, name, value, shown):
    """A known parameter the model does not support is the documented 422."""
    answer = chat(client, family, **{name: value})
    assert answer.status_code == 422
    assert answer.json() == {
        "status": 422,
        "code": "parameter_not_supported",
        "detail": {"loc": ["body", name], "input": shown},
        "message": "One of the parameters contain invalid values.",
    }


def test_cohere_refuses_dimensions(client):
    """Cohere's embedding model refuses `dimensions` in the managed envelope."""
    answer = client.post("/cohere-embed-v3/embeddings", json={"input": ["x"], "dimensions": 256})
    assert answer.status_code == 422
    assert answer.json()["error"]["details"][0]["loc"] == ["body", "dimensions"]


def test_cohere_limits(client):
    """Cohere takes 96 texts, a list, its three input types, and one image."""
    path = "/cohere-embed-v3/embeddings"
    assert client.post(path, json={"input": ["x"] * 96, "input_type": "query"}).status_code == 200
    assert client.post(path, json={"input": ["x"] * 97}).status_code == 422
    assert client.post(path, json={"input": "x"}).json()["error"]["details"][0]["type"] == "list_type"
    assert client.post(path, json={"input": ["x"], "input_type": "search_query"}).status_code == 422
    image = {"image": "data:image/png;base64,iVBORw0KGgo="}
    path = "/cohere-embed-v3/images/embeddings"
    assert len(client.post(path, json={"input": [image]}).json()["data"][0]["embedding"]) == 1024
    assert client.post(path, json={"input": [image, image]}).status_code == 422


def test_command_r_wants_json_from_tools(client):
    """Cohere Command R refuses a tool message whose content is not JSON."""
    messages = [*USER, {"role": "tool", "tool_call_id": "x", "content": "sunny"}]
    answer = client.post("/cohere-command-r/chat/completions", json={"messages": messages})
    assert answer.json()["error"]["details"][0]["loc"] == ["body", "messages", 1, "content"]
    messages[1]["content"] = '{"sky": "sunny"}'
    assert client.post("/cohere-command-r/chat/completions", json={"messages": messages}).status_code == 200


def test_engine_error_of_a_managed_deployment(client):
    """The managed server wraps its engine's error body as JSON text in its own."""
    body = {"messages": [{"role": "user", "content": "too long for me"}]}
    error = client.post("/mixtral/chat/completions", json=body).json()["error"]
    inner = json.loads(error["message"])
    assert (error["code"], error["status"]) == ("Bad Request", 400)
    assert (inner["object"], inner["type"], inner["code"]) == ("error", "context_length_exceeded", 400)


@pytest.mark.parametrize("family", ["llama-2-chat", "llama-3-instruct"])
def test_llama_extras(client, echo, family):
    """Llama takes its sampling extras when they are passed through and ignores others."""
    answer = chat(client, family, PASS, n=2, ignore_eos=True, colour="red")
    assert len(answer.json()["choices"]) == 2
    assert echo.bodies[-1]["ignore_eos"] is True
    assert "colour" not in echo.bodies[-1]


@pytest.mark.parametrize("family", ["mistral-small", "mistral-large"])
def test_mistral_is_strict(client, family):
    """Mistral refuses an extra it does not know with the place and the value."""
    answer = chat(client, family, PASS, stream_options={"include_usage": True})
    entry = answer.json()["detail"][0]
    assert answer.status_code == 422
    assert (entry["type"], entry["loc"], entry["input"]) == (
        "extra_forbidden",
        ["body", "stream_options", "include_usage"],
        True,
    )


def test_mistral_safe_prompt(client, echo):
    """`safe_prompt` puts Mistral's guarding message before the conversation."""
    assert chat(client, "mistral-large", PASS, safe_prompt=True, random_seed=5).status_code == 200
    assert echo.bodies[-1]["messages"][0]["role"] == "system"
    assert echo.bodies[-1]["seed"] == 5


def test_mistral_tool_ids(client):
    """Mistral's tool ids have nine characters, and it refuses others."""
    message = chat(client, "mistral-large", tools=TOOLS).json()["choices"][0]["message"]
    called = message["tool_calls"][0]
    assert len(called["id"]) == 9
    assert called["id"].isalnum()
    assert (message["content"], called["function"]["call_id"]) == ("", None)
    messages = [*USER, message, {"role": "tool", "tool_call_id": "call_1", "content": "x"}]
    answer = client.post("/mistral-large/chat/completions", json={"messages": messages})
    assert answer.status_code == 400
    assert answer.json() == {
        "object": "error",
        "message": "Tool call id was call_1 but must be a-z, A-Z, 0-9, with a length of 9.",
        "type": "invalid_function_call",
        "param": None,
        "code": "3280",
    }
    messages[-1]["tool_call_id"] = called["id"]
    assert client.post("/mistral-large/chat/completions", json={"messages": messages}).status_code == 200


def test_mistral_first_chunk(client):
    """Mistral-Large's first chunk has a role and nothing else."""
    first = chat(client, "mistral-large", stream=True).text.split("\n\n")[0]
    body = json.loads(first[6:])
    assert set(body) == {"id", "model", "choices"}
    assert body["choices"][0]["delta"] == {"role": "assistant"}


def test_jamba(client):
    """Jamba wants turns to alternate, takes `n` up to 16 and `documents`."""
    messages = [{"role": "system", "content": "s"}, *USER, *USER]
    answer = client.post("/jamba/chat/completions", json={"messages": messages})
    assert answer.status_code == 422
    assert "alternate" in answer.text
    assert chat(client, "jamba", PASS, n=16).status_code == 200
    assert chat(client, "jamba", PASS, n=17).status_code == 422
    assert chat(client, "jamba", PASS, documents=[{"content": "facts"}]).status_code == 200


def test_phi_3(client, echo):
    """Phi-3 makes the system message a user message and words its 422 as a Python text."""
    messages = [{"role": "system", "content": "be kind"}, *USER]
    assert client.post("/phi-3/chat/completions", json={"messages": messages}).status_code == 200
    assert [m["role"] for m in echo.bodies[-1]["messages"]] == ["user", "user"]
    answer = chat(client, "phi-3", PASS, stream_options={"include_usage": True})
    inner = ast.literal_eval(answer.json()["error"]["message"])
    assert inner[0]["loc"] == ("body", "stream_options", "include_usage")


def test_mixtral(client, echo):
    """Mixtral on the managed server: its own words for tools and JSON, a merged system message, 256 tokens."""
    answer = chat(client, "mixtral", tools=TOOLS)
    assert (answer.status_code, answer.json()) == (
        400,
        {"detail": "Tools and tool_choice are not supported."},
    )
    answer = chat(client, "mixtral", response_format={"type": "json_object"})
    text = "mixtral model does not support json response format."
    assert (answer.status_code, answer.json()) == (400, {"detail": text})
    messages = [{"role": "system", "content": "be kind"}, *USER]
    client.post("/mixtral/chat/completions", json={"messages": messages})
    assert echo.bodies[-1]["messages"] == [{"role": "user", "content": "be kind\n\nhello there"}]
    assert echo.bodies[-1]["max_tokens"] == 256


def test_azure_openai_limits(client):
    """The Azure OpenAI deployment has 1536 dimensions or fewer on request, no `input_type`, no integer formats."""
    path = "/openai/deployments/azure-openai/embeddings"
    assert len(client.post(path, json={"input": "one text"}).json()["data"][0]["embedding"]) == 1536
    answer = client.post(path, json={"input": ["x"], "dimensions": 256})
    assert len(answer.json()["data"][0]["embedding"]) == 256
    for refused in ({"input_type": "query"}, {"encoding_format": "int8"}, {"input": ["word " * 9000]}):
        assert client.post(path, json={"input": ["x"], **refused}).status_code == 400


def test_azure_openai_parameters(client, echo):
    """OpenAI's own keys are parameters there, and unknown ones are refused by name."""
    path = "/openai/deployments/azure-openai/chat/completions"
    answer = client.post(path, json={"messages": USER, "n": 2, "max_completion_tokens": 1, "user": "u"})
    assert len(answer.json()["choices"]) == 2
    assert echo.bodies[-1]["max_tokens"] == 1
    answer = client.post(path, json={"messages": USER, "colour": "red"})
    assert answer.status_code == 400
    assert answer.json()["error"]["message"] == "Unrecognized request argument supplied: colour"


def test_a_family_that_does_not_exist():
    """A wrong family name is refused with the names there are."""
    with pytest.raises(ValueError, match="mistral-large"):
        serve(families=["mistral-xxl"])
