"""What a handler is told of a request: the base URL it came to, its bounds, and what the first checks found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from fastapi import Request

from azure_inference_local.dialects.base import Dialect
from azure_inference_local.dialects.families import Family
from azure_inference_local.dialects.faults import FaultPlan


@dataclass(frozen=True, slots=True)
class Mount:
    """A base URL: the dialect spoken there, and its deployment if it has only one."""

    dialect: Dialect
    family: Family | None = None


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of one request: the body's size in bytes and the longest silence in seconds while it is read."""

    body: int = 10 << 20
    idle: float = 30.0


@dataclass(frozen=True, slots=True)
class RequestContext:
    """One request after the checks every route shares."""

    request: Request
    dialect: Dialect
    family: Family
    data: Any
    plan: FaultPlan

    @property
    def extras_header(self) -> str | None:
        """The value of the header `extra-parameters`."""
        return self.request.headers.get("extra-parameters")
