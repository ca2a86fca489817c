"""The ways that a keyword can take, and how a row of the tables is written. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Literal, NamedTuple

from azure_inference_core._request.strict_json import kind_of
from azure_inference_core.errors import ConfigurationError
from azure_inference_core.timeouts import Timeouts

EXTRAS = "model_extras"


class Word(NamedTuple):
    """What becomes of a keyword that is neither field nor parameter here.

    Attributes:
        way: An ``"alias"`` of a field, ``"translated"`` into other fields, ``"without effect"`` (accepted, and told
            once at DEBUG), ``"refused"``, or an ``"extra"`` that is meant for the model.
        to: The fields an alias can mean: the first that there is.
        why: What it becomes, or why it has no effect or is refused and what to do instead.
        honoured: Values of a refused word that ask for nothing, beside ``None``.
        read: How a translated word is read into fields.
        is_secret: Whether its value is one.
    """

    way: Literal["alias", "translated", "without effect", "refused", "extra"]
    to: tuple[str, ...] = ()
    why: str = ""
    honoured: tuple[Any, ...] = ()
    read: Callable[[Any], dict[str, Any]] | None = None
    is_secret: bool = False


def alias(*to: str, is_secret: bool = False) -> Word:
    return Word("alias", to, is_secret=is_secret)


def idle(why: str) -> Word:
    return Word("without effect", why=why)


def refused(why: str, *honoured: Any) -> Word:
    return Word("refused", why=why, honoured=honoured)


def into(why: str, read: Callable[[Any], dict[str, Any]], *, is_secret: bool = False) -> Word:
    return Word("translated", why=why, read=read, is_secret=is_secret)


def each(names: str, word: Word) -> dict[str, Word]:
    return dict.fromkeys(names.split(), word)


def mapping(name: str, value: Any) -> Mapping[str, Any]:
    """The value, if it is a mapping.

    Raises:
        ConfigurationError: It is not.
    """
    if not isinstance(value, Mapping):
        raise ConfigurationError(f"{name} must be a mapping of names to values, not {kind_of(value)}")
    return value


def with_times(given: Any, parts: Mapping[str, Any]) -> Any:
    """A ``timeout`` with parts of it that were given by words of their own; what it says in total stays."""
    if given is None or (isinstance(given, Mapping) and "total" not in given):
        return {**(given or {}), **parts}
    return Timeouts.of(given).replaced({name: value for name, value in parts.items() if name != "total"})


def refuse(name: str, word: Word, value: Any) -> None:
    """Refuse a word, unless its value asks for nothing.

    Raises:
        ConfigurationError: With what to do instead; the value is not quoted.
    """
    if value is not None and not any(value is honoured or value == honoured for honoured in word.honoured):
        raise ConfigurationError(f"{name} cannot be honoured: {word.why}")
