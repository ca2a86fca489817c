"""Tools for small models: the schema that forces a call, and tool turns as plain chat.

llama.cpp accepts ``tool_choice`` but does not enforce it for every chat template, so a forced call is a JSON schema
of our own.
"""

import json
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from azure_inference_local.engines.base import EngineError

_MOST_CALLS = 4
_SHORT_TEXT = 80
_SHORT_LIST = 5


@dataclass(frozen=True, slots=True)
class Tools:
    """The functions of a request and how they may be used.

    Attributes:
        functions: The ``function`` objects that may be called.
        mode: "none", "auto" or "forced".
        parallel: Whether one answer may hold several calls; None when the request does not say.
    """

    functions: tuple[dict[str, Any], ...]
    mode: str
    parallel: bool | None

    @property
    def names(self) -> frozenset[str]:
        """The names of the functions."""
        return frozenset(function["name"] for function in self.functions)

    @property
    def most_calls(self) -> int:
        """How many calls of one answer are kept."""
        return 1 if self.parallel is False else 128


def read_tools(body: dict[str, Any]) -> Tools:
    """The tools of a request.

    Raises:
        EngineError: A tool has no name, or the choice names a function that is not there (400).
    """
    functions = []
    for tool in body.get("tools") or ():
        function = tool.get("function") if isinstance(tool, dict) else None
        if (
            not isinstance(function, dict)
            or not isinstance(function.get("name"), str)
            or not function["name"]
        ):
            raise EngineError(400, "invalid_tool", "Every tool needs a function with a name.")
        functions.append(function)
    choice = body.get("tool_choice")
    parallel = body.get("parallel_tool_calls")
    if isinstance(choice, dict):
        wanted = (choice.get("function") or {}).get("name")
        named = tuple(function for function in functions if function["name"] == wanted)
        if not named:
            raise EngineError(
                400, "invalid_tool_choice", f"tool_choice names {wanted!r}, which is not among the tools."
            )
        return Tools(named[:1], "forced", parallel)
    if choice not in (None, "auto", "none", "required", "any"):
        raise EngineError(400, "invalid_tool_choice", f"tool_choice cannot be {choice!r}.")
    if choice in ("required", "any"):
        if not functions:
            raise EngineError(400, "invalid_tool_choice", "tool_choice is 'required' but there are no tools.")
        return Tools(tuple(functions), "forced", parallel)
    return Tools(tuple(functions), "auto" if functions and choice != "none" else "none", parallel)


def forced_prompt(tools: Tools) -> str:
    """The system text that tells a model which calls it can write."""
    lines = ["You call functions. Available functions:"]
    for function in tools.functions:
        properties = (function.get("parameters") or {}).get("properties", {})
        lines.append(
            f"- {function['name']}: {function.get('description') or ''} Parameters: {json.dumps(properties)}"
        )
    form = 'a JSON object {"name": ..., "arguments": {...}}'
    if tools.parallel:
        form = f"a JSON array of calls, each {form}, one for each thing that is asked"
    lines.append(f"Reply only with {form}.")
    return "\n".join(lines)


def forced_schema(tools: Tools) -> dict[str, Any]:
    """The JSON schema every answer of a forced call matches."""
    definitions: dict[str, Any] = {}
    calls = [
        _call_schema(function, f"f{number}", definitions) for number, function in enumerate(tools.functions)
    ]
    call: dict[str, Any] = calls[0] if len(calls) == 1 else {"anyOf": calls}
    schema = (
        {"type": "array", "items": call, "minItems": 1, "maxItems": _MOST_CALLS}
        if tools.parallel
        else dict(call)
    )
    if definitions:
        schema["$defs"] = definitions
    return schema


def _call_schema(function: dict[str, Any], prefix: str, definitions: dict[str, Any]) -> dict[str, Any]:
    parameters = function.get("parameters") or {"type": "object"}
    if not isinstance(parameters, dict):
        raise EngineError(
            422, "invalid_schema", f"The parameters of {function['name']} are not a JSON schema."
        )
    own = {key: value for key, value in parameters.items() if key not in ("$defs", "definitions", "$schema")}
    if not own.keys() & {"type", "anyOf", "oneOf", "allOf", "$ref"}:
        own["type"] = "object"
    if own.get("type", "object") != "object":
        raise EngineError(422, "invalid_schema", f"The parameters of {function['name']} must be an object.")
    for group in ("$defs", "definitions"):
        for name, schema in (parameters.get(group) or {}).items():
            definitions[f"{prefix}_{name}"] = _move_references(schema, prefix)
    moved = _move_references(own, prefix)
    if '"#/$defs/' + prefix + '"' in json.dumps(moved) + json.dumps(definitions):
        definitions[prefix] = moved
    return {
        "type": "object",
        "properties": {"name": {"const": function["name"]}, "arguments": moved},
        "required": ["name", "arguments"],
        "additionalProperties": False,
    }


