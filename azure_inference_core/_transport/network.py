"""What both kinds of transport need to know: the trusted authorities, the proxy, and how long a name may take."""

from __future__ import annotations

import base64
import errno
import ipaddress
import os
import re
import socket
import ssl
import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

import certifi

from azure_inference_core._transport.causes import plain
from azure_inference_core.connection import Connection
from azure_inference_core.errors import (
    ConfigurationError,
    ConnectionFailedError,
    DeadlineExceededError,
    IncompleteResponseError,
)
from azure_inference_core.timeouts import Deadline

_CA_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")
_FULL = (errno.EMFILE, errno.ENFILE)
_HALF_A_SCHEME = re.compile(r"https?:(?!//)", re.IGNORECASE)
LOOKED_UP_FOR = 10.0  # seconds
LONGEST_IDLE = 230.0
"""Seconds after which a connection is not used again: Azure's load balancers forget a silent one after 240."""

PROBE_EVERY = 60  # seconds
KEEP_ALIVE: list[tuple[int, int, int]] = [
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    *(
        (socket.IPPROTO_TCP, getattr(socket, name), PROBE_EVERY)
        for name in ("TCP_KEEPIDLE", "TCP_KEEPALIVE", "TCP_KEEPINTVL")  # the second is macOS's for the first
        if hasattr(socket, name)
    ),
]
"""Socket options for a probe a minute while nothing is said, so that nobody on the way forgets the connection."""


@dataclass(frozen=True)
class Proxy:
    """The proxy on the way.

    Attributes:
        url: Scheme, host and port; no login.
        headers: What it wants to see of the login.
    """

    url: str
    headers: dict[str, str] = field(repr=False)


class Network:
    """The way to an endpoint, resolved once.

    Args:
        connection: Whose endpoint.
    """

    def __init__(self, connection: Connection) -> None:
        url = urlsplit(connection.endpoint)
        self.scheme = url.scheme
        self.host = url.hostname or ""
        self.default_port = 443 if url.scheme == "https" else 80
        self.port = url.port or self.default_port
        self.max_connections = connection.max_connections
        self._address = url.netloc
        self._ca_bundle = connection.ca_bundle
        self._trust_env = connection.trust_env
        self._context: ssl.SSLContext | None = None
        self._proxy: Proxy | None = None
        self._is_proxy_known = False
        self._lookup: tuple[int, float, Future[int]] | None = None
        self._lock = threading.Lock()

    def proxy(self) -> Proxy | None:
        """The environment's proxy for this host, when the user asked for it; never for plain http.

        Raises:
            ConfigurationError: It cannot be used.
        """
        if not self._is_proxy_known:
            if self._trust_env and self.scheme == "https" and not _bypassed(self.host, self.port):
                self._proxy = _environment_proxy()
            self._is_proxy_known = True
        return self._proxy

    def count_addresses(self, host: str, port: int, seconds: float) -> int:
        """How many addresses a name has, 1 where nobody can say.

        Nobody can stop the system's resolver, so a thread asks that nobody has to wait for. What it said holds for
        ten seconds: a resolver that answers now will do so again in a moment.

        Raises:
            TimeoutError: There was no answer in time.
        """
        if ":" in host or host.replace(".", "").isdigit():
            return 1
        with self._lock:
            now, process = time.monotonic(), os.getpid()
            if self._lookup is None or self._lookup[0] != process or now - self._lookup[1] > LOOKED_UP_FOR:
                self._lookup = process, now, Future()
                asked = self._lookup[2], host, port
                threading.Thread(target=_look_up, args=asked, name="azure-inference-dns", daemon=True).start()
            answer = self._lookup[2]
        return answer.result(seconds)

    def ssl_context(self) -> ssl.SSLContext:
        """The TLS settings: the given authorities, else the system's and certifi's.

        Raises:
            ConfigurationError: The file of authorities cannot be used.
            OSError: There is no file descriptor to read it with.
        """
        with self._lock:
            if self._context is None:
                bundle = self._ca_bundle or self._environment_bundle()
                try:
                    context = ssl.create_default_context(cafile=bundle)
                    if bundle is None:
                        context.load_verify_locations(certifi.where())
                except (OSError, ssl.SSLError) as error:
                    if error.errno in _FULL and not isinstance(error, ssl.SSLError):
                        raise
                    raise ConfigurationError(f"ca_bundle {bundle!r} cannot be used: {error}") from None
                context.minimum_version = ssl.TLSVersion.TLSv1_2
                context.set_alpn_protocols(["http/1.1"])
                self._context = context
            return self._context

    def _environment_bundle(self) -> str | None:
        names = _CA_VARIABLES if self._trust_env else ()
        return next((path for name in names if (path := os.environ.get(name)) and os.path.isfile(path)), None)  # noqa: PTH113 - a path is all that is needed

    def failed(self, why: str, cause: BaseException, *, retryable: bool = True) -> ConnectionFailedError:
        """The error of a connection that failed.

        Args:
            why: What failed, for a person.
            cause: The library's exception; only its class is quoted, because texts can hold headers.
            retryable: Whether trying again can help.
        """
        error = ConnectionFailedError(
            f"{why} ({self._address}; {type(cause).__name__})", is_retryable=retryable
        )
        error.__cause__ = plain(cause)
        return error

    def unreachable(
        self, cause: BaseException, why: str = "the host cannot be reached"
    ) -> ConnectionFailedError:
        """The error of an endpoint, or of a proxy, that cannot be connected to."""
        number = plain(cause).errno
        if number not in _FULL:
            try:
                socket.socket().close()  # a resolver without a file to read says many things, but not that
            except OSError as error:
                cause, number = error, error.errno
        if number in _FULL:
            why = (
                "no file descriptor is left for a connection: this process, or the system, has too many files "
                "open; raise the limit (ulimit -n) or lower max_connections"
            )
        else:
            why += self._proxy_left_out()
        return self.failed(why, cause)

    def late(self, deadline: Deadline, silence: str | None, cause: BaseException) -> DeadlineExceededError:
        """The error of a time that ran out before there was an answer."""
        error = deadline.exceeded(silence)
        if silence == "connect":
            error.message += self._proxy_left_out()
            error.args = (error.message,)
        error.__cause__ = plain(cause, errno=errno.ETIMEDOUT if silence == "connect" else None)
        return error

    def _proxy_left_out(self) -> str:
        """What to say where the environment has a proxy for this host that nobody said to use."""
        if self.scheme != "https" or self._trust_env or not getproxies().keys() & {"https", "all"}:
            return ""
        is_meant = not _bypassed(self.host, self.port)
        return "; the environment names a proxy, which is used only with trust_env=True" if is_meant else ""

    def refused_by_proxy(self, status: int, cause: BaseException) -> ConnectionFailedError:
        """The error of a proxy that does not let the request through."""
        return self.failed(f"the proxy refused, with status {status}", cause, retryable=False)


