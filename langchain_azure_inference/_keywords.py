"""Where a constructor's keywords go: to their field, to the extras, or into an error."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from pydantic import BaseModel, SecretStr, ValidationError

from langchain_azure_inference.errors import ConfigurationError

__all__ = ["describe", "sort_keywords"]


def sort_keywords(values: dict[str, Any], cls: type[BaseModel], aliases: Mapping[str, str]) -> dict[str, Any]:
    """Put keywords under their field's name, and those that no field knows into ``model_extras``.

    Args:
        values: The keywords; changed.
        cls: The class they are for.
        aliases: Other words for fields.

    Raises:
        ConfigurationError: A field and its alias disagree, or extras are not a mapping.
    """
    for alias, name in aliases.items():
        given = values.pop(alias, None)
        if given is not None:
            if values.get(name) is not None and values[name] != given:
                raise ConfigurationError(f"{alias} is another word for {name}; pass one of them")
            values[name] = given
    if isinstance(values.get("credential"), str):
        values["credential"] = SecretStr(values["credential"])
    extras: dict[str, Any] = {}
    for name in ("model_kwargs", "model_extras"):
        given = values.pop(name, None)
        if given is not None and not isinstance(given, Mapping):
            raise ConfigurationError(
                f"{name} must be a mapping of names to values, not {type(given).__name__}"
            )
        extras.update(given or {})
    for name in [name for name in values if name not in cls.model_fields]:
        value = values.pop(name)
        # LangChain copies models by their __dict__, cached properties and all.
        if not isinstance(getattr(cls, name, None), cached_property):
            extras[name] = value
    return {**values, "model_extras": extras}


def describe(error: ValidationError) -> str:
    """What is wrong with which field, without the input, which can be a key."""
    problems = []
    for problem in error.errors(include_url=False, include_input=False, include_context=False):
        place = ".".join(str(part) for part in problem["loc"])
        message = problem["msg"].removeprefix("Value error, ")
        problems.append(f"{place}: {message}" if place else message)
    return "; ".join(problems)
