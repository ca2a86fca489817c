"""LangChain's standard tests of embeddings."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_core.embeddings import Embeddings
from langchain_tests.integration_tests import EmbeddingsIntegrationTests
from langchain_tests.unit_tests import EmbeddingsUnitTests

from azure_inference_local import Endpoint
from langchain_azure_inference import AzureInferenceEmbeddings
from tests.support.scripted_server import ScriptedServer


class TestEmbeddingsUnit(EmbeddingsUnitTests):
    """The unit suite."""

    @property
    def embeddings_class(self) -> type[Embeddings]:
        """The class under test."""
        return AzureInferenceEmbeddings

    @property
    def embedding_model_params(self) -> dict[str, Any]:
        """Nothing listens there."""
        return {"endpoint": "http://127.0.0.1:9", "credential": "test"}

    @property
    def init_from_env_params(self) -> tuple[dict[str, str], dict[str, Any], dict[str, Any]]:
        """Environment variables, constructor keywords, and the attributes they give."""
        return (
            {"AZURE_INFERENCE_ENDPOINT": "https://host.example/v1", "AZURE_INFERENCE_CREDENTIAL": "key"},
            {},
            {"endpoint": "https://host.example/v1"},
        )


@pytest.mark.usefixtures("standard_server")
class TestEmbeddingsIntegration(EmbeddingsIntegrationTests):
    """The integration suite."""

    server: ScriptedServer

    @property
    def embeddings_class(self) -> type[Embeddings]:
        """The class under test."""
        return AzureInferenceEmbeddings

    @property
    def embedding_model_params(self) -> dict[str, Any]:
        """Where to."""
        return {"endpoint": self.server.url, "credential": "test"}


@pytest.mark.slow
@pytest.mark.usefixtures("standard_endpoint")
class TestEmbeddingsOnTheLocalEndpoint(EmbeddingsIntegrationTests):
    """The integration suite with a real model."""

    endpoint: Endpoint

    @property
    def embeddings_class(self) -> type[Embeddings]:
        """The class under test."""
        return AzureInferenceEmbeddings

    @property
    def embedding_model_params(self) -> dict[str, Any]:
        """Where to."""
        return {"endpoint": self.endpoint.url, "credential": self.endpoint.key}


del EmbeddingsIntegrationTests, EmbeddingsUnitTests