def why_unreachable(cause: BaseException, is_proxy: bool) -> str:
    """What kept a connection from being made, for a person."""
    if isinstance(cause, socket.gaierror):
        return "the proxy's name cannot be resolved" if is_proxy else "the host's name cannot be resolved"
    if is_proxy:
        return "the proxy cannot be reached"
    refused = isinstance(cause, ConnectionRefusedError)
    return "the connection was refused" if refused else "the host cannot be reached"


def cut_off(error: BaseException) -> IncompleteResponseError:
    """The error of a body that broke off."""
    broken = IncompleteResponseError(
        f"the connection broke in the middle of the answer ({type(error).__name__})"
    )
    broken.__cause__ = plain(error)
    return broken


def _look_up(answer: Future[int], host: str, port: int) -> None:
    try:
        answer.set_result(len(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)) or 1)
    except Exception:  # noqa: BLE001 - connecting will meet the same and say so
        answer.set_result(1)


def _bypassed(host: str, port: int) -> bool:
    """Whether ``no_proxy`` names the host: with its port, as a domain, or, for an address, by its network."""
    if proxy_bypass(f"{host}:{port}") or proxy_bypass(host):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    networks = [name.strip(" []") for name in (getproxies().get("no") or "").split(",")]
    return any(address in network for name in networks if (network := _network(name)) is not None)


def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def _environment_proxy() -> Proxy | None:
    for kind in ("https", "all"):
        if getproxies().get(kind):
            if (proxy := _read_proxy(kind)) is None:
                # The address stays out of the text and of this frame: it may hold a login.
                raise ConfigurationError(
                    f"the proxy in {_variable(kind)} cannot be used: it must be host:port, http://host:port or "
                    "https://host:port, with user:password@ before the host where one is needed (special characters "
                    "percent-encoded); other kinds, such as socks5, are not supported"
                )
            return proxy
    return None


def _variable(kind: str) -> str:
    names = sorted((name for name in os.environ if name.lower() == f"{kind}_proxy"), reverse=True)
    return next((name for name in names if os.environ[name]), f"the system's settings ({kind})")


def _read_proxy(kind: str) -> Proxy | None:
    """The proxy, or ``None`` where the address is none."""
    address = getproxies()[kind].strip()
    if _HALF_A_SCHEME.match(address):
        return None
    try:
        parts = urlsplit(address if "://" in address else f"http://{address}")
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return None
    is_host = host.isprintable() and not set(host) & set(" \\^`{|}<>\"'")
    if parts.scheme not in ("http", "https") or not host or not is_host or port == 0:
        return None
    if parts.netloc.endswith(":") or parts.query or parts.fragment:
        return None
    login = f"{unquote(parts.username or '')}:{unquote(parts.password or '')}"
    encoded = base64.b64encode(login.encode()).decode()
    where = f"[{host}]" if ":" in host else host
    return Proxy(
        f"{parts.scheme}://{where}:{port or (443 if parts.scheme == 'https' else 80)}",
        {} if parts.username is None else {"Proxy-Authorization": f"Basic {encoded}"},
    )