def _move_references(schema: Any, prefix: str) -> Any:
    """The schema with its references pointing at definitions that moved to the root under a prefix."""
    if isinstance(schema, list):
        return [_move_references(item, prefix) for item in schema]
    if not isinstance(schema, dict):
        return schema
    moved = {key: _move_references(value, prefix) for key, value in schema.items()}
    reference = schema.get("$ref")
    if isinstance(reference, str) and reference.startswith("#"):
        inner = re.fullmatch(r"#/(?:\$defs|definitions)/(.+)", reference)
        moved["$ref"] = f"#/$defs/{prefix}_{inner.group(1)}" if inner else f"#/$defs/{prefix}"
    return moved


def kept_short(schema: Any) -> Any:
    """The schema with an end to every string and list that it leaves open.

    The smallest models never close some of them by themselves.
    """
    if isinstance(schema, list):
        return [kept_short(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    short = {
        key: value if key in ("const", "enum", "default", "examples") else kept_short(value)
        for key, value in schema.items()
    }
    kind = schema.get("type")
    if kind == "string" and not schema.keys() & {"const", "enum", "format", "pattern", "maxLength"}:
        short["maxLength"] = max(_SHORT_TEXT, schema.get("minLength") or 0)
    if kind == "array" and "maxItems" not in schema:
        short["maxItems"] = max(_SHORT_LIST, schema.get("minItems") or 0)
    return short


def flatten(messages: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The conversation with tool turns as plain chat, which small models follow better, and text parts joined.

    Raises:
        EngineError: A part of a message is not text (400).
    """
    flat: list[dict[str, Any]] = []
    results: list[str] = []
    names: dict[Any, str] = {}

    def say_results() -> None:
        if results:
            text = "\n".join(results) + "\nAnswer the question with it."
            flat.append({"role": "user", "content": text})
            results.clear()

    for message in messages:
        role = message.get("role") if isinstance(message, dict) else None
        if role not in _ROLES:
            raise EngineError(400, "invalid_request", f"A message has the role {role!r}.")
        if role == "tool":
            name = names.get(message.get("tool_call_id"), "the function")
            results.append(f"Result of {name}: {plain_text(message.get('content'))}")
            continue
        say_results()
        calls = message.get("tool_calls") or ()
        written = [_written_call(call, names) for call in calls]
        content = "\n".join([text for text in [plain_text(message.get("content"))] if text] + written)
        flat.append({"role": _ROLES[role], "content": content})
    say_results()
    return flat


_ROLES = {"system": "system", "developer": "system", "user": "user", "assistant": "assistant", "tool": "user"}


def _written_call(call: dict[str, Any], names: dict[Any, str]) -> str:
    function = call.get("function") or {}
    names[call.get("id")] = str(function.get("name"))
    arguments = function.get("arguments") or "{}"
    with suppress(ValueError):  # written by a model; shown as it is where it is no JSON
        arguments = json.loads(arguments) if isinstance(arguments, str) else arguments
    return json.dumps({"name": function.get("name"), "arguments": arguments}, ensure_ascii=False)


def plain_text(content: Any) -> str:
    """The text of a message's content, a string or a list of text parts.

    Raises:
        EngineError: It holds something else, such as an image (400).
    """
    if content is None or isinstance(content, str):
        return content or ""
    texts = []
    for part in content:
        if isinstance(part, str):
            texts.append(part)
        elif isinstance(part, dict) and part.get("type") in ("text", "refusal"):
            texts.append(str(part.get("text") or part.get("refusal") or ""))
        else:
            kind = part.get("type") if isinstance(part, dict) else type(part).__name__
            raise EngineError(
                400, "unsupported_content", f"This model reads text; it cannot take a part of type {kind!r}."
            )
    return "\n".join(texts)
