"""OpenAI-shaped bodies: pieces of chunks, whole answers gathered from chunks, and log-probabilities."""

import time
import uuid
from typing import Any

from azure_inference_local.engines.base import OnChunk


class Reply:
    """Writes the chunks of one answer, for a listener or to be gathered into a whole one.

    Attributes:
        cancelled: Set once the listener wants no more.
        prompt_tokens: Tokens of the prompt, counted once however many choices there are.
        completion_tokens: Tokens of all choices.
    """

    def __init__(self, model: str, *, text: bool, listener: OnChunk | None) -> None:
        prefix, kind = ("cmpl-", "text_completion") if text else ("chatcmpl-", "chat.completion")
        self._text = text
        self._kind = kind
        self._frame = {
            "id": prefix + uuid.uuid4().hex,
            "object": kind if text else kind + ".chunk",
            "created": int(time.time()),
            "model": model,
        }
        self._listener = listener
        self._gathered: dict[int, dict[str, Any]] = {}
        self._begun: set[int] = set()
        self.cancelled = False
        self.prompt_tokens = 0
        self.completion_tokens = 0

    def begin(self, index: int) -> None:
        """Open a choice of a chat, unless it is open."""
        if index in self._begun:
            return
        self._begun.add(index)
        self._choice(index, {"role": "assistant", "content": ""})

    def write(self, index: int, text: str, logprobs: dict[str, Any] | None = None) -> None:
        """Add text to a choice."""
        self._choice(index, text if self._text else {"content": text}, logprobs=logprobs)

    def think(self, index: int, text: str) -> None:
        """Add to the reasoning of a choice."""
        self._choice(index, {"reasoning_content": text})

    def tool_call(self, index: int, number: int, name: str | None, arguments: str) -> None:
        """Begin a tool call (with its name) or add to its arguments."""
        delta: dict[str, Any] = {"index": number, "function": {"arguments": arguments}}
        if name is not None:
            function = {"name": name, "arguments": arguments}
            delta = {
                "index": number,
                "id": "call_" + uuid.uuid4().hex[:24],
                "type": "function",
                "function": function,
            }
        self._choice(index, {"tool_calls": [delta]})

    def finish(self, index: int, reason: str) -> None:
        """Close a choice."""
        self._choice(index, "" if self._text else {}, reason=reason)

    def end(self) -> dict[str, Any]:
        """Give the usage; the whole answer when nobody listens, else nothing."""
        usage = {
            "prompt_tokens": self.prompt_tokens,
            "completion_tokens": self.completion_tokens,
            "total_tokens": self.prompt_tokens + self.completion_tokens,
        }
        if self._listener is None:
            choices = [self._gathered[index] for index in sorted(self._gathered)]
            return {**self._frame, "object": self._kind, "choices": choices, "usage": usage}
        if not self.cancelled:
            self.cancelled = self._listener({**self._frame, "choices": [], "usage": usage})
        return {}

    def _choice(
        self, index: int, piece: Any, *, logprobs: dict[str, Any] | None = None, reason: str | None = None
    ) -> None:
        if self.cancelled:
            return
        key = "text" if self._text else "delta"
        choice = {"index": index, key: piece, "finish_reason": reason, "logprobs": logprobs}
        if self._listener is None:
            _gather(self._gathered, choice)
        else:
            self.cancelled = self._listener({**self._frame, "choices": [choice]})


def _gather(choices: dict[int, dict[str, Any]], piece: dict[str, Any]) -> None:
    """Add one piece to the choice it belongs to."""
    index = piece["index"]
    if "text" in piece:
        choice = choices.setdefault(
            index, {"index": index, "text": "", "finish_reason": None, "logprobs": None}
        )
        choice["text"] += piece["text"]
    else:
        empty = {"role": "assistant", "content": ""}
        choice = choices.setdefault(
            index, {"index": index, "message": empty, "finish_reason": None, "logprobs": None}
        )
        _gather_delta(choice["message"], piece["delta"])
    choice["finish_reason"] = piece["finish_reason"] or choice["finish_reason"]
    if piece["logprobs"]:
        if choice["logprobs"] is None:
            choice["logprobs"] = {key: [] for key in piece["logprobs"]}
        for key, values in piece["logprobs"].items():
            choice["logprobs"][key] += values


def _gather_delta(message: dict[str, Any], delta: dict[str, Any]) -> None:
    if delta.get("content"):
        message["content"] = (message["content"] or "") + delta["content"]
    if delta.get("reasoning_content"):
        message["reasoning_content"] = message.get("reasoning_content", "") + delta["reasoning_content"]
    for part in delta.get("tool_calls") or ():
        calls = message.setdefault("tool_calls", [])
        if not message["content"]:
            message["content"] = None
        if "id" in part:
            calls.append({"id": part["id"], "type": "function", "function": dict(part["function"])})
        else:
            calls[part["index"]]["function"]["arguments"] += part["function"]["arguments"]


def chat_logprobs(logprobs: dict[str, Any] | None, top: int) -> dict[str, Any] | None:
    """llama.cpp's log-probabilities in the chat form, with ``top`` alternatives."""
    if not logprobs:
        return None
    return {
        "content": [
            {
                **_token(entry),
                "top_logprobs": [_token(other) for other in entry.get("top_logprobs", ())[:top]],
            }
            for entry in logprobs.get("content") or ()
        ]
    }


def _token(entry: dict[str, Any]) -> dict[str, Any]:
    return {"token": entry["token"], "logprob": entry["logprob"], "bytes": entry.get("bytes")}


def text_logprobs(logprobs: dict[str, Any] | None, top: int, offset: int) -> dict[str, Any] | None:
    """The same in the form of text completions; ``offset`` is where this piece begins in the text."""
    if not logprobs:
        return None
    entries = logprobs.get("content") or []
    offsets = []
    for entry in entries:
        offsets.append(offset)
        offset += len(entry["token"])
    return {
        "tokens": [entry["token"] for entry in entries],
        "token_logprobs": [entry["logprob"] for entry in entries],
        "top_logprobs": [
            {other["token"]: other["logprob"] for other in entry.get("top_logprobs", ())[:top]}
            for entry in entries
        ],
        "text_offset": offsets,
    }
