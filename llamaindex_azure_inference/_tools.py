"""Tools: schemas, tool choice, and the calls of an answer. Pure."""

from __future__ import annotations

import ast
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from llama_index.core.base.llms.types import ChatMessage, ChatResponse, MessageRole, ToolCallBlock
from llama_index.core.llms.llm import ToolSelection
from llama_index.core.llms.utils import parse_partial_json

from azure_inference_core.errors import ConfigurationError
from llamaindex_azure_inference._messages import wire_name

if TYPE_CHECKING:
    from llama_index.core.tools.types import BaseTool

__all__ = [
    "ToolSpecs",
    "resolve_tool_choice",
    "tool_selections",
    "with_user_message",
]

_CHOICES = ("auto", "none", "required")


class ToolSpecs(list[dict[str, Any]]):
    """Tool definitions in the API's shape, which remember the names the caller gave.

    A tool may be called ``get weather`` in LlamaIndex, but not on the wire. The model is told ``get_weather``, and
    ``names`` leads back, so that the framework finds the tool it asked for.

    Args:
        tools: The tools.
        single: Whether the answer is to be cut to its first call.

    Raises:
        ConfigurationError: Two tools have one name for the model.
    """

    def __init__(self, tools: Sequence[BaseTool], *, single: bool = False) -> None:
        super().__init__(tool.metadata.to_openai_tool(skip_length_check=True) for tool in tools)
        self.single = single
        self.names: dict[str, str] = {}
        for tool, spec in zip(tools, self, strict=True):
            given, sent = tool.metadata.get_name(), spec["function"]["name"]
            if self.names.setdefault(sent, given) != given:
                raise ConfigurationError(
                    f"the tools {self.names[sent]!r} and {given!r} have the same name for the model: {sent!r}"
                )

    def only(self, name: str) -> ToolSpecs:
        """The same, reduced to the tool that the model knows as ``name``."""
        one = ToolSpecs((), single=self.single)
        one.extend(spec for spec in self if spec["function"]["name"] == name)
        one.names = self.names
        return one


def with_user_message(
    history: Sequence[ChatMessage] | None, user_msg: str | ChatMessage | None
) -> list[ChatMessage]:
    """A new list of the history and the user's message; the caller's list is not changed."""
    messages = list(history or ())
    if isinstance(user_msg, str):
        messages.append(ChatMessage(role=MessageRole.USER, content=user_msg))
    elif user_msg is not None:
        messages.append(user_msg)
    return messages


def resolve_tool_choice(
    tool_choice: Any, specs: ToolSpecs, *, required: bool = False, can_force: bool = True
) -> tuple[ToolSpecs, str | dict[str, Any] | None]:
    """Turn every form of tool choice into the API's.

    Args:
        tool_choice: ``None`` (``required`` decides), ``"auto"``, ``"none"``, ``"required"`` (or ``"any"``), a
            tool's name, the API's dict, or the SDK's preset or named choice.
        specs: The tools.
        required: The framework's ``tool_required``.
        can_force: Whether the model accepts being forced. If not, a named tool is the only one offered, and the
            choice is ``"auto"``.

    Returns:
        The tools to send and the choice; the choice is ``None`` when there are no tools.
    """
    if not specs:
        return specs, None
    if tool_choice is None:
        tool_choice = "required" if required else "auto"
    if hasattr(tool_choice, "as_dict") and not isinstance(tool_choice, str):
        tool_choice = tool_choice.as_dict()
    if isinstance(tool_choice, Mapping):
        named = (tool_choice.get("function") or {}).get("name")
        if not isinstance(named, str):
            return specs, dict(tool_choice)
        tool_choice = named
    else:
        tool_choice = str(getattr(tool_choice, "value", tool_choice))
        tool_choice = "required" if tool_choice == "any" else tool_choice
        if tool_choice in _CHOICES:
            return specs, "auto" if tool_choice == "required" and not can_force else tool_choice
    name = wire_name(tool_choice)
    if can_force or name not in specs.names:
        return specs, {"type": "function", "function": {"name": name}}
    return specs.only(name), "auto"


def tool_selections(response: ChatResponse, *, error_on_no_tool_call: bool) -> list[ToolSelection]:
    """The tool calls of an answer, or of what has arrived of one.

    Agents ask on every chunk of a stream, so arguments that are still incomplete are read as far as they go. In a
    finished answer they are not: half of the arguments must not reach a tool, so arguments that are not a JSON object
    count as none, and the tool's complaint goes back to the model.

    Raises:
        ValueError: There is no call and ``error_on_no_tool_call`` is set.
    """
    finished = "finish_reason" in response.additional_kwargs
    calls = _calls(response.message)
    if not calls and error_on_no_tool_call:
        said = (response.message.content or "")[:200]
        raise ValueError(f"Expected at least one tool call, but the model called none; it said {said!r}")
    return [
        ToolSelection(
            tool_id=call_id, tool_name=name, tool_kwargs=_arguments(arguments, partial=not finished)
        )
        for call_id, name, arguments in calls
    ]


def _calls(message: ChatMessage) -> list[tuple[str, str, dict[str, Any] | str]]:
    blocks = [block for block in message.blocks if isinstance(block, ToolCallBlock)]
    if blocks:
        return [(b.tool_call_id or f"call{i:05d}", b.tool_name, b.tool_kwargs) for i, b in enumerate(blocks)]
    found = []
    for i, call in enumerate(message.additional_kwargs.get("tool_calls") or ()):
        function = call.get("function") if isinstance(call, Mapping) else None
        if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
            raise ConfigurationError(
                f"additional_kwargs['tool_calls'][{i}] is not a tool call: no function name"
            )
        found.append((call.get("id") or f"call{i:05d}", function["name"], function.get("arguments") or {}))
    return found


def _arguments(given: dict[str, Any] | str, *, partial: bool) -> dict[str, Any]:
    if isinstance(given, dict):
        return given
    for read in (json.loads, _read_quoted, parse_partial_json if partial else None):
        if read is None:
            break
        try:
            value = read(given)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
        if isinstance(value, dict):
            return value
    return {}


def _read_quoted(text: str) -> Any:
    """Read a dict written with single quotes, as Cohere's models on this API write them."""
    if not (text.startswith("{'") and text.endswith("}")):
        raise ValueError("not written with single quotes")
    return ast.literal_eval(text)
