"""What the service refuses in a request body, and the bodies it says so with."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

__all__ = ["Refusal", "check_body"]

Check = Callable[[Any], bool]


class Refusal(Exception):  # noqa: N818 - it is an answer, not an error of the tests
    """The service's answer to a request it does not take."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(status)
        self.status = status
        self.body = body


def is_text(value: Any) -> bool:
    """A string."""
    return isinstance(value, str)


def is_flag(value: Any) -> bool:
    """A boolean."""
    return isinstance(value, bool)


def is_whole(value: Any) -> bool:
    """An integer that is no boolean."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: Any) -> bool:
    """A number that is no boolean."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_texts(value: Any) -> bool:
    """A list of strings."""
    return isinstance(value, list) and all(is_text(item) for item in value)


def is_stop(value: Any) -> bool:
    """One string or a list of at least one."""
    return is_text(value) or (is_texts(value) and bool(value))


def is_format(value: Any) -> bool:
    """A response format: an object with a known type, and a schema where it needs one."""
    if not isinstance(value, dict) or value.get("type") not in {"text", "json_object", "json_schema"}:
        return False
    schema = value.get("json_schema")
    return value["type"] != "json_schema" or (
        isinstance(schema, dict) and {"name", "schema"} <= schema.keys()
    )


def is_tools(value: Any) -> bool:
    """At least one function tool, each with a name and a schema that is an object."""
    return isinstance(value, list) and bool(value) and all(is_tool(tool) for tool in value)


def is_tool(value: Any) -> bool:
    """A function tool."""
    function = value.get("function") if isinstance(value, dict) and value.get("type") == "function" else None
    if not isinstance(function, dict) or not is_text(function.get("name")):
        return False
    return isinstance(function.get("parameters", {}), dict)


def is_choice(value: Any) -> bool:
    """A tool choice of the API."""
    if is_text(value):
        return value in {"auto", "none", "required"}
    function = value.get("function") if isinstance(value, dict) and value.get("type") == "function" else None
    return isinstance(function, dict) and is_text(function.get("name"))


def is_images(value: Any) -> bool:
    """A list of images, each with an optional text."""
    if not isinstance(value, list) or not value:
        return False
    return all(isinstance(item, dict) and is_text(item.get("image")) for item in value)


SAMPLING: dict[str, Check] = {
    "frequency_penalty": is_number,
    "max_tokens": is_whole,
    "model": is_text,
    "presence_penalty": is_number,
    "seed": is_whole,
    "stop": is_stop,
    "stream": is_flag,
    "temperature": is_number,
    "top_p": is_number,
}
CHAT: dict[str, Check] = {
    **SAMPLING,
    "messages": lambda value: isinstance(value, list) and bool(value),
    "response_format": is_format,
    "tool_choice": is_choice,
    "tools": is_tools,
}
COMPLETIONS: dict[str, Check] = {**SAMPLING, "prompt": is_text}
OPTIONS: dict[str, Check] = {
    "dimensions": is_whole,
    "encoding_format": lambda v: v in {"float", "base64", "binary", "ubinary", "int8", "uint8"},
    "input_type": lambda v: v in {"text", "query", "document"},
    "model": is_text,
}
EMBEDDINGS: dict[str, Check] = {**OPTIONS, "input": is_texts}
IMAGES: dict[str, Check] = {**OPTIONS, "input": is_images}
SCHEMAS = {
    "/chat/completions": (CHAT, "messages"),
    "/completions": (COMPLETIONS, "prompt"),
    "/embeddings": (EMBEDDINGS, "input"),
    "/images/embeddings": (IMAGES, "input"),
}
PARTS: dict[str, str] = {
    "audio_url": "audio_url",
    "file": "file",
    "image_url": "image_url",
    "input_audio": "input_audio",
    "text": "text",
}


def unprocessable(kind: str, loc: list[Any], message: str, value: Any) -> Refusal:
    """The 422 of a list of violations."""
    return Refusal(422, {"detail": [{"type": kind, "loc": ["body", *loc], "msg": message, "input": value}]})


def check_body(route: str, body: Any, extra_parameters: str | None) -> None:
    """Check one request body.

    Args:
        route: The route it was sent to.
        body: The decoded body.
        extra_parameters: The header of that name.

    Raises:
        Refusal: The service would not take it.
    """
    if not isinstance(body, dict):
        raise unprocessable("model_attributes_type", [], "Input should be a valid dictionary", body)
    schema, required = SCHEMAS[route]
    if required not in body:
        raise unprocessable("missing", [required], "Field required", {})
    for name, value in body.items():
        if name in schema and not schema[name](value):
            raise unprocessable("type", [name], "Input has the wrong type or value", value)
    extras = [name for name in body if name not in schema]
    if extra_parameters not in {None, "error", "drop", "pass-through"}:
        raise Refusal(400, {"detail": f"Unexpected EXTRA_PARAMETERS option {extra_parameters}"})
    if extras and extra_parameters in {None, "error"}:
        raise unprocessable("extra_forbidden", [extras[0]], "Extra inputs are not permitted", body[extras[0]])
    if route == "/chat/completions":
        check_messages(body["messages"])


def check_messages(messages: list[Any]) -> None:
    """Check roles, contents and that each call has one result, right after it (but at the end, where one is wanted)."""
    calls: list[str] = []
    for place, message in enumerate(messages):
        role = message.get("role") if isinstance(message, dict) else None
        if role not in {"assistant", "developer", "system", "tool", "user"}:
            raise unprocessable("enum", ["messages", place, "role"], "Input should be a known role", role)
        check_content(message.get("content"), place, role)
        if role == "tool":
            if message.get("tool_call_id") not in calls:
                raise unpaired("messages with role 'tool' must be a response to a preceding message")
            calls.remove(message["tool_call_id"])
        elif calls:
            raise unpaired("an assistant message with 'tool_calls' must be followed by tool messages")
        calls += [call["id"] for call in message.get("tool_calls") or [] if check_call(call, place)]
        if len(set(calls)) < len(calls):
            raise unpaired("two tool calls have the same id")


def unpaired(text: str) -> Refusal:
    """The 400 of calls and results that do not belong together."""
    message = f"Invalid parameter: {text}"
    return Refusal(400, {"error": {"code": "invalid_request_error", "message": message}})


def check_call(call: Any, place: int) -> bool:
    """Check that a call has an id, and an object's text as arguments; always true."""
    try:
        good = is_text(call["id"]) and isinstance(json.loads(call["function"]["arguments"]), dict)
    except (TypeError, ValueError):
        good = False
    if not good:
        raise unprocessable(
            "json_type", ["messages", place, "tool_calls"], "Arguments should be an object", call
        )
    return good


def check_content(content: Any, place: int, role: str) -> None:
    """Check one message's content: nothing, a string, or known parts, which of others than users are text."""
    if content is None or is_text(content):
        return
    if not isinstance(content, list):
        raise unprocessable(
            "string_type", ["messages", place, "content"], "Input should be a string", content
        )
    for number, part in enumerate(content):
        kind = part.get("type") if isinstance(part, dict) else None
        if kind not in PARTS or PARTS[kind] not in part or (kind != "text" and role != "user"):
            raise unprocessable("enum", ["messages", place, "content", number, "type"], "Unknown part", kind)
