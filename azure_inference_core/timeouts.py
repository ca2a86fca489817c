"""How long a call may take, and how much of it is left."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from azure_inference_core.errors import ConfigurationError, DeadlineExceededError

__all__ = ["Timeouts"]

_AS_TOTAL: Any = None
_NAMES = ("total", "connect", "first_byte", "idle")
LONGEST_SILENCE = 7 * 86400.0  # seconds; the system takes no limit of more than 24 days for one wait


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long a call may take, in seconds.

    >>> patient = Timeouts(total=120, first_byte=90)
    >>> patient.first_byte, patient.idle
    (90, 120)

    Microsoft asks for up to 29 minutes of patience with models that reason: where no timeout is given at all, their
    ``total`` is 1,740 seconds. A connection that has gone is noticed without these limits too, by a probe a minute.

    Attributes:
        total: The whole call with its retries and its wait for a free connection; for a stream, until its last
            event.
        connect: One attempt to connect, the host's name and TLS included; the next attempt has as long again.
        first_byte: From there until the answer begins (reasoning models answer late); as long as ``total`` if not
            given.
        idle: Silence inside an answer; as long as ``total`` if not given.
    """

    total: float = 600.0
    connect: float = 5.0
    first_byte: float = _AS_TOTAL
    idle: float = _AS_TOTAL

    def __post_init__(self) -> None:
        """Check the values.

        Raises:
            ConfigurationError: A value is not a positive, finite number.
        """
        for name in ("first_byte", "idle"):
            if getattr(self, name) is _AS_TOTAL:
                object.__setattr__(self, name, self.total)
        for name in _NAMES:
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= _FINITE:
                raise ConfigurationError(
                    f"timeout: {name} must be a positive number of seconds, not {value!r}; for a very long "
                    "call give a large number"
                )

    @staticmethod
    def of(value: Any, base: Timeouts | None = None) -> Timeouts:
        """Make timeouts of seconds in total, or of a mapping of some; take them as they are; ``None``: the default.

        What ``requests`` and ``httpx`` have for it is understood too: ``(connect, read)``, and ``httpx.Timeout``,
        whose ``read`` is each silence.

        >>> Timeouts.of(30).total
        30
        >>> Timeouts.of({"idle": 10}).idle
        10
        >>> Timeouts.of({"idle": 10}, Timeouts(90)).total
        90

        Args:
            value: What is given.
            base: What holds where it says nothing; the default when not given.

        Raises:
            ConfigurationError: An unknown key, or a value that is no time.
        """
        base = base or _DEFAULT
        if value is None:
            return base
        if isinstance(value, Mapping):
            if unknown := sorted(map(str, value.keys() - set(_NAMES))):
                raise ConfigurationError(f"timeout has unknown keys {unknown}; there are {', '.join(_NAMES)}")
            return Timeouts(**value) if "total" in value else base.replaced(value)
        if isinstance(value, Timeouts):
            return value
        if isinstance(value, (tuple, list)) and len(value) == 2:
            connect, read = value
        elif hasattr(value, "connect") and hasattr(value, "read"):
            connect, read = value.connect, value.read
        else:
            return Timeouts(total=value)
        return base.replaced({"connect": connect, "first_byte": read, "idle": read})

    def replaced(self, times: Mapping[str, float | None]) -> Timeouts:
        """These, with others for some: ``Timeouts(60).replaced({"idle": 10})``; ``None`` leaves one as it is.

        >>> Timeouts(60, 5, 30, 30).replaced({"idle": 10, "connect": None})
        Timeouts(total=60, connect=5, first_byte=30, idle=10)
        """
        return replace(self, **{name: value for name, value in times.items() if value is not None})


_FINITE = sys.float_info.max
_DEFAULT = Timeouts()
PATIENT = Timeouts(total=1740.0)
"""What a call may take, by default, with a model that reasons: Microsoft asks for 29 minutes."""


class Deadline:
    """The time one call has left.

    Args:
        timeouts: Its limits.
    """

    __slots__ = ("_end", "sent_at", "timeouts")

    def __init__(self, timeouts: Timeouts) -> None:
        self.timeouts = timeouts
        self._end = time.monotonic() + timeouts.total
        self.sent_at = 0.0  # when the last attempt took its credential, on the monotonic clock

    def left(self) -> float:
        """Seconds left; negative when none are."""
        return self._end - time.monotonic()

    def within(self, limit: float) -> float:
        """The smaller of a limit and what is left; no longer than the system can wait.

        Raises:
            DeadlineExceededError: Nothing is left.
        """
        left = self.left()
        if left <= 0:
            raise self.exceeded()
        return min(limit, left, LONGEST_SILENCE)

    def shorten(self, seconds: float) -> None:
        """Leave no more than so many seconds."""
        self._end = min(self._end, time.monotonic() + seconds)

    def exceeded(self, silence: str | None = None) -> DeadlineExceededError:
        """The error to raise: of the whole call, or of one silence when time is left."""
        if silence in (None, QUEUE) or self.left() <= 0.001:
            waiting = ", waiting for one of max_connections to be free" if silence == QUEUE else ""
            return DeadlineExceededError(
                f"the call took longer than {self.timeouts.total:g} s (timeout total){waiting}"
            )
        limit = getattr(self.timeouts, silence)
        return DeadlineExceededError(f"{_SILENCES[silence]} for {limit:g} s (timeout {silence})")


QUEUE = "queue"
"""The silence of a call that has no connection yet, because all are in use; only the total bounds it."""

_SILENCES = {
    "connect": "no connection",
    "first_byte": "no answer",
    "idle": "silence in the middle of the answer",
}
