"""Every keyword of a constructor or a call, and its way. Pure.

A keyword is a field or parameter, or it stands in :data:`WORDS`, or it is an extra, which goes to the model. Two
guards keep slips and secrets out of the extras; what stands in ``model_extras`` is meant for the model and passes.
"""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Literal, NamedTuple

from azure_inference_core._request.parameters import COMMON, CONTROLS, NUMBERS, RESERVED, Parameters
from azure_inference_core._request.strict_json import kind_of
from azure_inference_core.errors import ConfigurationError
from azure_inference_core.timeouts import Timeouts

EXTRAS = "model_extras"
CONNECTION_FIELDS = (
    "endpoint",
    "credential",
    "model",
    "family",
    "api_version",
    "timeout",
    "max_retries",
    "default_headers",
    "credential_scopes",
    "ca_bundle",
    "dialect",
    "allow_insecure",
    "trust_env",
    "max_connections",
    "max_response_bytes",
    "max_event_bytes",
    "max_request_bytes",
    "user_agent",
    "policies",
)
"""The parameters of :class:`~azure_inference_core.Connection`, which are fields of every framework's classes."""

_NO_LOG = (
    "it would write the key and the texts into logs; remove it: the logger azure_inference shows host, route, "
    "status, time and request id of each request without them"
)
_NO_VERIFY = (
    "it would let anyone read the key: certificates are always verified; for an authority of your own pass "
    "ca_bundle='/path/to/ca.pem'"
)


class Word(NamedTuple):
    """What becomes of a keyword that is neither field nor parameter here.

    Attributes:
        way: An ``"alias"`` of a field, ``"translated"`` into other fields, or ``"refused"``.
        to: The fields an alias can mean: the first that the class has.
        why: Why it is refused, and what to do instead.
        honoured: Values of a refused word that ask for nothing, beside ``None``.
        read: How a translated word is read into fields.
    """

    way: Literal["alias", "translated", "refused"]
    to: tuple[str, ...] = ()
    why: str = ""
    honoured: tuple[Any, ...] = ()
    read: Callable[[Any], dict[str, Any]] | None = None


def _alias(*to: str) -> Word:
    return Word("alias", to)


def _client_kwargs(given: Any) -> dict[str, Any]:
    """The keywords that the retired classes passed to the SDK's client, as fields."""
    found: dict[str, Any] = {}
    times: dict[str, Any] = {}
    for name, value in mapping("client_kwargs", given).items():
        if name in _CLIENT_TIMES:
            times.update(dict.fromkeys(_CLIENT_TIMES[name], value))
        elif name in _CLIENT_WORDS:
            found[_CLIENT_WORDS[name]] = value
        elif name == "connection_verify" and isinstance(value, (str, os.PathLike)):
            found["ca_bundle"] = os.fspath(value)
        elif (word := WORDS.get(name)) and word.way == "refused":
            _refuse(f"client_kwargs: {name}", word, value)
        else:
            known = ", ".join(sorted((*_CLIENT_WORDS, *_CLIENT_TIMES, "connection_verify (a CA file)")))
            raise ConfigurationError(
                f"client_kwargs: {name!r} cannot be honoured, there is no SDK client behind this class; understood "
                f"are {known}; see also timeout, max_retries, default_headers and ca_bundle"
            )
    return {**found, "timeout": Timeouts.of(times)} if times else found


_CLIENT_WORDS = {
    "api_version": "api_version",
    "credential_scopes": "credential_scopes",
    "headers": "default_headers",
    "model": "model",
    "retry_total": "max_retries",
    "user_agent": "user_agent",
}
_CLIENT_TIMES = {
    "timeout": ("total",),
    "connection_timeout": ("connect",),
    "read_timeout": ("first_byte", "idle"),
}

WORDS: dict[str, Word] = {
    "api_base": _alias("endpoint"),
    "api_key": _alias("credential"),
    "base_url": _alias("endpoint"),
    "batch_size": _alias("embed_batch_size"),
    "chunk_size": _alias("batch_size", "embed_batch_size"),
    "client_kwargs": Word("translated", read=_client_kwargs),
    "connection_verify": Word("refused", why=_NO_VERIFY, honoured=(True,)),
    "embed_batch_size": _alias("batch_size"),
    "input_type": Word(
        "translated", read=lambda value: {"query_input_type": value, "document_input_type": value}
    ),
    "logging_enable": Word("refused", why=_NO_LOG, honoured=(False,)),
    "model": _alias("model_name"),
    "model_kwargs": _alias(EXTRAS),
    "model_name": _alias("model"),
    "project_endpoint": Word(
        "refused",
        why="a project's connections are not looked up here; pass the model's own endpoint (in the portal: the "
        "deployment's target URI) and its credential",
    ),
    "service": Word("refused", why="there is the inference service only", honoured=("inference",)),
    "show_progress_bar": _alias("show_progress"),
    "verify_ssl": Word("refused", why=_NO_VERIFY, honoured=(True,)),
}
"""Words of the retired and the sibling classes, whose meaning is the same here or is refused with a way out."""

