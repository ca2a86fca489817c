"""What an HTTP library raised, as an exception that holds nothing but names and numbers.

The libraries' own exceptions hold the request, its headers and the proxy's address, and so the key and a login;
so do the variables of their frames. None of them may be found below an error of this package.
"""

from __future__ import annotations

import os
import socket
import ssl

_DEEPEST = 8


class Cause(Exception):  # noqa: N818 - it is none of the tree: what an error of the tree came from
    """A library's exception without its objects.

    Attributes:
        kind: Its class, such as ``aiohttp.ClientConnectorError``.
        errno: The system's number, its own or of what it came from; ``ETIMEDOUT`` where connecting took too long.
        reason: OpenSSL's or the resolver's words, or the system's for the number.
    """

    def __init__(self, kind: str, errno: int | None = None, reason: str = "") -> None:
        super().__init__(kind, errno, reason)
        self.kind, self.errno, self.reason = kind, errno, reason

    def __str__(self) -> str:
        return f"{self.kind}: {self.reason}" if self.reason else self.kind


def plain(error: BaseException, *, errno: int | None = None) -> Cause:
    """An exception and all it came from as :class:`Cause`, one below the other.

    Args:
        error: The library's.
        errno: What to call it, where the library has no number for it.
    """
    chain = [error]
    while (below := _below(chain[-1])) is not None and below not in chain and len(chain) < _DEEPEST:
        chain.append(below)
    cause: Cause | None = None
    for found in reversed(chain):
        number = _errno(found) or (cause.errno if cause else None)
        package = type(found).__module__.partition(".")[0]
        kind = type(found).__name__ if package == "builtins" else f"{package}.{type(found).__name__}"
        above = Cause(kind, (errno if found is error else None) or number, _reason(found))
        above.__cause__ = cause
        cause = above
    assert cause is not None  # noqa: S101 - the chain has at least the error
    return cause


def tls_fault(error: BaseException) -> str:
    """What a person should know of a failed handshake: OpenSSL's words, or else the exception's class."""
    told, below = _reason(error), _below(error)
    while not told and below is not None:
        told, below = _reason(below), _below(below)
    fault = f"TLS failed, the certificate or protocol is not acceptable: {told or type(error).__name__}"
    if "certificate" not in told.lower():
        return fault
    return f"{fault}; where a proxy that inspects TLS, or an authority of your own, signs certificates, pass its file as ca_bundle"


def _below(error: BaseException) -> BaseException | None:
    linked = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return linked or next((part for part in error.args if isinstance(part, BaseException)), None)


def _errno(error: BaseException) -> int | None:
    if isinstance(error, OSError) and not isinstance(error, (ssl.SSLError, socket.gaierror)):
        return error.errno
    return None


def _reason(error: BaseException) -> str:
    if isinstance(error, ssl.SSLError):  # aiohttp has classes of this kind without its attributes
        words = [getattr(error, name, None) for name in ("reason", "verify_message")]
        return ": ".join(word for word in words if isinstance(word, str))
    if isinstance(error, socket.gaierror):
        return str(error.strerror or "")
    number = _errno(error)
    return os.strerror(number) if number else ""
