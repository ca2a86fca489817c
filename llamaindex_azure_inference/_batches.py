"""Texts to vectors in batches: several at once, sync as well as async, with LlamaIndex's events, limiter and cache.

``BaseEmbedding`` sends the batches of a sync call one after another and keys its cache by the text alone, so that a
query and a document, or two models, answer for each other. The public methods are therefore written anew here:

- up to ``max_concurrency`` batches are on their way at once (``num_workers``, if set, in async calls);
- each batch has its start and end event, and asks the rate limiter once, when something of it has to be sent;
- the cache knows texts by model, input type and parameters.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import uuid
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from contextvars import copy_context
from typing import Any

from llama_index.core.base.embeddings.base import Embedding
from llama_index.core.callbacks.schema import CBEventType, EventPayload
from llama_index.core.embeddings.multi_modal_base import MultiModalEmbedding
from llama_index.core.instrumentation.events.embedding import EmbeddingEndEvent, EmbeddingStartEvent
from llama_index.core.utils import get_tqdm_iterable
from llama_index_instrumentation import get_dispatcher
from pydantic import Field

from azure_inference_core.errors import InferenceError, MalformedResponseError

__all__ = ["BatchedEmbedding"]

_dispatcher = get_dispatcher(__name__)
_COLLECTION = "embeddings"
_PROGRESS = "Generating embeddings"
_CONTROLS = ("timeout", "max_retries", "headers", "extra_parameters")


class _Batch:
    """Texts of one request: their event, and their vectors once they are known."""

    def __init__(self, texts: list[str], place: str) -> None:
        self.texts = texts
        self.place = place
        self.event_id = ""
        self.open = False
        self._vectors: dict[str, Embedding] = {}
        self._all: list[Embedding] | None = None

    @property
    def missing(self) -> list[str]:
        """The texts that have to be sent."""
        return [text for text in self.texts if text not in self._vectors] if self._vectors else self.texts

    @property
    def vectors(self) -> list[Embedding]:
        """The vectors, in the order of the texts."""
        return self._all if self._all is not None else [self._vectors[text] for text in self.texts]

    def recall(self, text: str, cached: Mapping[str, Embedding] | None) -> None:
        """Take what the cache has for a text: a dict of one vector under an arbitrary name."""
        if cached:
            self._vectors[text] = next(iter(cached.values()))

    def take(self, texts: list[str], vectors: list[Embedding]) -> None:
        """Take the vectors of the texts that were sent."""
        if texts is self.texts:
            self._all = vectors
        else:
            self._vectors.update(zip(texts, vectors, strict=True))


class _Run:
    """One call: its batches and their events.

    Args:
        model: The embedding model.
        texts: What to embed.
        params: Parameters of the request; they are part of the cache's keys.
    """

    def __init__(self, model: BatchedEmbedding, texts: Sequence[str], params: Mapping[str, Any]) -> None:
        self.batches = list(_batches(texts, model.embed_batch_size))
        self.params = params
        self.failed = False
        self._manager = model.callback_manager
        self._payload = model.to_payload()
        kept = {name: value for name, value in params.items() if name not in _CONTROLS}
        told = json.dumps([model.cache_scope(), kept], sort_keys=True, default=str)
        self._prefix = hashlib.sha256(told.encode()).hexdigest()[:16]

    def key(self, text: str) -> str:
        """The text's key in the cache."""
        return f"{self._prefix}:{text}"

    @contextmanager
    def events(self) -> Iterator[None]:
        """Start every batch's event; if the call fails, end those still open with the error."""
        for batch in self.batches:
            _dispatcher.event(EmbeddingStartEvent(model_dict=self._payload))
            serialized: dict[str, Any] = {EventPayload.SERIALIZED: self._payload}
            batch.event_id = self._manager.on_event_start(CBEventType.EMBEDDING, payload=serialized)
            batch.open = True
        try:
            yield
        except BaseException as error:
            for batch in self.batches:
                if batch.open:
                    self._end(batch, {EventPayload.EXCEPTION: error})
            raise

    @contextmanager
    def sending(self, batch: _Batch) -> Iterator[None]:
        """Note a failure, so that nothing more is sent, and say in its text which batch it is about."""
        try:
            yield
        except BaseException as error:
            self.failed = True
            if isinstance(error, InferenceError):
                error.message = f"{batch.place}{error.message}"
                error.args = (error.message,)
            raise

    def done(self, batch: _Batch) -> None:
        """End a batch's event."""
        vectors = batch.vectors
        self._end(batch, {EventPayload.CHUNKS: batch.texts, EventPayload.EMBEDDINGS: vectors})
        _dispatcher.event(EmbeddingEndEvent(chunks=batch.texts, embeddings=vectors))

    def vectors(self) -> list[Embedding]:
        """All vectors, in the order of the texts.

        Raises:
            MalformedResponseError: They differ in length.
        """
        vectors = [vector for batch in self.batches for vector in batch.vectors]
        if len(lengths := {len(vector) for vector in vectors}) > 1:
            raise MalformedResponseError(
                f"the vectors of different batches differ in length: {sorted(lengths)[:5]}"
            )
        return vectors

    def _end(self, batch: _Batch, payload: dict[str, Any]) -> None:
        batch.open = False
        self._manager.on_event_end(CBEventType.EMBEDDING, payload=payload, event_id=batch.event_id)


