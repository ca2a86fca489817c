"""One call's keywords, under the constructor's. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from azure_inference_core._request.keywords.guards import (
    BAGS,
    CONSTRUCTORS,
    HEADERS,
    PER_CALL,
    check_extras,
    put,
    tell,
    unpacked,
)
from azure_inference_core._request.keywords.table import WORDS
from azure_inference_core._request.keywords.ways import EXTRAS, refuse, with_times
from azure_inference_core._request.parameters import OUTPUT_LIMITS, Parameters
from azure_inference_core._request.secrets import hidden_headers
from azure_inference_core.errors import ConfigurationError

_SIZES = ("batch_size", "chunk_size", "embed_batch_size")


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
    if not call.keys() <= PER_CALL:
        call = _read_call(call)
    below, above = _flatten(defaults), _flatten(call)
    if OUTPUT_LIMITS[1] in below or OUTPUT_LIMITS[1] in above:
        below, above = _one_limit(below, above)
    return Parameters({**below, **above})


def merged(params: Parameters | None, keywords: Mapping[str, Any]) -> Parameters:
    """The parameters of a call that takes them merged, as keywords, or both."""
    if isinstance(params, Parameters) and not keywords:
        return params
    return merge_params(params or {}, keywords)


def guarded(call: Mapping[str, Any], show: Callable[[Any], Any] | None = hidden_headers) -> dict[str, Any]:
    """A call's keywords, checked: what may be bound to a model, and shown to those who observe it.

    >>> guarded({"top_k": 5, "extra_headers": {"x-team": "the lighthouse keepers"}})
    {'top_k': 5, 'extra_headers': {'x-team': **********}}

    Args:
        call: The keywords.
        show: What becomes of headers, wherever they stand: by default their values are hidden; ``None`` leaves them out.

    Raises:
        ConfigurationError: As in :func:`merge_params`.
    """
    if EXTRAS in call or not call.keys() <= PER_CALL:
        _read_call(batch_of(call)[1])
    return _shown(call, show)


def header_marks(headers: Any) -> Any:
    """What tells headers apart in the key of a cache without showing them."""
    return {name: value.mark for name, value in hidden_headers(headers).items()}


def _shown(call: Mapping[str, Any], show: Callable[[Any], Any] | None) -> dict[str, Any]:
    shown = dict(call)
    for name in call.keys() & HEADERS:
        headers = shown.pop(name)
        if show is not None and headers is not None:
            shown[name] = show(headers)
    for name in call.keys() & {*BAGS}:
        if isinstance(call[name], Mapping):
            shown[name] = _shown(call[name], show)
    return shown


def batch_of(call: Mapping[str, Any]) -> tuple[int | None, dict[str, Any]]:
    """How many inputs one request of this call has, by whatever word, and the other keywords.

    >>> batch_of({"chunk_size": 5, "dimensions": 3})
    (5, {'dimensions': 3})
    """
    sizes = {call[name] for name in _SIZES if call.get(name) is not None}
    if len(sizes) > 1:
        raise ConfigurationError(f"{' and '.join(_SIZES)} are one thing, and given with two values; keep one")
    return next(iter(sizes), None), {name: value for name, value in call.items() if name not in _SIZES}


def _read_call(call: Mapping[str, Any]) -> dict[str, Any]:
    """The keywords of one call by the parameters and controls that they mean."""
    read: dict[str, Any] = {}
    unknown: dict[str, Any] = {}
    extras: dict[str, Any] = {}
    times: dict[str, Any] = {}
    for name, value in call.items():
        word = None if name in PER_CALL else WORDS.get(name)
        target = next((to for to in word.to if to in PER_CALL), name) if word else name
        if value is None:
            continue
        if target == EXTRAS:
            headers, found = unpacked(name, value)
            for extra, given in found.items():
                put(extras, f"{extra} in {name}", extra, given)
            if headers:
                put(read, name, "headers", headers)
        elif target in PER_CALL:
            put(read, name, target, value)
        elif word is None or word.way == "extra":
            _refuse_constructor(name)
            unknown[name] = value
        elif word.way == "refused":
            refuse(name, word, value)
        elif word.way == "without effect":
            tell(name, word.why)
        else:
            meant = word.read(value) if word.read and not word.is_secret else None
            if meant is None or meant.keys() & CONSTRUCTORS:
                _refuse_constructor(name, always=True)
            else:
                times.update(meant.pop("timeout", {}))
                read.update(meant)
    check_extras(unknown, PER_CALL)
    limits = {"timeout": with_times(read.get("timeout"), times)} if times else {}
    found = {**read, **limits, **unknown}
    return {**found, EXTRAS: extras} if extras else found


def _flatten(params: Mapping[str, Any]) -> dict[str, Any]:
    flat = {k: v for k, v in params.items() if v is not None and k not in (EXTRAS, "model_kwargs")}
    for field in ("model_kwargs", EXTRAS):
        if extras := params.get(field):
            headers, found = unpacked(field, extras)
            if headers:
                found["headers"] = headers
            for name, value in found.items():
                if name in flat and flat[name] != value:
                    raise ConfigurationError(f"{name} is given twice: as a keyword and in {field}; keep one")
                flat[name] = value
    return flat


def _one_limit(below: dict[str, Any], above: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The answer's limit under one of its two names: the call's, else the constructor's."""
    for level in (below, above):
        old, new = (level.get(name) for name in OUTPUT_LIMITS)
        if new is not None and old is not None:
            if new != old:
                raise ConfigurationError(
                    "max_tokens is given twice, as max_completion_tokens too, with two values"
                )
            del level["max_tokens"]
    if above.keys() & {*OUTPUT_LIMITS}:
        below = {name: value for name, value in below.items() if name not in OUTPUT_LIMITS}
    return below, above


def _refuse_constructor(name: str, *, always: bool = False) -> None:
    if always or name in CONSTRUCTORS:
        raise ConfigurationError(
            f"{name} belongs to the constructor and cannot be set for one call; make a copy that has it"
        )
