"""What both kinds of transport need to know: the trusted authorities and the proxy."""

from __future__ import annotations

import os
import socket
import ssl
import threading
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import certifi

from azure_inference_core.connection import Connection
from azure_inference_core.errors import (
    ConfigurationError,
    ConnectionFailedError,
    IncompleteResponseError,
)

_CA_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")


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
        self._address = url.netloc
        self._ca_bundle = connection.ca_bundle
        self._trust_env = connection.trust_env
        self._context: ssl.SSLContext | None = None
        self._lock = threading.Lock()

    def proxy(self) -> str | None:
        """The environment's proxy for this host, when the user asked for it; never for plain http.

        Raises:
            ConfigurationError: It cannot be used.
        """
        if not self._trust_env or self.scheme != "https" or proxy_bypass(self.host):
            return None
        url = getproxies().get("https") or getproxies().get("all")
        return url and _checked_proxy(url)

    def count_addresses(self) -> int:
        """How many addresses the host has, or the proxy before it; 1 where nobody can say."""
        proxy = self.proxy()
        way = urlsplit(proxy) if proxy else None
        host, port = (way.hostname, way.port) if way else (self.host, self.port)
        try:
            return len(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)) or 1
        except (OSError, UnicodeError):
            return 1

    def ssl_context(self) -> ssl.SSLContext:
        """The TLS settings: the given authorities, else the system's and certifi's.

        Raises:
            ConfigurationError: The file of authorities cannot be used.
        """
        with self._lock:
            if self._context is None:
                bundle = self._ca_bundle or self._environment_bundle()
                try:
                    context = ssl.create_default_context(cafile=bundle)
                    if bundle is None:
                        context.load_verify_locations(certifi.where())
                except (OSError, ssl.SSLError) as error:
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
        return ConnectionFailedError(
            f"{why} ({self._address}; {type(cause).__name__})", is_retryable=retryable
        )

    def unreachable(self, cause: BaseException) -> ConnectionFailedError:
        """The error of an endpoint that cannot be connected to."""
        refused = isinstance(cause, ConnectionRefusedError)
        return self.failed("the connection was refused" if refused else "the host cannot be reached", cause)

    def proxy_failed(self, status: int | None, cause: BaseException) -> ConnectionFailedError:
        """The error of a proxy that does not let the request through.

        Args:
            status: What the proxy answered, if it did.
            cause: As for :meth:`failed`.
        """
        why = "the proxy cannot be reached" if status is None else f"the proxy refused, with status {status}"
        return self.failed(why, cause, retryable=False)


def _checked_proxy(url: str) -> str:
    """The URL with its scheme; an error does not quote it, for it may hold a login."""
    url = url if "://" in url else f"http://{url}"
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise ConfigurationError("the proxy that the environment names must be http://host:port or https://")
    return url


def tls_fault(error: BaseException) -> str:
    """What a person should know of a failed handshake; the quoted text is OpenSSL's own."""
    return f"TLS failed, the certificate or protocol is not acceptable: {str(error)[:200]}"


def cut_off(error: BaseException) -> IncompleteResponseError:
    """The error of a body that broke off."""
    return IncompleteResponseError(
        f"the connection broke in the middle of the answer ({type(error).__name__})"
    )


def without_frames(error: BaseException) -> BaseException:
    """An exception without its frames and its causes' frames: their variables hold headers, and so the key."""
    below: BaseException | None = error
    while below is not None:
        below.__traceback__ = None
        below = below.__cause__ or below.__context__
    return error