class BatchedEmbedding(MultiModalEmbedding):
    """Public methods of an embedding model over two hooks, ``_send`` and ``_asend``."""

    embeddings_cache: Any | None = Field(
        default=None,
        exclude=True,
        description="A BaseKVStore. Keys are made of the model, its parameters and the text.",
    )
    max_concurrency: int = Field(
        default=8, gt=0, description="How many requests may be on their way at once."
    )

    def cache_scope(self) -> str:
        """What, beside the parameters of a request, decides what a text's vector is."""
        raise NotImplementedError

    def _query_params(self, call: Mapping[str, Any]) -> dict[str, Any]:
        raise NotImplementedError

    def _text_params(self, call: Mapping[str, Any]) -> dict[str, Any]:
        raise NotImplementedError

    def _send(self, texts: list[str], params: Mapping[str, Any]) -> list[Embedding]:
        raise NotImplementedError

    async def _asend(self, texts: list[str], params: Mapping[str, Any]) -> list[Embedding]:
        raise NotImplementedError

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
        return self._run([query], self._query_params(kwargs))[0]

    async def aget_query_embedding(self, query: str, **kwargs: Any) -> Embedding:
        """Like :meth:`get_query_embedding`."""
        return (await self._arun([query], self._query_params(kwargs)))[0]

    def get_text_embedding(self, text: str, **kwargs: Any) -> Embedding:
        """Embed a document's text; arguments as in :meth:`get_query_embedding`.

        ```python
        vector = embedding.get_text_embedding("A document.")
        vector = await embedding.aget_text_embedding("A document.")
        ```
        """
        return self._run([text], self._text_params(kwargs))[0]

    async def aget_text_embedding(self, text: str, **kwargs: Any) -> Embedding:
        """Like :meth:`get_text_embedding`."""
        return (await self._arun([text], self._text_params(kwargs)))[0]

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
        return self._run(texts, self._text_params(kwargs), show_progress=show_progress)

    async def aget_text_embedding_batch(
        self, texts: list[str], show_progress: bool = False, **kwargs: Any
    ) -> list[Embedding]:
        """Like :meth:`get_text_embedding_batch`; ``num_workers``, if set, is the limit of requests at once."""
        return await self._arun(texts, self._text_params(kwargs), show_progress=show_progress)

    # -- the two loops that send and wait --

    def _run(
        self, texts: Sequence[str], params: Mapping[str, Any], *, show_progress: bool = False
    ) -> list[Embedding]:
        run = _Run(self, texts, params)
        cache = self.embeddings_cache
        with run.events():
            if cache is not None:
                for batch in run.batches:
                    for text in batch.texts:
                        batch.recall(text, cache.get(key=run.key(text), collection=_COLLECTION))
            for batch, sent, vectors in self._sent(run, show_progress):
                batch.take(sent, vectors)
                if cache is not None:
                    for text, vector in zip(sent, vectors, strict=True):
                        cache.put(run.key(text), {str(uuid.uuid4()): vector}, collection=_COLLECTION)
                run.done(batch)
        return run.vectors()

    def _sent(self, run: _Run, show_progress: bool) -> Iterator[tuple[_Batch, list[str], list[Embedding]]]:
        """Send each batch's missing texts from a thread; the cache and the events stay in the caller's."""

        def send(batch: _Batch) -> tuple[_Batch, list[str], list[Embedding]] | None:
            missing = batch.missing
            if not missing:
                return batch, missing, []
            with run.sending(batch):
                if self.rate_limiter is not None and not run.failed:
                    self.rate_limiter.acquire()
                return None if run.failed else (batch, missing, self._send(missing, run.params))

        count = len(run.batches)
        if min(count, self.max_concurrency) <= 1:
            for batch in get_tqdm_iterable(run.batches, show_progress, _PROGRESS, count):
                if sent := send(batch):
                    yield sent
            return
        with ThreadPoolExecutor(min(count, self.max_concurrency), "embed") as pool:
            waiting = [pool.submit(copy_context().run, send, batch) for batch in run.batches]
            try:
                for done in get_tqdm_iterable(as_completed(waiting), show_progress, _PROGRESS, count):
                    if sent := done.result():
                        yield sent
            finally:
                _cancel(waiting)

    async def _arun(
        self, texts: Sequence[str], params: Mapping[str, Any], *, show_progress: bool = False
    ) -> list[Embedding]:
        run = _Run(self, texts, params)
        cache = self.embeddings_cache
        room = asyncio.Semaphore(self.num_workers or self.max_concurrency)

        async def send(batch: _Batch) -> None:
            async with room:
                if cache is not None:
                    for text in batch.texts:
                        batch.recall(text, await cache.aget(key=run.key(text), collection=_COLLECTION))
                missing = batch.missing
                if run.failed:
                    return
                vectors: list[Embedding] = []
                if missing:
                    with run.sending(batch):
                        if self.rate_limiter is not None:
                            await self.rate_limiter.async_acquire()
                        vectors = await self._asend(missing, run.params)
                batch.take(missing, vectors)
                if cache is not None:
                    for text, vector in zip(missing, vectors, strict=True):
                        await cache.aput(run.key(text), {str(uuid.uuid4()): vector}, collection=_COLLECTION)
            run.done(batch)

        with run.events():
            if len(run.batches) == 1:
                await send(run.batches[0])
            else:
                await _gather([send(batch) for batch in run.batches], show_progress)
        return run.vectors()


def _batches(texts: Sequence[str], size: int) -> Iterator[_Batch]:
    if isinstance(texts, str):
        raise TypeError("texts must be a list of strings, not one string; put it in a list")
    starts = range(0, len(texts), size)
    for number, start in enumerate(starts, 1):
        part = list(texts[start : start + size])
        last = start + len(part) - 1
        place = f"batch {number} of {len(starts)} (texts {start} to {last}): " if len(starts) > 1 else ""
        yield _Batch(part, place)


def _cancel(waiting: list[Future[Any]]) -> None:
    for future in waiting:
        future.cancel()


async def _gather(coroutines: list[Any], show_progress: bool) -> None:
    """Wait for all; if one fails, or the caller is cancelled, cancel the rest and wait until they are gone."""
    tasks: list[asyncio.Task[None]] = [asyncio.ensure_future(coroutine) for coroutine in coroutines]
    try:
        for done in get_tqdm_iterable(asyncio.as_completed(tasks), show_progress, _PROGRESS, len(tasks)):
            await done
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
