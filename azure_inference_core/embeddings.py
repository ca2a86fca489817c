"""Vectors of texts and images: ``/embeddings`` and ``/images/embeddings``."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from typing import Any

from azure_inference_core._client.call import Answer, Call
from azure_inference_core._client.client import Client
from azure_inference_core._request.media import checked_images
from azure_inference_core._request.parameters import EMBEDDING_PARAMETERS
from azure_inference_core._response.vectors import parse_vectors
from azure_inference_core.connection import Connection
from azure_inference_core.errors import (
    ConfigurationError,
    InferenceError,
    InvalidRequestError,
    MalformedResponseError,
)
from azure_inference_core.values import EmbeddingsResult

__all__ = ["EmbeddingsClient"]

_TEXTS = "/embeddings"
_IMAGES = "/images/embeddings"


@dataclass(frozen=True, slots=True)
class _Batch:
    number: int
    count: int
    start: int
    inputs: list[Any]

    def explain(self, error: InferenceError) -> InferenceError:
        if self.count > 1:
            last = self.start + len(self.inputs) - 1
            error.message = (
                f"batch {self.number + 1} of {self.count} (inputs {self.start} to {last}): {error.message}"
            )
            error.args = (error.message,)
        return error


class EmbeddingsClient(Client):
    """Turns texts and images into vectors.

    Keywords: ``dimensions``, ``encoding_format``, ``input_type``, ``model``; the rest and the errors as in
    :class:`~azure_inference_core.ChatClient`. Without an ``encoding_format``, base64 is asked for (a
    quarter of the bytes, and decoded without parsing numbers); an endpoint that refuses it is asked for
    floats from then on. ``timeout`` is that of each request, since how many there are depends on the inputs.

    ```python
    embedder = EmbeddingsClient(connection, batch_size=32)
    result = embedder.embed(["one text", "another"], input_type="document")
    print(len(result.vectors), "vectors of", len(result.vectors[0]), "numbers")

    result = await embedder.aembed(["one text", "another"], input_type="document")
    ```

    Args:
        connection: Where to, as whom, within which limits.
        batch_size: Inputs a request, at most; 96 is the smallest documented limit (Cohere).
        max_concurrency: Requests in flight at once, at most.

    Raises:
        ConfigurationError: A number is not at least 1.
    """

    def __init__(self, connection: Connection, *, batch_size: int = 96, max_concurrency: int = 8) -> None:
        super().__init__(connection)
        for name, value in (("batch_size", batch_size), ("max_concurrency", max_concurrency)):
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ConfigurationError(f"{name} must be a whole number of at least 1, not {value!r}")
        self.batch_size = batch_size
        self.max_concurrency = max_concurrency
        self._refuses_base64 = False

    def embed(
        self, texts: Sequence[str], *, on_batch: Callable[[int], None] | None = None, **params: Any
    ) -> EmbeddingsResult:
        """Embed texts.

        Args:
            texts: The texts; an empty list needs no request.
            on_batch: Called with the number of texts of each batch as it is done.
            **params: See the class.
        """
        return self._embed(_TEXTS, _checked_texts(texts), params, on_batch)

    async def aembed(
        self, texts: Sequence[str], *, on_batch: Callable[[int], None] | None = None, **params: Any
    ) -> EmbeddingsResult:
        """As :meth:`embed`, async."""
        return await self._aembed(_TEXTS, _checked_texts(texts), params, on_batch)

    def embed_images(
        self,
        images: Sequence[str | Mapping[str, str]],
        *,
        on_batch: Callable[[int], None] | None = None,
        **params: Any,
    ) -> EmbeddingsResult:
        """Embed images, one a request as the service asks.

        Args:
            images: ``data:`` or ``https:`` URLs, or ``{"image": url, "text": ...}``. They go to the service
                as they are; nothing is fetched or opened here. See :func:`image_from_path` for files.
            on_batch: Called with 1 as each image is done.
            **params: See the class.

        ```python
        embedder = EmbeddingsClient(connection)
        result = embedder.embed_images([image_from_path("photo.png")])

        result = await embedder.aembed_images([image_from_path("photo.png")])
        ```
        """
        return self._embed(_IMAGES, checked_images(images), params, on_batch)

    async def aembed_images(
        self,
        images: Sequence[str | Mapping[str, str]],
        *,
        on_batch: Callable[[int], None] | None = None,
        **params: Any,
    ) -> EmbeddingsResult:
        """As :meth:`embed_images`, async."""
        return await self._aembed(_IMAGES, checked_images(images), params, on_batch)

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.connection, self.batch_size, self.max_concurrency)

    def _embed(
        self,
        route: str,
        inputs: list[Any],
        params: Mapping[str, Any],
        on_batch: Callable[[int], None] | None,
    ) -> EmbeddingsResult:
        batches = self._batches(route, inputs)
        done: list[_Part | None] = [None] * len(batches)
        if len(batches) == 1:
            done[0] = self._embed_batch(route, batches[0], params)
            _tell(on_batch, batches[0])
        elif batches:
            pool = ThreadPoolExecutor(min(self.max_concurrency, len(batches)))
            try:
                futures: dict[Future[_Part], _Batch] = {
                    pool.submit(self._embed_batch, route, batch, params): batch for batch in batches
                }
                for future in as_completed(futures):
                    done[futures[future].number] = future.result()
                    _tell(on_batch, futures[future])
            finally:
                # After a failure nobody waits for the batches that are on their way.
                pool.shutdown(wait=False, cancel_futures=True)
        return _joined(done)

    async def _aembed(
        self,
        route: str,
        inputs: list[Any],
        params: Mapping[str, Any],
        on_batch: Callable[[int], None] | None,
    ) -> EmbeddingsResult:
        batches = self._batches(route, inputs)
        done: list[_Part | None] = [None] * len(batches)
        waiting = iter(batches)
        turn = asyncio.Lock()

        async def work() -> None:
            for batch in waiting:
                done[batch.number] = await self._aembed_batch(route, batch, params, turn)
                _tell(on_batch, batch)

        tasks = [asyncio.ensure_future(work()) for _ in range(min(self.max_concurrency, len(batches)))]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return _joined(done)

    def _embed_batch(self, route: str, batch: _Batch, params: Mapping[str, Any]) -> _Part:
        while True:
            encoding = self._encoding(params)
            try:
                return _Part.of(
                    self._exchange(self._batch_call(route, batch, params, encoding)), batch, params, encoding
                )
            except InferenceError as error:
                if not self._is_refusal_of_base64(error, params, encoding):
                    raise batch.explain(error) from error.__cause__

    async def _aembed_batch(
        self, route: str, batch: _Batch, params: Mapping[str, Any], turn: asyncio.Lock
    ) -> _Part:
        while True:
            encoding = self._encoding(params)
            try:
                answer = await self._aexchange(self._batch_call(route, batch, params, encoding))
                async with turn:  # one decoding a turn of the loop, however many answers came at once
                    await asyncio.sleep(0)
                    return _Part.of(answer, batch, params, encoding)
            except InferenceError as error:
                if not self._is_refusal_of_base64(error, params, encoding):
                    raise batch.explain(error) from error.__cause__

    def _batches(self, route: str, inputs: list[Any]) -> list[_Batch]:
        size = 1 if route == _IMAGES else self.batch_size
        starts = range(0, len(inputs), size)
        return [_Batch(i, len(starts), start, inputs[start : start + size]) for i, start in enumerate(starts)]

    def _encoding(self, params: Mapping[str, Any]) -> str | None:
        chosen = params.get("encoding_format")
        return chosen or (None if self._refuses_base64 else "base64")

    def _batch_call(self, route: str, batch: _Batch, params: Mapping[str, Any], encoding: str | None) -> Call:
        params = {**params, "encoding_format": encoding}
        return self._post(route, {"input": batch.inputs}, params, EMBEDDING_PARAMETERS)

    def _is_refusal_of_base64(
        self, error: InferenceError, params: Mapping[str, Any], encoding: str | None
    ) -> bool:
        """Whether to ask again without it; remembered for the life of the client."""
        if (
            encoding != "base64"
            or params.get("encoding_format")
            or not isinstance(error, InvalidRequestError)
        ):
            return False
        text = f"{error.message} {getattr(error, 'parameters', '')}".lower()
        if "encoding_format" not in text and "encoding format" not in text:
            return False
        self._refuses_base64 = True
        return True


@dataclass(frozen=True, slots=True)
class _Part:
    vectors: list[list[float]]
    answer: Answer

    @staticmethod
    def of(answer: Answer, batch: _Batch, params: Mapping[str, Any], encoding: str | None) -> _Part:
        try:
            vectors = parse_vectors(
                answer.body,
                len(batch.inputs),
                encoding_format=encoding,
                dimensions=params.get("dimensions"),
            )
        except InferenceError as error:
            error.attempts, error.request_id = answer.attempts, answer.request_id
            raise
        return _Part(vectors, answer)


def _rebuild(
    cls: type[EmbeddingsClient], connection: Connection, batch_size: int, max_concurrency: int
) -> EmbeddingsClient:
    return cls(connection, batch_size=batch_size, max_concurrency=max_concurrency)


def _tell(on_batch: Callable[[int], None] | None, batch: _Batch) -> None:
    if on_batch is not None:
        on_batch(len(batch.inputs))


def _joined(parts: Sequence[_Part | None]) -> EmbeddingsResult:
    vectors: list[list[float]] = []
    usage: dict[str, Any] = {}
    model = request_id = None
    for part in parts:
        if part is None:
            continue
        vectors.extend(part.vectors)
        named = part.answer.body.get("model")
        model = named if named and isinstance(named, str) else model
        request_id = part.answer.request_id
        counts = part.answer.body.get("usage")
        for name, value in counts.items() if isinstance(counts, dict) else ():
            if isinstance(value, (int, float)):
                usage[name] = usage.get(name, 0) + value
    if len(lengths := {len(vector) for vector in vectors}) > 1:
        raise MalformedResponseError(
            f"the vectors of different batches differ in length: {sorted(lengths)[:5]}"
        )
    return EmbeddingsResult(vectors, model, usage or None, request_id)


def _checked_texts(texts: Sequence[str]) -> list[Any]:
    if isinstance(texts, (str, bytes)):
        raise TypeError("texts must be a list of strings, not one string; put it in a list")
    checked = list(texts)
    for position, text in enumerate(checked):
        if not isinstance(text, str):
            raise TypeError(f"texts[{position}] must be a string, not a value of type {type(text).__name__}")
    return checked
