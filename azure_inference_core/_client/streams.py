"""A stream of deltas as an object: iterate it, close it, or use it in a ``with`` block."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager
from typing import Generic, TypeVar

DeltaT = TypeVar("DeltaT")


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
