"""The application: which route exists under which base URL, and what stands in front of all of them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from azure_inference_local.answers.responses import json_response, refusal_response
from azure_inference_local.api.context import Mount
from azure_inference_local.api.handlers import Handlers
from azure_inference_local.api.openapi import document, operation, page
from azure_inference_local.dialects import AZURE_OPENAI, BY_NAME, FOUNDRY, MANAGED, OPENAI_V1, SERVERLESS
from azure_inference_local.dialects.faults import Cut
from azure_inference_local.dialects.refusals import Refusal
from azure_inference_local.engines import EngineError

logger = logging.getLogger("azure_inference_local")

Work = Callable[[Request, Mount], Awaitable[Response]]
_PATHS = {
    "chat": "/chat/completions",
    "completions": "/completions",
    "embeddings": "/embeddings",
    "images": "/images/embeddings",
}


def build(handlers: Handlers, *, gateway: bool) -> FastAPI:
    """Return the application of a server.

    Args:
        handlers: The routes' work.
        gateway: Whether a managed deployment's errors become 424, as behind a managed online endpoint.
    """
    app = FastAPI(
        title="Azure AI model inference, local endpoint",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    mounts = [("", Mount(SERVERLESS)), ("/models", Mount(FOUNDRY)), ("/openai/v1", Mount(OPENAI_V1))]
    mounts.append(("/openai/deployments/{deployment}", Mount(AZURE_OPENAI)))
    mounts += [
        (f"/{name}", Mount(BY_NAME[family.dialect], family)) for name, family in handlers.families.items()
    ]
    for prefix, mount in mounts:
        _mount(app, handlers, prefix, mount, gateway=gateway)
    _add(
        app, handlers, "GET", "/openai/v1/models", "models", Mount(OPENAI_V1), handlers.models, gateway=False
    )
    app.add_api_route("/msi/token", _identity(handlers), methods=["GET"], include_in_schema=False)
    app.add_api_route("/", _healthy, methods=["GET"], include_in_schema=False)
    app.add_api_route("/docs", lambda: page(app.openapi()), methods=["GET"], include_in_schema=False)
    app.add_exception_handler(HTTPException, _http_error)
    app.openapi = lambda: document(app)  # type: ignore[method-assign]  # FastAPI's documented way to extend it
    return app


def _mount(app: FastAPI, handlers: Handlers, prefix: str, mount: Mount, *, gateway: bool) -> None:
    """Add the routes of one base URL."""
    work: dict[str, Work] = {
        "chat": handlers.chat,
        "completions": handlers.completions,
        "embeddings": handlers.embeddings,
        "images": handlers.images,
    }
    for route, path in _PATHS.items():
        if route == "images" and mount.dialect.openai:
            continue
        _add(app, handlers, "POST", prefix + path, route, mount, work[route], gateway=gateway)
    if mount.dialect.name != "openai-v1":
        _add(app, handlers, "GET", f"{prefix}/info", "info", mount, handlers.info, gateway=gateway)


def _add(
    app: FastAPI,
    handlers: Handlers,
    method: str,
    path: str,
    route: str,
    mount: Mount,
    work: Work,
    *,
    gateway: bool,
) -> None:
    """Add one route, with every failure turned into the dialect's answer."""
    dialect = mount.dialect
    behind = gateway and dialect is MANAGED

    async def endpoint(request: Request) -> Response:
        try:
            response = await work(request, mount)
        except Refusal as refusal:
            return refusal_response(_behind_gateway(refusal) if behind else refusal)
        except EngineError as error:
            refused = dialect.engine_error(error.status, error.code, error.message)
            return refusal_response(_behind_gateway(refused) if behind else refused)
        except Cut:
            return await _dropped(request)
        except Exception:
            logger.exception("%s %s failed", method, path)
            return refusal_response(dialect.generic(500, "The server failed; its log says more."))
        if method == "POST" and dialect.tells_limits:
            response.headers.update(handlers.faults.headers())
        return response

    app.add_api_route(path, endpoint, methods=[method], **operation(path, route, mount))


async def _dropped(request: Request) -> Response:
    """Close the connection without an answer; the response that is returned goes nowhere."""
    request.state.abort()
    request.state.cut = True
    await asyncio.sleep(0)  # lets the loop tell the connection that it is closed
    return Response()


def _behind_gateway(refusal: Refusal) -> Refusal:
    """Return what a managed online endpoint makes of its container's error: 424, the real status in headers."""
    if refusal.status < 400 or refusal.status in (401, 404, 429):
        return refusal
    headers = {
        **refusal.headers,
        "ms-azureml-model-error-statuscode": str(refusal.status),
        "ms-azureml-model-error-reason": "model_error",
    }
    return Refusal(424, refusal.body, headers)


def _identity(handlers: Handlers) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        try:
            return await handlers.token(request)
        except Refusal as refusal:
            return refusal_response(refusal)

    return endpoint


async def _healthy() -> str:
    return "healthy"


async def _http_error(request: Request, error: Exception) -> Response:
    """Answer an unknown route and a wrong method as the base they were under does."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers: Any = error.headers if isinstance(error, HTTPException) else None
    if status != 404:
        return json_response(
            {"detail": "Method Not Allowed" if status == 405 else str(error)}, status, headers
        )
    path = request.url.path
    if path.startswith(("/models", "/openai")):
        return refusal_response(FOUNDRY.not_found())
    if path.endswith(tuple(_PATHS.values())) and path.count("/") >= 2:
        return json_response({"status": "Serverless endpoint not found"}, 404)
    return json_response({"detail": "Not Found"}, 404)
