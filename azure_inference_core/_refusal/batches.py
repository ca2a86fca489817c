"""What a refusal says of the texts of one request for vectors."""

from __future__ import annotations

import re
from typing import Any

from azure_inference_core.errors import (
    ContentFilteredError,
    InferenceError,
    InvalidRequestError,
    UnsupportedParameterError,
)

__all__ = ["TOO_MANY_TOKENS", "blamed", "is_too_many_tokens", "share_of_tokens"]

TOO_MANY_TOKENS = (
    r"(?i)max_tokens_per_request|tokens_limit_reached|tokens? (?:per|in (?:a|one|the|this|your)) (?:single )?(?:request|batch)"
    r"|too many (?:total )?tokens (?:overall|in)|max(?:imum)? (?:request )?size: [\d,]+ tokens"
)


def is_too_many_tokens(error: InferenceError) -> bool:
    """Whether a refusal says that the texts of one request are too many tokens together."""
    return isinstance(error, InvalidRequestError) and bool(
        re.search(TOO_MANY_TOKENS, f"{error.code} {error.message}")
    )


def share_of_tokens(error: InferenceError) -> float:
    """How much of a request that was too many tokens would have been taken; half where the refusal has no numbers."""
    said = error.message.partition(" (HTTP ")[0]
    numbers = [int(number.replace(",", "")) for number in re.findall(r"\b[0-9][0-9,]{2,11}\b", said)]
    return 0.95 * min(numbers) / max(numbers) if len(set(numbers)) == 2 else 0.5


def blamed(error: InferenceError, inputs: list[Any], places: list[int]) -> str:
    """A sentence on which of the texts a refusal is about, as far as it or they tell; empty where nothing does.

    Args:
        error: What the request ended with.
        inputs: The texts of the request.
        places: The place of each among all texts of the job.
    """
    if not isinstance(error, InvalidRequestError) or isinstance(error, ContentFilteredError):
        return ""
    names = [name for name, _, _ in error.parameters] if isinstance(error, UnsupportedParameterError) else []
    numbers = [re.match(r"(?:input|texts)(?:\.|\.?\[)([0-9]{1,4})\b", name) for name in names]
    told = [places[number] for match in numbers if match and (number := int(match[1])) < len(places)]
    if told:
        return f"It is about {_texts_at(told)}."
    is_about_inputs = not names or any(re.match(r"(?:input|texts)\b", name) for name in names)
    empty = [place for place, text in zip(places, inputs, strict=True) if not str(text).strip()]
    if empty and is_about_inputs:
        return f"Empty, which most models refuse: {_texts_at(empty)}; leave them out."
    return (
        f"{_texts_at(places)} alone is too much: split it."
        if len(places) == 1 and is_too_many_tokens(error)
        else ""
    )


def _texts_at(places: list[int]) -> str:
    return ", ".join(f"texts[{place}]" for place in places[:5]) + (", ..." if len(places) > 5 else "")
