"""``AzureInferenceEmbeddings``: LangChain's embeddings over ``/embeddings`` and ``/images/embeddings``."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar

from langchain_core.embeddings import Embeddings
from pydantic import StrictInt

from azure_inference_core import (
    EmbeddingBatch,
    EmbeddingsClient,
    EmbeddingsResult,
    Parameters,
    image_from_path,
    merge_params,
)
from azure_inference_core._request.keywords import batch_of
from azure_inference_core._transport.loops import off_loop
from langchain_azure_inference._endpoint import Endpoint
from langchain_azure_inference.errors import ConfigurationError, translated

__all__ = ["AzureInferenceEmbeddings"]


class AzureInferenceEmbeddings(Endpoint, Embeddings):
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
        query_input_type: What ``embed_query`` says the text is; ``None`` says nothing. Not given: ``"query"``,
            and nothing to models that are known not to take it, or refuse it.
        document_input_type: The same for ``embed_documents``; ``"document"``. The constructor's ``input_type``
            sets both.
        batch_size: Texts in one request; 96 is the smallest limit that a served model documents.
        max_concurrency: Requests in flight at once.
        show_progress: Whether to show a progress bar (needs ``tqdm``).

    Raises:
        ConfigurationError: A value cannot be used; nothing was sent.
    """

    dimensions: int | None = None
    encoding_format: str | None = None
    query_input_type: str | None = "query"
    document_input_type: str | None = "document"
    batch_size: StrictInt = 96
    max_concurrency: StrictInt = 8
    show_progress: bool = False

    _client_class: ClassVar[type[Any]] = EmbeddingsClient
    _client_fields: ClassVar[tuple[str, ...]] = ("batch_size", "max_concurrency")

    def __init__(self, **given: Any) -> None:  # for type checkers: any keyword that is no field is an extra
        super().__init__(**given)

    @property
    def embed_batch_size(self) -> int:
        """Another word for ``batch_size``, as ``embeddings.embed_batch_size``."""
        return self.batch_size

    @embed_batch_size.setter
    def embed_batch_size(self, size: int) -> None:
        """Another word for ``batch_size``."""
        self.batch_size = size

    @property
    def _client(self) -> EmbeddingsClient:
        client: EmbeddingsClient = self._current()
        return client

    def _client_options(self) -> dict[str, Any]:
        return self._given(self._client_fields)

    def _params(self, call: Mapping[str, Any]) -> Parameters:
        return merge_params(self._defaults(), call)

    def _typed(self, field: str, call: Mapping[str, Any]) -> tuple[Parameters, str | None]:
        """The parameters, and the input type that only the method's name implies."""
        defaults, kind = self._defaults(), self.__dict__[field]
        if field not in self.model_fields_set:
            return merge_params(defaults, call), kind
        return merge_params({**defaults, "input_type": kind}, call), None

    def embed_documents(
        self, texts: list[str], chunk_size: int | None = None, **kwargs: Any
    ) -> list[list[float]]:
        """Embed texts that will be searched.

        Args:
            texts: The texts; none gives no vectors and sends nothing.
            chunk_size: Texts in one request of this call; ``batch_size`` when not given.
            **kwargs: Parameters for this call, such as ``dimensions``.

        Returns:
            One vector a text, in their order.

        Raises:
            InferenceError: A batch failed, or an answer was not complete.
        """
        return self.embed_with_usage(texts, chunk_size=chunk_size, **kwargs).vectors

    def embed_query(self, text: str, **kwargs: Any) -> list[float]:
        """Embed a text that searches.

        Raises:
            InferenceError: The call failed.
        """
        with translated:
            params, implied = self._typed("query_input_type", kwargs)
            return self._client.embed([text], params, implied_input_type=implied).vectors[0]

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
        with translated, self._progress(len(texts)) as done:
            size, kwargs = batch_of(kwargs)
            params, implied = self._typed("document_input_type", kwargs)
            return self._client.embed(texts, params, done=done, implied_input_type=implied, batch_size=size)

    async def aembed_documents(
        self, texts: list[str], chunk_size: int | None = None, **kwargs: Any
    ) -> list[list[float]]:
        """As ``embed_documents``, async."""
        return (await self.aembed_with_usage(texts, chunk_size=chunk_size, **kwargs)).vectors

    async def aembed_query(self, text: str, **kwargs: Any) -> list[float]:
        """As ``embed_query``, async."""
        with translated:
            params, implied = self._typed("query_input_type", kwargs)
            return (await self._client.aembed([text], params, implied_input_type=implied)).vectors[0]

    async def aembed_with_usage(self, texts: Sequence[str], **kwargs: Any) -> EmbeddingsResult:
        """As ``embed_with_usage``, async."""
        with translated, self._progress(len(texts)) as done:
            size, kwargs = batch_of(kwargs)
            params, implied = self._typed("document_input_type", kwargs)
            return await self._client.aembed(
                texts, params, done=done, implied_input_type=implied, batch_size=size
            )

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
            return self._client.embed_images(images, self._params(kwargs)).vectors

    async def aembed_image(
        self, uris: Sequence[str | Path | Mapping[str, str]], **kwargs: Any
    ) -> list[list[float]]:
        """As ``embed_image``, async."""
        with translated:
            images = await off_loop(lambda: [_image(uri) for uri in uris])
            return (await self._client.aembed_images(images, self._params(kwargs))).vectors

    @contextmanager
    def _progress(self, total: int) -> Iterator[Callable[[EmbeddingBatch], object] | None]:
        if not self.show_progress:
            yield None
            return
        try:
            tqdm = import_module("tqdm.auto").tqdm
        except ImportError:
            raise ConfigurationError("show_progress needs tqdm: pip install tqdm") from None
        with tqdm(total=total, unit=" texts") as bar:
            yield lambda batch: bar.update(len(batch.inputs))


def _image(uri: str | Path | Mapping[str, str]) -> str | Mapping[str, str]:
    if isinstance(uri, Mapping):
        return {**uri, "image": str(_image(uri.get("image", "")))}
    text = str(uri)
    return text if text.startswith(("data:", "https:", "http:", "file:")) else image_from_path(text)
