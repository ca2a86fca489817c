"""What the clients give back: plain values, to be read and not written.

All are frozen but the deltas: there is one a chunk, and a frozen one takes 2 µs longer to make.

Field names are those of the API's reference; dicts inside are the service's own JSON. What may be missing is ``None``
where the service sent something of another kind, and counts that are none are left out; ``raw`` has it all.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

__all__ = [
    "ChatChoice",
    "ChatDelta",
    "ChatResult",
    "CompletionChoice",
    "CompletionDelta",
    "CompletionResult",
    "EmbeddingsResult",
    "ModelInfo",
    "ToolCall",
    "ToolCallDelta",
]


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call the model wants made.

    ```python
    tool = {"type": "function", "function": {"name": "now", "parameters": {"type": "object", "properties": {}}}}

    result = client.complete(messages, tools=[tool], tool_choice="required")
    for call in result.choices[0].tool_calls:
        print(call.id, call.name, call.arguments)
    ```

    Attributes:
        id: The service's id of the call, to name in the tool's answer.
        name: The function's name.
        arguments: JSON text exactly as the model wrote it; it can be invalid. The free text of a custom tool is
            ``input`` of an object.
    """

    id: str | None
    name: str
    arguments: str


@dataclass(frozen=True, slots=True)
class ChatChoice:
    """One answer of a chat completion.

    ```python
    choice = client.complete(messages, max_tokens=50).choices[0]
    print(choice.content, choice.finish_reason)
    ```

    Attributes:
        index: Its position among the answers.
        role: ``"assistant"``.
        content: The text; of a spoken answer without any, what was said; empty when there is none.
        finish_reason: ``"stop"``, ``"length"``, ``"tool_calls"``, ``"content_filter"`` or the model's own.
        tool_calls: The calls the model wants made.
        reasoning: The model's reasoning, where it is given apart from the text.
        refusal: Why the model refused, where it is given apart from the text.
        logprobs: Log probabilities, as the service sent them.
        content_filter_results: Content-safety annotations, as the service sent them.
        additions: What the service adds to the message, as sent: ``annotations`` (citations of the web or of files,
            and parts of the content that are neither text nor reasoning), ``context`` (what "On Your Data" found),
            ``audio`` (a spoken answer and its ``transcript``).
    """

    index: int
    role: str
    content: str
    finish_reason: str | None
    tool_calls: tuple[ToolCall, ...]
    reasoning: str | None
    refusal: str | None
    logprobs: dict[str, Any] | None
    content_filter_results: dict[str, Any] | None
    additions: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class ChatResult:
    """The answer of ``/chat/completions``.

    ```python
    result = client.complete(messages, max_tokens=50)
    print(result.choices[0].content, result.usage, result.request_id)
    ```

    Attributes:
        id: The service's id of the completion.
        model: The model that answered, as the service names it.
        created: Seconds since the epoch.
        choices: The answers, at least one.
        usage: Token counts, as the service sent them.
        system_fingerprint: The service's mark of the model's configuration.
        prompt_filter_results: Content-safety annotations of the prompt.
        request_id: The service's id of the request.
        attempts: How many times the request was sent.
        raw: The whole body.
    """

    id: str | None
    model: str | None
    created: int | None
    choices: tuple[ChatChoice, ...]
    usage: dict[str, Any] | None
    system_fingerprint: str | None
    prompt_filter_results: list[Any] | None
    request_id: str | None = None
    attempts: int = 1
    raw: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CompletionChoice:
    """One answer of ``/completions``; attributes as in :class:`ChatChoice`.

    ```python
    choice = CompletionsClient(connection).complete("Once upon a time", max_tokens=20).choices[0]
    print(choice.text, choice.finish_reason)
    ```
    """

    index: int
    text: str
    finish_reason: str | None
    logprobs: dict[str, Any] | None
    content_filter_results: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class CompletionResult:
    """The answer of ``/completions``; attributes as in :class:`ChatResult`.

    ```python
    result = CompletionsClient(connection).complete("Once upon a time", max_tokens=20)
    print(result.choices[0].text, result.usage)
    ```
    """

    id: str | None
    model: str | None
    created: int | None
    choices: tuple[CompletionChoice, ...]
    usage: dict[str, Any] | None
    request_id: str | None = None
    attempts: int = 1
    raw: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """The answer of ``/info``.

    ```python
    info = client.info()
    print(info.model_name, info.model_type, info.model_provider_name)
    ```

    Attributes:
        model_name: The model's name.
        model_type: Such as ``"chat-completion"`` or ``"embedding"``.
        model_provider_name: Who made the model.
    """

    model_name: str | None
    model_type: str | None
    model_provider_name: str | None


