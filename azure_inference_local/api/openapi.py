"""The endpoint's OpenAPI document, and a page that shows it without fetching anything."""

from __future__ import annotations

import html
import json
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.responses import HTMLResponse
from pydantic import BaseModel

from azure_inference_local.api.context import Mount
from azure_inference_local.api.schemas.requests import (
    ChatRequest,
    CompletionRequest,
    EmbeddingsRequest,
    ImageEmbeddingsRequest,
)
from azure_inference_local.api.validation import API_VERSIONS
from azure_inference_local.dialects.base import Dialect

_REF = "#/components/schemas/{model}"
_REQUESTS: dict[str, type[BaseModel]] = {
    "chat": ChatRequest,
    "completions": CompletionRequest,
    "embeddings": EmbeddingsRequest,
    "images": ImageEmbeddingsRequest,
}
_SUMMARIES = {
    "chat": "Answer a conversation, streamed or not",
    "completions": "Continue a text, streamed or not",
    "embeddings": "Turn texts into vectors",
    "images": "Turn images (data: URLs) into vectors",
    "info": "Tell which model answers",
    "models": "List the models",
}
_ERRORS = {
    "400": "An unknown parameter, a bad option, a blocked prompt, or too long a prompt",
    "401": "The key or token is missing or wrong",
    "403": "The Host header is not this server's",
    "404": "No such route, model or version of the API",
    "405": "The route has another method",
    "408": "The body did not arrive in time",
    "413": "The body is too large",
    "415": "The body is not JSON",
    "422": "The request does not fit the schema, or the model does not support a parameter",
    "424": "A managed deployment's error, as its gateway passes it on",
    "429": "Too many requests",
    "500": "The server failed",
    "501": "The engine cannot do this",
    "502": "The engine behind this server failed",
    "503": "The model's weights are not there, or too many connections",
    "504": "The engine behind this server took too long",
}
_NUMBER = {"type": "integer"}
_EVENT = {"type": "object", "required": ["data"], "properties": {"data": {"type": "string"}}}
_USAGE = {
    "type": "object",
    "required": ["prompt_tokens", "completion_tokens", "total_tokens"],
    "properties": {"prompt_tokens": _NUMBER, "completion_tokens": _NUMBER, "total_tokens": _NUMBER},
}


def _answer(objects: tuple[str, ...], *required: str) -> dict[str, Any]:
    return {
        "type": "object",
        "required": list(required),
        "properties": {
            "id": {"type": "string"},
            "object": {"enum": list(objects)},
            "created": _NUMBER,
            "model": {"type": "string"},
            "choices": {"type": "array", "items": {"type": "object", "required": ["index", "finish_reason"]}},
            "data": {"type": "array", "items": {"type": "object"}},
            "usage": _USAGE,
        },
    }


_ANSWERS: dict[str, dict[str, Any]] = {
    "chat": _answer(("chat.completion",), "id", "object", "created", "model", "choices", "usage"),
    "completions": _answer(("text_completion",), "id", "object", "created", "model", "choices", "usage"),
    "embeddings": _answer(("list",), "id", "object", "model", "data", "usage"),
    "images": _answer(("list",), "id", "object", "model", "data", "usage"),
    "models": _answer(("list",), "object", "data"),
    "info": {
        "type": "object",
        "required": ["model_name", "model_type", "model_provider_name"],
        "properties": {
            "model_name": {"type": "string"},
            "model_type": {"type": "string"},
            "model_provider_name": {"type": "string"},
        },
    },
}


