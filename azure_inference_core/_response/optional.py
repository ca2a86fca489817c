"""What an answer holds besides itself: given where it is what it should be, left out where it is odd. Pure.

``raw`` keeps what is left out.
"""

from __future__ import annotations

from typing import Any

_MOST = 2**53
"""Up to here every whole number of JSON is exact; no count of tokens comes near."""


def optional(raw: dict[str, Any], name: str, kind: type) -> Any:
    """A field that may be missing or null; one of another type counts as missing, and ``true`` is no number."""
    value = raw.get(name)
    return value if type(value) is kind else None


def usage_of(raw: dict[str, Any]) -> dict[str, Any] | None:
    """The token counts of an answer: ``..._tokens`` whole numbers, ``..._details`` more counts, the rest as sent."""
    usage = optional(raw, "usage", dict)
    return None if usage is None else _counts(usage)


def _counts(usage: dict[str, Any]) -> dict[str, Any]:
    counts: dict[str, Any] = {}
    for name, value in usage.items():
        if value is not None and name.endswith("_tokens"):
            if type(value) in (int, float) and 0 <= value <= _MOST and value % 1 == 0:
                counts[name] = int(value)
        elif value is not None and name.endswith("_details"):
            if type(value) is dict:
                counts[name] = _counts(value)
        else:
            counts[name] = value
    return counts


def logprobs_of(choice: dict[str, Any]) -> dict[str, Any] | None:
    """The log probabilities of a choice: lists by name, which is all that either route's form has."""
    logprobs = optional(choice, "logprobs", dict)
    if logprobs is None:
        return None
    return {name: value for name, value in logprobs.items() if value is None or type(value) is list}
