"""Tools, ``tool_choice`` and ``response_format`` in every LangChain spelling, to the API's."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from langchain_core.tools import BaseTool
from langchain_core.tools.base import create_schema_from_function
from langchain_core.utils.function_calling import convert_to_openai_tool
from langchain_core.utils.json import parse_partial_json
from pydantic import BaseModel, PydanticUserError, TypeAdapter
from pydantic.v1 import BaseModel as BaseModelV1
from typing_extensions import is_typeddict

from azure_inference_core._request.schemas import (
    has_untyped,
    is_object,
    is_recursive,
    json_schema_format,
    object_schema,
    strict_tool,
)
from azure_inference_core._request.tools import ImpliedChoice, read_arguments
from langchain_azure_inference.errors import ConfigurationError

ToolLike = dict[str, Any] | type | Callable[..., Any] | BaseTool
"""What a tool can be given as: a dict of any provider's form, a class, a function, a LangChain tool."""

Schema = dict[str, Any] | type[BaseModel] | type
"""What a schema can be given as: JSON schema, function dict, pydantic 2 or 1 class, dataclass, ``TypedDict``."""

_CHOICES = {"auto": "auto", "none": "none", "any": "required", "required": "required"}
_NO_PARAMETERS: dict[str, Any] = {"type": "object", "properties": {}}


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
            converted = _converted(tool)
        except (KeyError, TypeError, ValueError) as error:
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


def _converted(given: ToolLike) -> dict[str, Any]:
    """A tool or schema as LangChain converts it, with the parameters that the conversion loses.

    LangChain writes references out, which empties recursive classes and never ends for recursive ``TypedDict``s, and
    it knows no schemas but those of objects.
    """
    try:
        tool = convert_to_openai_tool(given)
    except RecursionError:
        name = getattr(given, "__name__", "")
        tool = {"type": "function", "function": {"name": name, "description": inspect.getdoc(given) or ""}}
    if tool.get("type") != "function" or "function" not in tool:
        return tool
    parameters = tool["function"].get("parameters")
    if parameters is None or has_untyped(parameters):
        schema = schema_of(given)
        if schema is not None and (parameters is None or is_recursive(schema)):
            parameters = {name: schema[name] for name in schema if name not in ("title", "description")}
    if parameters is None:
        return tool
    return {**tool, "function": {**tool["function"], "parameters": object_schema(parameters)}}


def schema_of(given: Any) -> dict[str, Any] | None:
    """The JSON schema of a schema or tool in any of LangChain's forms; ``None`` where there is none."""
    if isinstance(given, BaseTool):
        given = given.tool_call_schema
    if isinstance(given, dict):
        for inner in ("json_schema", "function", "schema", "parameters", "input_schema"):
            if isinstance(given.get(inner), dict):
                return schema_of(given[inner])
        return None if "name" in given else given
    if isinstance(given, type) and issubclass(given, BaseModelV1):
        return given.schema()
    try:
        if not is_typeddict(given) and not isinstance(given, type) and callable(given):
            given = create_schema_from_function("tool", given)
        return TypeAdapter(given).json_schema()
    except PydanticUserError:
        if not is_typeddict(given):
            return None
        # pydantic reads those of typing from Python 3.12 on.
        try:
            function = convert_to_openai_tool(given)["function"]
        except RecursionError:
            why = f"{given.__name__} holds itself: make it of typing_extensions.TypedDict"
            raise ConfigurationError(why) from None
        return {"title": function["name"], **function["parameters"]}


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


class CallText:
    """The arguments of one streamed call, passed on so that LangChain reads what the model wrote and nothing else.

    LangChain completes what was cut off and reads plain JSON only. So other forms are held back until they can be
    written as JSON, and arguments that cannot be read get an end that LangChain cannot complete either.
    """

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._passing = False

    def feed(self, piece: str) -> str:
        """Take a piece, and give what can be passed on."""
        self._pieces.append(piece)
        if not self._passing and _PLAIN.match(piece := "".join(self._pieces)):
            self._passing = True
            return piece
        return piece if self._passing else ""

    def end(self, *, may_be_empty: bool) -> str:
        """What is still to be passed on."""
        text = "".join(self._pieces)
        if not text.strip() and may_be_empty:
            return ""
        try:
            arguments = read_arguments(text, may_be_empty=False)
        except ValueError:
            end = next(end for end in _ENDS if not _can_be_completed(text + end))
            return end if self._passing else text + end
        return "" if self._passing else json.dumps(arguments, ensure_ascii=False)


_PLAIN = re.compile(r'\s*\{\s*["}]')
_ENDS = ("", "]", "}", '"]', '"}', '""]', '""}')


def _can_be_completed(text: str) -> bool:
    try:
        return not text or isinstance(parse_partial_json(text), dict)
    except ValueError:
        return False


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
        function = _converted(schema)["function"]
    except (KeyError, TypeError, ValueError) as error:
        raise ConfigurationError(f"no JSON schema can be made of it: {str(error)[:300]}") from error
    parameters = function.get("parameters") or _NO_PARAMETERS
    return json_schema_format(function["name"], parameters, function.get("description"), strict=strict)


def sound_format(given: Any) -> Any:
    """A ``response_format`` of ``create_agent``'s, whose answer LangChain reads: strict where it says so."""
    described = given.get("json_schema") if isinstance(given, dict) else None
    schema = schema_of(described) if isinstance(described, dict) and "name" in described else None
    return given if schema is None or not is_object(schema) else schema_format(given)


def titled(schema: dict[str, Any]) -> dict[str, Any]:
    """A schema as a dict with a title where it has no name at all, without which LangChain refuses it."""
    if {"name", "title", "function", "toolSpec", "parameters"} & schema.keys():
        return schema
    return {**schema, "title": "answer"}
