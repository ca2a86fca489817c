"""What a message says: its text and its reasoning, in whatever parts they come. Pure.

Nothing here is judged: a part of an unknown kind gives the text that stands in it, and is kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from azure_inference_core.errors import MalformedResponseError

_DEEPEST = 32
_TEXTS = frozenset(("text", "output_text", "input_text"))
_WORDS = ("text", "content", "value", "parts", "summary")
"""Where a part of any kind has its text, but for under its own kind's name: ``{"type": "thinking", "thinking": ...}``."""

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
    if not isinstance(content, (list, dict)):
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
            if isinstance(part, dict) and kind not in _TEXTS:
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
        for name in (kind, f"{kind}s", *_WORDS) if isinstance(kind, str) and kind else _WORDS:
            if name != "type" and (words := "".join(_words(value.get(name), depth - 1))):
                yield words
                break
