"""Several requests of one synchronous call at once, from threads that nobody has to wait for."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from contextvars import Context, copy_context
from queue import Empty, SimpleQueue
from typing import TypeVar

ItemT = TypeVar("ItemT")


def in_threads(
    work: Callable[[ItemT], object], items: Iterable[ItemT], limit: int
) -> Generator[ItemT, None, None]:
    """Do some work for each item, and give each item as its work is done.

    An item is taken, in the caller's thread, when a thread is about to be free for it. After a failure none is taken
    any more; what was done by then is given, then the error is raised. Nobody waits for what is on its way, at the
    program's end neither: the threads are daemons, so that Ctrl-C leaves a service that says nothing.

    Args:
        work: What to do, in a copy of the caller's context.
        items: What to do it for.
        limit: How many threads there may be.
    """
    waiting: SimpleQueue[tuple[Context, ItemT] | None] = SimpleQueue()
    finished: SimpleQueue[tuple[ItemT, BaseException | None]] = SimpleQueue()
    left = threading.Event()

    def serve() -> None:
        while (task := waiting.get()) is not None and not left.is_set():
            context, item = task
            try:
                context.run(work, item)
            except BaseException as error:  # noqa: BLE001 - raised where the caller waits
                finished.put((item, error))
            else:
                finished.put((item, None))

    running = threads = 0
    try:
        for item in items:
            waiting.put((copy_context(), item))
            running += 1
            if threads < limit:
                threads += 1
                threading.Thread(target=serve, name=f"azure-inference-{threads}", daemon=True).start()
            elif running > limit:  # one item is ready for the thread that ends first
                running -= 1
                yield from _done(finished)
        for _ in range(running):
            yield from _done(finished)
    finally:
        left.set()
        for _ in range(threads):
            waiting.put(None)


def _done(finished: SimpleQueue[tuple[ItemT, BaseException | None]]) -> Iterator[ItemT]:
    item, failure = finished.get()
    if failure is None:
        yield item
        return
    try:
        while True:
            other, error = finished.get_nowait()
            if error is None:
                yield other
    except Empty:
        raise failure from failure.__cause__
