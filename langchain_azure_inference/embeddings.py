"""``AzureInferenceEmbeddings``: LangChain's embeddings over ``/embeddings`` and ``/images/embeddings``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar

from langchain_core.embeddings import Embeddings
from pydantic import Field, PrivateAttr

from azure_inference_core import (
    Connection,
    EmbeddingsClient,
    EmbeddingsResult,
    image_from_path,
    merge_params,
)
from langchain_azure_inference._connected import Connected, Integer
from langchain_azure_inference.errors import ConfigurationError, translated

__all__ = ["AzureInferenceEmbeddings"]

_PARAMETERS = ("model", "dimensions", "encoding_format", "model_extras", "extra_parameters")
_OPENAI_DIALECTS = ("azure-openai", "openai-v1")


class AzureInferenceEmbeddings(Connected, Embeddings):
    """An embedding model behind an Azure AI inference endpoint.

    ```python
    embeddings = AzureInferenceEmbeddings(endpoint="https://...", credential="...")
    vectors = embeddings.embed_documents(["one text", "another"])
    vector = embeddings.embed_query("a question")

    vectors = await embeddings.aembed_documents(["one text", "another"])
    vector = await embeddings.aembed_query("a question")
    ```

    Texts are sent in batches, several at once, in sync calls as in async ones; the vectors come back in the
    order of the texts, or not at all.

    Attributes:
        dimensions: The length of the vectors to ask for, where the model can choose.
        encoding_format: How the vectors travel. Not given: base64 where the endpoint has it, which is much
            faster; the result is the same.
        query_input_type: What ``embed_query`` says the text is. ``None`` says nothing. ``"query"`` unless the
            endpoint speaks OpenAI's dialect, which has no such parameter.
        document_input_type: The same for ``embed_documents``; ``"document"``. The constructor's ``input_type``
            sets both.
        batch_size: Texts in one request; 96 is the smallest limit that a served model documents.
        max_concurrency: Requests in flight at once.
        show_progress: Whether to show a progress bar (needs ``tqdm``).

    Raises:
        ConfigurationError: A value cannot be used; nothing was sent.
    """

    dimensions: Integer | None = None
    encoding_format: str | None = None
    query_input_type: str | None = "query"
    document_input_type: str | None = "document"
    batch_size: Integer = Field(default=96, ge=1)
    max_concurrency: Integer = Field(default=8, ge=1)
    show_progress: bool = False

    _client: EmbeddingsClient = PrivateAttr()

    _aliases: ClassVar[Mapping[str, str]] = {
        **Connected._aliases,  # noqa: SLF001 - one class, two files
        "embed_batch_size": "batch_size",
        "chunk_size": "batch_size",
        "show_progress_bar": "show_progress",
    }
    _client_fields: ClassVar[frozenset[str]] = Connected._client_fields | {  # noqa: SLF001
        "batch_size",
        "max_concurrency",
    }

    @classmethod
    def _sorted_keywords(cls, values: dict[str, Any]) -> dict[str, Any]:
        if "input_type" in values:
            given = values.pop("input_type")
            values = {"query_input_type": given, "document_input_type": given, **values}
        return super()._sorted_keywords(values)

    def _use(self, connection: Connection) -> None:
        self._client = EmbeddingsClient(
            connection, batch_size=self.batch_size, max_concurrency=self.max_concurrency
        )

    @property
    def _core_client(self) -> EmbeddingsClient:
        return self._client

    def _params(self, field: str | None, kwargs: Mapping[str, Any]) -> dict[str, Any]:
        params = self._defaults(_PARAMETERS)
        openai = self._client.connection.dialect.name in _OPENAI_DIALECTS
        if field and (field in self.model_fields_set or not openai):
            params["input_type"] = getattr(self, field)
        return merge_params(params, kwargs)

    def embed_documents(self, texts: list[str], **kwargs: Any) -> list[list[float]]:
        """Embed texts that will be searched.

        Args:
            texts: The texts; none gives no vectors and sends nothing.
            **kwargs: Parameters for this call, such as ``dimensions``.

        Returns:
            One vector a text, in their order.

        Raises:
            InferenceError: A batch failed, or an answer was not complete.
        """
        return self.embed_with_usage(texts, **kwargs).vectors

    def embed_query(self, text: str, **kwargs: Any) -> list[float]:
        """Embed a text that searches.

        Raises:
            InferenceError: The call failed.
        """
        with translated:
            return self._client.embed([text], **self._params("query_input_type", kwargs)).vectors[0]

    def embed_with_usage(self, texts: Sequence[str], **kwargs: Any) -> EmbeddingsResult:
        """As ``embed_documents``, with the token counts of all batches, the model and the request id.

        ```python
        embeddings = AzureInferenceEmbeddings(endpoint="https://...", credential="...")
        result = embeddings.embed_with_usage(["one text", "another"])
        print(len(result.vectors), result.usage)

        result = await embeddings.aembed_with_usage(["one text", "another"])
        ```

        Raises:
            InferenceError: A batch failed, or an answer was not complete.
        """
        with translated, self._progress(len(texts)) as on_batch:
            params = self._params("document_input_type", kwargs)
            return self._client.embed(texts, on_batch=on_batch, **params)

    async def aembed_documents(self, texts: list[str], **kwargs: Any) -> list[list[float]]:
        """As ``embed_documents``, async.

        Raises:
            InferenceError: A batch failed, or an answer was not complete.
        """
        return (await self.aembed_with_usage(texts, **kwargs)).vectors

    async def aembed_query(self, text: str, **kwargs: Any) -> list[float]:
        """As ``embed_query``, async.

        Raises:
            InferenceError: The call failed.
        """
        with translated:
            result = await self._client.aembed([text], **self._params("query_input_type", kwargs))
        return result.vectors[0]

    async def aembed_with_usage(self, texts: Sequence[str], **kwargs: Any) -> EmbeddingsResult:
        """As ``embed_with_usage``, async.

        Raises:
            InferenceError: A batch failed, or an answer was not complete.
        """
        with translated, self._progress(len(texts)) as on_batch:
            params = self._params("document_input_type", kwargs)
            return await self._client.aembed(texts, on_batch=on_batch, **params)

    def embed_image(self, uris: Sequence[str | Path | Mapping[str, str]], **kwargs: Any) -> list[list[float]]:
        """Embed images.

        ```python
        embeddings = AzureInferenceEmbeddings(endpoint="https://...", credential="...")
        vectors = embeddings.embed_image(["photo.png"])
        vectors = await embeddings.aembed_image(["photo.png"])
        ```

        Args:
            uris: ``data:`` and ``https:`` URLs, which are passed on as they are, or paths of image files,
                which are read here; or ``{"image": <one of these>, "text": "..."}``.
            **kwargs: Parameters for this call, such as ``dimensions``.

        Returns:
            One vector an image, in their order.

        Raises:
            ConfigurationError: A file is not an image, or is over 20 MiB.
            InferenceError: The call failed.
        """
        with translated:
            images = [_image(uri) for uri in uris]
            return self._client.embed_images(images, **self._params(None, kwargs)).vectors

    async def aembed_image(
        self, uris: Sequence[str | Path | Mapping[str, str]], **kwargs: Any
    ) -> list[list[float]]:
        """As ``embed_image``, async.

        Raises:
            ConfigurationError: A file is not an image, or is over 20 MiB.
            InferenceError: The call failed.
        """
        with translated:
            images = [_image(uri) for uri in uris]
            return (await self._client.aembed_images(images, **self._params(None, kwargs))).vectors

    @contextmanager
    def _progress(self, total: int) -> Iterator[Callable[[int], None] | None]:
        if not self.show_progress:
            yield None
            return
        try:
            tqdm = import_module("tqdm.auto").tqdm
        except ImportError:
            raise ConfigurationError("show_progress needs tqdm: pip install tqdm") from None
        with tqdm(total=total, unit=" texts") as bar:
            yield bar.update


def _image(uri: str | Path | Mapping[str, str]) -> str | Mapping[str, str]:
    if isinstance(uri, Mapping):
        return {**uri, "image": str(_image(uri.get("image", "")))}
    text = str(uri)
    return text if text.startswith(("data:", "https:", "http:", "file:")) else image_from_path(text)
