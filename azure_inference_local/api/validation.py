"""From the socket to a checked request: the body's size and time, JSON, the version of the API, the schema."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any, TypeVar

import orjson
from fastapi import Request
from pydantic import BaseModel, ValidationError
from starlette.requests import ClientDisconnect

from azure_inference_local.dialects.base import Dialect
from azure_inference_local.dialects.families import Family
from azure_inference_local.dialects.faults import Cut

API_VERSIONS = (
    "2024-04-01-preview",
    "2024-05-01-preview",
    "2024-08-01-preview",
    "2024-12-01-preview",
    "2025-02-01-preview",
    "2025-04-01",
    "2025-05-01",
    "2025-05-01-preview",
    "2025-05-15-preview",
)
"""The values of `api-version` the API ever had."""

_DATED = re.compile(r"20\d\d-\d\d-\d\d(-preview)?")
_SHOWN = 500

M = TypeVar("M", bound=BaseModel)


def check_api_version(version: str | None, dialect: Dialect) -> None:
    """Refuse a missing or unknown version where the dialect has versions."""
    if dialect.api_versions == "any":
        return
    if not version:
        raise dialect.missing_api_version()
    known = version in API_VERSIONS if dialect.api_versions == "listed" else _DATED.fullmatch(version)
    if not known:
        raise dialect.not_found()


async def read_body(request: Request, dialect: Dialect, *, limit: int, idle: float) -> bytes:
    """Return the body, within a size in bytes and an idle time in seconds."""
    too_large = dialect.generic(413, f"The request body is larger than {limit} bytes.")
    too_large.headers["connection"] = "close"
    length = request.headers.get("content-length", "0")
    if length.isdecimal() and int(length) > limit:
        raise too_large
    body = bytearray()
    stream = request.stream()
    while True:
        try:
            part = await asyncio.wait_for(anext(stream, None), idle)
        except TimeoutError:
            late = dialect.generic(
                408, f"The request body did not arrive: nothing came for {idle:g} seconds."
            )
            late.headers["connection"] = "close"
            raise late from None
        except ClientDisconnect:
            raise Cut from None
        if part is None:
            return bytes(body)
        body += part
        if len(body) > limit:
            raise too_large


def parse_body(raw: bytes, content_type: str, dialect: Dialect, family: Family) -> Any:
    """Return the body's JSON value; a body that is not JSON becomes what FastAPI makes of it."""
    kind = content_type.partition(";")[0].strip().lower()
    if kind and kind != "application/json" and not kind.endswith("+json"):
        if dialect.openai:
            raise dialect.generic(
                415, f"Unsupported data type: the body has to be application/json, not {kind[:80]}."
            )
        return raw.decode("utf-8", "replace")
    if not raw:
        raise dialect.invalid([_entry("missing", (), "Field required", None)], family)
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        entry = _entry("json_invalid", (_json_fault(raw, error)[0],), "JSON decode error", {})
        entry["ctx"] = {"error": _json_fault(raw, error)[1]}
        raise dialect.invalid([entry], family) from None


def _json_fault(raw: bytes, error: orjson.JSONDecodeError) -> tuple[int, str]:
    """Return where and why a text is not JSON, in the words of Python's own parser if it agrees."""
    try:
        json.loads(raw)
    except json.JSONDecodeError as standard:
        return standard.pos, standard.msg
    except (ValueError, RecursionError):
        pass
    return error.pos, error.msg


def validate(model: type[M], data: Any, dialect: Dialect, family: Family) -> M:
    """Return the request, or raise the dialect's refusal with every fault in it."""
    try:
        return model.model_validate(data, context=family, from_attributes=True)
    except ValidationError as error:
        raise dialect.invalid(entries(error), family) from None


def entries(error: ValidationError) -> list[dict[str, Any]]:
    """Return pydantic's faults as FastAPI answers them: `loc` from the body on, plain JSON values."""
    faults = []
    for fault in error.errors(include_url=False):
        entry = _entry(fault["type"], fault["loc"], fault["msg"], fault["input"])
        if "ctx" in fault:
            entry["ctx"] = {
                key: {} if isinstance(value, Exception) else value for key, value in fault["ctx"].items()
            }
        faults.append(entry)
    return faults


def value_fault(loc: tuple[int | str, ...], message: str, value: Any) -> dict[str, Any]:
    """Return the entry of a fault that pydantic did not find, in its form."""
    entry = _entry("value_error", loc, f"Value error, {message}", value)
    return {**entry, "ctx": {"error": {}}}


def _entry(kind: str, loc: tuple[int | str, ...], message: str, value: Any) -> dict[str, Any]:
    if isinstance(value, str) and len(value) > _SHOWN:
        value = value[:_SHOWN] + "..."
    return {"type": kind, "loc": ["body", *loc], "msg": message, "input": value}
