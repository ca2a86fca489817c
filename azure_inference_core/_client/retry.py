"""Whether to send again, and how long to wait first. Pure: no clock and no sleep of its own.

Three attempts by default, full jitter, a server's own wait obeyed up to a minute, and a budget (botocore's
numbers) that keeps an outage from being met with a multiple of the traffic. How long the waits are stands in
:class:`Pace`, which tests may change.
"""

from __future__ import annotations

import errno
import math
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from azure_inference_core.errors import (
    ConnectionFailedError,
    IncompleteResponseError,
    InferenceError,
    RateLimitedError,
    StatusError,
)

LONGEST_WAIT = 60.0
"""Seconds; a service that asks for more gets no retry, and the error says how long it asked for."""

_GOLDEN = 0.6180339887498949
_RETRIED = (ConnectionFailedError, IncompleteResponseError, StatusError)
_FULL = (errno.EMFILE, errno.ENFILE)
_LONGEST_FOR_A_FILE = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class Pace:
    """How fast calls are sent again.

    Attributes:
        first_backoff: The longest wait before the second attempt, seconds; it doubles with each one more.
        largest_backoff: Where the doubling stops, seconds.
        longest_wait: Where a wait ends in any case, one that the service asked for, too, seconds.
        most_attempts: How often a call is sent at most, whatever its ``max_retries``.
    """

    first_backoff: float = 0.5
    largest_backoff: float = 8.0
    longest_wait: float = math.inf
    most_attempts: float = math.inf


_paces = [Pace()]
_paces_lock = threading.Lock()


def current_pace() -> Pace:
    """The pace of every call of this process."""
    return _paces[-1]


@contextmanager
def at_pace(pace: Pace) -> Iterator[None]:
    """Let another pace hold; blocks of several threads may end in any order."""
    with _paces_lock:
        _paces.append(pace)
    try:
        yield
    finally:
        with _paces_lock:
            _paces.remove(pace)


class RetryBudget:
    """How many retries a client may still spend; shared by its threads.

    A retry takes 5 of 500 tokens, a success gives back what its retries took, or 1. In a total outage a
    client therefore sends at most 100 requests more than it was asked to.
    """

    CAPACITY = 500
    COST = 5

    def __init__(self) -> None:
        self._tokens = self.CAPACITY
        self._lock = threading.Lock()
        self._spread = random.random()

    def take(self) -> bool:
        """Take the cost of one retry; ``False`` when the budget is spent."""
        with self._lock:
            if self._tokens < self.COST:
                return False
            self._tokens -= self.COST
            return True

    def give_back(self, retries: int) -> None:
        """A call succeeded after so many paid retries."""
        if self._tokens == self.CAPACITY:
            return
        with self._lock:
            self._tokens = min(self.CAPACITY, self._tokens + (retries * self.COST or 1))

    def spread(self) -> float:
        """The next of an evenly spread sequence in [0, 1): calls refused together come back one by one."""
        with self._lock:
            self._spread = (self._spread + _GOLDEN) % 1.0
            return self._spread


class Attempts:
    """The attempts of one call.

    Args:
        max_retries: How often to send again, at most.
        budget: The client's budget.
    """

    def __init__(self, max_retries: int, budget: RetryBudget) -> None:
        self._left = max_retries
        self._budget = budget
        self._paid = 0
        self.made = 0

    def wait_after(self, error: InferenceError, remaining: float) -> float | None:
        """Seconds to wait before sending again, or ``None`` to give up with ``error``.

        Args:
            error: How the last attempt failed.
            remaining: Seconds left of the call's total time.
        """
        pace = current_pace()
        number = getattr(error.__cause__, "errno", None)
        is_retried = isinstance(error, _RETRIED) or number == errno.ETIMEDOUT  # no connection in time
        if self._left <= 0 or not error.is_retryable or not is_retried:
            return None
        if number in _FULL:
            # Nothing was sent, and files are closed as other calls end: this is a queue, no failure of the service.
            wait = min(self._wait(0.0, pace), _LONGEST_FOR_A_FILE, pace.longest_wait)
            return wait if wait < remaining and self.made < pace.most_attempts else None
        asked = error.retry_after or 0.0
        wait = self._wait(asked, pace)
        if asked and asked < remaining <= wait:
            wait = asked
        if asked > LONGEST_WAIT or wait >= remaining or self.made >= pace.most_attempts:
            return None
        if not (asked and isinstance(error, RateLimitedError)):
            if not self._budget.take():
                return None
            self._paid += 1
        self._left -= 1
        return min(wait, pace.longest_wait)

    def succeeded(self) -> None:
        """Give back to the budget what this call's retries took."""
        self._budget.give_back(self._paid)

    def _wait(self, asked: float, pace: Pace) -> float:
        if asked:
            return asked + self._budget.spread() * min(asked, pace.largest_backoff)
        doubled = pace.first_backoff * 2.0 ** min(self.made - 1, 60)
        return random.uniform(0, min(pace.largest_backoff, doubled))
