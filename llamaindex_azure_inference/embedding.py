"""Embedding models: ``/embeddings`` and ``/images/embeddings`` as a LlamaIndex embedding model."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any, ClassVar

from llama_index.core.base.embeddings.base import Embedding
from llama_index.core.callbacks import CallbackManager
from llama_index.core.embeddings.multi_modal_base import MultiModalEmbedding
from llama_index.core.schema import ImageType
from pydantic import Field, PrivateAttr, SerializerFunctionWrapHandler, model_serializer

from azure_inference_core import EmbeddingsClient, EmbeddingsResult, Parameters, merge_params
from azure_inference_core._request.keywords import batch_of
from azure_inference_core._request.parameters import EMBEDDING_PARAMETERS
from azure_inference_core._transport.loops import off_loop
from llamaindex_azure_inference._batches import Observed
from llamaindex_azure_inference._endpoint import Endpoint
from llamaindex_azure_inference._messages import image_url

__all__ = ["AzureInferenceEmbedding"]

_usage_lock = threading.Lock()
_PARAMETERS = (*sorted(EMBEDDING_PARAMETERS - {"model", "input_type"}), "extra_parameters", "model_extras")
_DOCUMENT, _QUERY = "document_input_type", "query_input_type"


class AzureInferenceEmbedding(Endpoint, MultiModalEmbedding):
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

    Documents and queries are sent with their input types, where the endpoint and the model's family have such a
    parameter. A model that refuses it is asked without from then on (a warning says so), while an input type that you
    gave is always sent, and its refusal is an error.

    Args:
        endpoint: The endpoint's URL; from ``AZURE_INFERENCE_ENDPOINT`` if not given.
        credential: As in :class:`~llamaindex_azure_inference.AzureInference`.
        **settings: The fields below, ``model`` for ``model_name``, ``input_type`` for both input types at once,
            ``model_kwargs`` for ``model_extras``, the retired integration's ``client_kwargs``, and parameters of the
            model.

    Attributes:
        embed_batch_size: Texts of one request, at most.
        max_concurrency: How many requests may be on their way at once; ``num_workers``, if set, in async calls.
        dimensions: Length of the vectors; the model's own if ``None``.
        encoding_format: How the endpoint writes vectors; ``None``: base64 where it can, else float.
        document_input_type: Input type of documents; ``None`` sends none.
        query_input_type: Input type of queries; ``None`` sends none.
        embeddings_cache: A ``BaseKVStore``. Keys are made of the model, its parameters and the text.

    Raises:
        ConfigurationError: What was given cannot be used. No network is touched here.
    """

    embed_batch_size: int = Field(default=96, gt=0, le=2048)
    max_concurrency: int = Field(default=8, gt=0)
    dimensions: int | None = None
    encoding_format: str | None = None
    document_input_type: str | None = "document"
    query_input_type: str | None = "query"
    embeddings_cache: Any | None = Field(default=None, exclude=True)

    _usage: dict[str, int] = PrivateAttr(default_factory=dict)
    _model_field: ClassVar[str] = "model_name"
    _client_class: ClassVar[type[Any]] = EmbeddingsClient
    _client_fields: ClassVar[tuple[str, ...]] = ("embed_batch_size", "max_concurrency")

    def __init__(
        self,
        endpoint: str | None = None,
        credential: Any = None,
        model_name: str | None = None,
        api_version: str | None = None,
        embed_batch_size: int | None = None,
        callback_manager: CallbackManager | None = None,
        num_workers: int | None = None,
        client_kwargs: dict[str, Any] | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(
            endpoint,
            credential,
            model_name=model_name,
            api_version=api_version,
            embed_batch_size=embed_batch_size,
            callback_manager=callback_manager,
            num_workers=num_workers,
            client_kwargs=client_kwargs,
            **settings,
        )

    @classmethod
    def class_name(cls) -> str:
        """The name under which LlamaIndex serialises this class."""
        return "AzureInferenceEmbedding"

    @model_serializer(mode="wrap")
    def _serialised(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """The fields, but for an input type that nobody set: a copy would take it for the user's."""
        unset = {_DOCUMENT, _QUERY} - self.model_fields_set
        told = {name: value for name, value in handler(self).items() if name not in unset}
        return {**told, "class_name": self.class_name()}

    @property
    def model(self) -> str | None:
        """The model, by the name the LLM classes have for it; ``None`` if the endpoint serves only one.

        ```python
        print(embedding.model, embedding.model_name)
        ```
        """
        return self._asked_model()

    @model.setter
    def model(self, name: str | None) -> None:
        self.model_name = name or "unknown"

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

    def cache_scope(self) -> str:
        """What, beside the parameters of a request, decides what a text's vector is."""
        return self.model or str(self.endpoint)

    # -- text --

    def get_query_embedding(self, query: str, **kwargs: Any) -> Embedding:
        """Embed a query.

        ```python
        vector = embedding.get_query_embedding("A question?")
        vector = await embedding.aget_query_embedding("A question?")
        ```

        Args:
            query: The text.
            **kwargs: Parameters of this call; what is not a common one goes to the model.

        Raises:
            InferenceError: The request failed.
        """
        return self._observed([query], _QUERY, kwargs)[0]

    async def aget_query_embedding(self, query: str, **kwargs: Any) -> Embedding:
        """Like :meth:`get_query_embedding`."""
        return (await self._aobserved([query], _QUERY, kwargs))[0]

    def get_text_embedding(self, text: str, **kwargs: Any) -> Embedding:
        """Embed a document's text; arguments as in :meth:`get_query_embedding`.

        ```python
        vector = embedding.get_text_embedding("A document.")
        vector = await embedding.aget_text_embedding("A document.")
        ```
        """
        return self._observed([text], _DOCUMENT, kwargs)[0]

    async def aget_text_embedding(self, text: str, **kwargs: Any) -> Embedding:
        """Like :meth:`get_text_embedding`."""
        return (await self._aobserved([text], _DOCUMENT, kwargs))[0]

    def get_text_embedding_batch(
        self, texts: list[str], show_progress: bool = False, **kwargs: Any
    ) -> list[Embedding]:
        """Embed documents' texts, ``embed_batch_size`` a request, ``max_concurrency`` requests at once.

        ```python
        vectors = embedding.get_text_embedding_batch(["one text", "another"])
        vectors = await embedding.aget_text_embedding_batch(["one text", "another"])
        ```

        Args:
            texts: The texts; none gives ``[]`` and sends nothing.
            show_progress: Show a bar of the batches.
            **kwargs: Parameters of this call; what is not a common one goes to the model.

        Returns:
            One vector a text, in the order of the texts.

        Raises:
            InferenceError: A request failed; requests not yet sent are not sent.
        """
        return self._observed(texts, _DOCUMENT, kwargs, show_progress=show_progress)

    async def aget_text_embedding_batch(
        self, texts: list[str], show_progress: bool = False, **kwargs: Any
    ) -> list[Embedding]:
        """Like :meth:`get_text_embedding_batch`."""
        return await self._aobserved(texts, _DOCUMENT, kwargs, show_progress=show_progress)

    def _observed(
        self, texts: list[str], kind: str, call: Mapping[str, Any], *, show_progress: bool = False
    ) -> list[Embedding]:
        size, call = batch_of(call)
        params, implied = self._request(kind, call)
        seen = Observed(self, self.cache_scope(), {"input_type": implied, **params}, size)
        with seen.events(len(texts), show_progress=show_progress):
            result = self._client.embed(
                texts,
                params,
                before=seen.before,
                done=seen.done,
                implied_input_type=implied,
                batch_size=size,
            )
        return self._counted(result)

    async def _aobserved(
        self, texts: list[str], kind: str, call: Mapping[str, Any], *, show_progress: bool = False
    ) -> list[Embedding]:
        size, call = batch_of(call)
        params, implied = self._request(kind, call)
        seen = Observed(self, self.cache_scope(), {"input_type": implied, **params}, size)
        with seen.events(len(texts), show_progress=show_progress):
            result = await self._client.aembed(
                texts,
                params,
                before=seen.abefore,
                done=seen.adone,
                implied_input_type=implied,
                max_concurrency=self.num_workers,
                batch_size=size,
            )
        return self._counted(result)

    # -- the base class's hooks, for code that calls them --

    def _get_text_embedding(self, text: str) -> Embedding:
        return self._get_text_embeddings([text])[0]

    async def _aget_text_embedding(self, text: str) -> Embedding:
        return (await self._aget_text_embeddings([text]))[0]

    def _get_text_embeddings(self, texts: list[str]) -> list[Embedding]:
        params, implied = self._request(_DOCUMENT, {})
        return self._counted(self._client.embed(texts, params, implied_input_type=implied))

    async def _aget_text_embeddings(self, texts: list[str]) -> list[Embedding]:
        params, implied = self._request(_DOCUMENT, {})
        return self._counted(await self._client.aembed(texts, params, implied_input_type=implied))

    def _get_query_embedding(self, query: str) -> Embedding:
        params, implied = self._request(_QUERY, {})
        return self._counted(self._client.embed([query], params, implied_input_type=implied))[0]

    async def _aget_query_embedding(self, query: str) -> Embedding:
        params, implied = self._request(_QUERY, {})
        return self._counted(await self._client.aembed([query], params, implied_input_type=implied))[0]

    # -- images: get_image_embedding, get_image_embedding_batch and their twins are the base class's --

    def _get_image_embedding(self, img_file_path: ImageType) -> Embedding:
        return self._get_image_embeddings([img_file_path])[0]

    async def _aget_image_embedding(self, img_file_path: ImageType) -> Embedding:
        return (await self._aget_image_embeddings([img_file_path]))[0]

    def _get_image_embeddings(self, img_file_paths: list[ImageType]) -> list[Embedding]:
        images = [image_url(image) for image in img_file_paths]
        return self._counted(self._client.embed_images(images, self._params({})))

    async def _aget_image_embeddings(self, img_file_paths: list[ImageType]) -> list[Embedding]:
        images = await off_loop(lambda: [image_url(image) for image in img_file_paths])
        return self._counted(await self._client.aembed_images(images, self._params({})))

    # -- parameters and client --

    def _request(self, kind: str, call: Mapping[str, Any]) -> tuple[Parameters, str | None]:
        """The parameters of a call, and the input type that only its method implies, not the user."""
        input_type: str | None = getattr(self, kind)
        if kind in self.model_fields_set:
            return self._params(call, input_type), None
        return self._params(call), input_type

    def _params(self, call: Mapping[str, Any], input_type: str | None = None) -> Parameters:
        """The fields as they are now under one call's keywords."""
        values = self.__dict__
        fields = {name: values[name] for name in _PARAMETERS}
        return merge_params({"model": self.model, "input_type": input_type, **fields}, call)

    def _counted(self, result: EmbeddingsResult) -> list[Embedding]:
        with _usage_lock:
            for name, count in (result.usage or {}).items():
                self._usage[name] = self._usage.get(name, 0) + count
        return result.vectors

    def _asked_model(self) -> str | None:
        return None if self.model_name == "unknown" else self.model_name

    def _client_options(self) -> dict[str, Any]:
        return {"batch_size": self.embed_batch_size, "max_concurrency": self.max_concurrency}

    @property
    def _client(self) -> EmbeddingsClient:
        client: EmbeddingsClient = self._current()
        return client
