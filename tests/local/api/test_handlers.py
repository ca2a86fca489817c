"""The work of the routes: their answers, field by field, and whom they answer for."""

import re

import httpx
import pytest

from azure_inference_local import serve, weights

VERSION = "2024-05-01-preview"
USER = [{"role": "user", "content": "one two three"}]
GUID = re.compile(r"[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}")
HEX = re.compile(r"[0-9a-f]{32}")


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
    assert found[0]["model_name"] in [model.name for model in weights.list_models()]
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


def test_embeddings(client):
    """Vectors come in order with a GUID and usage without completion tokens."""
    body = client.post("/embeddings", json={"input": ["x y", "z"], "input_type": "document"}).json()
    assert GUID.fullmatch(body["id"])
    assert [d["index"] for d in body["data"]] == [0, 1]
    assert body["usage"] == {"prompt_tokens": 3, "completion_tokens": 0, "total_tokens": 3}


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
    ("path", "model", "status", "code"),
    [
        ("/models", None, 400, "no_model_name"),
        ("/models", "nobody", 404, "unknown_model"),
        ("/openai/v1", None, 400, "missing_required_parameter"),
        ("/openai/v1", "nobody", 404, "DeploymentNotFound"),
        ("/openai/deployments/nobody", None, 404, "DeploymentNotFound"),
    ],
)
def test_models_that_are_not_there(client, path, model, status, code):
    """A missing or unknown model has the dialect's status and code, which is in a header, too."""
    body = {"messages": USER} | ({"model": model} if model else {})
    answer = client.post(f"{path}/chat/completions", json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)
    assert answer.headers["x-ms-error-code"] == code


def test_wrong_modality(client):
    """Embeddings on a chat model are a 404 whose text says not found."""
    answer = client.post("/jamba/embeddings", json={"input": ["x"]})
    assert answer.status_code == 404
    assert "not found" in answer.text
    assert "Modality not supported" in answer.text


def test_engine_errors(client):
    """An engine's refusal keeps its status and code; what it breaks on is a 500 without its text."""
    body = {"messages": [{"role": "user", "content": "too long for me"}]}
    answer = client.post("/chat/completions", json=body)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "context_length_exceeded")
    answer = client.post("/chat/completions", json={**body, "stream": True})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "context_length_exceeded")
    answer = client.post("/chat/completions", json={"messages": [{"role": "user", "content": "explode"}]})
    assert answer.status_code == 500
    assert "secret" not in answer.text