_NONE_IS_MEANT = frozenset(("query_input_type", "document_input_type", "input_type"))
_NO_BOOLS = NUMBERS | {"timeout", "max_retries"}
_PER_CALL = COMMON | CONTROLS | {EXTRAS}
_CONSTRUCTORS = frozenset(CONNECTION_FIELDS) - _PER_CALL
_SECRETS = ("credential", "api_key", "default_headers")
_SECRET_WORDS = frozenset(
    [
        "key",
        "token",
        "secret",
        "password",
        "credential",
        "credentials",
        "authorization",
        "cookie",
        "signature",
    ]
)
_NO_SECRETS = frozenset(
    ["prompt_cache_key", "pad_token", "bos_token", "eos_token", "stop_token", "cache_salt"]
)
_REAL_EXTRAS = frozenset(
    ["top_k", "top_a", "min_p", "n", "user", "logprobs", "tool", "models", "structured_outputs"]
)
_warned: set[str] = set()


def read_constructor(given: Mapping[str, Any], fields: Collection[str]) -> dict[str, Any]:
    """Read a constructor's keywords.

    Args:
        given: The keywords; ``None`` means "not given", but for an input type, where it means "none".
        fields: The fields of the class.

    Returns:
        Values by field; what no field and no word knows is in ``model_extras``.

    Raises:
        ConfigurationError: A keyword is refused, or given twice with two values; the text never quotes a value.
    """
    found: dict[str, Any] = {}
    translated: dict[str, Any] = {}
    extras: dict[str, Any] = {}
    unknown: dict[str, Any] = {}
    for name, value in given.items():
        word = None if name in fields else WORDS.get(name)
        target = next((to for to in word.to if to in fields), name) if word else name
        if value is None and target not in _NONE_IS_MEANT:
            continue
        if target == EXTRAS:
            extras.update(mapping(name, value))
        elif target in fields:
            _put(found, name, target, value)
        elif word and word.way == "refused":
            _refuse(name, word, value)
        elif word and word.read and (read := word.read(value)).keys() <= {*fields, *WORDS}:
            translated.update(read)
        else:
            unknown[name] = value
    _check_extras(unknown, fields, caller=4)
    for name, value in translated.items():
        target = name if name in fields else next(to for to in WORDS[name].to if to in fields)
        found.setdefault(target, value)
    return {**found, EXTRAS: {**extras, **unknown}}


def merge_params(defaults: Mapping[str, Any], call: Mapping[str, Any]) -> Parameters:
    """Merge a constructor's parameters with a call's: the call wins, ``None`` means "not given".

    >>> merge_params({"temperature": 0, "model_extras": {"top_k": 5}}, {"top_k": 9, "seed": None})
    {'temperature': 0, 'top_k': 9}

    Args:
        defaults: Parameters of the constructor.
        call: Parameters of one call. ``model_extras`` (or ``model_kwargs``) of both are merged, and a
            common parameter found in them counts as if given as a keyword.

    Returns:
        One flat mapping, which the clients take as it is: common parameters, controls and extras by name.

    Raises:
        ConfigurationError: A keyword cannot go to the model, or is given twice with two values.
    """
    unknown = {name: call[name] for name in call.keys() - _PER_CALL if call[name] is not None}
    renamed = {name: WORDS[name].to[0] for name in unknown if name in WORDS and WORDS[name].way == "alias"}
    renamed = {name: to for name, to in renamed.items() if to in _PER_CALL}
    if renamed:
        call = {name: value for name, value in call.items() if name not in renamed or name == "model_kwargs"}
        for name, to in renamed.items():
            if to != EXTRAS:
                _put(call, name, to, unknown[name])
    if unknown := {name: value for name, value in unknown.items() if name not in renamed}:
        _refuse_constructors(unknown)
        _check_extras(unknown, _PER_CALL, caller=5)
    return Parameters({**_flatten(defaults), **_flatten(call)})


