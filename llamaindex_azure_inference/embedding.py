"""Embedding models: ``/embeddings`` and ``/images/embeddings`` as a LlamaIndex embedding model."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from typing import Any, ClassVar

from llama_index.core.base.embeddings.base import Embedding
from llama_index.core.schema import ImageType
from pydantic import Field, PrivateAttr

from azure_inference_core import Connection, EmbeddingsClient, EmbeddingsResult, merge_params
from azure_inference_core.errors import UnsupportedParameterError
from llamaindex_azure_inference._batches import BatchedEmbedding
from llamaindex_azure_inference._component import EndpointComponent
from llamaindex_azure_inference._media import image_url

__all__ = ["AzureInferenceEmbedding"]

_logger = logging.getLogger(__name__)
_usage_lock = threading.Lock()
_DEFAULT_TYPES = ("document", "query")


class AzureInferenceEmbedding(EndpointComponent, BatchedEmbedding):
    """An embedding model behind an Azure AI inference endpoint, or any endpoint that speaks OpenAI's v1 API.

    ```python
    embedding = AzureInferenceEmbedding(endpoint="https://<name>.<region>.models.ai.azure.com", credential="<key>")
    vector = embedding.get_text_embedding("A document.")
    print(len(vector), "numbers")
    ```

    Images, where the model takes them:

    ```python
    vectors = embedding.get_image_embedding_batch(["photo.png"])
    ```

    Documents and queries are sent with their input types. An endpoint with an OpenAI dialect has no such parameter, so
    there only names other than the defaults are sent; a model that refuses the defaults is asked without them from then
    on (a warning says so), while a name of your own that it refuses is an error.

    Args:
        endpoint: The endpoint's URL; from ``AZURE_INFERENCE_ENDPOINT`` if not given.
        credential: A key or a token credential; from ``AZURE_INFERENCE_CREDENTIAL`` if not given.
        **settings: The fields below, ``model`` for ``model_name``, ``input_type`` for both input types at once,
            ``model_kwargs`` for ``model_extras``, the retired integration's ``client_kwargs``, and parameters of the
            model.

    Raises:
        ConfigurationError: What was given cannot be used. No network is touched here.
    """

    embed_batch_size: int = Field(default=96, gt=0, le=2048, description="Texts of one request, at most.")
    dimensions: int | None = Field(
        default=None, description="Length of the vectors; the model's own if None."
    )
    encoding_format: str | None = Field(
        default=None, description="How the endpoint writes vectors; None: base64 where it can, else float."
    )
    document_input_type: str | None = Field(
        default="document", description="Input type of documents; None sends none."
    )
    query_input_type: str | None = Field(
        default="query", description="Input type of queries; None sends none."
    )

    _usage: dict[str, int] = PrivateAttr(default_factory=dict)
    _types_refused: bool = PrivateAttr(default=False)
    _model_field: ClassVar[str] = "model_name"
    _none_is_meant: ClassVar[frozenset[str]] = frozenset(
        {"timeout", "document_input_type", "query_input_type"}
    )

    @classmethod
    def _read_settings(cls, settings: Mapping[str, Any]) -> dict[str, Any]:
        if "input_type" in settings:
            both = settings["input_type"]
            given = {name: value for name, value in settings.items() if name != "input_type"}
            settings = {"document_input_type": both, "query_input_type": both, **given}
        return super()._read_settings(settings)

    @classmethod
    def class_name(cls) -> str:
        """The name under which LlamaIndex serialises this class."""
        return "AzureInferenceEmbedding"

    @property
    def model(self) -> str | None:
        """The model, by the name the LLM classes have for it; ``None`` if the endpoint serves only one.

        ```python
        print(embedding.model, embedding.model_name)
        ```
        """
        return None if self.model_name == "unknown" else self.model_name

    @property
    def usage(self) -> dict[str, int]:
        """Tokens that the service has counted since this object was made, or since :meth:`reset_usage`.

        ```python
        embedding.get_text_embedding_batch(["one text", "another"])
        print(embedding.usage)
        print(embedding.reset_usage(), embedding.usage)
        ```

        LlamaIndex has no place for the usage of embeddings. Keys are the service's, e.g. ``prompt_tokens``,
        ``total_tokens``. A copy in another process counts for itself.
        """
        with _usage_lock:
            return dict(self._usage)

    def reset_usage(self) -> dict[str, int]:
        """Start counting from nothing, and give what had been counted."""
        with _usage_lock:
            counted, self._usage = self._usage, {}
        return counted

    # -- parameters --

    def cache_scope(self) -> str:
        """What, beside the parameters of a request, decides what a text's vector is."""
        return self.model or str(self.endpoint)

    def _text_params(self, call: Mapping[str, Any]) -> dict[str, Any]:
        return self._params(call, self.document_input_type)

    def _query_params(self, call: Mapping[str, Any]) -> dict[str, Any]:
        return self._params(call, self.query_input_type)

    def _params(self, call: Mapping[str, Any], input_type: str | None = None) -> dict[str, Any]:
        """The fields as they are now under one call's keywords."""
        if input_type in _DEFAULT_TYPES:
            known = self._any_client().connection.dialect.has_extras_header
            input_type = input_type if known and not self._types_refused else None
        fields = {
            "model": self.model,
            "dimensions": self.dimensions,
            "encoding_format": self.encoding_format,
            "input_type": input_type,
            "extra_parameters": self.extra_parameters,
            "model_extras": self.model_extras,
        }
        return merge_params(fields, call)

    # -- text: the two loops that send and wait --

    def _send(self, texts: list[str], params: Mapping[str, Any]) -> list[Embedding]:
        try:
            return self._counted(self._any_client().embed(texts, **params))
        except UnsupportedParameterError as error:
            fewer = self._without_refused_type(params, error)
            return self._counted(self._any_client().embed(texts, **fewer))

    async def _asend(self, texts: list[str], params: Mapping[str, Any]) -> list[Embedding]:
        try:
            return self._counted(await self._any_client().aembed(texts, **params))
        except UnsupportedParameterError as error:
            fewer = self._without_refused_type(params, error)
            return self._counted(await self._any_client().aembed(texts, **fewer))

    def _without_refused_type(
        self, params: Mapping[str, Any], error: UnsupportedParameterError
    ) -> dict[str, Any]:
        """The parameters without the input type, if it is a default and what the model refused; else ``error``."""
        refused = any(parameter.name.rpartition(".")[2] == "input_type" for parameter in error.parameters)
        if not refused or params.get("input_type") not in _DEFAULT_TYPES:
            raise error
        if not self._types_refused:
            self._types_refused = True
            _logger.warning(
                "the model refuses input types and is asked without from now on; "
                "document_input_type=None, query_input_type=None says so from the start"
            )
        return {name: value for name, value in params.items() if name != "input_type"}

    def _counted(self, result: EmbeddingsResult) -> list[Embedding]:
        counts = {name: n for name, n in (result.usage or {}).items() if isinstance(n, int)}
        with _usage_lock:
            for name, count in counts.items():
                self._usage[name] = self._usage.get(name, 0) + count
        return result.vectors

    # -- the base class's hooks, for code that calls them --

    def _get_text_embedding(self, text: str) -> Embedding:
        return self._send([text], self._text_params({}))[0]

    async def _aget_text_embedding(self, text: str) -> Embedding:
        return (await self._asend([text], self._text_params({})))[0]

    def _get_text_embeddings(self, texts: list[str]) -> list[Embedding]:
        return self._send(texts, self._text_params({}))

    async def _aget_text_embeddings(self, texts: list[str]) -> list[Embedding]:
        return await self._asend(texts, self._text_params({}))

    def _get_query_embedding(self, query: str) -> Embedding:
        return self._send([query], self._query_params({}))[0]

    async def _aget_query_embedding(self, query: str) -> Embedding:
        return (await self._asend([query], self._query_params({})))[0]

    # -- images: get_image_embedding, get_image_embedding_batch and their twins are the base class's --

    def _get_image_embedding(self, img_file_path: ImageType) -> Embedding:
        return self._get_image_embeddings([img_file_path])[0]

    async def _aget_image_embedding(self, img_file_path: ImageType) -> Embedding:
        return (await self._aget_image_embeddings([img_file_path]))[0]

    def _get_image_embeddings(self, img_file_paths: list[ImageType]) -> list[Embedding]:
        images = [image_url(image) for image in img_file_paths]
        return self._counted(self._any_client().embed_images(images, **self._params({})))

    async def _aget_image_embeddings(self, img_file_paths: list[ImageType]) -> list[Embedding]:
        images = [image_url(image) for image in img_file_paths]
        return self._counted(await self._any_client().aembed_images(images, **self._params({})))

    # -- the client --

    def _settings(self) -> tuple[Any, ...]:
        return (*super()._settings(), self.embed_batch_size, self.max_concurrency)

    def _make_client(self, connection: Connection) -> EmbeddingsClient:
        return EmbeddingsClient(
            connection, batch_size=self.embed_batch_size, max_concurrency=self.max_concurrency
        )

    def _any_client(self) -> EmbeddingsClient:
        return self._client_as(EmbeddingsClient)
