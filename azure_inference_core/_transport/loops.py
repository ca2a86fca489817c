"""Event loops: what is open in one is closed before the loop is, whoever closes it, and files are not read on it.

A connection of a loop that has been closed can never be closed in order: it is left to the garbage collector, with a
warning. ``asyncio.run`` lets async generators end before it closes its loop; ``loop.close()`` after
``loop.run_until_complete()``, as programs, test suites and LlamaIndex's ``asyncio_run`` write it, tells nobody. Its own
``close`` is the only thing a loop surely goes through, so that is where this module stands.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import threading
import weakref
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Protocol, TypeVar

from azure_inference_core._credentials.tokens import running_loop

DoneT = TypeVar("DoneT")
_STOPS = 3


class Inhabitant(Protocol):
    """What belongs to an event loop."""

    async def close(self) -> None:
        """Let go of everything."""


class _Close:
    """A loop's ``close``, which closes first what is open in the loop.

    Args:
        loop: The loop.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._close = loop.close
        self.pid = os.getpid()
        self.open: set[Inhabitant] = set()
        _loops.add(self)

    def __call__(self) -> None:
        try:
            self.finish()
        finally:
            self._close()
        vars(self._loop).pop("close", None)

    def finish(self) -> None:
        """Close what is open, unless the loop runs, has been closed, or is a forked process's parent's."""
        if not self.open or self._loop.is_running() or self._loop.is_closed() or self.pid != os.getpid():
            return
        if running_loop() is None:
            self._run()
        else:  # another loop's coroutine closes this one, and a thread can run one loop at a time
            thread = threading.Thread(target=self._run, name="azure-inference-close")
            thread.start()
            thread.join()

    def _run(self) -> None:
        emptying = self._loop.create_task(self._empty())
        for _ in range(_STOPS):
            with suppress(RuntimeError):  # something else that waited in the loop stopped it
                self._loop.run_until_complete(emptying)
                break

    async def _empty(self) -> None:
        while self.open:
            await self.open.pop().close()
        await asyncio.sleep(0)  # what was closed before is let go in the loop's next turn


_loops: weakref.WeakSet[_Close] = weakref.WeakSet()


def settle(inhabitant: Inhabitant, loop: asyncio.AbstractEventLoop) -> None:
    """From now on, something belongs to a loop."""
    close = vars(loop).get("close")
    if not isinstance(close, _Close) or close.pid != os.getpid():
        close = vars(loop)["close"] = _Close(loop)
    close.open.add(inhabitant)


def leave(inhabitant: Inhabitant, loop: asyncio.AbstractEventLoop) -> None:
    """It has been closed."""
    close = vars(loop).get("close")
    if isinstance(close, _Close):
        close.open.discard(inhabitant)


def close_soon(inhabitant: Inhabitant, loop: asyncio.AbstractEventLoop, pid: int) -> None:
    """Its owner was dropped: close it when the loop comes to it."""

    async def close() -> None:
        leave(inhabitant, loop)
        await inhabitant.close()

    if pid == os.getpid():
        with suppress(RuntimeError):  # the loop has been closed, and all that was in it
            loop.call_soon_threadsafe(lambda: loop.create_task(close()))


_readers: weakref.WeakValueDictionary[int, ThreadPoolExecutor] = weakref.WeakValueDictionary()
_readers_lock = threading.Lock()


async def off_loop(work: Callable[[], DoneT]) -> DoneT:
    """Do work on files in a thread of ours: all of the loop's own may be waiting for this call.

    There is one a process, and it ends when nobody waits for it.
    """
    with _readers_lock:
        reader = _readers.get(os.getpid())
        if reader is None:
            reader = _readers[os.getpid()] = ThreadPoolExecutor(1, "azure-inference-files")
    return await asyncio.get_running_loop().run_in_executor(reader, work)


@atexit.register
def _finish_what_is_left() -> None:
    """Close what is open in loops that were dropped instead of closed."""
    for close in list(_loops):
        close.finish()
