"""How long an exchange waits, measured in time in which its event loop could have seen an answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Any

from azure_inference_core.timeouts import QUEUE, Deadline

_STEP = 1.0  # seconds


class Patience:
    """Ends the waits of one exchange: a ``with`` block round an ``await``.

    A limit is looked at in steps. A step that comes late shows that the loop was held up by other work, or by the
    start of thousands of calls; that time counts for the call's total and for nothing else. One timer serves all
    reads of an answer, however many there are.

    Args:
        deadline: Of the call.

    Attributes:
        silence: The limit that runs.
        is_over: Whether the last wait was ended here.
    """

    def __init__(self, deadline: Deadline) -> None:
        self.silence = QUEUE
        self.is_over = False
        self._deadline = deadline
        self._loop = asyncio.get_running_loop()
        self._limit = deadline.timeouts.total
        self._since = self._loop.time()
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[Any] | None = None
        self._cancels = 0
        self._is_hopeless: Callable[[], bool] | None = None

    def begin(self, silence: str, is_hopeless: Callable[[], bool] | None = None) -> Patience:
        """Another silence begins.

        Args:
            silence: Its name among the timeouts.
            is_hopeless: Says at each step whether there is nothing to wait for any more.
        """
        self.silence, self._is_hopeless = silence, is_hopeless
        self._limit = getattr(self._deadline.timeouts, silence)
        self._since = self._loop.time()
        if self._task is not None:
            self._set_timer()
        return self

    def stop(self) -> None:
        """No more waits will come."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def __enter__(self) -> None:
        self._task = asyncio.current_task()
        if self._task is not None:
            self._cancels = self._task.cancelling()
        self._set_timer()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        task, self._task = self._task, None
        if self.is_over and task is not None:
            if task.uncancel() > self._cancels:
                return  # the caller cancelled it, too
            if kind is asyncio.CancelledError:
                raise TimeoutError

    def _set_timer(self) -> None:
        left = min(self._since + self._limit - self._loop.time(), self._deadline.left())
        due = self._loop.time() + max(0.0, min(_STEP, self._limit / 4, left))
        if self._timer is None or self._timer.when() > due:
            self.stop()
            self._timer = self._loop.call_at(due, self._look)

    def _look(self) -> None:
        timer, self._timer = self._timer, None
        if self._task is None or timer is None:
            return  # nobody waits now; the next wait sets it again
        now = self._loop.time()
        self._since = min(now, self._since + max(0.0, now - timer.when()))
        hopeless = self._is_hopeless is not None and self._is_hopeless()
        if hopeless or now >= self._since + self._limit or self._deadline.left() <= 0:
            self.is_over = True
            self._task.cancel()
        else:
            self._set_timer()
