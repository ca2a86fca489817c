"""Tools, ``tool_choice`` and ``response_format`` in every LangChain spelling, to the API's."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_function, convert_to_openai_tool
from pydantic import BaseModel

from langchain_azure_inference.errors import ConfigurationError

__all__ = ["Schema", "ToolLike", "named_by_narrowing", "schema_format", "to_tool_choice", "to_tools"]

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
    if isinstance(tool, dict) and tool.get("type") == "function" and "function" in tool and strict is None:
        return tool
    try:
        converted = convert_to_openai_tool(tool, strict=strict)
    except (TypeError, ValueError) as error:
        raise ConfigurationError(
            f"tools[{position}] cannot be made a function tool: {str(error)[:300]}"
        ) from error
    if converted.get("type") != "function" or not isinstance(converted.get("function"), dict):
        raise ConfigurationError(
            f"tools[{position}] is a built-in tool of another provider ({converted.get('type')!r}); "
            "the API has function tools only"
        )
    if strict:
        converted["function"]["parameters"] = _closed(converted["function"].get("parameters") or {})
    return converted


def to_tool_choice(choice: Any, names: Sequence[str]) -> str | dict[str, Any] | None:
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


def _named(name: str, names: Sequence[str]) -> dict[str, Any]:
    if name not in names:
        raise ConfigurationError(f"tool_choice names {name!r}, which is not among the tools: {list(names)}")
    return {"type": "function", "function": {"name": name}}


def named_by_narrowing(params: dict[str, Any]) -> None:
    """Say "this tool" as "some tool, of this one" to models that refuse to be told a name.

    DeepSeek's models on Azure answer a named ``tool_choice`` with a 400; LangChain's own provider for them
    does the same.
    """
    choice = params.get("tool_choice")
    if isinstance(choice, dict) and "deepseek" in (params.get("model") or "").lower():
        name = choice["function"]["name"]
        params["tools"] = [tool for tool in params["tools"] if tool["function"]["name"] == name]
        params["tool_choice"] = "required"


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
            return _format(
                schema["name"], schema["schema"], schema.get("description"), schema.get("strict", strict)
            )
        if "parameters" not in schema and "title" not in schema and "name" not in schema:
            schema = {**schema, "title": "answer"}
    try:
        function = convert_to_openai_function(schema)
    except (TypeError, ValueError) as error:
        raise ConfigurationError(f"no JSON schema can be made of it: {str(error)[:300]}") from error
    parameters = function.get("parameters") or {"type": "object", "properties": {}}
    return _format(function["name"], parameters, function.get("description"), strict)


def _format(
    name: str, schema: dict[str, Any], description: str | None, strict: bool | None
) -> dict[str, Any]:
    described: dict[str, Any] = {"name": legal_name(name), "schema": _closed(schema) if strict else schema}
    if description:
        described["description"] = description
    if strict is not None:
        described["strict"] = strict
    return {"type": "json_schema", "json_schema": described}


def legal_name(name: str) -> str:
    """A name as the API wants it: 1 to 64 letters, digits, ``_`` and ``-``."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", name)[:64] or "answer"


def _closed(schema: dict[str, Any]) -> dict[str, Any]:
    """The schema in the strict form: every object names all its properties as required, and no others."""
    closed = copy.deepcopy(schema)
    waiting: list[Any] = [closed]
    while waiting:
        item = waiting.pop()
        if isinstance(item, list):
            waiting.extend(item)
        elif isinstance(item, dict):
            properties = item.get("properties")
            if item.get("type") == "object" and isinstance(properties, dict):
                item["required"] = list(properties)
                item["additionalProperties"] = False
            waiting.extend(item.values())
    return closed
