"""The embedded chat engine: chats, forced and free tool calls, text completions, over llama.cpp in this process."""

from pathlib import Path
from typing import Any, Self

from azure_inference_local.engines.base import EngineError, OnChunk
from azure_inference_local.engines.llama_cpp.choice import ChatChoice, count_usage
from azure_inference_local.engines.llama_cpp.replies import Reply, text_logprobs
from azure_inference_local.engines.llama_cpp.runner import Llama
from azure_inference_local.engines.llama_cpp.tools import read_tools

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

    ```python
    from azure_inference_local import weights
    from azure_inference_local.engines import LocalChatEngine

    engine = LocalChatEngine(weights.pull("smollm2-135m"), context_window=2048)
    answer = engine.chat({"messages": [{"role": "user", "content": "Say hello."}], "max_tokens": 10})
    print(answer["choices"][0]["message"]["content"])
    print(engine.complete({"prompt": "Once upon", "max_tokens": 5})["choices"][0]["text"])
    print(engine.count_tokens("Once upon a time"))
    engine.close()
    ```

    Args:
        path: The GGUF file.
        name: The name to report; the file's name by default.
        context_window: Tokens of one request, prompt and answer together.
        slots: Requests that generate at the same time; further ones wait in order.
        threads: Processor threads; by default all that this process may use, at most 8; one
            fewer for generation where the machine is busy when the model is loaded.
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
                choice = ChatChoice(self._llama, reply, index, self._sampling(body, index), tools)
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
        top = None if body.get("logprobs") is False else _whole(body, "logprobs")
        if top is not None:
            request["logprobs"] = max(1, top)
        echo = prompt if body.get("echo") and isinstance(prompt, str) else ""
        offset = len(echo)

        def start() -> None:
            if echo:
                reply.write(index, echo)

        def receive(chunk: dict[str, Any]) -> bool:
            nonlocal offset
            count_usage(reply, chunk.get("usage"), first=first)
            for choice in chunk.get("choices", ()):
                if choice.get("text") and body.get("max_tokens") != 0:
                    found = None if top is None else text_logprobs(choice.get("logprobs"), top, offset)
                    offset += len(choice["text"])
                    reply.write(index, choice["text"], found)
                if choice.get("finish_reason"):
                    reply.finish(index, choice["finish_reason"])
            return reply.cancelled

        self._llama.run("completions", request, receive, start)

    def _sampling(self, body: dict[str, Any], index: int) -> dict[str, Any]:
        """The parameters both routes share, in llama.cpp's words."""
        request = {name: body[name] for name in _SAMPLING if body.get(name) is not None}
        limit = _whole(body, "max_tokens")
        limit = _whole(body, "max_completion_tokens") if limit is None else limit
        request["max_tokens"] = max(1, self._default_max_tokens if limit is None else limit)
        stop = body.get("stop")
        if stop:
            request["stop"] = [text for text in ([stop] if isinstance(stop, str) else stop) if text]
        seed = _whole(body, "seed")
        if seed is not None:
            request["seed"] = (seed + index) % _SEEDS
        # What else the slot has cached changes the last digits of the arithmetic, and with them the answer.
        request["cache_prompt"] = seed is None and body.get("temperature") != 0
        return request

    def count_tokens(self, text: str) -> int:
        """The number of tokens of a text."""
        return self._llama.count_tokens(text)

    def close(self) -> None:
        """Cancel what is running, wait for it, and free the model."""
        self._llama.close()

    def __enter__(self) -> Self:
        """The engine itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()


def _whole(body: dict[str, Any], name: str) -> int | None:
    """A parameter that must be a whole number, or None where it is not given.

    Raises:
        EngineError: It is something else (400).
    """
    value = body.get(name)
    if value is None or isinstance(value, int):
        return value
    raise EngineError(400, "invalid_request", f"{name} must be a whole number.")


def _choices(body: dict[str, Any]) -> int:
    wanted = _whole(body, "n")
    number = 1 if wanted is None else wanted
    if not 1 <= number <= _MOST_CHOICES:
        raise EngineError(400, "invalid_request", f"n must be a whole number from 1 to {_MOST_CHOICES}.")
    return number


def _is_tokens(prompt: list[Any]) -> bool:
    return all(isinstance(item, int) for item in prompt)
