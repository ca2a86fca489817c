"""How long a service asks to wait, wherever and however it says so."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

__all__ = ["are_tokens_gone", "retry_after_seconds", "wait_in"]

_NUMBER = r"[0-9]{1,15}(?:\.[0-9]{0,9})?"
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_UNIT = r"(?:ms|milliseconds?|s|secs?|seconds?|m|mins?|minutes?|h|hrs?|hours?|d|days?)"
_PARTS = (
    rf"{_NUMBER}\s*{_UNIT}\b(?:(?:,|,? and)?\s*{_NUMBER}\s*{_UNIT}\b)*|{_NUMBER}[a-z]+(?:{_NUMBER}[a-z]+)+"
)
_CLOCK = r"(?:[0-9]{1,4}[.:])?[0-9]{1,4}:[0-9]{2}(?::[0-9]{2})?"
_SAID = (
    r"(?i)\b(?:retry(?:ing)?(?: (?:your|the|this) \w+)?|try(?: it| (?:your|the|this) \w+)? again|wait|available|replenished|resets?|retry[_-]?after)"
    rf"(?: again)?(?: in| after| for| at least)?(?: about| approximately)?:?\s+(?P<wait>{_PARTS}|{_CLOCK}|{_NUMBER})"
)
_EPOCH = 1e9
"""A reset of so many seconds is a moment, not a wait."""

_ANY_RESET = ("x-ratelimit-reset", "x-ratelimit-reset-after", "ratelimit-reset")
_RENAMED = r"retry-?(?:after|in)"
"""Gateways rename the header; what is left of its name says what it is."""


def retry_after_seconds(
    headers: Mapping[str, str], *, refused: bool = True, said: str = "", now: float | None = None
) -> float | None:
    """How long the service asked to wait.

    The first of its words that is more than nothing counts: milliseconds, ``Retry-After``, what is left of a limit's
    period, the reset of the limit that was reached, a sentence. A quota of tokens that is used up is answered with
    ``retry-after-ms: 0`` beside ``retry-after: 1``, and limits too many requests at once with 0 alone, which is meant.

    Args:
        headers: The answer's headers, lower-case names.
        refused: Whether the answer's status refuses: a success counts down to its limits' resets in other units.
        said: The service's words.
        now: The time a date is compared with, in seconds since the epoch; default: the clock.

    Returns:
        Seconds, 0 for a date in the past; ``None`` if nothing says how long.
    """
    now = time.time() if now is None else now
    told = [wait for wait in _told(headers, now) if wait is not None]
    resets = _resets(headers, now) if refused else []
    renamed = [_renamed(name, value, now) for name, value in headers.items() if re.search(_RENAMED, name)]
    waits = (wait for wait in (*told, *resets, wait_in(said), *renamed) if wait)
    return next(waits, 0.0 if told else None)


def wait_in(text: str) -> float | None:
    """The wait a sentence asks for, in seconds; ``None`` where none does."""
    match = re.search(_SAID, text)
    return _seconds(re.sub(r"\s|,|and", "", match["wait"].lower()).rstrip(".")) if match else None


def are_tokens_gone(headers: Mapping[str, str]) -> bool:
    """Whether a limit was reached that counts tokens, not requests."""
    told = f"{headers.get('x-ratelimit-type', '')} {headers.get('policy-id', '')}".lower()
    return "token" in told or re.fullmatch(r"0+", headers.get("x-ratelimit-remaining-tokens", "")) is not None


def _told(headers: Mapping[str, str], now: float) -> Iterator[float | None]:
    yield _seconds(headers.get("retry-after-ms", ""), "ms")
    yield _seconds(headers.get("x-ms-retry-after-ms", ""), "ms")
    yield _moment(headers.get("retry-after", ""), now)
    yield _seconds(headers.get("x-ratelimit-timeremaining", ""))


def _resets(headers: Mapping[str, str], now: float) -> list[float]:
    """The resets of the limit that was reached, or the longest where nothing says which."""
    first = _moment(headers.get("x-rate-limit-reset-tokens", ""), now)
    limit = f"{headers.get('x-ratelimit-type', '')} {headers.get('policy-id', '')}"
    kinds: tuple[str, ...] = ("requests", "tokens")
    if are_tokens_gone(headers):
        kinds = ("tokens",)
    elif re.search(r"(?i)request|call|user", limit) or headers.get("x-ratelimit-remaining-requests") == "0":
        kinds = ("requests",)
    names = (*(f"x-ratelimit-reset-{kind}" for kind in kinds), *_ANY_RESET)
    resets = (_moment(headers.get(name, ""), now) for name in names)
    return [first or 0.0, max((reset for reset in resets if reset), default=0.0)]


def _renamed(name: str, value: str, now: float) -> float | None:
    return _seconds(value, "ms") if name.endswith("ms") else _moment(value, now)


def _moment(value: str, now: float) -> float | None:
    """Seconds until what a header says: a number of them, a duration, a moment, or a date in either form."""
    seconds = _seconds(value)
    if seconds is not None:
        return seconds if seconds <= _EPOCH else max(0.0, seconds - now)
    try:
        is_iso = re.match(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T", value)
        date = datetime.fromisoformat(value) if is_iso else parsedate_to_datetime(value)
        moment = (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
    return max(0.0, moment - now)


def _seconds(value: str, unit: str = "s") -> float | None:
    """A number, ``1m30s``, ``21minutes33seconds`` or ``06:12:32`` in seconds."""
    value = value.strip()
    if re.fullmatch(_NUMBER, value):
        seconds = _scaled(value, unit)
    elif re.fullmatch(_CLOCK, value):
        seconds = 0.0
        for number, scale in zip(reversed(re.split(r"[.:]", value)), (1, 60, 3600, 86400), strict=False):
            seconds += int(number) * scale
    elif re.fullmatch(rf"(?:{_NUMBER}{_UNIT})+", value):
        parts = re.findall(rf"({_NUMBER})({_UNIT})(?![a-z])", value)
        seconds = sum(_scaled(number, name) for number, name in parts)
    else:
        return None
    return seconds if math.isfinite(seconds) else None


def _scaled(number: str, unit: str) -> float:
    is_thousandth = unit.startswith(("ms", "mil"))
    return float(number) / 1000 if is_thousandth else float(number) * _UNITS[unit[0]]
