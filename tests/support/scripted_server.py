"""A strict endpoint that speaks the whole API and says what it is told to say.

```python
with ScriptedServer(key="k") as server:
    server.reply("Hello.")                        # the next answer's text, streamed if the request asks for it
    server.reply(Reply(429, {"error": ...}, {"Retry-After": "1"}))
    server.reply([chunk("He"), chunk("y")])       # an event stream of these chunks, then [DONE]
    server.reply(lambda request: chat("..."))     # whatever the function returns
    ...
server.last.json, server.last.headers
```

An answer may be a ``str``, a ``dict`` (a JSON body), a ``list`` of chunk bodies, a ``Reply``, a ``Stream``, or a
function from the request to one of these. With an empty queue every route answers well.

A strict server refuses what the service refuses: unknown parameters (422, unless the ``extra-parameters`` header says
``pass-through`` or ``drop``; routes under ``/openai`` and ``/v1`` have no such header and take them), wrong types (422),
a tool message that answers no call (400), a wrong key (401), another method (405), another route (404).
"""

from __future__ import annotations

import tempfile
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

from tests.support import wire
from tests.support.checks import Refusal, check_body
from tests.support.fault_server import Call, FaultServer, Request, certificate_authority, tls_context

__all__ = ["Reply", "ScriptedServer", "Stream", "answer_well"]

ROUTES = ("/images/embeddings", "/chat/completions", "/completions", "/embeddings", "/info")


@dataclass
class Reply:
    """A whole answer: status, JSON or text or bytes, headers; ``delay`` in seconds before it."""

    status: int = 200
    body: Any = b""
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    delay: float = 0.0


@dataclass
class Stream:
    """An event stream: chunk bodies (or raw bytes), ``pause`` seconds after each, ``[DONE]`` unless told otherwise."""

    chunks: list[Any]
    pause: float = 0.0
    done: bool = True


Answer = Any
"""``str``, ``dict``, ``list``, ``Reply``, ``Stream``, or a function from a ``Request`` to one of these."""


def route_of(path: str) -> str | None:
    """The API's route at the end of a path, whatever the base before it."""
    return next((route for route in ROUTES if path.endswith(route)), None)


def has_free_body(path: str) -> bool:
    """Whether the dialect of a path takes unknown body keys without a header."""
    return path.startswith(("/openai", "/v1"))


def text_answer(route: str, request: Request, text: str) -> Answer:
    """A text as the route's own body, or as a stream when the request asks for one."""
    body = request.json or {}
    if route == "/completions":
        return wire.completion_chunks(text) if body.get("stream") else wire.completion(text)
    if not body.get("stream"):
        return wire.chat(text)
    if not has_free_body(request.path):
        return wire.chat_chunks(text, style="last")
    counted = (body.get("stream_options") or {}).get("include_usage")
    return wire.chat_chunks(text, style="extra" if counted else "none")


def default_answer(route: str, request: Request) -> Answer:
    """A good answer to a good request."""
    if route == "/info":
        return wire.info()
    if route.endswith("/embeddings"):
        body = request.json
        inputs = [item if isinstance(item, str) else item.get("image") for item in body["input"]]
        return wire.embeddings(
            inputs, dimensions=body.get("dimensions") or 4, encoding_format=body.get("encoding_format")
        )
    return text_answer(route, request, wire.ANSWER)


def answer_well(call: Call) -> None:
    """Handler for a ``FaultServer``: a good answer on every route, nothing checked."""
    route = route_of(call.request.path)
    if route is None:
        call.respond(404, {"detail": "Not Found"})
        return
    write(call, route, default_answer(route, call.request))


def write(call: Call, route: str, answer: Answer) -> None:
    """Write one answer of any kind."""
    if callable(answer):
        write(call, route, answer(call.request))
    elif isinstance(answer, str):
        write(call, route, text_answer(route, call.request, answer))
    elif isinstance(answer, list):
        write(call, route, Stream(answer))
    elif isinstance(answer, Stream):
        parts = [part if isinstance(part, bytes) else wire.event(part) for part in answer.chunks]
        call.stream([*parts, wire.DONE] if answer.done else parts, pause=answer.pause)
    elif isinstance(answer, Reply):
        if answer.delay:
            call.server.stopping.wait(answer.delay)
        call.respond(answer.status, answer.body, answer.headers, content_type=answer.content_type)
    else:
        call.respond(200, answer)


