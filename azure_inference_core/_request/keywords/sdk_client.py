"""What the retired classes passed to the SDK's client, in ``client_kwargs``: fields, or refused. Pure."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from azure_inference_core._request.keywords.ways import (
    EXTRAS,
    Word,
    each,
    idle,
    into,
    mapping,
    refuse,
    refused,
)
from azure_inference_core._request.parameters import COMMON
from azure_inference_core.errors import ConfigurationError
from azure_inference_core.timeouts import Timeouts

_NO_LOG = (
    "it would write the key and the texts into logs; remove it: the logger azure_inference shows host, route, "
    "status, time and request id of each request without them"
)
_NO_VERIFY = (
    "it would let anyone read the key: certificates are always verified; for an authority of your own pass "
    "ca_bundle='/path/to/ca.pem'"
)
NO_CLIENT = (
    "there is no client of OpenAI's or httpx's behind this class; pass ca_bundle= for an authority, trust_env=True "
    "for a proxy, and timeout=, max_retries=, default_headers="
)
_NO_REDIRECT = "redirects are not followed, the key would travel with them; leave it out"
_RETRIES = "say max_retries=; it counts every kind of failure, and 0 switches repeating off"


def client_kwargs(given: Any) -> dict[str, Any]:
    """The keywords that the retired classes passed to the SDK's client, as fields."""
    found: dict[str, Any] = {}
    times: dict[str, Any] = {}
    for name, value in mapping("client_kwargs", given).items():
        if name in CLIENT_TIMES:
            times.update(dict.fromkeys(CLIENT_TIMES[name], value))
        elif name in POLICIES:
            found["policies"] = [*found.get("policies", ()), *policies(value)]
        elif name in _CLIENT_WORDS or name in COMMON - {"tools", "tool_choice"}:
            found[_CLIENT_WORDS.get(name, name)] = value
        elif name == "connection_verify":
            found.update(verify(value))
        elif (word := CLIENT_KWARGS.get(name)) is None:
            known = ", ".join(sorted((*FIELDS_OF_CLIENT, "connection_verify (a CA file)")))
            raise ConfigurationError(
                f"client_kwargs: {name!r} cannot be honoured, there is no SDK client behind this class; understood "
                f"are {known}; see also timeout, max_retries, default_headers and ca_bundle"
            )
        elif word.way == "refused":
            refuse(f"client_kwargs: {name}", word, value)
    return {**found, "timeout": times} if times else found


def policies(given: Any) -> list[Any]:
    """Policies as a list; azure-core takes one alone, too."""
    return [*given] if isinstance(given, (list, tuple)) else [given]


def verify(given: Any) -> dict[str, Any]:
    """The field that ``connection_verify`` means."""
    if isinstance(given, (str, os.PathLike)):
        return {"ca_bundle": os.fspath(given)}
    refuse("connection_verify", refused(_NO_VERIFY, True), given)
    return {}


_CLIENT_WORDS = {
    "api_version": "api_version",
    "credential_scopes": "credential_scopes",
    "headers": "default_headers",
    "model": "model",
    "model_extras": EXTRAS,
    "retry_total": "max_retries",
    "use_env_settings": "trust_env",
    "user_agent": "user_agent",
}
CLIENT_TIMES = {
    "timeout": ("total",),
    "connection_timeout": ("connect",),
    "read_timeout": ("first_byte", "idle"),
}
POLICIES = ("policies", "per_call_policies", "per_retry_policies")

FIELDS_OF_CLIENT = {
    **{word: (name,) for word, name in _CLIENT_WORDS.items()},
    **{word: tuple(f"Timeouts.{part}" for part in parts) for word, parts in CLIENT_TIMES.items()},
    **dict.fromkeys(POLICIES, ("policies",)),
}
"""What its words mean."""

CLIENT_KWARGS: dict[str, Word] = {
    "connection_verify": into("`ca_bundle`, if it is a file; `False` is refused", verify),
    "logging_enable": refused(_NO_LOG, False),
    **each(
        "permit_redirects redirect_max redirect_on_status_codes redirect_remove_headers",
        refused(_NO_REDIRECT, False, 0),
    ),
    **each(
        "retry_connect retry_read retry_status retry_backoff_factor retry_backoff_max retry_mode retry_on_methods "
        "retry_on_status_codes",
        refused(_RETRIES),
    ),
    **each("raw_request_hook raw_response_hook transport connection_cert", refused(NO_CLIENT)),
    **each(
        "request_id tracing_attributes network_span_namer user_agent_overwrite user_agent_use_env http_logging_level "
        "logger logging_policy stream",
        idle("it only observes"),
    ),
    "proxies": refused("set HTTPS_PROXY and pass trust_env=True"),
    **each("tools tool_choice", refused("bind tools to the model, or pass them in a call")),
}
"""Words of the SDK's client, which stand in ``client_kwargs``; others are fields."""


def client_kwargs_of(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of an object as ``client_kwargs`` had them, without headers.

    >>> client_kwargs_of({"max_retries": 4, "user_agent": None, "timeout": Timeouts(60, 5, 30, 30)})
    {'retry_total': 4, 'timeout': 60, 'connection_timeout': 5, 'read_timeout': 30}
    """
    names = {word: name for word, name in _CLIENT_WORDS.items() if name not in ("default_headers", EXTRAS)}
    found = {
        word: value
        for word, name in names.items()
        if (value := fields.get(name)) is not None and value is not False
    }
    if (times := fields.get("timeout")) is not None:
        found.update({word: getattr(Timeouts.of(times), parts[0]) for word, parts in CLIENT_TIMES.items()})
    return found
