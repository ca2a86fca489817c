"""Answers in JSON."""

from __future__ import annotations

from typing import Any

import orjson
from fastapi import Response

from azure_inference_local.dialects.refusals import Refusal


def json_response(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return an answer in JSON."""
    return Response(orjson.dumps(body, default=str), status, headers, media_type="application/json")


def refusal_response(refusal: Refusal) -> Response:
    """Return the answer of a refusal."""
    if isinstance(refusal.body, bytes):
        return Response(refusal.body, refusal.status, refusal.headers, media_type="text/html")
    return json_response(refusal.body, refusal.status, refusal.headers)