class ScriptedServer:
    """A real socket that answers from a queue, checks what it is asked, and remembers it.

    Args:
        key: The only key it accepts; ``None`` accepts any.
        strict: Whether bodies are checked.
        tls: Serve https with a certificate of ``ca_bundle``.

    Attributes:
        ca_bundle: Path of the authority's certificate when ``tls``, else ``None``.
    """

    def __init__(self, *, key: str | None = None, strict: bool = True, tls: bool = False) -> None:
        self.key = key
        self.strict = strict
        self._answers: dict[str | None, deque[Answer]] = {route: deque() for route in (*ROUTES, None)}
        self._lock = threading.Lock()
        self.ca_bundle: str | None = None
        if tls:
            with tempfile.NamedTemporaryFile(suffix=".pem", delete=False) as file:
                file.write(certificate_authority().cert_pem.bytes())
            self.ca_bundle = file.name
        self._server = FaultServer(self._handle, tls=tls_context() if tls else None)

    @property
    def url(self) -> str:
        """The base URL, as a serverless endpoint."""
        return self._server.url

    @property
    def v1_url(self) -> str:
        """The base URL of the OpenAI v1 dialect."""
        return f"{self.url}/openai/v1"

    @property
    def deployment_url(self) -> str:
        """The base URL of an Azure OpenAI deployment."""
        return f"{self.url}/openai/deployments/tiny-model"

    @property
    def requests(self) -> list[Request]:
        """Every request so far; ``.json``, ``.headers`` (lower case names), ``.path``, ``.query``."""
        return self._server.requests

    @property
    def bodies(self) -> list[Any]:
        """The decoded bodies so far."""
        return [request.json for request in self.requests]

    @property
    def last(self) -> Request:
        """The newest request."""
        return self.requests[-1]

    @property
    def connection_count(self) -> int:
        """Connections accepted so far."""
        return self._server.connection_count

    @property
    def open_connections(self) -> int:
        """Connections that neither side has closed."""
        return self._server.open_connections

    def query(self, request: Request | None = None) -> dict[str, str]:
        """The query of a request (default: the newest)."""
        pairs = parse_qs(urlsplit((request or self.last).target).query)
        return {name: values[-1] for name, values in pairs.items()}

    def reply(self, *answers: Answer, route: str | None = None) -> None:
        """Queue answers, for one route or for whichever is asked next."""
        with self._lock:
            self._answers[route].extend(answers)

    def reply_always(self, answer: Callable[[Request], Answer], route: str | None = None) -> None:
        """Answer every request from now on by this function."""
        with self._lock:
            self._answers[route] = _Endless(answer)

    def close(self) -> None:
        """Stop, and forget the certificate file."""
        self._server.close()
        if self.ca_bundle:
            Path(self.ca_bundle).unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.__exit__(kind, error, trace)
        if self.ca_bundle:
            Path(self.ca_bundle).unlink(missing_ok=True)

    def _handle(self, call: Call) -> None:
        route = route_of(call.request.path)
        try:
            self._refuse(call.request, route)
        except Refusal as refusal:
            call.respond(refusal.status, refusal.body)
            return
        write(call, str(route), self._next(str(route), call.request))

    def _refuse(self, request: Request, route: str | None) -> None:
        if route is None:
            raise Refusal(404, {"detail": "Not Found"})
        if self.key is not None:
            bearer = request.headers.get("authorization")
            if bearer != f"Bearer {self.key}" and request.headers.get("api-key") != self.key:
                raise Refusal(401, {"status": "Invalid auth token"})
        if request.method != ("GET" if route == "/info" else "POST"):
            raise Refusal(405, {"detail": "Method Not Allowed"})
        if self.strict and route != "/info":
            free = has_free_body(request.path)
            check_body(
                route, request.json, "pass-through" if free else request.headers.get("extra-parameters")
            )

    def _next(self, route: str, request: Request) -> Answer:
        with self._lock:
            for queue in (self._answers[route], self._answers[None]):
                if queue:
                    return queue.popleft()
        return default_answer(route, request)


class _Endless(deque[Answer]):
    """A queue that holds one answer for ever."""

    def __init__(self, answer: Answer) -> None:
        super().__init__([answer])

    def popleft(self) -> Answer:
        return self[0]
