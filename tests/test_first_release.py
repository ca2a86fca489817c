"""Pickles that the first release wrote are read by this one: queues and caches outlive an upgrade."""

from __future__ import annotations

import base64
import json
import pickle
import zlib
from pathlib import Path
from typing import Any

import pytest

import azure_inference_core as core
import langchain_azure_inference as langchain
import llamaindex_azure_inference as llamaindex
from azure_inference_core import ConfigurationError, Timeouts

# Connections to https://host.example/openai/v1 with timeout=7 and max_retries as it was, by what they belong to.
PICKLES = json.loads((Path(__file__).parent / "support" / "first_release.json").read_text())
CLASSES = {
    "langchain_chat": langchain.ChatAzureInference,
    "langchain_llm": langchain.AzureInferenceLLM,
    "langchain_embeddings": langchain.AzureInferenceEmbeddings,
    "llamaindex_chat": llamaindex.AzureInference,
    "llamaindex_completion": llamaindex.AzureInferenceCompletion,
    "llamaindex_embedding": llamaindex.AzureInferenceEmbedding,
}


def load(name: str) -> Any:
    return pickle.loads(zlib.decompress(base64.b64decode(PICKLES[name])))


def test_values_and_errors_are_read() -> None:
    """Answers, limits and errors are what they were."""
    assert load("timeouts") == Timeouts(9, 2, 300, 60)
    assert load("chat_result").choices[0].tool_calls == (core.ToolCall("i", "f", "{}"),)
    assert (load("chat_result").request_id, load("chat_result").attempts) == ("r", 2)
    assert load("embeddings_result").vectors == [[1.0]]
    assert load("model_info") == core.ModelInfo("a", "b", "c")
    refused = load("core_error")
    assert type(refused) is core.UnsupportedParameterError
    assert refused.parameters == (core.RefusedParameter("top_k", 4, "no"),)
    limited = load("langchain_error")
    assert type(limited) is langchain.RateLimitedError
    assert (limited.status, limited.retry_after) == (429, 3.0)


@pytest.mark.parametrize("name", ["connection", "chat_client", "embeddings_client"])
def test_clients_are_read(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client has its endpoint and limits, and finds its key in the environment, or says that it needs one."""
    found = load(name)
    connection = getattr(found, "connection", found)
    assert (connection.endpoint, connection.model) == ("https://host.example/openai/v1", "m")
    assert (connection.timeouts.total, connection.default_headers) == (7, {"x-team": "a"})
    assert connection.family().name == ""
    with pytest.raises(ConfigurationError, match="AZURE_INFERENCE_CREDENTIAL"):
        _ = connection.auth
    monkeypatch.setenv("AZURE_INFERENCE_CREDENTIAL", "a-key")
    assert connection.auth.headers(1)["api-key"] == "a-key"


@pytest.mark.parametrize("name", CLASSES)
def test_models_are_read(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A framework's object has its fields, those that are new included, and its client; no other key stands in."""
    found = load(name)
    assert type(found) is CLASSES[name]
    assert (found.endpoint, found.model) == ("https://host.example/openai/v1", "m")
    assert (found.family, found.max_connections) == (None, None)
    with pytest.raises(ConfigurationError, match="AZURE_INFERENCE_CREDENTIAL"):
        _ = found._client.connection.auth
    found.timeout = 9
    with pytest.raises(ConfigurationError, match="AZURE_INFERENCE_CREDENTIAL"):
        _ = found._client.connection.auth
    monkeypatch.setenv("AZURE_INFERENCE_CREDENTIAL", "a-key")
    assert found._client.connection.auth.headers(1)["api-key"] == "a-key"
    assert found._client.connection.timeouts.total == 9
    if "chat" in name:
        assert (found.temperature, found.model_extras) == (0.5, {"top_k": 4})
    assert pickle.loads(pickle.dumps(found)).timeout == 9
