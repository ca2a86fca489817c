"""Headers that may be sent, checked before anything is. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from azure_inference_core._request.strict_json import kind_of
from azure_inference_core.errors import ConfigurationError

_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
AUTH_HEADERS = frozenset(("authorization", "api-key"))
_RESERVED_HEADERS = frozenset(
    ("host", "content-length", "content-type", "transfer-encoding", "connection", *AUTH_HEADERS)
)


def check_headers(headers: Mapping[str, Any] | None, allowed: frozenset[str] = frozenset()) -> dict[str, str]:
    """Copy and check extra headers; a value may be a ``SecretStr``.

    Args:
        headers: Values by name.
        allowed: Names that may be given though the client sets them itself.

    Raises:
        ConfigurationError: A name or value is not legal in HTTP, or the name is the client's own. The
            value is never part of the text.
    """
    if headers is not None and not isinstance(headers, Mapping):
        raise ConfigurationError(f"headers must be a mapping of names to values, not {kind_of(headers)}")
    checked: dict[str, str] = {}
    for name, value in (headers or {}).items():
        if not isinstance(name, str) or not _TOKEN.fullmatch(name):
            raise ConfigurationError(f"a header name is not legal in HTTP: {name!r}")
        if name.lower() in _RESERVED_HEADERS - allowed:
            raise ConfigurationError(f"the header {name} is set by the client itself and cannot be given")
        reveal = getattr(value, "get_secret_value", None)
        checked[name.lower()] = header_value(f"the header {name}", reveal() if reveal else value)
    return checked


def header_value(what: str, value: Any) -> str:
    """Check one header value; surrounding white space is removed.

    Raises:
        ConfigurationError: Not a string, or with characters HTTP does not allow; the text names ``what``,
            never the value.
    """
    if not isinstance(value, str):
        raise ConfigurationError(f"{what} must be a string, not {kind_of(value)}")
    stripped: str = value.strip()
    if not stripped.isascii() or not stripped.isprintable():
        raise ConfigurationError(
            f"{what} has a control character, a line break or a character outside ASCII in it"
        )
    return stripped
