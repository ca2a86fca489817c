"""Reading the calls that a model writes, forced ones as they come and free ones when they are whole.

llama.cpp does not read the bare JSON in which code models write their calls, so free ones are read leniently.
"""

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

_HEAD = re.compile(r'\{\s*"name"\s*:\s*("(?:[^"\\]|\\.)*")\s*,\s*"arguments"\s*:\s*(?=\{)')
_FENCE = re.compile(r"```([a-zA-Z_]*)\s*(\S?)")
_OPENINGS = ("<tool_call>", "<tools>", "<function", "<|tool_call|>")
_BRACKET = re.compile(r"[{\[]")
_DECODER = json.JSONDecoder()


@dataclass(frozen=True, slots=True)
class FunctionCall:
    """One finished call: the function's name and its arguments as JSON text."""

    name: str
    arguments: str


class ForcedCalls:
    """Reads the text of forced calls as it comes and tells name and arguments apart."""

    def __init__(self) -> None:
        self._text = ""
        self._depth = 0
        self._quoted = self._escaped = False
        self.count = 0

    def feed(self, text: str) -> Iterator[tuple[int, str | None, str]]:
        """Yield (index of the call, its name when it begins, next piece of its arguments)."""
        self._text += text
        while self._text:
            if self._depth == 0:
                head = _HEAD.search(self._text)
                if head is None:
                    return
                self._text = self._text[head.end() :]
                self.count += 1
                yield self.count - 1, json.loads(head.group(1)), ""
            piece = self._take()
            if piece:
                yield self.count - 1, None, piece

    def _take(self) -> str:
        """Cut off what belongs to the arguments: all there is, or up to the brace that closes them."""
        for position, char in enumerate(self._text):
            if self._escaped:
                self._escaped = False
            elif self._quoted:
                self._escaped = char == "\\"
                self._quoted = char != '"'
            elif char == '"':
                self._quoted = True
            elif char in "{[":
                self._depth += 1
            elif char in "}]":
                self._depth -= 1
                if self._depth == 0:
                    piece, self._text = self._text[: position + 1], self._text[position + 1 :]
                    return piece
        piece, self._text = self._text, ""
        return piece


def may_be_call(text: str) -> bool | None:
    """Whether the beginning of an answer can become a call: False as soon as it cannot, None while it is open."""
    start = text.lstrip()
    if not start:
        return None
    if start[0] in "{[":
        return True
    if start.startswith("```"):
        fence = _FENCE.match(start)
        if fence is None or not fence.group(2):
            return None
        return fence.group(1).lower() in ("", "json", "xml", "tool_call") and fence.group(2) in "{[<"
    if start[0] == "`":
        return None if "```".startswith(start) else False
    if start[0] == "<":
        if start.startswith(_OPENINGS):
            return True
        return None if any(opening.startswith(start) for opening in _OPENINGS) else False
    return False


def read_calls(text: str, names: frozenset[str]) -> tuple[list[FunctionCall], bool]:
    """The calls in a finished answer, and whether it looks like an attempt at one.

    Accepts ``<tool_call>`` tags, code fences, JSON lines, arrays and bare JSON objects.
    """
    calls: list[FunctionCall] = []
    attempted = False
    for value in _json_values(text):
        for item in value if isinstance(value, list) else [value]:
            if not isinstance(item, dict) or not isinstance(item.get("name"), str):
                continue
            attempted = True
            arguments = item.get("arguments", item.get("parameters", {}))
            if item["name"] in names and isinstance(arguments, dict):
                calls.append(FunctionCall(item["name"], json.dumps(arguments, ensure_ascii=False)))
    return calls, attempted


def _json_values(text: str) -> Iterator[Any]:
    position = 0
    while (found := _BRACKET.search(text, position)) is not None:
        position = found.start() + 1
        with suppress(ValueError):
            value, position = _DECODER.raw_decode(text, found.start())
            yield value
