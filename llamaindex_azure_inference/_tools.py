"""Tools: definitions, choice, and the calls of an answer. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from llama_index.core.base.llms.types import ChatMessage, ChatResponse
from llama_index.core.llms.llm import ToolSelection
from llama_index.core.llms.utils import parse_partial_json

from azure_inference_core._request.tools import CHOICES, ImpliedChoice, new_call_id, read_arguments
from llamaindex_azure_inference._messages import calls_of

if TYPE_CHECKING:
    from llama_index.core.tools.types import BaseTool

_Choice = str | dict[str, Any]


class OneCall(list[dict[str, Any]]):
    """Definitions of tools, of whose calls the answer is to have one only."""


def definitions(tools: Sequence[BaseTool]) -> list[dict[str, Any]]:
    """Tools in the API's form, under the names that their owner gave them."""
    written = [tool.metadata.to_openai_tool(skip_length_check=True) for tool in tools]
    for tool, definition in zip(tools, written, strict=True):
        definition["function"]["name"] = tool.metadata.get_name()
    return written


def with_user_message(
    history: Sequence[ChatMessage] | None, user_msg: str | ChatMessage | None
) -> list[ChatMessage]:
    """A new list of the history and the user's message; the caller's list is not changed."""
    messages = list(history or ())
    if user_msg is not None:
        messages.append(ChatMessage(user_msg) if isinstance(user_msg, str) else user_msg)
    return messages


def read_choice(given: Any, *, required: bool) -> _Choice:
    """A tool choice in the API's form.

    Args:
        given: ``None`` (``required`` decides), ``"auto"``, ``"none"``, ``"required"`` (or ``"any"``), a tool's name,
            the API's dict, or the SDK's preset or named choice.
        required: The framework's ``tool_required``.
    """
    if given is None:
        return "required" if required else "auto"
    if isinstance(given, ImpliedChoice):
        return given
    if hasattr(given, "as_dict"):
        given = given.as_dict()
    if isinstance(given, Mapping):
        return dict(given)
    word = str(getattr(given, "value", given))
    if word == "any":
        return "required"
    return word if word in CHOICES else {"type": "function", "function": {"name": word}}


def unforced(tools: list[dict[str, Any]], choice: _Choice) -> tuple[list[dict[str, Any]], _Choice]:
    """Tools and choice for a model that cannot be forced: it chooses, a named tool being the only one offered."""
    if isinstance(choice, dict):
        named = (choice.get("function") or {}).get("name")
        only = [tool for tool in tools if tool["function"]["name"] == named]
        return (only, "auto") if only else (tools, choice)
    return tools, "auto" if choice == "required" else choice


def selections(response: ChatResponse, *, error_on_no_tool_call: bool) -> list[ToolSelection]:
    """The tool calls of an answer, or of what has arrived of one.

    Agents ask on every chunk of a stream, so arguments that are still incomplete are read as far as they go. In a
    finished answer they are not: half of the arguments must not reach a tool, so arguments that are not a JSON object
    count as none, and the tool's complaint goes back to the model.

    Raises:
        ValueError: There is no call and ``error_on_no_tool_call`` is set.
    """
    finished = "finish_reason" in response.additional_kwargs
    calls = list(calls_of(response.message, ""))
    if not calls and error_on_no_tool_call:
        said = (response.message.content or "")[:200]
        raise ValueError(f"Expected at least one tool call, but the model called none; it said {said!r}")
    return [
        ToolSelection(
            tool_id=call_id or new_call_id(),
            tool_name=name,
            tool_kwargs=_arguments(arguments, partial=not finished),
        )
        for call_id, name, arguments in calls
    ]


def _arguments(given: dict[str, Any] | str, *, partial: bool) -> dict[str, Any]:
    if isinstance(given, dict):
        return given
    try:
        return read_arguments(given)
    except ValueError:
        pass
    try:
        value = parse_partial_json(given) if partial else None
    except (ValueError, RecursionError):
        value = None
    return value if isinstance(value, dict) else {}
