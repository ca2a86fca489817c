"""The checks of a request: its size, its version of the API, and its faults, in the words of every dialect."""

import json

import httpx
import pytest

from azure_inference_local import serve
from tests.local.fake_engines import engines

USER = [{"role": "user", "content": "hi there"}]
PARTS = "list[function-after[validate_content_part(), ContentPart]]"
NAMES = "a-z, A-Z, 0-9, or contain underscores and dashes, with a maximum length of 64."
LIMIT = "Input should be less than or equal to 1"


def function(**members):
    """A tool of a request."""
    return {"messages": USER, "tools": [{"type": "function", "function": members}]}


FAULTS = {
    "no messages": ({}, "missing", ["messages"], "Field required"),
    "messages empty": (
        {"messages": []},
        "value_error",
        ["messages"],
        "Value error, messages can not be an empty list",
    ),
    "role developer": (
        {"messages": [{"role": "developer", "content": "x"}]},
        "enum",
        ["messages", 0, "role"],
        "Input should be 'system', 'user', 'assistant' or 'tool'",
    ),
    "temperature 1.5": ({"messages": USER, "temperature": 1.5}, "less_than_equal", ["temperature"], LIMIT),
    "temperature null": ({"messages": USER, "temperature": None}, "float_type", ["temperature"], None),
    "max_tokens -1": ({"messages": USER, "max_tokens": -1}, "greater_than_equal", ["max_tokens"], None),
    "max_tokens 1.5": ({"messages": USER, "max_tokens": 1.5}, "int_from_float", ["max_tokens"], None),
    "json_schema": (
        {"messages": USER, "response_format": {"type": "json_schema"}},
        "value_error",
        ["response_format", "type"],
        "Value error, Response format was json_schema but must be either 'text' or 'json_object'.",
    ),
    "response_format text": (
        {"messages": USER, "response_format": "json_object"},
        "model_attributes_type",
        ["response_format"],
        None,
    ),
    "tool_choice object": (
        {"messages": USER, "tool_choice": {"type": "function", "function": {"name": "f"}}},
        "string_type",
        ["tool_choice"],
        None,
    ),
    "tool without description": (
        function(name="f"),
        "missing",
        ["tools", 0, "function", "description"],
        "Field required",
    ),
    "tool parameters null": (
        function(name="f", description="d", parameters=None),
        "value_error",
        ["tools", 0, "function", "parameters"],
        "Value error, None is not of type 'object', 'boolean'",
    ),
    "tool name": (
        function(name="a b", description="d"),
        "value_error",
        ["tools", 0, "function", "name"],
        f"Value error, Function name was a b but must be {NAMES}",
    ),
    "part unknown": (
        {"messages": [{"role": "user", "content": [{"type": "video"}]}]},
        "string_type",
        ["messages", 0, "content", "str"],
        None,
    ),
    "content number": (
        {"messages": [{"role": "user", "content": 1}]},
        "string_type",
        ["messages", 0, "content", "str"],
        None,
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_managed_faults(client, name):
    """The managed server names type, place and message of a fault inside its own envelope."""
    body, kind, loc, message = FAULTS[name]
    answer = client.post("/mixtral/chat/completions", json=body)
    error = answer.json()["error"]
    assert answer.status_code == 422
    assert (error["code"], error["status"], error["message"]) == ("Invalid input", 422, "invalid input error")
    first = error["details"][0]
    assert (first["type"], first["loc"]) == (kind, ["body", *loc])
    assert message is None or first["msg"] == message


def test_two_entries_for_content(client):
    """Content that is neither a text nor a list of parts has one entry for each."""
    body = {"messages": [{"role": "user", "content": [{"type": "video"}]}]}
    details = client.post("/mixtral/chat/completions", json=body).json()["error"]["details"]
    assert [d["loc"][4:] for d in details] == [["str"], [PARTS, 0, "type"]]
    assert details[1]["type"] == "enum"


def test_one_entry_a_fault(client):
    """A request with several faults has an entry for each of them."""
    body = {"messages": [], "temperature": 3, "max_tokens": -2}
    details = client.post("/mixtral/chat/completions", json=body).json()["error"]["details"]
    assert {d["loc"][1] for d in details} == {"messages", "temperature", "max_tokens"}


@pytest.mark.parametrize(
    "more",
    [
        {"temperature": "0.5"},
        {"max_tokens": None},
        {"tools": []},
        {"messages": [{"role": "user"}]},
        {"messages": [{"role": "user", "content": "hi", "colour": "red"}]},
    ],
)
def test_what_the_managed_server_takes(client, more):
    """Numbers in texts, null for max_tokens, no tools, no content, and unknown keys inside a message are fine."""
    assert client.post("/mixtral/chat/completions", json={"messages": USER, **more}).status_code == 200


def test_stream_in_words(client):
    """`stream: "yes"` streams."""
    answer = client.post("/mixtral/chat/completions", json={"messages": USER, "stream": "yes"})
    assert answer.headers["content-type"].startswith("text/event-stream")


@pytest.mark.parametrize(
    ("content", "kind", "media", "loc"),
    [
        (b'{"messages": x}', "json_invalid", "application/json", ["body", 13]),
        (b"[]", "model_attributes_type", "application/json", ["body"]),
        (b"", "missing", "application/json", ["body"]),
        (b'{"messages": []}', "model_attributes_type", "text/plain", ["body"]),
        (b'{"temperature": NaN}', "json_invalid", "application/json", None),
        (b'{"messages": "\\ud800"}', "json_invalid", "application/json", None),
        (b"\xff\xfe", "json_invalid", "application/json", None),
    ],
)
def test_bodies_that_are_no_json(client, content, kind, media, loc):
    """Bad JSON, a list, an empty body and another content type are 422 on the managed server."""
    answer = client.post("/mixtral/chat/completions", content=content, headers={"content-type": media})
    first = answer.json()["error"]["details"][0]
    assert (answer.status_code, first["type"]) == (422, kind)
    assert loc is None or first["loc"] == loc


@pytest.mark.parametrize(("body", "kind"), [({"prompt": ["a"]}, "string_type"), ({}, "missing")])
def test_prompts(client, body, kind):
    """The managed server takes one prompt, a text."""
    answer = client.post("/mixtral/completions", json=body)
    assert answer.json()["error"]["details"][0]["type"] == kind


@pytest.mark.parametrize("base", ["", "/models", "/openai/v1", "/openai/deployments/local"])
def test_the_same_fault_in_each_dialect(client, base):
    """A wrong role is FastAPI's list, the gateway's wrapped list, or OpenAI's error, by the base URL."""
    body = {"model": "local", "messages": [{"role": "robot", "content": "x"}]}
    answer = client.post(f"{base}/chat/completions", json=body)
    if base == "":
        assert answer.status_code == 422
        assert answer.json()["detail"][0]["loc"] == ["body", "messages", "0", "role"]
    elif base == "/models":
        inner = json.loads(answer.json()["error"]["message"])
        assert (answer.status_code, inner["detail"][0]["loc"][-1]) == (422, "role")
    else:
        error = answer.json()["error"]
        assert (answer.status_code, error["param"], error["type"]) == (
            400,
            "messages[0].role",
            "invalid_request_error",
        )


@pytest.mark.parametrize(
    "body",
    [
        {"tool_choice": "required"},
        {"tool_choice": "sometimes"},
        {"tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "objekt"}}}]},
        {"response_format": {"type": "json_schema", "json_schema": {"name": "x y", "schema": {}}}},
        {"response_format": {"type": "json_schema", "json_schema": {"name": "x"}}},
        {"response_format": {"type": "xml"}},
        {"seed": 2**63},
        {"top_p": 1.1},
        {"frequency_penalty": -2.5},
        {"stop": [1]},
        {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "data:,"}}]}]},
    ],
)
def test_ranges_of_the_default_deployment(client, body):
    """What no model takes is 422 on the default deployment, too."""
    assert client.post("/chat/completions", json={"messages": USER, **body}).status_code == 422


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/embeddings", {"input": "a bare text"}),
        ("/embeddings", {"input": []}),
        ("/embeddings", {"input": [1]}),
        ("/embeddings", {"input": ["x"], "dimensions": 0}),
        ("/embeddings", {"input": ["x"], "dimensions": 17}),
        ("/embeddings", {"input": ["x"], "encoding_format": "int4"}),
        ("/embeddings", {"input": ["x"], "input_type": "search_query"}),
        ("/embeddings", {"input": ["x"] * 1025}),
        ("/images/embeddings", {"input": [{"image": "https://example.com/cat.png"}]}),
        ("/images/embeddings", {"input": [{"image": "file:///etc/passwd"}]}),
        ("/images/embeddings", {"input": [{"image": "data:image/png;base64,AAAA"}]}),
        ("/images/embeddings", {"input": [{"image": "data:image/png;base64,iVBORw0KGgo=", "text": "a cat"}]}),
    ],
)
def test_embedding_faults(client, path, body):
    """Inputs, options and images no embedding model takes are 422; nothing is fetched."""
    assert client.post(path, json=body).status_code == 422


