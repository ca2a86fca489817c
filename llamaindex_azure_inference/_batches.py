"""LlamaIndex's events, cache and rate limiter around the core's batches of texts.

``BaseEmbedding`` sends the batches of a sync call one after another and keys its cache by the text alone, so that a
query and a document, or two models, answer for each other. Here the core sends them, several at once, and

- each batch has its start and end event, and asks the limiter once, when something of it has to be sent;
- the cache knows texts by model, input type and parameters.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from llama_index.core.base.embeddings.base import BaseEmbedding, Embedding
from llama_index.core.callbacks.schema import CBEventType, EventPayload
from llama_index.core.instrumentation.events.embedding import EmbeddingEndEvent, EmbeddingStartEvent
from llama_index_instrumentation import get_dispatcher

from azure_inference_core import EmbeddingBatch
from azure_inference_core._request.parameters import CONTROLS

_dispatcher = get_dispatcher(__name__)
_COLLECTION = "embeddings"


class Observed:
    """One call, as its observers, its cache and its limiter see it; the methods are the hooks of the core's job.

    Args:
        model: The embedding model.
        scope: What, beside the parameters of a request, decides what a text's vector is.
        params: Parameters of the request, its input type among them.
        size: Texts of one request of this call; the model's when ``None``.
    """

    def __init__(
        self, model: BaseEmbedding, scope: str, params: Mapping[str, Any], size: int | None = None
    ) -> None:
        self._payload = model.to_payload()
        self._manager = model.callback_manager
        self._cache: Any = model.embeddings_cache
        self._limiter: Any = model.rate_limiter
        self._size = size or model.embed_batch_size
        self._open: dict[int, str] = {}
        self._fetched: dict[int, list[int]] = {}
        self._bar: Any = None
        if self._cache is not None:
            kept = {name: v for name, v in params.items() if name not in CONTROLS and v is not None}
            told = json.dumps([scope, kept], sort_keys=True, default=str)
            self._prefix = hashlib.sha256(told.encode()).hexdigest()[:16]

    @contextmanager
    def events(self, texts: int, *, show_progress: bool) -> Iterator[None]:
        """Start every batch's event; if the call fails, end those still open with the error."""
        batches = -(-texts // self._size)
        if show_progress:
            self._bar = import_module("tqdm.auto").tqdm(total=batches, desc="Generating embeddings")
        for number in range(batches):
            _dispatcher.event(EmbeddingStartEvent(model_dict=self._payload))
            started: dict[str, Any] = {EventPayload.SERIALIZED: self._payload}
            self._open[number] = self._manager.on_event_start(CBEventType.EMBEDDING, payload=started)
        try:
            yield
        except BaseException as error:
            for event_id in self._open.values():
                self._end(event_id, {EventPayload.EXCEPTION: error})
            raise
        finally:
            if self._bar is not None:
                self._bar.close()

    def before(self, batch: EmbeddingBatch) -> None:
        """Take what the cache has, and ask the limiter for the rest."""
        if self._cache is not None:
            found = [self._cache.get(key=self._key(text), collection=_COLLECTION) for text in batch.inputs]
            self._recall(batch, found)
        if self._limiter is not None and batch.missing:
            self._limiter.acquire()

    def done(self, batch: EmbeddingBatch) -> None:
        """Give the cache what is new, and end the batch's event."""
        for key, vector in self._new(batch):
            self._cache.put(key, vector, collection=_COLLECTION)
        self._finish(batch)

    async def abefore(self, batch: EmbeddingBatch) -> None:
        """As :meth:`before`."""
        if self._cache is not None:
            found = [
                await self._cache.aget(key=self._key(text), collection=_COLLECTION) for text in batch.inputs
            ]
            self._recall(batch, found)
        if self._limiter is not None and batch.missing:
            await self._limiter.async_acquire()

    async def adone(self, batch: EmbeddingBatch) -> None:
        """As :meth:`done`."""
        for key, vector in self._new(batch):
            await self._cache.aput(key, vector, collection=_COLLECTION)
        self._finish(batch)

    def _key(self, text: str) -> str:
        return f"{self._prefix}:{text}"

    def _recall(self, batch: EmbeddingBatch, found: list[Mapping[str, Embedding] | None]) -> None:
        """Take what the cache gave: for each text a dict of one vector under an arbitrary name."""
        batch.vectors = [next(iter(cached.values())) if cached else None for cached in found]
        self._fetched[batch.number] = batch.missing

    def _new(self, batch: EmbeddingBatch) -> Iterator[tuple[str, dict[str, Any]]]:
        for place in self._fetched.get(batch.number, ()):
            yield self._key(batch.inputs[place]), {str(uuid.uuid4()): batch.vectors[place]}

    def _finish(self, batch: EmbeddingBatch) -> None:
        texts, vectors = batch.inputs, batch.vectors
        self._end(
            self._open.pop(batch.number), {EventPayload.CHUNKS: texts, EventPayload.EMBEDDINGS: vectors}
        )
        _dispatcher.event(EmbeddingEndEvent(chunks=texts, embeddings=vectors))
        if self._bar is not None:
            self._bar.update()

    def _end(self, event_id: str, payload: dict[str, Any]) -> None:
        self._manager.on_event_end(CBEventType.EMBEDDING, payload=payload, event_id=event_id)
