"""A model of rules behind the scripted endpoint: it calls tools, keeps to schemas, and says what it was asked.

It does what LangChain's standard tests and the real programs need of a model, on a real socket, in both the
whole and the streamed form, with the API's details of token usage.
"""

from __future__ import annotations

import json
import re
from typing import Any

from tests.support import wire
from tests.support.fault_server import Request

__all__ = ["USAGE", "answer"]

USAGE = {
    "prompt_tokens": 40,
    "completion_tokens": 20,
    "total_tokens": 60,
    "prompt_tokens_details": {"cached_tokens": 10, "audio_tokens": 5},
    "completion_tokens_details": {"reasoning_tokens": 8, "audio_tokens": 2},
}


def answer(request: Request) -> Any:
    """The answer to one chat request."""
    body = request.json
    content, calls = decide(body)
    name = body.get("model") or "tiny-model"
    if not body.get("stream"):
        return wire.chat(content, tool_calls=calls or None, usage=USAGE, model=name)
    return [{**chunk, "model": name} for chunk in stream_of(content, calls)]


def decide(body: dict[str, Any]) -> tuple[str, list[dict[str, Any]]]:
    """What the model says, and which tools it calls."""
    prompt = text_of(body["messages"])
    tools = {tool["function"]["name"]: tool["function"] for tool in body.get("tools") or []}
    if tools and (name := choose(body, prompt, tools)):
        arguments = json.dumps(fill(tools[name].get("parameters") or {}, prompt), ensure_ascii=False)
        return "", [wire.tool_call(name, arguments, f"call_{len(body['messages'])}_{name}"[:40])]
    form = body.get("response_format") or {}
    if form.get("type") == "json_schema":
        return json.dumps(fill(form["json_schema"]["schema"], prompt)), []
    if form.get("type") == "json_object":
        keys = re.findall(r"'(\w+)'", prompt) or ["answer"]
        return json.dumps(dict.fromkeys(keys, "because of cats")), []
    return f"You said: {prompt[:80]}", []


def text_of(messages: list[dict[str, Any]]) -> str:
    """The text of the last message that is not a tool's."""
    content = next((m["content"] for m in reversed(messages) if m["role"] == "user"), "") or ""
    if isinstance(content, str):
        return content
    return " ".join(part.get("text", "") for part in content)


def choose(body: dict[str, Any], prompt: str, tools: dict[str, Any]) -> str | None:
    """The tool to call: the named, a mentioned, the first when one is required, or none."""
    choice = body.get("tool_choice", "auto")
    if isinstance(choice, dict):
        return str(choice["function"]["name"])
    done = {call["function"]["name"] for m in body["messages"] for call in m.get("tool_calls") or ()}
    answered = body["messages"][-1]["role"] == "tool"
    words = set(re.findall(r"[a-z]{4,}", prompt.lower().replace("_", " ")))
    likely = [n for n in tools if words & set(n.lower().split("_")) and not (answered and n in done)]
    if likely:
        return likely[0]
    fresh = [name for name in tools if name not in done] or list(tools)
    return fresh[0] if choice == "required" else None


def fill(schema: dict[str, Any], prompt: str, name: str = "") -> Any:
    """A value that fits a JSON schema, with what the prompt offers for it."""
    for key in ("anyOf", "oneOf", "allOf"):
        if key in schema:
            return fill(schema[key][0], prompt, name)
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type", "object")
    if kind == "object":
        properties = schema.get("properties") or {}
        return {key: fill(part, prompt, key) for key, part in properties.items()}
    if kind == "array":
        return [fill(schema.get("items") or {"type": "string"}, prompt, name)]
    numbers = re.findall(r"-?\d+(?:\.\d+)?", prompt)
    if kind == "integer":
        return int(float(numbers[0])) if numbers else 1
    if kind == "number":
        return float(numbers[0]) if numbers else 1.0
    if kind in ("boolean", "null"):
        return True if kind == "boolean" else None
    quoted = re.findall(r"'([^']+)'", prompt)
    places = re.findall(r"\b(Paris|San Francisco|Oslo)\b", prompt)
    return (quoted or places or [f"some {name or 'text'}"])[0]


def stream_of(content: str, calls: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The same answer in pieces: words, and tool calls with their arguments cut in three."""
    chunks = [wire.chunk("", role="assistant")]
    if content:
        chunks += [wire.chunk(piece) for piece in wire.pieces_of(content)]
    for index, call in enumerate(calls):
        text = call["function"]["arguments"]
        third = max(1, len(text) // 3)
        chunks.append(
            wire.chunk(tool_calls=[wire.tool_call(call["function"]["name"], "", call["id"], index=index)])
        )
        for start in range(0, len(text), third):
            piece = {"index": index, "function": {"arguments": text[start : start + third]}}
            chunks.append(wire.chunk(tool_calls=[piece]))
    chunks.append(wire.chunk("", finish_reason="tool_calls" if calls else "stop", usage=USAGE))
    return chunks
