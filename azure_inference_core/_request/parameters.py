"""Parameters in, body bytes and headers out. Pure: the standard library and the errors only.

The common parameters are those of the API's request schemas (``/chat/completions``, ``/completions``,
``/embeddings``, ``/images/embeddings``); every other keyword is an *extra*, which travels in the body
under the rule of the ``extra-parameters`` header.
"""

from __future__ import annotations

import math
import numbers
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from azure_inference_core._request.headers import check_headers
from azure_inference_core._request.strict_json import check_keys, kind_of, to_json
from azure_inference_core.errors import ConfigurationError

_SAMPLING = (
    "temperature",
    "top_p",
    "max_tokens",
    "stop",
    "seed",
    "frequency_penalty",
    "presence_penalty",
    "model",
)
CHAT_PARAMETERS = frozenset((*_SAMPLING, "response_format", "tools", "tool_choice"))
COMPLETION_PARAMETERS = frozenset(_SAMPLING)
EMBEDDING_PARAMETERS = frozenset(("dimensions", "encoding_format", "input_type", "model"))
CONTROLS = frozenset(("extra_parameters", "timeout", "max_retries", "stream_usage", "headers"))
EXTRA_MODES = ("pass-through", "drop", "error")

_RESERVED = frozenset(("messages", "prompt", "input", "stream", "tools", "tool_choice", "model"))
_KNOWN_NAMES = CHAT_PARAMETERS | EMBEDDING_PARAMETERS | CONTROLS | {"model_extras", "model_kwargs"}
_COMMON_EXTRAS = frozenset(("top_k", "min_p", "n", "user", "logprobs", "tool"))
_INTEGERS = frozenset(("max_tokens", "seed", "dimensions"))
_NUMBERS = frozenset(("temperature", "top_p", "frequency_penalty", "presence_penalty"))
_NEVER_SENT = {
    "logging_enable": "it would write the key and the texts into logs; the logger azure_inference tells host, "
    "route, status, time and request id",
    "connection_verify": "certificates are always verified; for authorities of your own pass ca_bundle='...'",
    "verify_ssl": "certificates are always verified; for authorities of your own pass ca_bundle='...'",
}
_TOOL_CHOICES = ("auto", "none", "required")
_warned: set[str] = set()


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


def merge_params(defaults: Mapping[str, Any], call: Mapping[str, Any]) -> dict[str, Any]:
    """Merge a constructor's parameters with a call's: the call wins, ``None`` means "not given".

    >>> merge_params({"temperature": 0, "model_extras": {"top_k": 5}}, {"top_k": 9, "seed": None})
    {'temperature': 0, 'top_k': 9}

    Args:
        defaults: Parameters of the constructor.
        call: Parameters of one call. ``model_extras`` (or ``model_kwargs``) of both are merged, and a
            common parameter found in them counts as if given as a keyword.

    Returns:
        One flat mapping: common parameters, controls and extras by name.

    Raises:
        ConfigurationError: An extra is reserved, or a parameter is given twice with two values.
    """
    return {**_flatten(defaults), **_flatten(call)}


def _flatten(params: Mapping[str, Any]) -> dict[str, Any]:
    flat = {k: v for k, v in params.items() if v is not None and k not in ("model_extras", "model_kwargs")}
    for field in ("model_kwargs", "model_extras"):
        extras = params.get(field)
        if not extras:
            continue
        if not isinstance(extras, Mapping):
            raise ConfigurationError(f"{field} must be a mapping of names to values, not {kind_of(extras)}")
        _refuse_reserved(extras, field)
        for name, value in extras.items():
            if name in flat and flat[name] != value:
                raise ConfigurationError(f"{name} is given twice: as a keyword and in {field}; keep one")
            flat[name] = value
    return flat


def _refuse_reserved(extras: Mapping[Any, Any], field: str) -> None:
    for name in _NEVER_SENT.keys() & extras.keys():
        raise ConfigurationError(f"{name} cannot be set: {_NEVER_SENT[name]}")
    if bad := [k for k in extras if not isinstance(k, str)]:
        raise ConfigurationError(f"{field} has a key that is not a string: {kind_of(bad[0])}")
    if reserved := sorted(_RESERVED & extras.keys()):
        raise ConfigurationError(
            f"{field} would overwrite {', '.join(reserved)}: extras may not hold "
            f"{', '.join(sorted(_RESERVED))}; use the call's own arguments"
        )


def encode_request(
    payload: Mapping[str, Any],
    params: Mapping[str, Any],
    known: frozenset[str],
    *,
    extras_header: bool,
    stream: bool = False,
    stream_options: bool = False,
    max_bytes: int = 32 * 1024 * 1024,
) -> EncodedRequest:
    """Encode one request.

    Args:
        payload: The route's own field: ``messages``, ``prompt`` or ``input``.
        params: What the caller gave, as :func:`merge_params` takes it.
        known: The common parameters of the route.
        extras_header: Whether the endpoint knows the ``extra-parameters`` header.
        stream: Whether to ask for a stream.
        stream_options: Whether the endpoint sends usage in a stream only when asked to.
        max_bytes: Largest body to send, bytes.

    Raises:
        ConfigurationError: Something cannot be sent; the text names it and its position.
    """
    flat = _flatten(params)
    controls = {name: flat.pop(name) for name in CONTROLS & flat.keys()}
    body: dict[str, Any] = dict(payload)
    extras: dict[str, Any] = {}
    for name, value in flat.items():
        if name in known:
            _put(body, name, value)
        else:
            extras[name] = value
    _check_tools(body)
    _refuse_reserved(extras, "the call")
    _warn_of_slips(extras)
    if stream:
        body["stream"] = True
        _ask_for_usage(body, extras, controls.get("stream_usage"), stream_options)
    headers = _extras_header(extras, controls.get("extra_parameters"), extras_header)
    headers.update(check_headers(controls.get("headers")))
    body.update(extras)
    encoded = to_json(body, max_bytes)
    check_keys({name: value for name, value in body.items() if name not in payload})
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


