"""Where a fault plays: a server, a closed port, two servers, a proxy; each a context manager that gives a ``Stage``."""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
import socket
import ssl
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.support.fault_server import Call, FaultServer, Handler, certificate_authority, tls_context

__all__ = [
    "Play",
    "Stage",
    "closed_port",
    "full_backlog",
    "no_such_host",
    "proxied",
    "redirected",
    "secured",
    "served",
]


@dataclass
class Stage:
    """What a client is given, and what the server side saw.

    Attributes:
        url: The endpoint.
        server: The endpoint's server, where there is one.
        other: A second host that must see nothing, or a proxy.
        options: Keywords for the connection.
    """

    url: str
    server: FaultServer | None = None
    other: FaultServer | None = None
    options: dict[str, Any] = field(default_factory=dict)

    @property
    def requests(self) -> int:
        """Requests the endpoint has read."""
        return self.server.request_count if self.server else 0


Play = Callable[[], AbstractContextManager[Stage]]


def served(make: Callable[[], Handler]) -> Play:
    """A plain server with a fresh handler for each case."""

    @contextlib.contextmanager
    def play() -> Iterator[Stage]:
        with FaultServer(make()) as server:
            yield Stage(server.url, server)

    return play


@functools.cache
def authority_file() -> str:
    """The path of the test authority's certificate."""
    folder = tempfile.mkdtemp(prefix="authority-")
    path = Path(folder) / "ca.pem"
    certificate_authority().cert_pem.write_to_path(str(path))
    return str(path)


def secured(make_context: Callable[[], ssl.SSLContext], handler: Handler, *, trusted: bool = True) -> Play:
    """A TLS server; ``trusted`` gives the client the authority that signed the usual certificates."""

    @contextlib.contextmanager
    def play() -> Iterator[Stage]:
        with FaultServer(handler, tls=make_context()) as server:
            yield Stage(server.url, server, options={"ca_bundle": authority_file()} if trusted else {})

    return play


def stranger() -> ssl.SSLContext:
    """A certificate of an authority nobody knows."""
    return tls_context(authority=trustme.CA())


def wrong_name() -> ssl.SSLContext:
    """A certificate for another host."""
    return tls_context("elsewhere.example")


def expired() -> ssl.SSLContext:
    """A certificate that ended in 2020."""
    return tls_context(not_after=dt.datetime(2020, 1, 1, tzinfo=dt.UTC))


def ancient() -> ssl.SSLContext:
    """A server that speaks TLS 1.0 only."""
    context = tls_context()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.set_ciphers("ALL:@SECLEVEL=0")
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = ssl.TLSVersion.TLSv1
    return context


@contextlib.contextmanager
def closed_port() -> Iterator[Stage]:
    """A port that refuses connections."""
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]
    yield Stage(f"http://127.0.0.1:{port}")


@contextlib.contextmanager
def no_such_host() -> Iterator[Stage]:
    """A host whose name does not resolve."""

    def refuse(*_args: Any, **_options: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", refuse)
        yield Stage("https://no-such-host.invalid/v1")


@contextlib.contextmanager
def full_backlog() -> Iterator[Stage]:
    """A listener that accepts nobody and whose queue is full: connecting hangs."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        address = listener.getsockname()
        for _ in range(3):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex(address)
        yield Stage(f"http://127.0.0.1:{address[1]}")


@contextlib.contextmanager
def https_to_plain() -> Iterator[Stage]:
    """An https address where plain http is spoken."""
    with FaultServer(lambda call: call.respond(400)) as server:
        yield Stage(server.url.replace("http:", "https:"), server)


def redirected(status: int, where: str, *, tls: bool = False) -> Play:
    """A server that redirects: ``where`` is a path of its own, or ``other`` or ``plain`` for a second server."""

    @contextlib.contextmanager
    def play() -> Iterator[Stage]:
        with FaultServer(lambda call: call.respond(200, {})) as other:
            target = {"other": f"http://localhost:{other.port}/x", "plain": f"{other.url}/x"}.get(
                where, where
            )

            def handler(call: Call) -> None:
                location = call.request.target if target == "loop" else target
                call.respond(status, b"", {"Location": location})

            with FaultServer(handler, tls=tls_context() if tls else None) as server:
                options = {"ca_bundle": authority_file()} if tls else {}
                yield Stage(server.url, server, other, options)

    return play


def proxied(status: int, headers: dict[str, str] | None = None) -> Play:
    """An endpoint behind a proxy of the environment that refuses to connect."""

    @contextlib.contextmanager
    def play() -> Iterator[Stage]:
        with (
            FaultServer(lambda call: call.respond(status, b"no", headers)) as proxy,
            pytest.MonkeyPatch.context() as patch,
        ):
            patch.setenv("HTTPS_PROXY", proxy.url)
            yield Stage("https://endpoint.example/v1", None, proxy, {"trust_env": True})

    return play
