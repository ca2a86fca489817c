"""The routes of the API and their answers, field by field."""

import base64
import json
import re
import struct

import httpx
import pytest

from azure_inference_local import catalogue, serve

VERSION = "2024-05-01-preview"
USER = [{"role": "user", "content": "one two three"}]
GUID = re.compile(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}")
HEX = re.compile(r"[0-9a-f]{32}")


def events(text):
    """The JSON of each event of a stream; it has to end with [DONE] and hold nothing but `data: ` lines."""
    assert "\r" not in text
    assert text.endswith("data: [DONE]\n\n")
    lines = text.split("\n\n")[:-2]
    assert all(line.startswith("data: ") for line in lines)
    return [json.loads(line[6:]) for line in lines]


def test_info(client):
    """`/info` names the model, its type and its provider."""
    assert client.get("/phi-3/info").json() == {
        "model_name": "Phi-3-mini-4k-instruct",
        "model_type": "chat-completion",
        "model_provider_name": "Microsoft",
    }


def test_info_names_the_image_engine(client):
    """The image deployment says which engine answers."""
    assert client.get("/local-images/info").json()["model_name"] == "hash-of-the-image"


def test_info_of_the_default_deployment_names_its_weights(tmp_path):
    """`/info` of the default deployment names the weights, before they are loaded, and who made them."""
    found = []
    for model in (None, "smollm2-135m", str(tmp_path / "my-own.gguf")):
        with serve(model=model) as endpoint:
            for name in ("local", "local-embeddings"):
                headers = {"api-key": endpoint.key}
                url = f"{endpoint.url_of(name)}/info?api-version={VERSION}"
                found.append(httpx.get(url, headers=headers, trust_env=False).json())
    assert found[0]["model_name"] in [model.name for model in catalogue.list_models()]
    assert found[2] == {
        "model_name": "smollm2-135m",
        "model_type": "chat-completion",
        "model_provider_name": "Hugging Face",
    }
    assert found[3] == {
        "model_name": "all-MiniLM-L6-v2-int8",
        "model_type": "embedding",
        "model_provider_name": "Sentence Transformers",
    }
    assert (found[4]["model_name"], found[4]["model_provider_name"]) == ("my-own", "local")


def test_the_weights_name_chooses_the_default_deployment(client, echo):
    """The name that `/info` tells is good as `model` where one has to be given."""
    client.post("/chat/completions", json={"messages": USER})
    for base in ("/models", "/openai/v1"):
        body = {"messages": USER, "model": echo.name}
        assert client.post(f"{base}/chat/completions", json=body).status_code == 200


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/models/info", 404),
        ("/models/info?model=mistral-large", 200),
        ("/models/info?model=nobody", 404),
        ("/openai/deployments/azure-openai/info", 404),
        ("/azure-openai/info", 404),
    ],
)
def test_info_elsewhere(client, path, status):
    """Foundry has `/info` for a named model only, Azure OpenAI has none."""
    path, _, model = path.partition("?model=")
    params = {"api-version": "2025-04-01"} | ({"model": model} if model else {})
    assert client.get(path, params=params).status_code == status


