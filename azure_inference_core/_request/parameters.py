"""The API's common parameters, their checks, and the bytes of a request. Pure.

The common parameters are those of the API's request schemas (``/chat/completions``, ``/completions``,
``/embeddings``, ``/images/embeddings``); every other keyword is an *extra*, which travels in the body
under the rule of the ``extra-parameters`` header.
"""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from azure_inference_core._request.headers import check_headers
from azure_inference_core._request.strict_json import check_keys, kind_of, to_json
from azure_inference_core.errors import ConfigurationError
from azure_inference_core.families import UNKNOWN, Family

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
    "max_completion_tokens": _integer,  # an extra of this API, and OpenAI's newer name of a common parameter
}
"""Every common parameter and what makes a value of it the API's; ``None`` leaves it out."""

_names = tuple(_CHECKS)
SAMPLING = _names[:8]
"""The parameters of text generation, as both routes that write text take them."""

CHAT_PARAMETERS = frozenset(_names[:11])
COMPLETION_PARAMETERS = frozenset(SAMPLING)
EMBEDDING_PARAMETERS = frozenset(("model", *_names[11:14]))
OUTPUT_LIMITS = ("max_tokens", "max_completion_tokens")
"""The two names of one thing; which of them a model takes is a habit of its."""

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


@dataclass(slots=True)
class Draft:
    """A request before it is encoded, which the habits of a deployment may change.

    Attributes:
        own: The route's own field: ``"messages"``, ``"prompt"`` or ``"input"``.
        content: What stands in it.
        params: The call's parameters, and those that this package adds.
        added: Which of ``params`` the user did not give.
        family: What is known of the model.
        stream: Whether to ask for a stream.
        counts_unasked: Whether streams of the endpoint tell their usage without being asked, as far as is known.
        extras_header: Whether the endpoint knows the ``extra-parameters`` header.
        api_version: The ``api-version`` to send.
        is_version_chosen: Whether the user chose it.
    """

    own: str
    content: Any
    params: dict[str, Any]
    added: set[str] = field(default_factory=set)
    family: Family = UNKNOWN
    stream: bool = False
    counts_unasked: bool = True
    extras_header: bool = True
    api_version: str = ""
    is_version_chosen: bool = True

    def add(self, name: str, value: Any) -> None:
        """Put in what the user did not ask for by this name."""
        self.params[name] = value
        self.added.add(name)


def encode_request(
    draft: Draft, known: frozenset[str], *, max_bytes: int = 32 * 1024 * 1024
) -> EncodedRequest:
    """Encode one request.

    Args:
        draft: The request.
        known: The common parameters of the route.
        max_bytes: Largest body to send, bytes.

    Raises:
        ConfigurationError: Something cannot be sent; the text names it and its position.
    """
    body: dict[str, Any] = {}
    extras: dict[str, Any] = {}
    params = draft.params
    for name, value in params.items():
        if name in known:
            if (checked := _CHECKS[name](name, value)) is not None:
                body[name] = checked
        elif name not in CONTROLS and (draft.stream or name != "stream_options"):
            extras[name] = value
    if reserved := sorted(RESERVED & extras.keys()):
        raise ConfigurationError(
            f"the call would overwrite {', '.join(reserved)}; use the call's own arguments"
        )
    if draft.stream:
        body["stream"] = True
    for limit in OUTPUT_LIMITS:
        if limit in extras:
            extras[limit] = _integer(limit, extras[limit])
    if not draft.extras_header:
        # Where nothing judges extras, a limit and what this package added are none that a call's mode is about.
        body.update({name: extras.pop(name) for name in draft.added.union(OUTPUT_LIMITS) & extras.keys()})
    headers = _extras_header(extras, params.get("extra_parameters"), draft.extras_header)
    headers.update(check_headers(params.get("headers")))
    body.update(extras)
    encoded = to_json({draft.own: draft.content, **body}, max_bytes)
    check_keys(body)
    return EncodedRequest(encoded, headers, body.get("model"))


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