@pytest.mark.parametrize(
    ("base", "version", "status", "text"),
    [
        ("", "", 400, "The api-version query parameter"),
        ("", "2023-01-01", 404, "Resource not found"),
        ("", "2025-04-01", 200, ""),
        ("/models", "", 400, "The api-version query parameter"),
        ("/mixtral", "", 200, ""),
        ("/openai/deployments/local", "", 400, "The api-version query parameter"),
        ("/openai/deployments/local", "2024-10-21", 200, ""),
        ("/openai/deployments/local", "latest", 404, "Resource not found"),
        ("/openai/v1", "", 200, ""),
    ],
)
def test_api_versions(endpoint, base, version, status, text):
    """Each base checks `api-version` as its service does."""
    params = {"api-version": version} if version else {}
    with httpx.Client(base_url=endpoint.url, headers={"api-key": endpoint.key}, trust_env=False) as http:
        answer = http.post(
            f"{base}/chat/completions", params=params, json={"messages": USER, "model": "local"}
        )
    assert answer.status_code == status
    assert text in answer.text


def test_openai_content_type(client):
    """The OpenAI bases answer another content type with 415."""
    answer = client.post("/openai/v1/chat/completions", content=b"x", headers={"content-type": "text/plain"})
    assert answer.status_code == 415


@pytest.mark.parametrize("chunked", [False, True])
def test_body_cap(chunked):
    """A body beyond the cap is a 413, announced or not."""
    with serve(engines=engines(), max_body=1000) as endpoint:
        content = (b"x" * 500 for _ in range(4)) if chunked else b"x" * 2000
        headers = {"api-key": endpoint.key, "content-type": "application/json"}
        answer = httpx.post(
            f"{endpoint.url}/chat/completions?api-version=2024-05-01-preview",
            headers=headers,
            content=content,
            trust_env=False,
        )
        assert answer.status_code == 413
