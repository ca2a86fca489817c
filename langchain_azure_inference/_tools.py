"""Tools, ``tool_choice`` and ``response_format`` in every LangChain spelling, to the API's."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_function, convert_to_openai_tool
from pydantic import BaseModel

from azure_inference_core._request.schemas import json_schema_format, strict_tool
from azure_inference_core._request.tools import ImpliedChoice
from langchain_azure_inference.errors import ConfigurationError

ToolLike = dict[str, Any] | type | Callable[..., Any] | BaseTool
"""What a tool can be given as: a dict of any provider's form, a class, a function, a LangChain tool."""

Schema = dict[str, Any] | type[BaseModel] | type
"""What a schema can be given as: JSON schema, function dict, pydantic 2 or 1 class, ``TypedDict``."""

_CHOICES = {"auto": "auto", "none": "none", "any": "required", "required": "required"}


def to_tools(tools: Sequence[ToolLike], *, strict: bool | None = None) -> list[dict[str, Any]]:
    """Map tools to the API's function tools.

    Raises:
        ConfigurationError: Something that is no function tool; the text says which.
    """
    return [_to_tool(tool, strict, position) for position, tool in enumerate(tools)]


def _to_tool(tool: ToolLike, strict: bool | None, position: int) -> dict[str, Any]:
    if (
        isinstance(tool, dict)
        and tool.get("type") == "function"
        and isinstance(tool.get("function"), Mapping)
    ):
        converted = tool
    else:
        try:
            converted = convert_to_openai_tool(tool)
        except (TypeError, ValueError) as error:
            raise ConfigurationError(
                f"tools[{position}] cannot be made a function tool: {str(error)[:300]}"
            ) from error
    function = converted.get("function")
    if converted.get("type") != "function" or not isinstance(function, Mapping):
        raise ConfigurationError(
            f"tools[{position}] is a built-in tool of another provider ({converted.get('type')!r}); "
            "the API has function tools only"
        )
    if strict:
        return strict_tool(converted)
    return converted if strict is None else {**converted, "function": {**function, "strict": False}}


def names_of(tools: Sequence[Mapping[str, Any]]) -> list[Any]:
    """What the API's function tools are called."""
    return [tool["function"].get("name") for tool in tools]


def to_tool_choice(choice: Any, names: Sequence[Any]) -> str | dict[str, Any] | None:
    """Map a ``tool_choice`` to the API's.

    Args:
        choice: ``"auto"``, ``"none"``, ``"any"``, ``"required"``, ``True``, ``False``, ``None``, a tool's
            name, or a dict in the OpenAI, Anthropic or bare form.
        names: The tools there are.

    Raises:
        ConfigurationError: A name that is not among the tools, or an unknown form.
    """
    if choice is None or choice is False:
        return None
    if isinstance(choice, ImpliedChoice):
        return choice
    if choice is True:
        return "required"
    if isinstance(choice, str):
        return _CHOICES.get(choice) or _named(choice, names)
    if isinstance(choice, Mapping):
        kind = choice.get("type")
        function = choice.get("function")
        name = function.get("name") if isinstance(function, Mapping) else choice.get("name")
        if isinstance(name, str):
            return _named(name, names)
        if kind in _CHOICES:
            return _CHOICES[kind]
    raise ConfigurationError(
        "tool_choice must be 'auto', 'none', 'any', 'required', a bool, a tool's name or "
        "{'type': 'function', 'function': {'name': ...}}"
    )


def _named(name: str, names: Sequence[Any]) -> dict[str, Any]:
    if name not in names:
        raise ConfigurationError(f"tool_choice names {name!r}, which is not among the tools: {list(names)}")
    return {"type": "function", "function": {"name": name}}


def schema_format(schema: Schema, *, strict: bool | None = None) -> dict[str, Any]:
    """The ``response_format`` that asks for answers of a schema.

    Args:
        schema: A pydantic class, ``TypedDict``, JSON schema, function dict, or a whole ``response_format``.
        strict: Whether the service must enforce the schema; ``None`` leaves it to the service.

    Raises:
        ConfigurationError: There is no schema in it.
    """
    if isinstance(schema, dict):
        if schema.get("type") == "json_schema" and isinstance(schema.get("json_schema"), dict):
            return schema_format(schema["json_schema"], strict=strict)
        if isinstance(schema.get("schema"), dict) and "name" in schema:
            return json_schema_format(
                schema["name"],
                schema["schema"],
                schema.get("description"),
                strict=schema.get("strict", strict),
            )
        schema = titled(schema)
    try:
        function = convert_to_openai_function(schema)
    except (TypeError, ValueError) as error:
        raise ConfigurationError(f"no JSON schema can be made of it: {str(error)[:300]}") from error
    parameters = function.get("parameters") or {"type": "object", "properties": {}}
    return json_schema_format(function["name"], parameters, function.get("description"), strict=strict)


def titled(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema as a dict with a title where it has no name at all, without which LangChain refuses it."""
    if {"name", "title", "function", "toolSpec", "parameters"} & schema.keys():
        return schema
    return {**schema, "title": "answer"}
