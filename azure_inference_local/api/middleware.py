"""What stands in front of the application: the Host check, the request log, orderly cuts."""

from __future__ import annotations

import logging
import time
import uuid

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from azure_inference_local.answers.responses import json_response
from azure_inference_local.dialects.faults import Cut

request_log = logging.getLogger("azure_inference_local.requests")

LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]", "::1"})


class Guard:
    """The outermost layer of the application.

    Args:
        app: The application.
        hosts: Host names that are answered; `None` answers every one. A browser page that reaches a loopback
            address under a name of its own (DNS rebinding) is refused with 403.
    """

    def __init__(self, app: ASGIApp, hosts: frozenset[str] | None) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request and log it in one line: no header, no body, no query."""
        start, status, cut = time.perf_counter(), 0, False
        request_id = str(uuid.uuid4())

        async def tagged(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], (b"x-request-id", request_id.encode())]
            await send(message)

        try:
            if self._hosts is not None and _host(scope) not in self._hosts:
                error = {"code": "Forbidden", "message": "The Host header does not name this server."}
                await json_response({"error": error}, 403)(scope, receive, tagged)
            else:
                await self._app(scope, receive, tagged)
        except Cut:  # ending without an answer closes the connection, which is what was asked for
            cut = True
        took = (time.perf_counter() - start) * 1000
        cut = cut or scope.get("state", {}).get("cut", False)
        outcome = f"{status} cut" if cut else str(status)
        request_log.info(
            "%s %s %s %.0f ms %s", scope["method"], _printable(scope["path"]), outcome, took, request_id
        )


def _host(scope: Scope) -> str:
    """Return the name in the Host header, without the port."""
    value = next((v for k, v in scope["headers"] if k == b"host"), b"").decode("latin-1").lower()
    if value.startswith("["):
        return str(value.partition("]")[0] + "]")
    return str(value.partition(":")[0])


def _printable(path: str) -> str:
    """Return a path without control characters, so that a request cannot write lines of its own."""
    return "".join(c if c.isprintable() else "?" for c in path[:200])
