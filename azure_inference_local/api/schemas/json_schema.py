"""A check that a JSON value can be a JSON schema, in the words of Microsoft's server."""

from __future__ import annotations

import re
from typing import Any

_TYPES = frozenset({"array", "boolean", "integer", "null", "number", "object", "string"})
_MAPS = ("properties", "$defs", "definitions", "patternProperties")
_LISTS = ("anyOf", "oneOf", "allOf")
_SINGLE = ("items", "additionalProperties", "not", "contains")
_DEPTH = 64


def check_schema(schema: Any, depth: int = 0) -> None:
    """Raise `ValueError` if `schema` cannot be a JSON schema (draft 7, the keywords that shape an answer)."""
    if isinstance(schema, bool):
        return
    if not isinstance(schema, dict):
        raise ValueError(f"{str(schema)[:80]} is not of type 'object', 'boolean'")  # noqa: TRY004 - pydantic turns only a ValueError into a 422
    if depth > _DEPTH:
        raise ValueError("the schema is nested too deeply")
    _check_words(schema)
    for key in _MAPS:
        for value in _mapping(schema, key).values():
            check_schema(value, depth + 1)
    for key in _LISTS:
        for value in _list(schema, key):
            check_schema(value, depth + 1)
    for key in _SINGLE:
        value = schema.get(key)
        for item in value if isinstance(value, list) and key == "items" else [value] if key in schema else []:
            check_schema(item, depth + 1)


def _check_words(schema: dict[str, Any]) -> None:
    """Check `type`, `required`, `enum` and `pattern`."""
    kinds = schema.get("type", [])
    for kind in kinds if isinstance(kinds, list) else [kinds]:
        if not isinstance(kind, str) or kind not in _TYPES:
            raise ValueError(f"{str(kind)[:80]!r} is not valid under any of the given schemas")
    if not all(isinstance(name, str) for name in _list(schema, "required")):
        raise ValueError("required must hold strings")
    _list(schema, "enum")
    pattern = schema.get("pattern", "")
    try:
        re.compile(pattern)
    except (re.error, TypeError, RecursionError, OverflowError):
        raise ValueError(f"{str(pattern)[:80]!r} is not a 'regex'") from None


def _mapping(schema: dict[str, Any], key: str) -> dict[str, Any]:
    value = schema.get(key, {})
    if not isinstance(value, dict):
        raise ValueError(f"{str(value)[:80]} is not of type 'object'")  # noqa: TRY004 - as above
    return value


def _list(schema: dict[str, Any], key: str) -> list[Any]:
    value = schema.get(key, [])
    if not isinstance(value, list):
        raise ValueError(f"{str(value)[:80]} is not of type 'array'")  # noqa: TRY004 - as above
    return value
