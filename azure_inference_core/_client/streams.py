"""A stream of deltas: its beginning, which can fail as a status does, and the object that callers get."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Generator, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, AbstractContextManager, suppress
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

from azure_inference_core._response.body import Inflater
from azure_inference_core._response.events import StreamReader
from azure_inference_core.errors import IncompleteResponseError, InferenceError

if TYPE_CHECKING:
    from azure_inference_core._transport.http_async import AsyncReply
    from azure_inference_core._transport.http_sync import SyncReply

DeltaT = TypeVar("DeltaT")
ReplyT = TypeVar("ReplyT")
ReaderClass: TypeAlias = Callable[[Mapping[str, str], int], StreamReader[DeltaT]]
Explain: TypeAlias = Callable[[InferenceError, Mapping[str, str]], InferenceError]


@dataclass(slots=True, frozen=True, repr=False)
class Begun(Generic[ReplyT, DeltaT]):
    """A stream whose answer has begun, or that was over before."""

    reply: ReplyT
    reader: StreamReader[DeltaT]
    inflater: Inflater
    deltas: Iterator[DeltaT]
    is_over: bool


def _has_answer(deltas: list[Any]) -> bool:
    """Whether a choice has begun: what was found in the prompt can come first, and a refusal after it."""
    return bool(deltas) and bool(deltas[-1].raw.get("choices"))


def begun_stream(
    reply: SyncReply, reader: StreamReader[DeltaT], explain: Explain, limit: int
) -> Begun[SyncReply, DeltaT]:
    """Read a stream to where its answer begins: until something was given out, a refusal can be met by another attempt."""
    first: list[DeltaT] = []
    block = b""
    try:
        inflater = Inflater(reply.headers.get("content-encoding", ""), limit)
        while not _has_answer(first):
            block = b""
            if reader.done:
                reply.drain()
            else:
                with suppress(IncompleteResponseError):  # the reader knows whether the answer was complete
                    block = reply.read()
            deltas = reader.feed(inflater.feed(block)) if block else reader.end()
            for delta in deltas:
                first.append(delta)
                if _has_answer(first):
                    break
            if not block:
                break
    except InferenceError as error:
        block = b""  # a traceback can show variables
        raise explain(error, reply.headers) from error.__cause__
    return Begun(reply, reader, inflater, chain(first, deltas), not block)


async def abegun_stream(
    reply: AsyncReply, reader: StreamReader[DeltaT], explain: Explain, limit: int
) -> Begun[AsyncReply, DeltaT]:
    """As :func:`begun_stream`, async."""
    first: list[DeltaT] = []
    block = b""
    try:
        inflater = Inflater(reply.headers.get("content-encoding", ""), limit)
        while not _has_answer(first):
            block = b""
            if reader.done:
                await reply.drain()
            else:
                with suppress(IncompleteResponseError):
                    block = await reply.read()
            deltas = reader.feed(inflater.feed(block)) if block else reader.end()
            for delta in deltas:
                first.append(delta)
                if _has_answer(first):
                    break
            if not block:
                break
    except InferenceError as error:
        error.__context__ = (
            None  # a task written in Python goes on inside the handling of the library's error
        )
        block = b""  # a traceback can show variables
        raise explain(error, reply.headers) from error.__cause__
    return Begun(reply, reader, inflater, chain(first, deltas), not block)


class Stream(AbstractContextManager["Stream[DeltaT]"], Generic[DeltaT]):
    """Deltas as they arrive; the request is sent at the first.

    Closing it (or leaving its ``with`` block, or dropping it) ends the answer: the service is told.

    Args:
        deltas: What gives them.
    """

    def __init__(self, deltas: Generator[DeltaT, None, None]) -> None:
        self._deltas = deltas

    def __iter__(self) -> Iterator[DeltaT]:
        return self._deltas

    def __next__(self) -> DeltaT:
        return next(self._deltas)

    def close(self) -> None:
        """End the answer.

        ```python
        deltas = client.stream(messages)
        first = next(deltas)
        deltas.close()  # the model stops writing
        ```
        """
        self._deltas.close()

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncStream(AbstractAsyncContextManager["AsyncStream[DeltaT]"], Generic[DeltaT]):
    """As :class:`Stream`, async.

    Args:
        deltas: What gives them.
    """

    def __init__(self, deltas: AsyncGenerator[DeltaT, None]) -> None:
        self._deltas = deltas

    def __aiter__(self) -> AsyncIterator[DeltaT]:
        return self._deltas

    async def __anext__(self) -> DeltaT:
        return await self._deltas.__anext__()

    async def aclose(self) -> None:
        """End the answer.

        ```python
        deltas = client.astream(messages)
        first = await anext(aiter(deltas))
        await deltas.aclose()  # the model stops writing
        ```
        """
        await self._deltas.aclose()

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()
