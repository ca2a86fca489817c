"""``client_kwargs`` of the retired integrations: what they passed to the SDK's client, as fields of these classes."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from azure_inference_core import Timeouts
from azure_inference_core.errors import ConfigurationError

__all__ = ["read_client_kwargs"]

_SAME = {
    "api_version": "api_version",
    "credential_scopes": "credential_scopes",
    "headers": "default_headers",
    "model": "model",
    "retry_total": "max_retries",
    "user_agent": "user_agent",
}
_TIMES = {"connection_timeout": ("connect",), "read_timeout": ("first_byte", "idle")}


def read_client_kwargs(given: Mapping[str, Any] | None) -> dict[str, Any]:
    """Read the SDK client's keywords.

    Returns:
        Fields by name.

    Raises:
        ConfigurationError: A keyword has no counterpart here; the text names it and those that have one.
    """
    found: dict[str, Any] = {}
    times: dict[str, float] = {}
    for name, value in (given or {}).items():
        if name in _SAME:
            found[_SAME[name]] = value
        elif name in _TIMES:
            times.update(dict.fromkeys(_TIMES[name], value))
        elif name == "connection_verify" and isinstance(value, (str, os.PathLike)):
            found["ca_bundle"] = os.fspath(value)
        elif not (name == "connection_verify" and value is True):
            known = ", ".join(sorted((*_SAME, *_TIMES, "connection_verify")))
            raise ConfigurationError(
                f"client_kwargs[{name!r}] cannot be honoured: there is no SDK client behind this class. "
                f"Understood are {known} (a CA file); see also timeout, max_retries, default_headers and ca_bundle"
            )
    if times:
        found["timeout"] = Timeouts(**times)
    return found