def operation(path: str, route: str, mount: Mount) -> dict[str, Any]:
    """Return the keywords that document one route."""
    content: dict[str, Any] = {"application/json": {"schema": _ANSWERS[route]}}
    if route in ("chat", "completions"):
        content["text/event-stream"] = {"schema": _EVENT}
    error = {"application/json": {"schema": {"type": "object"}}}
    responses: dict[str, Any] = {"200": {"description": "The answer", "content": content}}
    responses |= {status: {"description": text, "content": error} for status, text in _ERRORS.items()}
    extra: dict[str, Any] = {
        "parameters": _parameters(path, route, mount.dialect),
        "security": [{"key": []}, {"bearer": []}],
    }
    if route in _REQUESTS:
        schema = {"$ref": _REF.format(model=_REQUESTS[route].__name__)}
        extra["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    return {
        "summary": _SUMMARIES[route],
        "tags": [path.rsplit("/chat", 1)[0].rsplit("/images", 1)[0].rsplit("/", 1)[0] or "/"]
        if route not in ("chat", "images")
        else [path.rsplit("/", 2)[0] or "/"],
        "operation_id": f"{route}_{path.strip('/').replace('/', '_').replace('{', '').replace('}', '')}",
        "responses": responses,
        "openapi_extra": extra,
    }


def _parameters(path: str, route: str, dialect: Dialect) -> list[dict[str, Any]]:
    """Return the parameters of a route that are not in its body."""
    parameters: list[dict[str, Any]] = []
    if dialect.api_versions != "any" and route != "models":
        parameters.append(
            {
                "name": "api-version",
                "in": "query",
                "required": True,
                "schema": {"type": "string", "enum": list(API_VERSIONS)},
            }
        )
    if "{deployment}" in path:
        parameters.append(
            {"name": "deployment", "in": "path", "required": True, "schema": {"type": "string"}}
        )
    if dialect.extras_header and route in _REQUESTS:
        schema = {"type": "string", "enum": ["error", "drop", "pass-through"]}
        parameters.append({"name": "extra-parameters", "in": "header", "required": False, "schema": schema})
    if route == "info":
        parameters.append({"name": "model", "in": "query", "required": False, "schema": {"type": "string"}})
    return parameters


def document(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document of the application, made once."""
    if app.openapi_schema is None:
        whole = get_openapi(title=app.title, version="2024-05-01-preview", routes=app.routes)
        components = whole.setdefault("components", {})
        schemas = components.setdefault("schemas", {})
        for model in _REQUESTS.values():
            schema = model.model_json_schema(ref_template=_REF)
            schemas.update(schema.pop("$defs", {}))
            schemas[model.__name__] = schema
        components["securitySchemes"] = {
            "key": {"type": "apiKey", "in": "header", "name": "api-key"},
            "bearer": {"type": "http", "scheme": "bearer"},
        }
        app.openapi_schema = whole
    return app.openapi_schema


def page(whole: dict[str, Any]) -> HTMLResponse:
    """Return the document as a page of plain HTML: no script, nothing from elsewhere."""
    parts = [
        (
            "<!doctype html><meta charset=utf-8><title>Local endpoint</title><style>body{font:15px system-ui;max-width:60em;"
            "margin:2em auto;padding:0 1em}code,pre{background:#f4f4f4}pre{padding:1em;overflow:auto}</style>"
        ),
        f"<h1>{html.escape(whole['info']['title'])}</h1><p>The same as <a href=/openapi.json>openapi.json</a>.</p>",
    ]
    by_tag: dict[str, list[str]] = {}
    for path, methods in whole["paths"].items():
        for method, described in methods.items():
            line = (
                f"<li><code>{method.upper()} {html.escape(path)}</code> {html.escape(described['summary'])}"
            )
            by_tag.setdefault(described["tags"][0], []).append(line)
    for tag, lines in by_tag.items():
        parts.append(f"<h2>{html.escape(tag)}</h2><ul>{''.join(lines)}</ul>")
    for name, schema in whole["components"]["schemas"].items():
        shown = html.escape(json.dumps(schema, indent=2))
        parts.append(
            f"<details><summary><code>{html.escape(name)}</code></summary><pre>{shown}</pre></details>"
        )
    return HTMLResponse("".join(parts))
