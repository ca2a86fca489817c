"""What users of the two retired integrations still pass, and what becomes of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from azure_inference_core import Timeouts
from langchain_azure_inference.errors import ConfigurationError

__all__ = ["honour_retired"]

Values = dict[str, Any]


def honour_retired(values: Values) -> Values:
    """Translate keywords of ``AzureAIChatCompletionsModel`` and ``AzureAIEmbeddingsModel``.

    Args:
        values: Constructor keywords; not touched.

    Returns:
        A copy in which what has a successor stands under its name.

    Raises:
        ConfigurationError: A keyword that cannot be honoured; the text says what to do instead.
    """
    values = dict(values)
    if values.pop("project_endpoint", None) is not None:
        raise ConfigurationError(
            "project_endpoint: a project's connections are not looked up here; pass the model's own endpoint "
            "(in the portal: the deployment's target URI) and its credential"
        )
    if (service := values.pop("service", None)) not in (None, "inference"):
        raise ConfigurationError(f"service {service!r} is not the inference service")
    for name, value in dict(values.pop("client_kwargs", None) or {}).items():
        honour = _CLIENT_KWARGS.get(name)
        if honour is None:
            raise ConfigurationError(
                f"client_kwargs: {name!r} has no successor; there are timeout, max_retries, default_headers, "
                "ca_bundle, credential_scopes, api_version and user_agent"
            )
        honour(values, value)
    return values


def _renamed(name: str) -> Callable[[Values, Any], None]:
    def honour(values: Values, value: Any) -> None:
        if value is not None and values.get(name) is None:
            values[name] = value

    return honour


def _timeout(field: str) -> Callable[[Values, Any], None]:
    def honour(values: Values, value: Any) -> None:
        if values.get("timeout") is None or isinstance(values["timeout"], dict):
            timeout = {**(values.get("timeout") or {}), field: value}
            if field == "first_byte":
                timeout["idle"] = value
            values["timeout"] = timeout

    return honour


def _verify(values: Values, value: Any) -> None:
    if value is False:
        raise ConfigurationError(
            "client_kwargs: connection_verify=False would let anyone read the key; pass the authority's file "
            "as ca_bundle='/path/to/ca.pem'"
        )
    if value is not True:
        _renamed("ca_bundle")(values, value)


def _logging(_values: Values, value: Any) -> None:
    if value:
        raise ConfigurationError(
            "client_kwargs: logging_enable writes keys and prompts into logs; "
            "logging.getLogger('azure_inference').setLevel('DEBUG') shows each request without them"
        )


_CLIENT_KWARGS: dict[str, Callable[[Values, Any], None]] = {
    "api_version": _renamed("api_version"),
    "connection_timeout": _timeout("connect"),
    "connection_verify": _verify,
    "credential_scopes": _renamed("credential_scopes"),
    "headers": _renamed("default_headers"),
    "logging_enable": _logging,
    "read_timeout": _timeout("first_byte"),
    "retry_total": _renamed("max_retries"),
    "timeout": _renamed("timeout"),
    "user_agent": _renamed("user_agent"),
}


def to_timeouts(value: float | Timeouts | dict[str, float] | None) -> float | Timeouts:
    """A ``timeout`` field as the core takes it; ``None`` is the default, as everywhere in LangChain."""
    if value is None:
        return Timeouts()
    if not isinstance(value, dict):
        return value
    known = ("total", "connect", "first_byte", "idle")
    if unknown := sorted(value.keys() - set(known)):
        raise ConfigurationError(f"timeout has unknown keys {unknown}; there are {', '.join(known)}")
    return Timeouts(**value)
