"""What a message says: its text and its reasoning, in whatever parts they come, tags in the text among them. Pure.

Nothing here is judged: a part of an unknown kind gives the text that stands in it, and is kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from azure_inference_core.errors import MalformedResponseError

_OPEN, _CLOSE = "<think>", "</think>"
_DEEPEST = 32
_TEXTS = frozenset(("text", "output_text", "input_text"))
_WORDS = ("text", "content", "value", "parts", "summary")
"""Where a part of any kind has its text, but for under its own kind's name: ``{"type": "thinking", "thinking": ...}``."""

_MEDIA = ("image", "audio", "video", "file", "url")
"""Parts of kinds with these in their names hold addresses and data under them, and text only as ``text``."""

_RARE = frozenset(("reasoning_text", "thinking", "reasoning_details", "thinking_blocks"))
_REASONING = ("reasoning_content", "reasoning", *sorted(_RARE))
"""Where a message has its reasoning, apart from its content; the first that says something counts."""


class Content(NamedTuple):
    """A message's content.

    Attributes:
        text: Its text.
        thought: The reasoning that is given as parts of it.
        refusal: The refusal that is given as a part of it.
        others: The parts of other kinds, as sent; text that stands in them is in ``text`` too.
    """

    text: str
    thought: str | None = None
    refusal: str | None = None
    others: list[dict[str, Any]] = []  # noqa: RUF012 - never changed


def read_content(content: Any) -> Content:
    """Read the content of a message, whole or a piece.

    Raises:
        MalformedResponseError: Neither text, nothing, nor parts.
    """
    if isinstance(content, str):
        return Content(content)
    if content is None:
        return Content("")
    is_part = isinstance(content, dict) and ("type" in content or any(_words(content)))
    if not isinstance(content, list) and not is_part:
        raise MalformedResponseError(
            f"a message's content is neither text nor parts: {type(content).__name__}"
        )
    text: list[str] = []
    thought: list[str] = []
    refusal: list[str] = []
    others: list[dict[str, Any]] = []
    for part in content if isinstance(content, list) else [content]:
        kind = part.get("type") if isinstance(part, dict) else None
        if isinstance(kind, str) and ("thinking" in kind or "reasoning" in kind):
            thought += _words(part)
        elif kind == "refusal":
            refusal += _words(part)
        else:
            text += _words(part)
            if isinstance(kind, str) and kind not in _TEXTS:
                others.append(part)
    return Content("".join(text), "".join(thought) or None, "".join(refusal) or None, others)


def reasoning_of(message: dict[str, Any]) -> str | None:
    """A message's reasoning that is given in a field of its own, in any of the spellings in use."""
    reasoning = message.get("reasoning_content") or message.get("reasoning")
    if type(reasoning) is str:
        return reasoning
    names = _REASONING if reasoning or not _RARE.isdisjoint(message) else ()
    said = ("".join(_words(message.get(name))) for name in names)
    return next(filter(None, said), None)


def _words(value: Any, depth: int = _DEEPEST) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list) and depth:
        for item in value:
            yield from _words(item, depth - 1)
    elif isinstance(value, dict) and depth:
        kind = value.get("type")
        names: tuple[str, ...] = _WORDS
        if isinstance(kind, str) and kind != "type":
            is_media = any(word in kind for word in _MEDIA)
            names = ("text",) if is_media else (kind, f"{kind}s", *_WORDS)
        said = ("".join(_words(value.get(name), depth - 1)) for name in names)
        yield next(filter(None, said), "")


class ThinkSplitter:
    """Splits one answer into text and reasoning, whatever the borders of its pieces.

    Some models (DeepSeek-R1 on the ``/models`` route, for one) write their reasoning into the answer.
    """

    def __init__(self) -> None:
        self._held = ""
        self._thinking = False
        self._fresh = False  # white space that only separates thinking from the answer is dropped

    def feed(self, piece: str) -> tuple[str, str]:
        """Take one piece; returns the text and the reasoning that are now certain."""
        text, reasoning = "", ""
        rest = self._held + piece
        self._held = ""
        while rest:
            tag = _CLOSE if self._thinking else _OPEN
            before, found, after = rest.partition(tag)
            if not found:
                before, self._held = _cut_partial(rest, tag)
            if self._fresh:
                before = before.lstrip()
                self._fresh = not before
            if self._thinking:
                reasoning += before
            else:
                text += before
            if not found:
                break
            self._thinking = not self._thinking
            self._fresh = True
            rest = after
        return text, reasoning

    def end(self) -> tuple[str, str]:
        """What was held back because it could have been the beginning of a tag."""
        held, self._held = self._held, ""
        return ("", held) if self._thinking else (held, "")


def _cut_partial(text: str, tag: str) -> tuple[str, str]:
    """Split off the longest end of ``text`` that begins ``tag``."""
    for length in range(min(len(tag) - 1, len(text)), 0, -1):
        if tag.startswith(text[-length:]):
            return text[:-length], text[-length:]
    return text, ""


def split_think(content: str) -> tuple[str, str]:
    """Split a whole answer into text and reasoning, exactly as its pieces would be."""
    splitter = ThinkSplitter()
    text, reasoning = splitter.feed(content)
    last_text, last_reasoning = splitter.end()
    return text + last_text, reasoning + last_reasoning
