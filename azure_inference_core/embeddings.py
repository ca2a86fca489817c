"""Vectors of texts and images: ``/embeddings`` and ``/images/embeddings``."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from inspect import isawaitable
from typing import Any

from azure_inference_core._client.call import Answer, Call
from azure_inference_core._client.client import Client
from azure_inference_core._client.threads import in_threads
from azure_inference_core._client.tracing import Untraced, span_of
from azure_inference_core._refusal.batches import blamed, is_too_many_tokens, share_of_tokens
from azure_inference_core._request.keywords import merged
from azure_inference_core._request.media import checked_images
from azure_inference_core._request.parameters import EMBEDDING_PARAMETERS, Parameters
from azure_inference_core._response.optional import usage_of
from azure_inference_core._response.vectors import check_lengths, parse_vectors
from azure_inference_core.connection import Connection, check_count
from azure_inference_core.errors import InferenceError
from azure_inference_core.values import EmbeddingsResult

__all__ = ["EmbeddingBatch", "EmbeddingsClient"]

_TEXTS = "/embeddings"
_IMAGES = "/images/embeddings"


@dataclass(slots=True)
class EmbeddingBatch:
    """The inputs of one request, as the hooks of a job see them.

    ```python
    known = {"one text": [0.1, 0.2, 0.3]}


    def recall(batch: EmbeddingBatch) -> None:
        batch.vectors = [known.get(text) for text in batch.inputs]


    embedder = EmbeddingsClient(connection)
    embedder.embed(["one text"], before=recall, done=lambda batch: print(batch.number, "of", batch.count))
    ```

    Attributes:
        number: Its place among the batches of the job, from 0.
        count: How many batches the job has.
        start: The place of its first input among all inputs.
        inputs: Texts, or images as they are sent.
        vectors: One an input; ``None`` where it is still to be asked for.
    """

    number: int
    count: int
    start: int
    inputs: list[Any]
    vectors: list[list[float] | None]

    @property
    def missing(self) -> list[int]:
        """The places in ``inputs`` whose vectors are still to be asked for (``batch.missing``)."""
        return [place for place, vector in enumerate(self.vectors) if vector is None]

    def _explain(self, error: InferenceError, part: list[int]) -> InferenceError:
        """An error of a request for some of the inputs, with their places among all of the job."""
        places = [self.start + place for place in part]
        if named := blamed(error, [self.inputs[place] for place in part], places):
            error.message = f"{error.message} {named}"
        if self.count > 1:
            last = self.start + len(self.inputs) - 1
            place = f"batch {self.number + 1} of {self.count} (inputs {self.start} to {last})"
            error.message = f"{place}: {error.message}"
        error.args = (error.message,)
        return error


class EmbeddingsClient(Client):
    """Turns texts and images into vectors.

    Keywords: ``dimensions``, ``encoding_format``, ``input_type``, ``model``; the rest and the errors as in
    :class:`~azure_inference_core.ChatClient`. Without an ``encoding_format``, base64 is asked for (a
    quarter of the bytes, and decoded without parsing numbers); an endpoint that refuses it is asked for
    floats from then on. Texts that are too many tokens together for one request go in several, and so does as much text
    from then on. ``timeout`` is that of each request, since how many there are depends on the inputs.

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
        self.batch_size = check_count("batch_size", batch_size)
        self.max_concurrency = check_count("max_concurrency", max_concurrency)
        self._most_characters: dict[str | None, int] = {}

    def embed(
        self,
        texts: Sequence[str],
        params: Parameters | None = None,
        /,
        *,
        before: Callable[[EmbeddingBatch], object] | None = None,
        done: Callable[[EmbeddingBatch], object] | None = None,
        implied_input_type: str | None = None,
        batch_size: int | None = None,
        **keywords: Any,
    ) -> EmbeddingsResult:
        """Embed texts.

        Args:
            texts: The texts; an empty list needs no request.
            params: What :func:`merge_params` gave, in place of keywords.
            before: Called in the caller's thread before a batch is sent; what it puts into ``batch.vectors`` is
                not asked for. An error it raises ends the job.
            done: Called in the caller's thread as each batch is done, with all its vectors.
            implied_input_type: The input type where none is given: left out where the model is known to have
                none, and from its first refusal on.
            batch_size: Inputs a request of this call; the client's when not given.
            **keywords: See the class.
        """
        job = _Job(
            self, _TEXTS, _checked_texts(texts), merged(params, keywords), implied_input_type, batch_size
        )
        return job.run(before, done)

    async def aembed(
        self,
        texts: Sequence[str],
        params: Parameters | None = None,
        /,
        *,
        before: Callable[[EmbeddingBatch], Awaitable[object] | object] | None = None,
        done: Callable[[EmbeddingBatch], Awaitable[object] | object] | None = None,
        implied_input_type: str | None = None,
        max_concurrency: int | None = None,
        batch_size: int | None = None,
        **keywords: Any,
    ) -> EmbeddingsResult:
        """As :meth:`embed`, async; the hooks may be coroutines, and this call may have a limit of its own."""
        job = _Job(
            self, _TEXTS, _checked_texts(texts), merged(params, keywords), implied_input_type, batch_size
        )
        return await job.arun(before, done, max_concurrency or self.max_concurrency)

    def embed_images(
        self, images: Sequence[str | Mapping[str, str]], params: Parameters | None = None, /, **keywords: Any
    ) -> EmbeddingsResult:
        """Embed images, one a request as the service asks.

        Args:
            images: ``data:`` or ``https:`` URLs, or ``{"image": url, "text": ...}``. They go to the service
                as they are; nothing is fetched or opened here. See :func:`image_from_path` for files.
            params: What :func:`merge_params` gave, in place of keywords.
            **keywords: See the class.

        ```python
        embedder = EmbeddingsClient(connection)
        result = embedder.embed_images([image_from_path("photo.png")])

        result = await embedder.aembed_images([image_from_path("photo.png")])
        ```
        """
        return _Job(self, _IMAGES, checked_images(images), merged(params, keywords)).run()

    async def aembed_images(
        self, images: Sequence[str | Mapping[str, str]], params: Parameters | None = None, /, **keywords: Any
    ) -> EmbeddingsResult:
        """As :meth:`embed_images`, async."""
        job = _Job(self, _IMAGES, checked_images(images), merged(params, keywords))
        return await job.arun(None, None, self.max_concurrency)

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), self.connection, self.batch_size, self.max_concurrency)