def _put(body: dict[str, Any], name: str, value: Any) -> None:
    if name in _NUMBERS:
        body[name] = _number(name, value)
    elif name in _INTEGERS:
        body[name] = _integer(name, value)
    elif name == "stop":
        if stop := _stop(value):
            body["stop"] = stop
    elif name == "response_format":
        body["response_format"] = _response_format(value)
    elif name in ("model", "encoding_format", "input_type"):
        if not isinstance(value, str) or not value:
            raise ConfigurationError(f"{name} must be a non-empty string, not {kind_of(value)}")
        body[name] = str(value)
    elif name == "tools":
        if isinstance(value, (str, bytes, Mapping)) or not isinstance(value, Sequence):
            raise ConfigurationError(f"tools must be a list, not {kind_of(value)}")
        if value:
            body["tools"] = list(value)
    else:
        body[name] = value


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


def _stop(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if not isinstance(value, Sequence) or not all(isinstance(item, str) for item in value):
        raise ConfigurationError(f"stop must be a string or a list of strings, not {kind_of(value)}")
    return list(value)


def _response_format(value: Any) -> dict[str, Any]:
    if value in ("text", "json_object"):
        return {"type": value}
    if isinstance(value, Mapping) and isinstance(value.get("type"), str):
        return dict(value)
    if hasattr(value, "name") and hasattr(value, "schema"):  # azure.ai.inference.models.JsonSchemaFormat
        schema: dict[str, Any] = {"name": value.name, "schema": value.schema}
        for field in ("description", "strict"):
            if (given := getattr(value, field, None)) is not None:
                schema[field] = given
        return {"type": "json_schema", "json_schema": schema}
    raise ConfigurationError(
        f"response_format must be 'text', 'json_object', a JsonSchemaFormat or a dict with a type such as "
        f"{{'type': 'json_schema', 'json_schema': {{'name': ..., 'schema': ...}}}}, not {kind_of(value)}"
    )


def _check_tools(body: dict[str, Any]) -> None:
    names: set[str] = set()
    for position, tool in enumerate(body.get("tools", ())):
        function = tool.get("function") if isinstance(tool, Mapping) else None
        name = function.get("name") if isinstance(function, Mapping) else None
        if not isinstance(name, str) or not name:
            raise ConfigurationError(f"tools[{position}] has no function name")
        if name in names:
            raise ConfigurationError(f"tools[{position}]: two tools are named {name!r}")
        names.add(name)
        parameters = function.get("parameters") if isinstance(function, Mapping) else None
        if parameters is not None and not isinstance(parameters, Mapping):
            raise ConfigurationError(f"tools[{position}].function.parameters must be a JSON schema object")
    _check_tool_choice(body, names)


def _check_tool_choice(body: dict[str, Any], names: set[str]) -> None:
    choice = body.get("tool_choice")
    if choice is None:
        return
    named = None
    if isinstance(choice, Mapping):
        function = choice.get("function")
        named = function.get("name") if isinstance(function, Mapping) else None
        if choice.get("type") != "function" or not isinstance(named, str):
            raise ConfigurationError(
                "tool_choice as a dict must be {'type': 'function', 'function': {'name': ...}}"
            )
    elif choice not in _TOOL_CHOICES:
        raise ConfigurationError(f"tool_choice must be one of {', '.join(_TOOL_CHOICES)} or a named function")
    if not names:
        if named or choice == "required":
            raise ConfigurationError("tool_choice asks for a tool call, but there are no tools")
        del body["tool_choice"]
    elif named and named not in names:
        raise ConfigurationError(
            f"tool_choice names {named!r}, which is not among the tools: {sorted(names)}"
        )


def _warn_of_slips(extras: Mapping[str, Any]) -> None:
    for name in extras:
        if name in _warned or name in _COMMON_EXTRAS:
            continue
        if near := next((known for known in sorted(_KNOWN_NAMES) if _one_slip(name, known)), None):
            _warned.add(name)
            warnings.warn(
                f"{name!r} is not a parameter of the API and goes to the model as an extra; did you mean {near!r}?",
                UserWarning,
                stacklevel=4,
            )


def _one_slip(a: str, b: str) -> bool:
    """Whether one insertion, deletion, substitution or swap of neighbours turns ``a`` into ``b``."""
    if a == b or abs(len(a) - len(b)) > 1:
        return False
    head = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    rest_a, rest_b = a[head:], b[head:]
    return (
        rest_a[1:] == rest_b
        or rest_a == rest_b[1:]
        or rest_a[1:] == rest_b[1:]
        or (rest_a[:2] == rest_b[1::-1] and rest_a[2:] == rest_b[2:])
    )
