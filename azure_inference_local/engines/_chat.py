"""The embedded chat engine: chats, forced and free tool calls, text completions, over llama.cpp in this process."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from azure_inference_local.engines._base import EngineError, OnChunk
from azure_inference_local.engines._llama import Llama
from azure_inference_local.engines._tools import (
    ForcedCalls,
    Tools,
    flatten,
    forced_prompt,
    forced_schema,
    kept_short,
    may_be_call,
    read_calls,
    read_tools,
)
from azure_inference_local.engines._wire import Reply, chat_logprobs, text_logprobs

_MOST_CHOICES = 128
_SEEDS = 2**32 - 1  # the last 32-bit number means "random" to llama.cpp
_SAMPLING = (
    "temperature",
    "top_p",
    "top_k",
    "min_p",
    "typical_p",
    "frequency_penalty",
    "presence_penalty",
    "repeat_penalty",
    "repeat_last_n",
    "dry_multiplier",
    "dry_base",
    "dry_allowed_length",
    "mirostat",
    "mirostat_tau",
    "mirostat_eta",
    "logit_bias",
    "ignore_eos",
)
"""What is passed on as it is; anything else in a body is not the engine's business and is left out."""


class LocalChatEngine:
    """A GGUF model, answering in this process.

    Args:
        path: The GGUF file.
        name: The name to report; the file's name by default.
        context_window: Tokens of one request, prompt and answer together.
        slots: Requests that generate at the same time; further ones wait in order.
        threads: Processor threads; by default all that this process may use, at most 8, and one fewer for generation.
        max_waiting: Requests that may wait; beyond them a request is refused with 429.
        default_max_tokens: Length of an answer where the request sets none.
        concise: End strings and lists that a schema leaves open; for models too small to end them.

    Raises:
        EngineError: The file is missing or no model, or the optional dependency is not installed (503).
    """

    def __init__(
        self,
        path: str | Path,
        *,
        name: str | None = None,
        context_window: int = 4096,
        slots: int = 4,
        threads: int | None = None,
        max_waiting: int = 256,
        default_max_tokens: int = 512,
        concise: bool = False,
    ) -> None:
        file = Path(path).expanduser()
        self.name = name or file.stem
        self.context_window = context_window
        self._default_max_tokens = default_max_tokens
        self._concise = concise
        self._llama = Llama(
            file, context=context_window, slots=slots, threads=threads, max_waiting=max_waiting
        )

    def chat(self, body: dict[str, Any], on_chunk: OnChunk | None = None) -> dict[str, Any]:
        """Answer a chat; see ``ChatEngine.chat``."""
        tools = read_tools(body)
        reply = Reply(self.name, text=False, listener=on_chunk)
        for index in range(_choices(body)):
            if not reply.cancelled:
                choice = _ChatChoice(self._llama, reply, index, self._sampling(body, index), tools)
                choice.concise = self._concise
                choice.answer(body)
        return reply.end()

    def complete(self, body: dict[str, Any], on_chunk: OnChunk | None = None) -> dict[str, Any]:
        """Continue one prompt or several; see ``ChatEngine.complete``."""
        for name in ("suffix", "best_of"):
            if body.get(name) not in (None, "", 1):
                raise EngineError(422, "unsupported_parameter", f"This engine does not support {name}.")
        prompt = body.get("prompt", "")
        prompts = prompt if isinstance(prompt, list) and not _is_tokens(prompt) else [prompt]
        reply = Reply(self.name, text=True, listener=on_chunk)
        index = 0
        for each in prompts:
            for number in range(_choices(body)):
                if not reply.cancelled:
                    self._continue(body, each, reply, index, first=number == 0)
                index += 1
        return reply.end()

    def _continue(self, body: dict[str, Any], prompt: Any, reply: Reply, index: int, *, first: bool) -> None:
        request = {**self._sampling(body, index), "prompt": prompt}
        wanted = body.get("logprobs")
        top = int(wanted) if wanted is not None and wanted is not False else None
        if top is not None:
            request["logprobs"] = max(1, top)
        offset = 0
        if body.get("echo") and isinstance(prompt, str):
            reply.write(index, prompt)
            offset = len(prompt)

        def receive(chunk: dict[str, Any]) -> bool:
            nonlocal offset
            _count(reply, chunk.get("usage"), first=first)
            for choice in chunk.get("choices", ()):
                if choice.get("text") and body.get("max_tokens") != 0:
                    found = None if top is None else text_logprobs(choice.get("logprobs"), top, offset)
                    offset += len(choice["text"])
                    reply.write(index, choice["text"], found)
                if choice.get("finish_reason"):
                    reply.finish(index, choice["finish_reason"])
            return reply.cancelled

        self._llama.run("completions", request, receive)

    def _sampling(self, body: dict[str, Any], index: int) -> dict[str, Any]:
        """The parameters both routes share, in llama.cpp's words."""
        request = {name: body[name] for name in _SAMPLING if body.get(name) is not None}
        limit = body.get("max_tokens")
        limit = body.get("max_completion_tokens") if limit is None else limit
        request["max_tokens"] = max(1, int(self._default_max_tokens if limit is None else limit))
        stop = body.get("stop")
        if stop:
            request["stop"] = [text for text in ([stop] if isinstance(stop, str) else stop) if text]
        seed = body.get("seed")
        if seed is not None:
            request["seed"] = (int(seed) + index) % _SEEDS
        # What else the slot has cached changes the last digits of the arithmetic, and with them the answer.
        request["cache_prompt"] = seed is None and body.get("temperature") != 0
        return request

    def count_tokens(self, text: str) -> int:
        """The number of tokens of a text."""
        return self._llama.count_tokens(text)

    def close(self) -> None:
        """Cancel what is running, wait for it, and free the model."""
        self._llama.close()

    def __enter__(self) -> "LocalChatEngine":
        """The engine itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()


class _ChatChoice:
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
        messages = body["messages"]
        request: dict[str, Any] = {**self._sampling, "messages": flatten(messages)}
        schema = _wanted_schema(body.get("response_format"))
        if schema is not None:
            request["response_format"] = self._formed(schema)
        if body.get("logprobs"):
            self._top = int(body.get("top_logprobs") or 0)
            request |= {"logprobs": True, "top_logprobs": max(1, self._top)}
        self._reply.begin(self._index)
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
                self._reply.call(self._index, number, name, arguments)

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
                self._reply.call(self._index, number, call.name, "")
                self._reply.call(self._index, number, None, call.arguments)
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
            _count(self._reply, chunk.get("usage"), first=self._index == 0)
            for choice in chunk.get("choices", ()):
                delta = choice.get("delta") or {}
                if delta.get("reasoning_content"):
                    self._reply.think(self._index, delta["reasoning_content"])
                if delta.get("content"):
                    write(delta["content"], chat_logprobs(choice.get("logprobs"), self._top))
                for call in delta.get("tool_calls") or ():
                    function = call.get("function") or {}
                    self._reply.call(
                        self._index, call["index"], function.get("name"), function.get("arguments") or ""
                    )
                reason = choice.get("finish_reason") or reason
            return self._reply.cancelled

        self._llama.run("chat_completions", request, receive)
        return reason

    def _finish(self, reason: str) -> None:
        self._reply.finish(self._index, reason or "stop")


def _count(reply: Reply, usage: dict[str, Any] | None, *, first: bool) -> None:
    if usage:
        reply.completion_tokens += usage["completion_tokens"]
        if first:
            reply.prompt_tokens += usage["prompt_tokens"]


def _choices(body: dict[str, Any]) -> int:
    wanted = body.get("n")
    number = 1 if wanted is None else wanted
    if not isinstance(number, int) or not 1 <= number <= _MOST_CHOICES:
        raise EngineError(400, "invalid_request", f"n must be a whole number from 1 to {_MOST_CHOICES}.")
    return number


def _is_tokens(prompt: list[Any]) -> bool:
    return all(isinstance(item, int) for item in prompt)


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
