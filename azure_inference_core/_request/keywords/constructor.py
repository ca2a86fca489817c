"""A constructor's keywords, by the fields that they mean. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from azure_inference_core._request.keywords.guards import (
    check_extras,
    put,
    tell,
    unpacked,
)
from azure_inference_core._request.keywords.place import DEPLOYMENTS, placed
from azure_inference_core._request.keywords.table import WORDS, kind_of_class, of_another_class, word_of
from azure_inference_core._request.keywords.ways import EXTRAS, Word, mapping, refuse, with_times
from azure_inference_core.errors import ConfigurationError
from azure_inference_core.timeouts import Timeouts

_NONE_IS_MEANT = frozenset(("query_input_type", "document_input_type", "input_type"))
_CREDENTIALS = ("credential", "azure_ad_token_provider", "azure_ad_async_token_provider", "azure_ad_token")
"""Who wins where several are given; keys by other words come last."""


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
    reading = _Constructor(fields)
    for name, value in given.items():
        reading.take(name, value)
    return reading.read()


def fields_of(given: Mapping[str, Any], fields: Collection[str]) -> dict[str, Any]:
    """Values by the fields that their words name: ``{"model_name": "m"}`` is ``{"model": "m"}``."""
    found = {}
    for name, value in given.items():
        words = (name, *(WORDS[name].to if name in WORDS else ()))
        if field := next((to for to in words if to in fields), None):
            found[field] = value
    return found


class _Constructor:
    """The keywords of one constructor, as they are read."""

    def __init__(self, fields: Collection[str]) -> None:
        self._fields = fields
        self._kind = kind_of_class(fields)
        self._found: dict[str, Any] = {}
        self._translated: list[tuple[str, Any]] = []
        self._credentials: dict[str, Any] = {}
        self._place: dict[str, Any] = {}
        self._extras: dict[str, Any] = {}
        self._unknown: dict[str, Any] = {}

    def take(self, name: str, value: Any) -> None:
        word = None if name in self._fields else word_of(name, self._kind)
        target = next((to for to in word.to if to in self._fields), name) if word else name
        if value is None and target not in _NONE_IS_MEANT:
            return
        if target == EXTRAS:
            headers, extras = unpacked(name, value)
            self._extras.update(extras)
            self._translated += [("default_headers", headers)] if headers else []
        elif target == "credential":
            self._credentials[name] = value
        elif target in self._fields:
            put(self._found, name, target, value)
        elif name == "azure_endpoint" or name in DEPLOYMENTS:
            put(self._place, name, name if name == "azure_endpoint" else "deployment", value)
        elif other := of_another_class(name, word, self._kind):
            raise ConfigurationError(f"{name} cannot be honoured: it is a keyword of {other}")
        elif word is None or word.way == "extra":
            self._unknown[name] = value
        else:
            self._take_word(name, word, value)

    def _take_word(self, name: str, word: Word, value: Any) -> None:
        if word.way == "refused":
            refuse(name, word, value)
        elif word.way == "without effect":
            tell(name, word.why)
        elif word.read is None or (word.to and not set(word.to) & {*self._fields}):
            raise ConfigurationError(f"{name} cannot be honoured by this class; see {', '.join(word.to)}")
        elif word.is_secret:
            self._credentials[name] = word.read(value)["credential"]
        else:
            self._translated += word.read(value).items()

    def read(self) -> dict[str, Any]:
        check_extras(self._unknown, self._fields)
        if self._credentials:
            self._found["credential"] = _chosen(self._credentials)
        for name, value in self._translated:
            self._add(name, value)
        if self._place:
            for name, value in placed(self._found, self._kind, **self._place).items():
                self._add(name, value, said=True)
        times = self._found.get("timeout")
        if times is not None and not isinstance(times, (int, float, str, Timeouts, Mapping)):
            self._found["timeout"] = Timeouts.of(times)
        return {**self._found, EXTRAS: {**self._extras, **self._unknown}}

    def _add(self, name: str, value: Any, *, said: bool = False) -> None:
        """Add what was translated, under what was said in so many words, unless this was."""
        if name not in self._fields and name in WORDS:
            name = next((to for to in WORDS[name].to if to in self._fields), name)
        if name == EXTRAS:
            self._extras = {**mapping(name, value), **self._extras}
        elif name not in self._fields:
            self._unknown[name] = value
        elif name == "default_headers":
            self._found[name] = {**value, **mapping(name, self._found.get(name) or {})}
        elif name == "policies":
            self._found[name] = [*(self._found.get(name) or ()), *value]
        elif name == "timeout" and isinstance(value, Mapping) and name in self._found:
            self._found[name] = with_times(self._found[name], value)
        elif said or (name not in self._found and (value is not None or name in _NONE_IS_MEANT)):
            self._found[name] = value


def _chosen(credentials: Mapping[str, Any]) -> Any:
    """The credential that counts, of several."""
    order = [
        *(name for name in _CREDENTIALS if name in credentials),
        *sorted(credentials.keys() - {*_CREDENTIALS}),
    ]
    first = credentials[order[0]]
    for name in order[1:]:
        one, other = (
            getattr(value, "get_secret_value", lambda value=value: value)()
            for value in (first, credentials[name])
        )
        if isinstance(one, str) and isinstance(other, str) and one != other:
            raise ConfigurationError(f"credential is given twice, as {name} too, with two values; keep one")
        tell(name, f"{order[0]} is used")
    return first


def describe(problems: Iterable[Mapping[str, Any]]) -> str:
    """What is wrong with which field, of pydantic's ``errors()``, without the input, which can be a key."""
    texts = []
    for problem in problems:
        place = ".".join(str(part) for part in problem["loc"])
        message = str(problem["msg"]).removeprefix("Value error, ")
        texts.append(f"{place}: {message}" if place else message)
    return "; ".join(texts)
