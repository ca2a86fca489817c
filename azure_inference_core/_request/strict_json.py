"""Strict JSON out: no NaN, no lone surrogate, string keys only; what cannot be carried is named. Pure."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from azure_inference_core.errors import ConfigurationError


def kind_of(value: Any) -> str:
    """A value's type in words, for an error's text."""
    return "None" if value is None else f"a value of type {type(value).__name__}"


def to_json(value: Any, max_bytes: int) -> bytes:
    """Encode as strict JSON (no NaN, no lone surrogate, string keys only), UTF-8.

    Raises:
        ConfigurationError: Names the position of what JSON cannot carry, or the size.
    """
    try:
        body = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except (TypeError, ValueError, RecursionError):
        raise ConfigurationError(_find_fault(value)) from None
    if len(body) > max_bytes:
        raise ConfigurationError(f"the request is {len(body):,} bytes, over the limit of {max_bytes:,}")
    return body


def check_keys(value: Any) -> None:
    """Refuse keys that are not strings, which ``json`` quietly turns into some.

    Args:
        value: What :func:`to_json` has taken, so without cycles.

    Raises:
        ConfigurationError: Names the position of the key.
    """
    stack: list[tuple[str, Any]] = [("", value)]
    while stack:
        path, item = stack.pop()
        if isinstance(item, Mapping):
            if bad := [key for key in item if not isinstance(key, str)]:
                raise ConfigurationError(
                    f"{path[1:] or 'a parameter'} has a key that is not a string: {kind_of(bad[0])}"
                )
            stack.extend((f"{path}.{key}", below) for key, below in item.items())
        elif isinstance(item, (list, tuple)):
            stack.extend((f"{path}[{i}]", below) for i, below in enumerate(item))


def _find_fault(value: Any) -> str:
    """Say where ``value`` stops being JSON; walks with an explicit stack, so depth is no problem."""
    stack: list[tuple[str, Any, tuple[int, ...]]] = [("", value, ())]
    while stack:
        path, item, parents = stack.pop()
        where = path.lstrip(".") or "the request"
        if isinstance(item, str):
            if bad := re.search(r"[\ud800-\udfff]", item):
                return f"{where} has a lone surrogate at character {bad.start()}, which is not Unicode text"
        elif isinstance(item, float):
            if not math.isfinite(item):
                return f"{where} is {item}, which JSON cannot carry"
        elif isinstance(item, (Mapping, list, tuple)):
            if id(item) in parents or len(parents) > 500:
                return f"{where[:200]} contains itself or is nested too deeply"
            below = (*parents, id(item))
            if isinstance(item, Mapping):
                if bad_key := next((k for k in item if not isinstance(k, str)), None):
                    return f"{where} has a key that is not a string: {kind_of(bad_key)}"
                stack.extend((f"{path}.{k}", v, below) for k, v in item.items())
            else:
                stack.extend((f"{path}[{i}]", v, below) for i, v in enumerate(item))
        elif item is not None and not isinstance(item, (bool, int)):
            return f"{where} is {kind_of(item)}, which JSON cannot carry"
    return "the request cannot be written as JSON"
