"""What the routes' work is built of: a base URL, a request after its first checks, a JSON answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson
from fastapi import Request, Response

from azure_inference_local.dialects import Refusal, Serverless
from azure_inference_local.families import Family
from azure_inference_local.faults import FaultPlan


@dataclass(frozen=True, slots=True)
class Mount:
    """A base URL: the dialect spoken there, and its deployment if it has only one."""

    dialect: Serverless
    family: Family | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one request: the body's size in bytes and the longest silence in seconds while it is read."""

    body: int = 10 << 20
    idle: float = 30.0


@dataclass(frozen=True, slots=True)
class Call:
    """One request after the checks every route shares."""

    request: Request
    dialect: Serverless
    family: Family
    data: Any
    plan: FaultPlan

    @property
    def extras_header(self) -> str | None:
        """The value of the header `extra-parameters`."""
        return self.request.headers.get("extra-parameters")


def json_response(body: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return an answer in JSON."""
    return Response(orjson.dumps(body, default=str), status, headers, media_type="application/json")


def refusal_response(refusal: Refusal) -> Response:
    """Return the answer of a refusal."""
    if isinstance(refusal.body, bytes):
        return Response(refusal.body, refusal.status, refusal.headers, media_type="text/html")
    return json_response(refusal.body, refusal.status, refusal.headers)
