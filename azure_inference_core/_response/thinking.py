"""Takes ``<think>...</think>`` out of a text that arrives in pieces. Pure.

Some models (DeepSeek-R1 on the ``/models`` route, for one) write their reasoning into the answer.
"""

from __future__ import annotations

_OPEN, _CLOSE = "<think>", "</think>"


class ThinkSplitter:
    """Splits one answer into text and reasoning, whatever the borders of its pieces."""

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
