"""What both kinds of transport need to know: the time left, the trusted authorities, the proxy."""

from __future__ import annotations

import os
import ssl
import threading
import time
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import certifi

from azure_inference_core.connection import Connection, Timeouts
from azure_inference_core.errors import (
    ConfigurationError,
    ConnectionFailedError,
    DeadlineExceededError,
    IncompleteResponseError,
)

_CA_VARIABLES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")


class Deadline:
    """The time one call has left.

    Args:
        timeouts: Its limits.
    """

    __slots__ = ("_end", "sent_at", "timeouts")

    def __init__(self, timeouts: Timeouts) -> None:
        self.timeouts = timeouts
        self._end = time.monotonic() + timeouts.total
        self.sent_at = 0.0  # when the last attempt took its credential, on the monotonic clock

    def left(self) -> float:
        """Seconds left; negative when none are."""
        return self._end - time.monotonic()

    def within(self, limit: float) -> float:
        """The smaller of a limit and what is left.

        Raises:
            DeadlineExceededError: Nothing is left.
        """
        left = self.left()
        if left <= 0:
            raise self.exceeded()
        return min(limit, left)

    def exceeded(self, silence: str | None = None) -> DeadlineExceededError:
        """The error to raise: of the whole call, or of one silence when time is left."""
        if silence is None or self.left() <= 0.001:
            return DeadlineExceededError(
                f"the call took longer than {self.timeouts.total:g} s (timeout total)"
            )
        limit = getattr(self.timeouts, silence)
        return DeadlineExceededError(f"{_SILENCES[silence]} for {limit:g} s (timeout {silence})")


_SILENCES = {
    "connect": "no connection",
    "first_byte": "no answer",
    "idle": "silence in the middle of the answer",
}


class Network:
    """The way to an endpoint, resolved once.

    Args:
        connection: Whose endpoint.
    """

    def __init__(self, connection: Connection) -> None:
        url = urlsplit(connection.endpoint)
        self.scheme = url.scheme
        self.host = url.hostname or ""
        self.port = url.port
        self._ca_bundle = connection.ca_bundle
        self._trust_env = connection.trust_env
        self._context: ssl.SSLContext | None = None
        self._lock = threading.Lock()

    def proxy(self) -> str | None:
        """The environment's proxy for this host, when the user asked for it; never for plain http."""
        if not self._trust_env or self.scheme != "https" or proxy_bypass(self.host):
            return None
        return getproxies().get("https") or getproxies().get("all")

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
        port = f":{self.port}" if self.port else ""
        return ConnectionFailedError(
            f"{why} ({self.host}{port}; {type(cause).__name__})", is_retryable=retryable
        )


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