class _Job:
    """All batches of one call."""

    def __init__(
        self,
        client: EmbeddingsClient,
        route: str,
        inputs: list[Any],
        params: Parameters,
        implied_input_type: str | None = None,
        batch_size: int | None = None,
    ) -> None:
        self._client = client
        self._route = route
        self._params = params
        self._answers: list[Answer] = []
        size = 1 if route == _IMAGES else check_count("batch_size", batch_size or client.batch_size)
        starts = range(0, len(inputs), size)
        parts = [inputs[start : start + size] for start in starts]
        self._batches = [
            EmbeddingBatch(number, len(parts), start, part, [None] * len(part))
            for number, (start, part) in enumerate(zip(starts, parts, strict=True))
        ]
        connection = client.connection
        takes_types = connection.family(params.get("model"), embeddings=True).input_types
        if takes_types is None:
            takes_types = connection.dialect.has_extras_header
        self._added = {"encoding_format": "base64"}
        if implied_input_type is not None and takes_types:
            self._added["input_type"] = implied_input_type

    def run(
        self,
        before: Callable[[EmbeddingBatch], object] | None = None,
        done: Callable[[EmbeddingBatch], object] | None = None,
    ) -> EmbeddingsResult:
        """Send what is to be sent from threads; the hooks stay in the caller's."""

        def prepare() -> Iterator[EmbeddingBatch]:
            for batch in self._batches:
                if before is not None:
                    before(batch)
                yield batch

        limit = min(self._client.max_concurrency, len(self._batches))
        sent = in_threads(self._send, prepare(), limit) if limit > 1 else self._one_by_one(prepare())
        with self._span() as span, closing(sent):
            for batch in sent:
                if done is not None:
                    done(batch)
            return self._result(span)

    async def arun(
        self,
        before: Callable[[EmbeddingBatch], Awaitable[object] | object] | None,
        done: Callable[[EmbeddingBatch], Awaitable[object] | object] | None,
        max_concurrency: int,
    ) -> EmbeddingsResult:
        """As :meth:`run`, in tasks."""
        waiting = iter(self._batches)
        turn = asyncio.Lock()

        async def work() -> None:
            for batch in waiting:
                await _called(before, batch)
                await self._asend(batch, turn)
                await _called(done, batch)

        with self._span() as span:
            tasks = [asyncio.ensure_future(work()) for _ in range(min(max_concurrency, len(self._batches)))]
            try:
                await asyncio.gather(*tasks)
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
            return self._result(span)

    def _span(self) -> Untraced:
        return span_of(self._client.connection, self._route, {**self._added, **self._params})

    def _one_by_one(self, batches: Iterator[EmbeddingBatch]) -> Generator[EmbeddingBatch, None, None]:
        for batch in batches:
            self._send(batch)
            yield batch

    def _send(self, batch: EmbeddingBatch) -> None:
        parts = self._parts(batch, batch.missing)
        while parts:
            part = parts.pop(0)
            try:
                call = self._call(batch, part)
                self._take(batch, part, call, self._client._exchange(call))  # noqa: SLF001 - its own
            except InferenceError as error:
                parts = [*self._smaller(batch, part, error), *parts]

    async def _asend(self, batch: EmbeddingBatch, turn: asyncio.Lock) -> None:
        parts = self._parts(batch, batch.missing)
        while parts:
            part = parts.pop(0)
            try:
                call = self._call(batch, part)
                answer = await self._client._aexchange(call)  # noqa: SLF001
                async with turn:  # one decoding a turn of the loop, however many answers came at once
                    await asyncio.sleep(0)
                    self._take(batch, part, call, answer)
            except InferenceError as error:
                parts = [*self._smaller(batch, part, error), *parts]

    def _parts(self, batch: EmbeddingBatch, missing: list[int]) -> list[list[int]]:
        """What is asked for in one request each: all that is missing, or as much text as the model was found to take."""
        most = self._client._most_characters.get(self._params.get("model"))  # noqa: SLF001
        if most is None:
            return [missing] if missing else []
        parts: list[list[int]] = []
        room = 0
        for place in missing:
            length = len(batch.inputs[place])
            if not parts or length > room:
                parts.append([])
                room = most
            parts[-1].append(place)
            room -= length
        return parts

    def _smaller(self, batch: EmbeddingBatch, part: list[int], error: InferenceError) -> list[list[int]]:
        """What to ask for instead of a part that is too many tokens for one request.

        Raises:
            InferenceError: ``error``, if it says anything else, or the part is one text.
        """
        if len(part) == 1 or not is_too_many_tokens(error):
            raise batch._explain(error, part) from error.__cause__  # noqa: SLF001
        known, model = self._client._most_characters, self._params.get("model")  # noqa: SLF001
        most = int(sum(len(batch.inputs[place]) for place in part) * share_of_tokens(error))
        known[model] = min(most, known.get(model, most))
        parts, middle = self._parts(batch, part), len(part) // 2
        return parts if len(parts) > 1 else [part[:middle], part[middle:]]

    def _call(self, batch: EmbeddingBatch, missing: list[int]) -> Call:
        inputs = batch.inputs if len(missing) == len(batch.inputs) else [batch.inputs[i] for i in missing]
        return self._client._post(  # noqa: SLF001
            self._route, ("input", inputs), self._params, EMBEDDING_PARAMETERS, added=self._added
        )

    def _take(self, batch: EmbeddingBatch, missing: list[int], call: Call, answer: Answer) -> None:
        asked = call.draft.params
        parse = partial(
            parse_vectors,
            count=len(missing),
            encoding_format=asked.get("encoding_format"),
            dimensions=asked.get("dimensions"),
        )
        vectors = answer.read(parse)
        for place, vector in zip(missing, vectors, strict=True):
            batch.vectors[place] = vector
        self._answers.append(answer)

    def _result(self, span: Untraced) -> EmbeddingsResult:
        vectors = [vector for batch in self._batches for vector in batch.vectors if vector is not None]
        check_lengths(vectors, "the vectors of different batches")
        usage: dict[str, Any] = {}
        model = None
        for answer in self._answers:
            named = answer.body.get("model")
            model = named if named and isinstance(named, str) else model
            for name, value in (usage_of(answer.body) or {}).items():
                if isinstance(value, (int, float)):
                    usage[name] = usage.get(name, 0) + value
        span.answered({"model": model, "usage": usage})
        request_id = self._answers[-1].request_id if self._answers else None
        return EmbeddingsResult(vectors, model, usage or None, request_id)


async def _called(hook: Callable[[EmbeddingBatch], Any] | None, batch: EmbeddingBatch) -> None:
    if hook is not None and isawaitable(answer := hook(batch)):
        await answer


def _rebuild(
    cls: type[EmbeddingsClient], connection: Connection, batch_size: int, max_concurrency: int
) -> EmbeddingsClient:
    return cls(connection, batch_size=batch_size, max_concurrency=max_concurrency)


def _checked_texts(texts: Sequence[str]) -> list[Any]:
    if isinstance(texts, (str, bytes)):
        raise TypeError("texts must be a list of strings, not one string; put it in a list")
    checked = list(texts)
    for position, text in enumerate(checked):
        if not isinstance(text, str):
            raise TypeError(f"texts[{position}] must be a string, not a value of type {type(text).__name__}")
    return checked