@dataclass(slots=True)
class ToolCallDelta:
    """A piece of a tool call.

    ```python
    tool = {"type": "function", "function": {"name": "now", "parameters": {"type": "object", "properties": {}}}}

    arguments: dict[int, str] = {}
    for delta in client.stream(messages, tools=[tool], tool_choice="required"):
        for piece in delta.tool_calls:
            arguments[piece.index] = arguments.get(piece.index, "") + piece.arguments
    ```

    Attributes:
        index: Which call of the answer it belongs to, counted from 0; always given.
        id: The call's id, on its first piece.
        name: The function's name, on its first piece.
        arguments: The next characters of the arguments' JSON text.
    """

    index: int
    id: str | None
    name: str | None
    arguments: str


@dataclass(slots=True)
class ChatDelta:
    """A piece of a chat completion: one a chunk and choice.

    ```python
    for delta in client.stream(messages, max_tokens=50):
        print(delta.content, delta.finish_reason or "", delta.usage or "")
    ```

    Attributes:
        index: Which choice it belongs to.
        id: The service's id of the completion.
        model: The model that answers.
        role: ``"assistant"`` on the first piece.
        content: The next characters of the text.
        reasoning: The next characters of the reasoning.
        refusal: The next characters of a refusal.
        tool_calls: Pieces of tool calls.
        finish_reason: Why the choice ended, on its last piece.
        logprobs: Log probabilities, as the service sent them.
        content_filter_results: Content-safety annotations, as the service sent them.
        usage: Token counts, on the last delta of the stream only.
        system_fingerprint: The service's mark of the model's configuration.
        raw: The whole chunk.
        request_id: The service's id of the request.
        additions: As in :class:`ChatChoice`: what is new, to be joined to what was there (lists by adding, the
            ``data`` and ``transcript`` of ``audio`` as text).
    """

    index: int
    id: str | None
    model: str | None
    role: str | None
    content: str
    reasoning: str | None
    refusal: str | None
    tool_calls: tuple[ToolCallDelta, ...]
    finish_reason: str | None
    logprobs: dict[str, Any] | None
    content_filter_results: dict[str, Any] | None
    usage: dict[str, Any] | None
    system_fingerprint: str | None
    raw: dict[str, Any]
    request_id: str | None = None
    additions: dict[str, Any] | None = None


@dataclass(slots=True)
class CompletionDelta:
    """A piece of a text completion; attributes as in :class:`ChatDelta`.

    ```python
    for delta in CompletionsClient(connection).stream("Once upon a time", max_tokens=20):
        print(delta.text, end="")
    ```
    """

    index: int
    id: str | None
    model: str | None
    text: str
    finish_reason: str | None
    logprobs: dict[str, Any] | None
    usage: dict[str, Any] | None
    raw: dict[str, Any]
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class EmbeddingsResult:
    """Vectors in the order of the inputs.

    ```python
    result = EmbeddingsClient(connection).embed(["one text", "another"])
    print(len(result.vectors), result.model, result.usage)
    ```

    Attributes:
        vectors: One an input; floats, or integers where an integer ``encoding_format`` was asked for.
        model: The model that answered, as the service names it.
        usage: Token counts, summed over the requests.
        request_id: The service's id of the last request.
    """

    vectors: list[list[float]]
    model: str | None
    usage: dict[str, Any] | None
    request_id: str | None
