"""The two guards of the extras: against what looks like a secret, and against slips. Pure."""

from __future__ import annotations

import inspect
import logging
import warnings
from collections.abc import Collection, Mapping
from functools import lru_cache
from typing import Any

from azure_inference_core._request.keywords.table import WORDS
from azure_inference_core._request.keywords.ways import EXTRAS, mapping, refuse
from azure_inference_core._request.parameters import COMMON, CONTROLS, NUMBERS, RESERVED
from azure_inference_core._request.secrets import is_secret
from azure_inference_core._request.strict_json import kind_of
from azure_inference_core.errors import ConfigurationError

_log = logging.getLogger("azure_inference")

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

_NO_BOOLS = NUMBERS | {"timeout", "max_retries"}
PER_CALL = COMMON | CONTROLS | {EXTRAS}
CONSTRUCTORS = frozenset(CONNECTION_FIELDS) - PER_CALL
_SECRETS = ("credential", "default_headers", *(name for name, word in WORDS.items() if word.is_secret))
_FIELDS = CONSTRUCTORS | {"model", "timeout", "max_retries"}
_NEVER = CONSTRUCTORS.union(
    _SECRETS, (name for name, word in WORDS.items() if not _FIELDS.isdisjoint(word.to))
) - {*CONTROLS, "model"}
"""What is no extra, not even in ``model_extras``."""

_GUARDED = ("model_kwargs", "additional_kwargs")
"""Other words for ``model_extras``, which siblings also put keywords into that are not meant for a model."""

BAGS = (*_GUARDED, "extra_body", EXTRAS)
HEADERS = frozenset(("headers", "extra_headers", "default_headers"))
_HOLDERS = HEADERS.union(BAGS)
_REAL_EXTRAS = frozenset(
    ("top_k", "top_a", "min_p", "n", "user", "logprobs", "tool", "models", "structured_outputs")
)
_warned: set[str] = set()


def unpacked(name: str, bag: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a mapping of extras holds: headers, and what is for the model."""
    headers: dict[str, Any] = {}
    extras: dict[str, Any] = {}
    if not mapping(name, bag).keys() & _HOLDERS:
        _check_bag(bag, name)
        return headers, dict(bag)
    for key, value in bag.items():
        if key in HEADERS and value is not None:
            headers.update(mapping(f"{key} in {name}", value))
        elif key in BAGS and value is not None:
            inner, found = unpacked(f"{key} in {name}", value)
            headers.update(inner)
            extras.update(found)
        elif key not in _HOLDERS:
            extras[key] = value
    _check_bag(extras, name)
    return headers, extras


def put(found: dict[str, Any], name: str, target: str, value: Any) -> None:
    if isinstance(value, bool) and target in _NO_BOOLS:
        raise ConfigurationError(f"{name} must be a number, not a bool")
    if found.get(target) is not None and found[target] != value:
        other = "" if name == target else f", as {name} too"
        raise ConfigurationError(f"{target} is given twice{other}, with two values; keep one")
    found[target] = value


def tell(name: str, why: str) -> None:
    """Tell once of a keyword that changes nothing."""
    if name not in _warned:
        _warned.add(name)
        _log.debug("%s has no effect: %s", name, why)


def _check_bag(extras: Mapping[Any, Any], field: str) -> None:
    for name, value in extras.items():
        if not isinstance(name, str):
            raise ConfigurationError(f"{field} has a key that is not a string: {kind_of(name)}")
        if name not in WORDS and name not in _NEVER and field not in _GUARDED:
            continue
        if name in _NEVER:
            raise ConfigurationError(
                f"{name} in {field} belongs to the constructor and is not sent to the model"
            )
        if (word := WORDS.get(name)) and word.way == "refused":
            refuse(f"{name} in {field}", word, value)
        if field in _GUARDED:
            _refuse_secret(name, value, PER_CALL)
    if reserved := sorted(RESERVED & extras.keys()):
        raise ConfigurationError(
            f"{field} would overwrite {', '.join(reserved)}: extras may not hold "
            f"{', '.join(sorted(RESERVED))}; use the call's own arguments"
        )


def check_extras(extras: Mapping[str, Any], known: Collection[str]) -> None:
    """Refuse what looks like a secret, and warn of what looks like a slip, at the user's line."""
    for name, value in extras.items():
        near = _refuse_secret(name, value, known)
        if near and name not in _warned:
            _warned.add(name)
            warnings.warn(
                f"{name!r} is not known here and goes to the model as an extra; did you mean {near!r}?",
                UserWarning,
                stacklevel=_frames_of_ours(),
            )


def _frames_of_ours() -> int:
    """How many frames up the first one is that is not in a package of this distribution."""
    frame, level = inspect.currentframe(), 0
    while frame is not None and "azure_inference" in frame.f_globals.get("__name__", "").partition(".")[0]:
        frame, level = frame.f_back, level + 1
    return level


def _refuse_secret(name: str, value: Any, known: Collection[str]) -> str | None:
    """Refuse what looks like a secret; the known word that an extra is one slip from."""
    near = _near(name, frozenset(known))
    if near in _SECRETS or is_secret(name, value):
        hint = f"did you mean {near!r}? " if near else ""
        raise ConfigurationError(
            f"{name} looks like a secret and is not sent to the model: {hint}If the model takes it as a "
            f"parameter, pass {EXTRAS}={{{name!r}: ...}}"
        )
    return near


@lru_cache(512)
def _near(name: str, known: frozenset[str]) -> str | None:
    if name in WORDS or name in _REAL_EXTRAS:
        return name if name in _SECRETS else None
    words = sorted({*known, *PER_CALL, *_SECRETS} - {EXTRAS})
    return next((word for word in words if _one_slip(name, word)), None)


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
