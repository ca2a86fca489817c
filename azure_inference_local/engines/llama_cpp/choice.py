"""One choice of a chat: in words, in a form, by a forced call, or by a call of the model's own accord."""

from collections.abc import Callable
from typing import Any

from azure_inference_local.engines.base import EngineError
from azure_inference_local.engines.llama_cpp.replies import Reply, chat_logprobs
from azure_inference_local.engines.llama_cpp.runner import Llama
from azure_inference_local.engines.llama_cpp.tool_calls import ForcedCalls, may_be_call, read_calls
from azure_inference_local.engines.llama_cpp.tools import (
    Tools,
    flatten,
    forced_prompt,
    forced_schema,
    kept_short,
)


class ChatChoice:
    """One choice of one chat: chooses the way of answering and writes it to the reply."""

    def __init__(
        self, llama: Llama, reply: Reply, index: int, sampling: dict[str, Any], tools: Tools
    ) -> None:
        self._llama = llama
        self._reply = reply
        self._index = index
        self._sampling = sampling
        self._tools = tools
        self._top = 0
        self.concise = False

    def answer(self, body: dict[str, Any]) -> None:
        """Generate this choice."""
        messages = body.get("messages")
        if not isinstance(messages, list) or not messages:
            raise EngineError(400, "invalid_request", "A chat needs at least one message.")
        request: dict[str, Any] = {**self._sampling, "messages": flatten(messages)}
        schema = _wanted_schema(body.get("response_format"))
        if schema is not None:
            request["response_format"] = self._formed(schema)
        if body.get("logprobs"):
            self._top = int(body.get("top_logprobs") or 0)
            request |= {"logprobs": True, "top_logprobs": max(1, self._top)}
        if self._tools.mode == "forced":
            self._forced(request)
        elif self._tools.mode == "auto" and messages[-1]["role"] != "tool":
            self._free(request)
        else:  # after a tool's result a small model calls it again for ever, so it is asked to answer
            self._plain(request)

    def _plain(self, request: dict[str, Any]) -> None:
        reason = self._generate(
            request, lambda text, logprobs: self._reply.write(self._index, text, logprobs)
        )
        self._finish(reason)

    def _forced(self, request: dict[str, Any]) -> None:
        calls = ForcedCalls()

        def write(text: str, _logprobs: dict[str, Any] | None) -> None:
            for number, name, arguments in calls.feed(text):
                self._reply.tool_call(self._index, number, name, arguments)

        request = {**request, "messages": _with_system(request["messages"], forced_prompt(self._tools))}
        request["response_format"] = self._formed(forced_schema(self._tools))
        reason = self._generate(request, write)
        self._finish("tool_calls" if reason == "stop" else reason)

    def _free(self, request: dict[str, Any]) -> None:
        """Offer the tools; stream as soon as the answer evidently is no call, else read it when it is whole.

        Where the answer must have a form, one that is no call is asked for again, in that form.
        """
        held: list[tuple[str, dict[str, Any] | None]] = []
        open_question = True
        formed = "response_format" in request

        def write(text: str, logprobs: dict[str, Any] | None) -> None:
            nonlocal open_question
            held.append((text, logprobs))
            if open_question and may_be_call("".join(piece for piece, _ in held)) is False:
                open_question = False
            if not open_question and not formed:
                self._release(held)

        tools = [{"type": "function", "function": function} for function in self._tools.functions]
        before = self._reply.prompt_tokens, self._reply.completion_tokens
        offer = {key: value for key, value in request.items() if key != "response_format"}
        reason = self._generate({**offer, "tools": tools}, write)
        calls, attempted = read_calls("".join(piece for piece, _ in held), self._tools.names)
        if calls and reason == "stop":
            for number, call in enumerate(calls[: self._tools.most_calls]):
                self._reply.tool_call(self._index, number, call.name, "")
                self._reply.tool_call(self._index, number, None, call.arguments)
            self._finish("tool_calls")
        elif (formed or (attempted and reason == "stop")) and not self._reply.cancelled:
            # A function of its own invention, or not the form: only the second answer is shown and counted.
            self._reply.prompt_tokens, self._reply.completion_tokens = before
            self._plain(request)
        else:
            self._release(held)
            self._finish(reason)

    def _release(self, held: list[tuple[str, dict[str, Any] | None]]) -> None:
        for text, logprobs in held:
            self._reply.write(self._index, text, logprobs)
        held.clear()

    def _formed(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The request's part that makes the engine keep to a schema."""
        return _schema_format(kept_short(schema) if self.concise else schema)

    def _generate(self, request: dict[str, Any], write: Callable[[str, dict[str, Any] | None], None]) -> str:
        """Run the model; text goes to ``write``, native tool calls and reasoning to the reply. The finish reason."""
        reason = ""

        def receive(chunk: dict[str, Any]) -> bool:
            nonlocal reason
            count_usage(self._reply, chunk.get("usage"), first=self._index == 0)
            for choice in chunk.get("choices", ()):
                delta = choice.get("delta") or {}
                if delta.get("reasoning_content"):
                    self._reply.think(self._index, delta["reasoning_content"])
                if delta.get("content"):
                    write(delta["content"], chat_logprobs(choice.get("logprobs"), self._top))
                for call in delta.get("tool_calls") or ():
                    function = call.get("function") or {}
                    self._reply.tool_call(
                        self._index, call["index"], function.get("name"), function.get("arguments") or ""
                    )
                reason = choice.get("finish_reason") or reason
            return self._reply.cancelled

        self._llama.run("chat_completions", request, receive, lambda: self._reply.begin(self._index))
        return reason

    def _finish(self, reason: str) -> None:
        self._reply.finish(self._index, reason or "stop")


def count_usage(reply: Reply, usage: dict[str, Any] | None, *, first: bool) -> None:
    """Add what a generation used; the prompt counts with the first choice only."""
    if usage:
        reply.completion_tokens += usage["completion_tokens"]
        if first:
            reply.prompt_tokens += usage["prompt_tokens"]


def _with_system(messages: list[dict[str, Any]], text: str) -> list[dict[str, Any]]:
    """The messages with a text added to what the system says, in one system message at the front."""
    said = [message["content"] for message in messages if message["role"] == "system"]
    others = [message for message in messages if message["role"] != "system"]
    return [{"role": "system", "content": "\n".join([*said, text])}, *others]


def _schema_format(schema: dict[str, Any]) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}


def _wanted_schema(wanted: Any) -> dict[str, Any] | None:
    """The JSON schema that a response format asks for, None for free text.

    Raises:
        EngineError: The format is unknown or holds no schema (422).
    """
    kind = wanted.get("type") if isinstance(wanted, dict) else wanted
    if kind in (None, "text"):
        return None
    if kind == "json_object":
        return {"type": "object"}
    if kind == "json_schema" and isinstance(wanted, dict):
        holder = wanted.get("json_schema")
        schema = holder.get("schema") if isinstance(holder, dict) else None
        if isinstance(schema, dict):
            return schema
        raise EngineError(
            422, "invalid_schema", "response_format of type json_schema needs json_schema.schema."
        )
    raise EngineError(422, "invalid_response_format", f"response_format cannot be {kind!r}.")
