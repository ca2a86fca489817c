"""The conversation as the API and the model's family take it, whoever wrote it. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from azure_inference_core._request.tools import ALPHABET, legal_name
from azure_inference_core.families import Family

_NINE = re.compile(r"[A-Za-z0-9]{9}")


def legal_history(messages: Sequence[Mapping[str, Any]], family: Family) -> list[Mapping[str, Any]]:
    """The messages with tool names, call ids and content that the API and the model's family take.

    A call without an id gets one; where the family wants nine letters and digits, other ids become the same nine
    every time, so that a call and its answer stay a pair. Where it wants text, parts that are all text become one.
    """
    legal: list[Mapping[str, Any]] = []
    number = 0
    for message in messages:
        if calls := message.get("tool_calls"):
            message = {**message, "tool_calls": list(calls)}  # noqa: PLW2901 - the caller's stays as it is
            for place, call in enumerate(message["tool_calls"]):
                message["tool_calls"][place] = _legal_call(call, number, family)
                number += 1
        elif answered := message.get("tool_call_id"):
            message = {**message, "tool_call_id": _legal_id(answered, family)}  # noqa: PLW2901
        if not family.content_parts and isinstance(parts := message.get("content"), list):
            texts = [
                part.get("text") for part in parts if isinstance(part, Mapping) and part.get("type") == "text"
            ]
            if len(texts) == len(parts):
                message = {**message, "content": "\n".join(map(str, texts))}  # noqa: PLW2901
        legal.append(message)
    return legal


def _legal_call(call: Any, number: int, family: Family) -> Any:
    if not isinstance(call, Mapping):
        return call
    legal = {**call, "id": _legal_id(call.get("id") or f"call{number:05d}", family)}
    function = call.get("function")
    if isinstance(function, Mapping) and isinstance(name := function.get("name"), str):
        legal["function"] = {**function, "name": legal_name(name)}
    return legal


def _legal_id(call_id: Any, family: Family) -> Any:
    if family.call_ids != "nine" or not isinstance(call_id, str) or _NINE.fullmatch(call_id):
        return call_id
    number = int.from_bytes(hashlib.sha256(call_id.encode("utf-8", "replace")).digest()[:8], "big")
    return "".join(ALPHABET[number // 62**place % 62] for place in range(9))
