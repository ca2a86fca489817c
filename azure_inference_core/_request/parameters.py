"""The API's common parameters, their checks, and the bytes of a request. Pure.

The common parameters are those of the API's request schemas (``/chat/completions``, ``/completions``,
``/embeddings``, ``/images/embeddings``); every other keyword is an *extra*, which travels in the body
under the rule of the ``extra-parameters`` header.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from azure_inference_core._request.headers import check_headers
from azure_inference_core._request.strict_json import check_keys, kind_of, to_json
from azure_inference_core.errors import ConfigurationError

EXTRA_MODES = ("pass-through", "drop", "error")


class Parameters(dict[str, Any]):
    """Parameters of one call as :func:`merge_params` gives them: common ones, controls and extras by name.

    >>> Parameters(seed=1, top_k=5)
    {'seed': 1, 'top_k': 5}
    """


def _number(name: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise ConfigurationError(f"{name} must be a number, not {kind_of(value)}")
    if not math.isfinite(value):
        raise ConfigurationError(f"{name} must be finite, not {value}")
    return int(value) if isinstance(value, numbers.Integral) else float(value)


def _integer(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise ConfigurationError(f"{name} must be a whole number, not {kind_of(value)}")
    return int(value)


def _word(name: str, value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ConfigurationError(f"{name} must be a non-empty string, not {kind_of(value)}")
    return str(value)


def _texts(name: str, value: Any) -> list[str] | None:
    if isinstance(value, str):
        return [value]
    if not isinstance(value, Sequence) or not all(isinstance(item, str) for item in value):
        raise ConfigurationError(f"{name} must be a string or a list of strings, not {kind_of(value)}")
    return list(value) or None


def plain_format(value: Any) -> Any:
    """The SDK's ``JsonSchemaFormat`` as the API's dict; anything else as it is."""
    if not (hasattr(value, "name") and hasattr(value, "schema")):
        return value
    told = {name: getattr(value, name, None) for name in ("name", "schema", "description", "strict")}
    return {"type": "json_schema", "json_schema": {k: v for k, v in told.items() if v is not None}}


def _format(name: str, value: Any) -> dict[str, Any]:
    value = plain_format(value)
    if value in ("text", "json_object"):
        return {"type": value}
    if isinstance(value, Mapping) and isinstance(value.get("type"), str):
        return dict(value)
    raise ConfigurationError(
        f"{name} must be 'text', 'json_object', a JsonSchemaFormat or a dict with a type such as "
        f"{{'type': 'json_schema', 'json_schema': {{'name': ..., 'schema': ...}}}}, not {kind_of(value)}"
    )


def _as_it_is(_: str, value: Any) -> Any:
    return value or None


_CHECKS: dict[str, Callable[[str, Any], Any]] = {
    "model": _word,
    "temperature": _number,
    "top_p": _number,
    "max_tokens": _integer,
    "stop": _texts,
    "seed": _integer,
    "frequency_penalty": _number,
    "presence_penalty": _number,
    "response_format": _format,
    "tools": _as_it_is,  # checked with the choice among them, before
    "tool_choice": _as_it_is,
    "dimensions": _integer,
    "encoding_format": _word,
    "input_type": _word,
}
"""Every common parameter and what makes a value of it the API's; ``None`` leaves it out."""

_names = tuple(_CHECKS)
SAMPLING = _names[:8]
"""The parameters of text generation, as both routes that write text take them."""

CHAT_PARAMETERS = frozenset(_names[:11])
COMPLETION_PARAMETERS = frozenset(SAMPLING)
EMBEDDING_PARAMETERS = frozenset(("model", *_names[11:]))
NUMBERS = frozenset(name for name, check in _CHECKS.items() if check in (_number, _integer))
THOUGHTS = ("split_think", "send_reasoning")
"""What a chat call says of the model's thoughts."""

CONTROLS = frozenset(("extra_parameters", "timeout", "max_retries", "stream_usage", *THOUGHTS, "headers"))
"""What a call may say of itself beside its parameters; none of it goes into the body."""

COMMON = CHAT_PARAMETERS | EMBEDDING_PARAMETERS
RESERVED = frozenset(("messages", "prompt", "input", "stream", "tools", "tool_choice", "model"))
"""What no extra may be called."""


@dataclass(frozen=True, slots=True)
class EncodedRequest:
    """One request, ready to send except for the credential.

    Attributes:
        body: The JSON body, UTF-8.
        headers: Headers that depend on the call, lower-case names.
        model: The model the call names, if any.
    """

    body: bytes
    headers: dict[str, str]
    model: str | None


def encode_request(
    own: str,
    content: Any,
    params: Parameters,
    known: frozenset[str],
    *,
    extras_header: bool,
    stream: bool = False,
    stream_options: bool = False,
    max_bytes: int = 32 * 1024 * 1024,
) -> EncodedRequest:
    """Encode one request.

    Args:
        own: The route's own field: ``"messages"``, ``"prompt"`` or ``"input"``.
        content: What stands in it.
        params: The call's parameters.
        known: The common parameters of the route.
        extras_header: Whether the endpoint knows the ``extra-parameters`` header.
        stream: Whether to ask for a stream.
        stream_options: Whether the endpoint sends usage in a stream only when asked to.
        max_bytes: Largest body to send, bytes.

    Raises:
        ConfigurationError: Something cannot be sent; the text names it and its position.
    """
    body: dict[str, Any] = {}
    extras: dict[str, Any] = {}
    for name, value in params.items():
        if name in known:
            if (checked := _CHECKS[name](name, value)) is not None:
                body[name] = checked
        elif name not in CONTROLS:
            extras[name] = value
    if reserved := sorted(RESERVED & extras.keys()):
        raise ConfigurationError(
            f"the call would overwrite {', '.join(reserved)}; use the call's own arguments"
        )
    if stream:
        body["stream"] = True
        _ask_for_usage(body, extras, params.get("stream_usage"), stream_options)
    headers = _extras_header(extras, params.get("extra_parameters"), extras_header)
    headers.update(check_headers(params.get("headers")))
    body.update(extras)
    encoded = to_json({own: content, **body}, max_bytes)
    check_keys(body)
    return EncodedRequest(encoded, headers, body.get("model"))


def _ask_for_usage(
    body: dict[str, Any], extras: dict[str, Any], wanted: bool | None, stream_options: bool
) -> None:
    if wanted is False or not (wanted or stream_options):
        return
    given = extras.pop("stream_options", {})
    if not isinstance(given, Mapping):
        raise ConfigurationError(f"stream_options must be a mapping, not {kind_of(given)}")
    options = {"include_usage": True, **given}
    # Where usage always comes, `stream_options` is an extra like any other.
    (body if stream_options else extras)["stream_options"] = options


def _extras_header(extras: dict[str, Any], mode: Any, supported: bool) -> dict[str, str]:
    if mode is not None and mode not in EXTRA_MODES:
        raise ConfigurationError(f"extra_parameters must be one of {', '.join(EXTRA_MODES)}, not {mode!r}")
    if not supported:
        if extras and mode == "error":
            raise ConfigurationError(
                f"unknown parameters {', '.join(sorted(extras))}: extra_parameters is 'error', and this "
                "endpoint has no extra-parameters header to judge them by"
            )
        if mode == "drop":
            extras.clear()
        return {}
    if extras or mode:
        return {"extra-parameters": mode or "pass-through"}
    return {}
