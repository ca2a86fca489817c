"""Tools: definitions, choice, and the calls of an answer. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from llama_index.core.base.llms.types import ChatMessage, ChatResponse
from llama_index.core.chat_engine.types import AgentChatResponse
from llama_index.core.llms.llm import ToolSelection
from llama_index.core.llms.utils import parse_partial_json
from llama_index.core.tools.types import ToolOutput

from azure_inference_core._request.schemas import object_schema
from azure_inference_core._request.tools import (
    CHOICES,
    ImpliedChoice,
    forced_tools,
    new_call_id,
    read_arguments,
)
from llamaindex_azure_inference._messages import calls_of

if TYPE_CHECKING:
    from llama_index.core.tools.types import BaseTool

_Choice = str | dict[str, Any]


class OneCall(list[dict[str, Any]]):
    """Definitions of tools, of whose calls the answer is to have one only."""


class OneObject(OneCall):
    """The definition of a tool the arguments of whose one call are the answer."""


def reading(call: Mapping[str, Any]) -> dict[str, Any]:
    """How the answer to a call is to be read: see :func:`~llamaindex_azure_inference._answers.chat_response`."""
    tools = call.get("tools") or ()
    choice = "required" if isinstance(tools, OneObject) else call.get("tool_choice")
    return {"single": isinstance(tools, OneCall), "forced": forced_tools(tools, choice)}


def definitions(tools: Sequence[BaseTool]) -> list[dict[str, Any]]:
    """Tools in the API's form, under the names that their owner gave them."""
    written = [tool.metadata.to_openai_tool(skip_length_check=True) for tool in tools]
    for tool, definition in zip(tools, written, strict=True):
        function, given = definition["function"], tool.metadata.fn_schema
        function["name"] = tool.metadata.get_name()
        if "properties" not in function["parameters"] and given is not None:
            # The framework drops the reference at the root by which a recursive class is written.
            function["parameters"] = given.model_json_schema()
        function["parameters"] = object_schema(function["parameters"])
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

    Agents ask on every chunk of a stream, so arguments that are still incomplete are read as far as they go, for
    show. In a finished answer they are not, for a call with half of its arguments is another call. One whose
    arguments cannot be read is given under a name that no tool has: whatever its parameters, no tool is run, and the
    framework's answer to the model, "Tool ... not found. Please select a tool that is available.", says what was wrong.

    Raises:
        ValueError: There is no call and ``error_on_no_tool_call`` is set, or the answer was cut off in one.
    """
    extra = response.additional_kwargs
    partial = response.delta is not None and "finish_reason" not in extra
    calls = list(calls_of(response.message, ""))
    if not calls and error_on_no_tool_call:
        said = (response.message.content or "")[:200]
        raise ValueError(f"Expected at least one tool call, but the model called none; it said {said!r}")
    return [_selection(*call, partial=partial, ended=extra.get("finish_reason")) for call in calls]


def _selection(
    call_id: str | None, name: str, arguments: dict[str, Any] | str, *, partial: bool, ended: str | None
) -> ToolSelection:
    given: dict[str, Any] = {}
    try:
        # In a finished answer, only a call that may not be without arguments has none that are text.
        given = arguments if isinstance(arguments, dict) else read_arguments(arguments, may_be_empty=partial)
    except ValueError as error:
        if partial:
            given = grown(str(arguments)) or {}
        elif ended == "length":
            raise ValueError(
                f"the answer was cut off (finish_reason 'length') in its call of {name}, so no tool is run; raise "
                "max_tokens"
            ) from None
        else:
            name = (
                f"{name} was not run: {error}. Call it again, with one whole JSON object as its arguments and nothing "
                "missing. A tool for these arguments was"
            )
    return ToolSelection(tool_id=call_id or new_call_id(), tool_name=name, tool_kwargs=given)


def grown(text: str) -> dict[str, Any] | None:
    """What can be shown of an object that is still arriving."""
    try:
        value = parse_partial_json(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def not_there(call: ToolSelection) -> ToolOutput:
    """The answer to a call that no tool is to be run for, in the words of the framework's agents."""
    why = f"Tool {call.tool_name} not found. Please select a tool that is available."
    return ToolOutput(
        content=why,
        tool_name=call.tool_name,
        raw_input=call.tool_kwargs,
        raw_output=why,
        is_error=True,
        exception=ValueError(why),
    )


def answered(
    response: ChatResponse, outputs: list[ToolOutput], *, error_on_tool_error: bool
) -> AgentChatResponse:
    """What tools gave, as ``predict_and_call`` returns it.

    Raises:
        ValueError: A tool failed and ``error_on_tool_error`` is set.
    """
    text = "\n\n".join(output.content for output in outputs)
    if error_on_tool_error and any(output.is_error for output in outputs):
        raise ValueError(text)
    return AgentChatResponse(response=text if outputs else response.message.content or "", sources=outputs)
