"""A tiny deterministic engine for the tests of the server, whose answers say what they were asked."""

import hashlib
import math
import threading
import time

from azure_inference_local import Engines
from azure_inference_local.engines import EngineError


class EchoChat:
    """Answers with the last message's words, one a chunk; a few prompts make it do something else."""

    name = "echo"
    context_window = 4096

    def __init__(self):
        self.bodies = []
        self.cancelled = 0
        self.closed = threading.Event()

    def chat(self, body, on_chunk=None):
        """Answer a chat."""
        self.bodies.append(body)
        last = body["messages"][-1]["content"]
        tools = body.get("tools")
        if last == "explode":
            raise RuntimeError("a secret of the engine")
        if last == "too long for me":
            raise EngineError(
                400, "context_length_exceeded", "This model's maximum context length is 4096 tokens."
            )
        if tools and body.get("tool_choice") != "none":
            choice = body.get("tool_choice")
            name = choice["function"]["name"] if isinstance(choice, dict) else tools[0]["function"]["name"]
            return self._calls(name, on_chunk)
        if (body.get("response_format") or {}).get("type") in ("json_object", "json_schema"):
            last = '{"said": "yes"}'
        return self._write(last, body, on_chunk, text=False)

    def complete(self, body, on_chunk=None):
        """Continue the prompt with itself."""
        self.bodies.append(body)
        prompt = body["prompt"] if isinstance(body["prompt"], str) else body["prompt"][0]
        return self._write(prompt, body, on_chunk, text=True)

    def _calls(self, name, on_chunk):
        first = {
            "index": 0,
            "id": "call_of_engine",
            "type": "function",
            "function": {"name": name, "arguments": ""},
        }
        for delta, finish in (
            ({"role": "assistant", "content": None, "tool_calls": [first]}, None),
            ({"tool_calls": [{"index": 0, "function": {"arguments": '{"city": '}}]}, None),
            ({"tool_calls": [{"index": 0, "function": {"arguments": '"Paris"}'}}]}, None),
            ({}, "tool_calls"),
        ):
            on_chunk({"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})
        on_chunk({"choices": [], "usage": {"prompt_tokens": 7, "completion_tokens": 3, "total_tokens": 10}})
        return {}

    def _write(self, said, body, on_chunk, *, text):
        words = said.split(" ")
        limit = body.get("max_tokens", 10**6)
        n = body.get("n", 1)
        for index in range(n):
            for number, word in enumerate(words[:limit]):
                piece = word if number == 0 else " " + word
                if word == "slowly":
                    time.sleep(0.02)
                choice = {"index": index, "finish_reason": None}
                choice |= {"text": piece} if text else {"delta": {"content": piece}}
                if body.get("logprobs"):
                    choice["logprobs"] = {
                        "content": [{"token": piece, "logprob": -0.5, "bytes": None, "top_logprobs": []}]
                    }
                if on_chunk({"choices": [choice]}):
                    self.cancelled += 1
                    return {}
                if word == "crash":
                    raise EngineError(500, "engine_failed", "the engine failed midway")
            finish = {"index": index, "finish_reason": "length" if limit < len(words) else "stop"}
            finish |= {"text": ""} if text else {"delta": {}}
            on_chunk({"choices": [finish]})
        used = min(limit, len(words)) * n
        on_chunk(
            {
                "choices": [],
                "usage": {"prompt_tokens": 5, "completion_tokens": used, "total_tokens": 5 + used},
            }
        )
        return {}

    def count_tokens(self, text):
        """Count words."""
        return len(text.split())

    def close(self):
        """Free nothing."""
        self.closed.set()


class HashEmbedder:
    """Vectors that depend on the text alone."""

    name = "hash"
    dimensions = 16
    max_tokens = 512

    def embed(self, texts, input_type):
        """Hash the texts."""
        return [_unit(text.encode(), self.dimensions) for text in texts], sum(len(t.split()) for t in texts)

    def close(self):
        """Free nothing."""


class HashImages:
    """Vectors that depend on the image's bytes alone."""

    name = "hash-of-the-image"
    dimensions = 16
    joint_text = False

    def embed(self, images):
        """Hash the images."""
        return [_unit(data, self.dimensions) for data, _ in images]

    def close(self):
        """Free nothing."""


def _unit(data, dimensions):
    numbers = [byte - 127.5 for byte in hashlib.sha256(data).digest()[:dimensions]]
    length = math.sqrt(sum(n * n for n in numbers))
    return [n / length for n in numbers]


def engines(chat=None):
    """Return the engines of a test server."""
    return Engines(chat=lambda: chat or EchoChat(), embeddings=HashEmbedder, images=HashImages)