def test_chat(client):
    """A chat answers id, object, created, model, one choice and usage that adds up."""
    body = client.post("/chat/completions", json={"messages": USER}).json()
    assert HEX.fullmatch(body["id"])
    assert body["object"] == "chat.completion"
    assert isinstance(body["created"], int)
    assert body["choices"] == [
        {
            "index": 0,
            "message": {"role": "assistant", "content": "one two three", "tool_calls": None},
            "finish_reason": "stop",
            "logprobs": None,
        }
    ]
    usage = body["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


def test_max_tokens(client):
    """An answer cut by `max_tokens` says so."""
    body = client.post("/chat/completions", json={"messages": USER, "max_tokens": 2}).json()
    assert (body["choices"][0]["message"]["content"], body["choices"][0]["finish_reason"]) == (
        "one two",
        "length",
    )


def test_parameters_reach_the_engine(client, echo):
    """The engine gets the common parameters that were given, and no others."""
    given = {
        "temperature": 0,
        "top_p": 0.5,
        "seed": -3,
        "stop": "x",
        "frequency_penalty": 1,
        "presence_penalty": -1,
    }
    client.post("/chat/completions", json={"messages": USER, **given})
    assert echo.bodies[-1] == {"messages": USER, **given}


def test_stream(client):
    """Usage comes in the last content chunk beside the finish reason; the role in the first only."""
    answer = client.post("/chat/completions", json={"messages": USER, "stream": True})
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    chunks = events(answer.text)
    assert {c["object"] for c in chunks} == {"chat.completion.chunk"}
    assert len({c["id"] for c in chunks}) == 1
    assert [("role" in c["choices"][0]["delta"]) for c in chunks] == [True, False, False, False]
    assert [("usage" in c) for c in chunks] == [False, False, False, True]
    assert chunks[-1]["choices"][0]["finish_reason"] == "stop"


def test_streamed_tool_call(client):
    """A streamed call has its id and name first; the fragments after it have neither."""
    tools = [{"type": "function", "function": {"name": "f"}}]
    answer = client.post("/chat/completions", json={"messages": USER, "tools": tools, "stream": True})
    parts = [p for c in events(answer.text) for p in c["choices"][0]["delta"].get("tool_calls", ())]
    assert parts[0]["id"].startswith("call_")
    assert parts[0]["function"]["name"] == "f"
    assert all("id" not in part for part in parts[1:])


@pytest.mark.parametrize("stream", [False, True])
def test_completions(client, stream):
    """A text completion has the legacy shape, streamed and not."""
    answer = client.post("/completions", json={"prompt": "a b", "stream": stream})
    bodies = events(answer.text) if stream else [answer.json()]
    assert "".join(b["choices"][0]["text"] for b in bodies) == "a b"
    assert bodies[-1]["choices"][0]["finish_reason"] == "stop"
    assert bodies[-1]["usage"]["total_tokens"] == 7
    assert {b["object"] for b in bodies} == {"text_completion"}
    assert bodies[0]["id"].startswith("cmpl-")


def vector(client, **options):
    """The first vector of an answer."""
    return client.post("/embeddings", json={"input": ["x y", "z"], **options}).json()["data"][0]["embedding"]


def test_embeddings(client):
    """Vectors come in order with a GUID and usage without completion tokens."""
    body = client.post("/embeddings", json={"input": ["x y", "z"], "input_type": "document"}).json()
    assert GUID.fullmatch(body["id"])
    assert [d["index"] for d in body["data"]] == [0, 1]
    assert body["usage"] == {"prompt_tokens": 3, "completion_tokens": 0, "total_tokens": 3}


def test_encodings(client):
    """Each format holds the same vector."""
    plain = vector(client)
    raw = base64.b64decode(vector(client, encoding_format="base64"))
    assert list(struct.unpack("<16f", raw)) == pytest.approx(plain)
    largest = max(map(abs, plain))
    int8 = vector(client, encoding_format="int8")
    assert int8 == [round(n / largest * 127) for n in plain]
    assert vector(client, encoding_format="uint8") == [n + 128 for n in int8]
    bits = "".join("1" if n > 0 else "0" for n in plain)
    assert vector(client, encoding_format="ubinary") == [int(bits[:8], 2), int(bits[8:], 2)]
    assert vector(client, encoding_format="binary") == [int(bits[:8], 2) - 128, int(bits[8:], 2) - 128]


def test_dimensions(client):
    """`dimensions` shortens the vectors, which stay of length one."""
    short = vector(client, dimensions=4)
    assert len(short) == 4
    assert sum(n * n for n in short) == pytest.approx(1)


def test_a_familys_length_keeps_the_angles(client):
    """A family with longer vectors than the engine's has the same similarities."""

    def similarity(path):
        one, two = (d["embedding"] for d in client.post(path, json={"input": ["x", "y"]}).json()["data"])
        return len(one), sum(a * b for a, b in zip(one, two, strict=True))

    length, angle = similarity("/cohere-embed-v3/embeddings")
    assert length == 1024
    assert angle == pytest.approx(similarity("/embeddings")[1], abs=1e-5)


def test_model_chooses(client):
    """Without a family in the path, `model` (or its header) chooses the deployment."""
    body = {"messages": USER, "model": "jamba"}
    assert client.post("/chat/completions", json=body).json()["model"] == "AI21-Jamba-1.5-Large"
    answer = client.post(
        "/chat/completions", json={"messages": USER}, headers={"azureml-model-deployment": "jais"}
    )
    assert answer.json()["model"] == "jais-30b-chat"
    answer = client.post(
        "/models/chat/completions", json={"messages": USER}, headers={"x-ms-model-mesh-model-name": "jais"}
    )
    assert answer.json()["model"] == "jais-30b-chat"


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


@pytest.mark.parametrize(
    ("method", "path", "status", "body"),
    [
        ("GET", "/chat/completions", 405, {"detail": "Method Not Allowed"}),
        ("GET", "/nowhere", 404, {"detail": "Not Found"}),
        ("POST", "/nobody/chat/completions", 404, {"status": "Serverless endpoint not found"}),
        ("POST", "/models/nowhere", 404, {"error": {"code": "404", "message": "Resource not found"}}),
        ("POST", "/mixtral/embeddings", 404, {"detail": "Not Found"}),
    ],
)
def test_unknown_routes(client, method, path, status, body):
    """Unknown routes and wrong methods have the service's bodies."""
    answer = client.request(method, path, json={})
    assert (answer.status_code, answer.json()) == (status, body)
    assert status != 405 or answer.headers["allow"] == "POST"


def test_wrong_modality(client):
    """Embeddings on a chat model are a 404 whose text says not found."""
    answer = client.post("/jamba/embeddings", json={"input": ["x"]})
    assert answer.status_code == 404
    assert "not found" in answer.text
    assert "Modality not supported" in answer.text


def test_documents(endpoint):
    """The API's page and OpenAPI document need no key and name the routes of every family."""
    with httpx.Client(base_url=endpoint.url, trust_env=False) as http:
        paths = http.get("/openapi.json").json()["paths"]
        assert "/jamba/chat/completions" in http.get("/docs").text
    assert set(paths["/mistral-large/chat/completions"]["post"]["responses"]) >= {
        "200",
        "400",
        "401",
        "422",
        "429",
    }