def merged(params: Parameters | None, keywords: Mapping[str, Any]) -> Parameters:
    """The parameters of a call that takes them merged, as keywords, or both."""
    if isinstance(params, Parameters) and not keywords:
        return params
    return merge_params(params or {}, keywords)


def _flatten(params: Mapping[str, Any]) -> dict[str, Any]:
    flat = {k: v for k, v in params.items() if v is not None and k not in (EXTRAS, "model_kwargs")}
    for field in ("model_kwargs", EXTRAS):
        if extras := params.get(field):
            _refuse_reserved(mapping(field, extras), field)
            for name, value in extras.items():
                if name in flat and flat[name] != value:
                    raise ConfigurationError(f"{name} is given twice: as a keyword and in {field}; keep one")
                flat[name] = value
    return flat


def mapping(name: str, value: Any) -> Mapping[str, Any]:
    """The value, if it is a mapping.

    Raises:
        ConfigurationError: It is not.
    """
    if not isinstance(value, Mapping):
        raise ConfigurationError(f"{name} must be a mapping of names to values, not {kind_of(value)}")
    return value


def describe(problems: Iterable[Mapping[str, Any]]) -> str:
    """What is wrong with which field, of pydantic's ``errors()``, without the input, which can be a key."""
    texts = []
    for problem in problems:
        place = ".".join(str(part) for part in problem["loc"])
        message = str(problem["msg"]).removeprefix("Value error, ")
        texts.append(f"{place}: {message}" if place else message)
    return "; ".join(texts)


def _put(found: dict[str, Any], name: str, target: str, value: Any) -> None:
    if isinstance(value, bool) and target in _NO_BOOLS:
        raise ConfigurationError(f"{name} must be a number, not a bool")
    if found.get(target) is not None and found[target] != value:
        raise ConfigurationError(f"{target} is given twice, as {name} too, with two values; keep one")
    found[target] = value


def _refuse(name: str, word: Word, value: Any) -> None:
    if value is not None and not any(value is honoured or value == honoured for honoured in word.honoured):
        raise ConfigurationError(f"{name} cannot be honoured: {word.why}")


def _refuse_reserved(extras: Mapping[Any, Any], field: str) -> None:
    for name, value in extras.items():
        if not isinstance(name, str):
            raise ConfigurationError(f"{field} has a key that is not a string: {kind_of(name)}")
        if (word := WORDS.get(name)) and word.way == "refused":
            _refuse(f"{name} in {field}", word._replace(honoured=()), value)
    if reserved := sorted(RESERVED & extras.keys()):
        raise ConfigurationError(
            f"{field} would overwrite {', '.join(reserved)}: extras may not hold "
            f"{', '.join(sorted(RESERVED))}; use the call's own arguments"
        )


def _refuse_constructors(unknown: Mapping[str, Any]) -> None:
    for name, value in unknown.items():
        word = WORDS.get(name)
        if word and word.way == "refused":
            _refuse(name, word._replace(honoured=()), value)
        if _CONSTRUCTORS.intersection((name, *(word.to if word else ()))):
            raise ConfigurationError(
                f"{name} belongs to the constructor and cannot be set for one call; make a copy that has it"
            )


def _check_extras(extras: Mapping[str, Any], known: Collection[str], *, caller: int) -> None:
    """Refuse what looks like a secret, and warn of what looks like a slip, ``caller`` frames up."""
    for name, value in extras.items():
        near = None if name in _REAL_EXTRAS else _near(name, known)
        if near in _SECRETS or _is_secret(name, value):
            hint = f"did you mean {near!r}? " if near else ""
            raise ConfigurationError(
                f"{name} looks like a secret and is not sent to the model: {hint}If the model takes it as a "
                f"parameter, pass {EXTRAS}={{{name!r}: ...}}"
            )
        if near and name not in _warned:
            _warned.add(name)
            warnings.warn(
                f"{name!r} is not known here and goes to the model as an extra; did you mean {near!r}?",
                UserWarning,
                stacklevel=caller,
            )


def _near(name: str, known: Collection[str]) -> str | None:
    words = sorted({*known, *_PER_CALL, *_SECRETS} - {EXTRAS}) if name not in WORDS else ()
    return next((word for word in words if _one_slip(name, word)), None)


def _is_secret(name: str, value: Any) -> bool:
    if name in _NO_SECRETS or re.split(r"[_\-.]|(?<=[a-z])(?=[A-Z])", name)[-1].lower() not in _SECRET_WORDS:
        return False
    return isinstance(value, (str, bytes)) or callable(value) or hasattr(value, "get_secret_value")


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
